"""A model that another tool has downloaded, and how that tool's own files are read: small, regular, never trusted."""

import json
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from infer.errors import UsageError
from infer.models.ref import ModelRef
from infer.models.small import read_small

DIRECTORY_LIMIT = 20_000  # entries of one directory that are looked at
TEXT_LIMIT = 1 << 20  # bytes of a manifest; the largest in use have a few KiB


@dataclass(frozen=True, slots=True)
class Foreign:
    """A model in another tool's directories, used where it lies.

    name          as one types it: a reference, or the path where no reference can name it
    paths         its files, in the order of the shards; () where not even one is known
    sha256        of its file, where the tool's own records say so
    quantization  where the tool's own records say so
    problem       why it cannot be run; empty when nothing is known against it
    adapter       a LoRA adapter that the tool applies to it; without it, it is another model
    """

    name: str
    paths: tuple[str, ...]
    sha256: str | None = None
    quantization: str | None = None
    problem: str = ""
    adapter: str | None = None


def first_existing(places: Iterable[Path]) -> list[Path]:
    """The directories among `places`, each once, in order."""
    found: dict[tuple[int, int], Path] = {}
    for place in places:
        try:
            status = place.stat()
        except (OSError, ValueError):
            continue
        if stat.S_ISDIR(status.st_mode):
            found.setdefault((status.st_dev, status.st_ino), place)
    return list(found.values())


def home_of(environment: Any, place: str) -> Path:
    """A place below the user's home; a relative one, which exists nowhere, when there is no home."""
    return Path(environment.get("HOME") or "/nonexistent") / place


def entries(directory: str | Path) -> list[os.DirEntry[str]]:
    """What a directory holds, sorted by name, hidden things left out; nothing when it cannot be read."""
    try:
        with os.scandir(directory) as found:
            kept = [entry for entry in islice(found, DIRECTORY_LIMIT) if not entry.name.startswith(".")]
    except (OSError, ValueError):
        return []
    return sorted(kept, key=lambda entry: entry.name)


def files_below(directory: str, depth: int, seen: set[tuple[int, int]] | None = None) -> Iterator[str]:
    """Paths of the .gguf files below a directory, `depth` levels deep. Links are followed, no directory twice."""
    seen = set() if seen is None else seen
    try:
        status = os.stat(directory)  # noqa: PTH116
    except OSError:
        return
    identity = (status.st_dev, status.st_ino)
    if identity in seen or not stat.S_ISDIR(status.st_mode):
        return
    seen.add(identity)
    for entry in entries(directory):
        if entry.name.lower().endswith(".gguf"):
            yield entry.path
        elif depth and (entry.is_symlink() or entry.is_dir(follow_symlinks=False)):
            yield from files_below(entry.path, depth - 1, seen)


def read_text(path: str | Path, limit: int = TEXT_LIMIT) -> str:
    """A small regular file as text; never waits for a FIFO. Raises ValueError that says why not."""
    try:
        return read_small(path, limit).decode("utf-8")
    except OSError as error:
        raise ValueError((error.strerror or str(error)).lower()) from error


def read_json(path: str | Path, limit: int = TEXT_LIMIT) -> Any:
    """A small JSON file. Raises ValueError that says why not."""
    try:
        return json.loads(read_text(path, limit))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError("not JSON") from error


def typed_name(reference: str, path: str) -> str:
    """A reference if it can be typed as one, else the path."""
    try:
        parsed = ModelRef.parse(reference)
    except UsageError:
        return path
    return reference if parsed.kind != "file" and str(parsed) == reference else path


def missing_files(paths: Sequence[str]) -> str:
    """What is said about a model of which files are missing; empty when all are regular files."""
    count = sum(_is_file(path) for path in paths)
    if count == len(paths):
        return ""
    return "its file is missing" if len(paths) == 1 else f"{count} of its {len(paths)} files are here"


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 (a listing does this a thousand times)
    except (OSError, ValueError):
        return False
