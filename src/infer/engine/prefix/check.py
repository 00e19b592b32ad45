"""Look after the whole cache: what is in it, is it sound, clean it up. For the user's commands, not for a run."""

import os
import stat
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infer.engine.prefix.about import Identity, is_dead, load_about
from infer.engine.prefix.evict import Stored, survey, unreachable
from infer.engine.prefix.files import FOLDER, Folder, directory, is_own_file, remove_own, remove_piece
from infer.engine.prefix.header import PAGE, Damaged, decode
from infer.engine.prefix.keys import parse_name
from infer.engine.prefix.load import verify
from infer.engine.prefix.usage import Usage, forget_usage, load_usage

STALE = 3600  # seconds after which a temporary file has no writer any more
_OURS = {"about.json", "notes.json", "usage.jsonl", "evict.lock"}


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. All but the counts are paths below the folder of the cache.

    damaged       not what the name promises: counts as absent, removed when a run meets it
    unreachable   sound, but what it hangs at is gone; harmless, removed first when room is needed
    temporary     left by a process that was killed, older than an hour
    foreign       not ours, never opened
    """

    entries: int
    bytes: int
    damaged: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    temporary: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Nothing is wrong."""
        return not self.damaged and not self.temporary


@dataclass(frozen=True, slots=True)
class Held:
    """What is stored for one fingerprint. used: seconds since the epoch, 0 when there are no entries.

    identity is None where about.json is missing or does not belong there; dead: the model's file is gone.
    """

    fingerprint: str
    identity: Identity | None
    dead: bool
    entries: int
    bytes: int
    used: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed; failed: entries that could not be."""

    entries: int
    bytes: int
    failed: int = 0


def contents(cache_dir: Path) -> list[Held]:
    """What is stored, the most recently used first. Reads names and about.json, no entry."""
    groups: dict[str, list[Stored]] = defaultdict(list)
    for piece in survey(cache_dir):
        groups[piece.fingerprint].append(piece)
    usage = load_usage(cache_dir)
    held = []
    for fingerprint in {*groups, *usage}:
        place, pieces = cache_dir / FOLDER / fingerprint, groups[fingerprint]
        used = max((piece.used for piece in pieces), default=0) // 10**9
        facts = (load_about(place), is_dead(place), len(pieces), sum(piece.size for piece in pieces), used)
        held.append(Held(fingerprint, *facts, usage.get(fingerprint, Usage())))
    return sorted(held, key=lambda one: (-one.used, one.fingerprint))


def check(cache_dir: Path, *, read_data: bool = False) -> Report:
    """Verify every header, and with `read_data` every payload; nothing is changed.

    Other processes may work in the cache meanwhile: what they remove is not counted.
    """
    pieces = survey(cache_dir)
    reasons = {piece.place: _inspect(cache_dir, piece, read_data=read_data) for piece in pieces}
    present = [piece for piece in pieces if reasons[piece.place] is not None]
    damaged = tuple(f"{place}: {why}" for place, why in sorted(reasons.items()) if why)
    sound = [piece for piece in present if not reasons[piece.place]]
    lost = tuple(sorted(piece.place for piece in unreachable(sound)))
    temporary, foreign = _others(cache_dir)
    return Report(len(present), sum(piece.size for piece in present), damaged, lost, temporary, foreign)


def prune(cache_dir: Path) -> Removed:
    """Remove what is of no use: damaged, unreachable, of models that are gone, temporary files older than an hour."""
    pieces = survey(cache_dir)
    top = cache_dir / FOLDER
    dead = {text for text in {piece.fingerprint for piece in pieces} if is_dead(top / text)}
    useless = {piece for piece in pieces if piece.fingerprint in dead or _inspect(cache_dir, piece, read_data=False)}
    useless |= unreachable(set(pieces) - useless)
    removed = _remove(cache_dir, useless)
    for place in _others(cache_dir)[0]:
        _remove_path(top / place)
    _remove_empty(top)
    return removed


def clear(cache_dir: Path, fingerprints: set[str] | None = None) -> Removed:
    """Remove everything that is stored for these fingerprints, or for all; their counters too. Foreign files stay."""
    pieces = [piece for piece in survey(cache_dir) if fingerprints is None or piece.fingerprint in fingerprints]
    removed = _remove(cache_dir, pieces)
    top = cache_dir / FOLDER
    for place in _others(cache_dir, stale=0)[0]:
        if fingerprints is None or place.partition("/")[0] in fingerprints:
            _remove_path(top / place)
    with suppress(OSError):
        forget_usage(
            cache_dir, {one.fingerprint for one in contents(cache_dir)} if fingerprints is None else fingerprints
        )
    _remove_empty(top)
    return removed


def _inspect(cache_dir: Path, piece: Stored, *, read_data: bool) -> str | None:
    """Why a piece is damaged, "" when it is sound, None when it has gone meanwhile."""
    fingerprint = bytes.fromhex(piece.fingerprint)
    try:
        with Folder(cache_dir, fingerprint).open(piece.name) as (file, size):
            header = decode(os.pread(file, PAGE, 0), piece.name, fingerprint, size)
            if read_data:
                verify(file, header)
    except FileNotFoundError:
        return None
    except Damaged as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _others(cache_dir: Path, stale: float = STALE) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Temporary files older than `stale` seconds, and foreign things: paths below the folder of the cache."""
    top = cache_dir / FOLDER
    temporary, foreign = [], []
    for path, state in _walk(top, 0):
        if is_own_file(state) and path.name.startswith(".") and path.name.endswith(".tmp"):
            if time.time() - state.st_mtime >= stale:
                temporary.append(str(path.relative_to(top)))
        elif not _is_ours(path, state, top):
            foreign.append(str(path.relative_to(top)))
    return tuple(sorted(temporary)), tuple(sorted(foreign))


def _is_ours(path: Path, state: os.stat_result, top: Path) -> bool:
    if not is_own_file(state):
        return False
    name = parse_name(path.name)
    depth = len(path.relative_to(top).parts)
    return (depth == 3 and name is not None and name.shard == path.parent.name) or (depth < 3 and path.name in _OURS)


def _walk(place: Path, depth: int) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything in our directories but these themselves, to the depth at which pieces are; follows no link."""
    with suppress(OSError), directory(place) as opened, os.scandir(opened) as entries:
        for entry in entries:
            with suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                own_directory = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
                if own_directory and depth < 2 and len(entry.name) == (32, 2)[depth]:
                    yield from _walk(place / entry.name, depth + 1)
                else:
                    yield place / entry.name, state


def _remove(cache_dir: Path, pieces: set[Stored] | list[Stored]) -> Removed:
    """Remove pieces, those that others hang at after these."""
    entries = size = failed = 0
    for piece in sorted(pieces, key=lambda piece: piece.name.end, reverse=True):
        try:
            gone = remove_piece(cache_dir / FOLDER / piece.fingerprint, piece.name)
        except OSError:
            failed += 1
        else:
            entries, size = entries + gone, size + gone * piece.size
    return Removed(entries, size, failed)


def _remove_path(path: Path) -> None:
    with suppress(OSError), directory(path.parent) as parent:
        remove_own(path.name, parent)


def _remove_empty(top: Path) -> None:
    """Remove directories without pieces. A writer that needs one makes it again."""
    with suppress(OSError):
        counts = Counter(piece.fingerprint for piece in survey(top.parent))
        for place in [place for place in top.iterdir() if place.is_dir() and not place.is_symlink()]:
            for shard in [shard for shard in place.iterdir() if len(shard.name) == 2 and not shard.is_symlink()]:
                with suppress(OSError):
                    shard.rmdir()
            if not counts[place.name] and len(place.name) == 32:
                for text in ("about.json", "notes.json"):
                    _remove_path(place / text)
                with suppress(OSError):
                    place.rmdir()
