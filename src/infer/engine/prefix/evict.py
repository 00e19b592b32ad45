"""Evict: which pieces to give up so that all of them together keep a budget, and give them up.

Least recently used first, but a piece that others hang at not before them; what cannot be reached any more, and the
pieces of models that are gone, before all others.
"""

import fcntl
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path

from infer.engine.prefix.about import is_dead
from infer.engine.prefix.files import FOLDER, directory, is_own_file, listing, own_file, remove_own, remove_piece
from infer.engine.prefix.keys import SUFFIX, Name, parse_name, root

_LOCK = "evict.lock"
_TICKETS = 1 << 16  # bytes; a lock file that has grown so large is emptied


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


@dataclass(frozen=True, slots=True)
class Evicted:
    """What an eviction did: pieces and bytes removed, bytes that are left."""

    removed: int
    freed: int
    left: int


def unreachable(pieces: Iterable[Stored]) -> set[Stored]:
    """The pieces that no chain from an empty prefix leads to. Harmless, and of no use."""
    children: dict[tuple[str, bytes], list[Stored]] = defaultdict(list)
    for piece in pieces:
        children[piece.fingerprint, piece.name.parent].append(piece)
    places = [(text, root(bytes.fromhex(text))) for text in {piece.fingerprint for piece in pieces}]
    seen = set(places)
    lost = {piece for group in children.values() for piece in group}
    while places:
        for piece in children.get(places.pop(), ()):
            lost.discard(piece)
            if (place := (piece.fingerprint, piece.name.key)) not in seen:
                seen.add(place)
                places.append(place)
    return lost


def choose(
    pieces: Collection[Stored], budget: int, protected: Callable[[Stored], bool], dead: Collection[str]
) -> list[Stored]:
    """What to remove, in order, until the rest is at most `budget` bytes or only protected pieces can go. Pure.

    protected: what never to remove; dead: fingerprints whose model is gone.
    """
    excess = sum(piece.size for piece in pieces) - budget
    lost = unreachable(pieces) if excess > 0 else set()
    hanging = Counter((piece.fingerprint, piece.name.parent) for piece in pieces)
    leading = defaultdict(list)
    for piece in pieces:
        leading[piece.fingerprint, piece.name.key].append(piece)

    def rank(piece: Stored) -> tuple[bool, int, str]:
        return piece not in lost and piece.fingerprint not in dead, piece.used, piece.place

    def free(piece: Stored) -> bool:
        return (piece in lost or not hanging[piece.fingerprint, piece.name.key]) and not protected(piece)

    heap = [(rank(piece), piece) for piece in pieces if free(piece)]
    heapify(heap)
    chosen: dict[str, Stored] = {}
    while heap and excess > 0:
        piece = heappop(heap)[1]
        if piece.place in chosen:
            continue
        chosen[piece.place] = piece
        excess -= piece.size
        parent = piece.fingerprint, piece.name.parent
        hanging[parent] -= 1
        if not hanging[parent]:
            for freed in leading[parent]:
                if freed.place not in chosen and free(freed):
                    heappush(heap, (rank(freed), freed))
    return list(chosen.values())


def survey(cache_dir: Path) -> list[Stored]:
    """Every piece of every fingerprint, from directory listings; opens no file."""
    found = ((fingerprint, shard, parse_name(text), state) for fingerprint, shard, text, state in _files(cache_dir))
    return [
        Stored(fingerprint, name, state.st_size, state.st_mtime_ns)
        for fingerprint, shard, name, state in found
        if name and name.shard == shard
    ]


def _files(cache_dir: Path, *, sweep: bool = False) -> Iterator[tuple[str, str, str, os.stat_result]]:
    """(fingerprint, shard, file name, stat) of every file of ours that may be a piece.

    sweep: on the way, remove what processes that have ended left half written.
    """
    with suppress(OSError), directory(cache_dir / FOLDER) as top:
        for fingerprint in filter(_is_fingerprint, listing(top)):
            with suppress(OSError), directory(fingerprint, top) as place:
                for shard in listing(place):
                    if len(shard) == 2:
                        yield from _shard_files(fingerprint, shard, place, sweep=sweep)


def _is_fingerprint(text: str) -> bool:
    return len(text) == 32 and not text.strip("0123456789abcdef")


def _shard_files(
    fingerprint: str, shard: str, place: int, *, sweep: bool
) -> Iterator[tuple[str, str, str, os.stat_result]]:
    with suppress(OSError), directory(shard, place) as opened, os.scandir(opened) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX):
                with suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    if is_own_file(state):
                        yield fingerprint, shard, entry.name, state
            elif sweep and _is_abandoned(entry.name):
                with suppress(OSError):
                    remove_own(entry.name, opened)


def _is_abandoned(text: str) -> bool:
    """Whether this is a temporary file (see `Folder.write`) of a process that is no more."""
    process, dash, _ = text[1:].partition("-")
    if not (text.startswith(".") and text.endswith(".tmp") and dash and process.isascii() and process.isdigit()):
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def evict(cache_dir: Path, max_bytes: int, protected: Callable[[Stored], bool] = lambda _: False) -> Evicted | None:
    """Keep the budget over all fingerprints. None when another process is at it: it will see to ours as well.

    protected: pieces that are in use. Raises OSError when the cache cannot be written; it ends at the first piece that
    cannot be removed, since what that one hangs at must stay.
    """
    if not (cache_dir / FOLDER).exists():
        return Evicted(0, 0, 0)
    done: Evicted | None = None
    _leave_ticket(cache_dir)
    while True:
        with _lock(cache_dir) as taken:
            if not taken:
                return done
            tickets = _tickets(cache_dir)
            done = _evict(cache_dir, max_bytes, protected, done)
        if _tickets(cache_dir) <= tickets:
            return done


def _evict(cache_dir: Path, max_bytes: int, protected: Callable[[Stored], bool], before: Evicted | None) -> Evicted:
    removed, freed = (before.removed, before.freed) if before else (0, 0)
    left = sum(state.st_size for *_, state in _files(cache_dir, sweep=True))
    if left <= max_bytes:  # the usual case, without a look at the names
        return Evicted(removed, freed, left)
    pieces = survey(cache_dir)
    top = cache_dir / FOLDER
    dead = {text for text in {piece.fingerprint for piece in pieces} if is_dead(top / text)}
    left = sum(piece.size for piece in pieces)
    for piece in choose(pieces, max_bytes, protected, dead):
        if remove_piece(top / piece.fingerprint, piece.name):
            removed, freed, left = removed + 1, freed + piece.size, left - piece.size
    return Evicted(removed, freed, left)


@contextmanager
def _lock(cache_dir: Path) -> Iterator[bool]:
    """Whether we are the one evictor. A lock that cannot be had (a network file system) counts as taken by others."""
    with directory(cache_dir / FOLDER) as top:
        file = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=top)
    try:
        own_file(file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(file)


def _leave_ticket(cache_dir: Path) -> None:
    """Leave a byte in the lock file before asking for it: the evictor looks again when it sees one that is new."""
    with directory(cache_dir / FOLDER) as top:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(_LOCK, flags, 0o600, dir_fd=top)
    try:
        own_file(file)
        if os.fstat(file).st_size > _TICKETS:
            os.ftruncate(file, 0)
        os.write(file, b".")
    finally:
        os.close(file)


def _tickets(cache_dir: Path) -> int:
    with suppress(OSError):
        return os.lstat(cache_dir / FOLDER / _LOCK).st_size
    return 0
