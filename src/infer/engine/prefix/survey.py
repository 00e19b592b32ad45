"""Survey: what the cache holds, from directory listings alone; and how many bytes, cheaply enough to ask often.

Half-written files count as well: they have their full size from the beginning, so each of several writers sees what
the others are about to add.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from infer.engine.prefix.files import directory, inside, is_own_file, listing, remove_own
from infer.engine.prefix.keys import SUFFIX, Name, is_fingerprint, parse_name

STALE = 60  # seconds; who still writes a file has changed it since
_ATTEMPTS = 20  # to read a directory in which others work
_TICK, _COARSE_TICK = 10**8, 2 * 10**9  # ns within which two changes of a directory may have the same time


@dataclass(frozen=True, slots=True)
class Stored:
    """A piece as a directory listing shows it. used: when it was last stored or loaded, in ns."""

    fingerprint: str
    name: Name
    size: int
    used: int

    @property
    def place(self) -> str:
        """Its path below the folder of the cache."""
        return f"{self.fingerprint}/{self.name.shard}/{self.name.text}"


class _Found(NamedTuple):
    """A file of ours that is a piece, or is going to be one. text: its name."""

    fingerprint: str
    shard: str
    text: str
    state: os.stat_result

    @property
    def is_whole(self) -> bool:
        """Whether it has its name."""
        return not is_temporary(self.text)


def survey(cache_dir: Path) -> list[Stored]:
    """Every piece of every fingerprint, from directory listings; opens no file."""
    found = ((one, parse_name(one.text)) for one in _files(cache_dir))
    return [
        Stored(one.fingerprint, name, one.state.st_size, one.state.st_mtime_ns)
        for one, name in found
        if name and name.shard == one.shard
    ]


def weigh(cache_dir: Path) -> tuple[int, int]:
    """Bytes of all pieces, and of those that are being written. What ended processes left half written is removed."""
    held = coming = 0
    for one in _files(cache_dir, sweep=True):
        if one.is_whole:
            held += one.state.st_size
        else:
            coming += one.state.st_size
    return held, coming


class Census:
    """How many bytes the cache holds, those that are being written too. A directory is read when it has changed, and
    what processes that have ended left half written there is removed.

    So a look among 10,000 pieces costs a stat of each directory, about a millisecond.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._known: dict[tuple[str, str], tuple[int, int]] = {}  # a directory -> its time in ns, its bytes

    def total(self) -> int:
        """All bytes, as of now."""
        known, self._known = self._known, {}
        total = 0
        for fingerprint, shard, place in _shards(self._cache_dir, sweep=True):
            key = fingerprint, shard
            with suppress(OSError):
                changed = os.stat(shard, dir_fd=place, follow_symlinks=False).st_mtime_ns
                settled = _is_settled(changed)
                size = known[key][1] if known.get(key, (0, 0))[0] == changed else _size(fingerprint, shard, place)
                total += size
                if settled:
                    self._known[key] = changed, size
        return total


def is_temporary(text: str) -> bool:
    """Whether a file of this name is one that is being written (see `files.temporary_name`), or was."""
    return text.startswith(".") and text.endswith(".tmp")


def _is_settled(changed: int) -> bool:
    """Whether another change of a directory would have another time. Some file systems count whole seconds."""
    return time.time_ns() - changed > (_TICK if changed % 10**9 else _COARSE_TICK)


def _size(fingerprint: str, shard: str, place: int) -> int:
    return sum(one.state.st_size for one in _shard_files(fingerprint, shard, place, sweep=True))


def _files(cache_dir: Path, *, sweep: bool = False) -> Iterator[_Found]:
    """Every file of ours that may be a piece or become one.

    sweep: on the way, remove what processes that have ended left half written.
    """
    for fingerprint, shard, place in _shards(cache_dir, sweep=sweep):
        yield from _shard_files(fingerprint, shard, place, sweep=sweep)


def _shards(cache_dir: Path, *, sweep: bool = False) -> Iterator[tuple[str, str, int]]:
    """(fingerprint, shard, descriptor of the directory that the shard stands in)."""
    with suppress(OSError), inside(cache_dir) as top:
        for fingerprint in _names(top, sweep=sweep):
            if is_fingerprint(fingerprint):
                with suppress(OSError), directory(fingerprint, top) as place:
                    for shard in _names(place, sweep=sweep):
                        if len(shard) == 2:
                            yield fingerprint, shard, place


def _names(opened: int, *, sweep: bool) -> list[str]:
    names = listing(opened)
    for text in names if sweep else ():
        _sweep(text, opened)
    return names


def _shard_files(fingerprint: str, shard: str, place: int, *, sweep: bool) -> list[_Found]:
    """The files of a directory, read again when one of them gets its name meanwhile: it would count under neither."""
    with suppress(OSError), directory(shard, place) as opened:
        for _ in range(_ATTEMPTS):
            with suppress(FileNotFoundError):
                return list(_entries(fingerprint, shard, opened, sweep=sweep))
    return []


def _entries(fingerprint: str, shard: str, opened: int, *, sweep: bool) -> Iterator[_Found]:
    """Raises FileNotFoundError when a file that was being written is gone before it has been looked at."""
    with os.scandir(opened) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX):
                with suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    if is_own_file(state):
                        yield _Found(fingerprint, shard, entry.name, state)
            elif is_temporary(entry.name) and not (sweep and _sweep(entry.name, opened)):
                state = entry.stat(follow_symlinks=False)
                if is_own_file(state):
                    yield _Found(fingerprint, shard, entry.name, state)


def _sweep(text: str, parent: int) -> bool:
    """Remove a temporary file whose process is no more; a young one may be of a process that cannot be seen here."""
    if _is_abandoned(text):
        with suppress(OSError):
            if time.time() - os.stat(text, dir_fd=parent, follow_symlinks=False).st_mtime >= STALE:
                return remove_own(text, parent)
    return False


def _is_abandoned(text: str) -> bool:
    """Whether this is a temporary file of a process that is no more."""
    process, dash, _ = text[1:].partition("-")
    if not (is_temporary(text) and dash and process.isascii() and process.isdigit()):
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError, ValueError):
        return False
    return False
