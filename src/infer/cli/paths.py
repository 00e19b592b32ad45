"""What a person means by a path that is typed in the chat: ~, patterns, names with blanks."""

import glob
import os
import shlex
from pathlib import Path

from infer.errors import FileUnreadable


def expanded(word: str) -> Path:
    """A path in which ~ is somebody's home; where there is no such person it is a name like any other."""
    try:
        return Path(word).expanduser()
    except RuntimeError:
        return Path(word)


def meant(text: str) -> list[str]:
    """The files that a text means: one of this very name, else those of its words; of a pattern those that match it.

    Raises FileUnreadable for a pattern that nothing matches; whether a file can be read is not looked at.
    """
    if os.path.exists(expanded(text)):  # noqa: PTH110  (Path.exists raises for a directory one may not enter)
        return [str(expanded(text))]
    try:
        words = shlex.split(text)
    except ValueError:
        words = [text]  # a quote that stands alone is part of a name
    return [path for word in words for path in _matching(str(expanded(word)))]


def beginning(start: str) -> list[str]:
    """Paths that begin so; a directory ends in a slash."""
    head, slash, tail = start.rpartition("/")
    try:
        names = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(expanded(head + slash or ".")))
    except (OSError, ValueError):  # a NUL in it
        return []
    return [head + slash + name for name in names if name.startswith(tail) and (tail or not name.startswith("."))]


def _matching(word: str) -> list[str]:
    if os.path.exists(word) or not glob.has_magic(word):  # noqa: PTH110
        return [word]
    # As in a shell: what begins with a dot is matched by a dot only. Path.glob takes it, and raises for "**x".
    matches = sorted(path for path in glob.iglob(word, recursive=True) if os.path.isfile(path))  # noqa: PTH113, PTH207
    if not matches:
        raise FileUnreadable(path=word, why="no file matches it")
    return matches
