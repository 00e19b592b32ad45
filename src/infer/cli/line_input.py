"""The files of many lines that a command reads from, or stdin."""

import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from io import FileIO
from pathlib import Path

from infer.errors import FileUnreadable
from infer.jobs.batch.feed import Feed

_STDIN = 0


def open_feed(name: str | None, waiting: Callable[[], AbstractContextManager[None]]) -> Feed:
    """A file, or stdin (None; a closed one is just empty). Raises FileUnreadable.

    waiting: entered around the call that waits, where the lines come slowly
    """
    if name is None:
        return Feed(FileIO(_STDIN, closefd=False), "stdin", waiting)
    try:
        if not stat.S_ISDIR(Path(name).stat().st_mode):
            return Feed(FileIO(name), name, waiting)
        raise FileUnreadable(path=name, why="it is a directory")
    except OSError as error:
        raise FileUnreadable(path=name, why=(error.strerror or str(error)).lower()) from error
    except ValueError as error:  # a NUL in the name
        raise FileUnreadable(path=name, why="no file can have this name") from error


def which_file(name: str | None, descriptor: int) -> tuple[int, int] | None:
    """The identity of a file, or of what a descriptor stands for (None); None for all that is no regular file."""
    with suppress(OSError, ValueError):  # not there, or no name of a file: said later
        status = os.fstat(descriptor) if name is None else Path(name).stat()
        if stat.S_ISREG(status.st_mode):
            return status.st_dev, status.st_ino
    return None
