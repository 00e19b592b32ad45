"""Look after the whole cache: what is in it, is it sound, clean it up. For the user's commands, not for a run."""

import os
import stat
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path

from infer.engine.prefix.about import ABOUT, NOTES, Identity, is_dead, load_about
from infer.engine.prefix.evict import unreachable
from infer.engine.prefix.files import Folder, directory, inside, is_own_file, listing, remove_own, remove_piece
from infer.engine.prefix.header import PAGE, Damaged, decode
from infer.engine.prefix.keys import is_fingerprint, parse_name
from infer.engine.prefix.load import verify
from infer.engine.prefix.survey import STALE, Stored, is_temporary, survey
from infer.engine.prefix.usage import USAGE, Usage, forget_usage, load_usage

_OURS = ((USAGE,), (ABOUT, NOTES))  # by how many directories down they are


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. All but the counts are paths below the folder of the cache.

    damaged       not what the name promises: counts as absent, removed when a run meets it
    unreachable   sound, but what it hangs at is gone; harmless, removed first when room is needed
    temporary     half written by a process that was killed: no damage, the next run or prune removes it
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
        return not self.damaged


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
        pieces = groups[fingerprint]
        used = max((piece.used for piece in pieces), default=0) // 10**9
        whose = load_about(cache_dir, fingerprint), is_dead(cache_dir, fingerprint)
        size = sum(piece.size for piece in pieces)
        held.append(Held(fingerprint, *whose, len(pieces), size, used, usage.get(fingerprint, Usage())))
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
    """Remove what is of no use: damaged, unreachable, of models that are gone, half written."""
    pieces = survey(cache_dir)
    dead = {text for text in {piece.fingerprint for piece in pieces} if is_dead(cache_dir, text)}
    useless = {piece for piece in pieces if piece.fingerprint in dead or _inspect(cache_dir, piece, read_data=False)}
    useless |= unreachable(set(pieces) - useless)
    removed = _remove(cache_dir, useless)
    for place in _others(cache_dir)[0]:
        _remove_path(cache_dir, place)
    _remove_empty(cache_dir)
    return removed


def clear(cache_dir: Path, fingerprints: set[str] | None = None) -> Removed:
    """Remove everything that is stored for these fingerprints, or for all; their counters too. Foreign files stay."""
    pieces = [piece for piece in survey(cache_dir) if fingerprints is None or piece.fingerprint in fingerprints]
    removed = _remove(cache_dir, pieces)
    for place in _others(cache_dir, stale=-inf)[0]:
        if fingerprints is None or place.partition("/")[0] in fingerprints:
            _remove_path(cache_dir, place)
    with suppress(OSError):
        forget_usage(cache_dir, set(load_usage(cache_dir)) if fingerprints is None else fingerprints)
    _remove_empty(cache_dir)
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
    temporary, foreign = [], []
    for parts, state in _walk(cache_dir):
        if is_own_file(state) and is_temporary(parts[-1]):
            if time.time() - state.st_mtime >= stale:
                temporary.append("/".join(parts))
        elif not _is_ours(parts, state):
            foreign.append("/".join(parts))
    return tuple(sorted(temporary)), tuple(sorted(foreign))


def _is_ours(parts: tuple[str, ...], state: os.stat_result) -> bool:
    if not is_own_file(state):
        return False
    if len(parts) <= len(_OURS):
        return parts[-1] in _OURS[len(parts) - 1]
    name = parse_name(parts[-1])
    return name is not None and name.shard == parts[-2]


def _walk(cache_dir: Path, *parts: str) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
    """Everything in our directories but these themselves, to the depth at which pieces are; follows no link."""
    with suppress(OSError), inside(cache_dir, *parts) as opened, os.scandir(opened) as entries:
        for entry in entries:
            with suppress(OSError):
                state = entry.stat(follow_symlinks=False)
                own_directory = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
                if own_directory and len(parts) < 2 and len(entry.name) == (32, 2)[len(parts)]:
                    yield from _walk(cache_dir, *parts, entry.name)
                else:
                    yield (*parts, entry.name), state


def _remove(cache_dir: Path, pieces: set[Stored] | list[Stored]) -> Removed:
    """Remove pieces, those that others hang at after these."""
    entries = size = failed = 0
    for piece in sorted(pieces, key=lambda piece: piece.name.end, reverse=True):
        try:
            gone = remove_piece(cache_dir, piece.fingerprint, piece.name)
        except OSError:
            failed += 1
        else:
            entries, size = entries + gone, size + gone * piece.size
    return Removed(entries, size, failed)


def _remove_path(cache_dir: Path, place: str) -> None:
    *parents, text = place.split("/")
    with suppress(OSError), inside(cache_dir, *parents) as parent:
        remove_own(text, parent)


def _remove_empty(cache_dir: Path) -> None:
    """Remove directories without pieces. A writer that needs one makes it again."""
    with suppress(OSError), inside(cache_dir) as top:
        for fingerprint in filter(is_fingerprint, listing(top)):
            with suppress(OSError):
                _remove_if_empty(fingerprint, top)


def _remove_if_empty(fingerprint: str, top: int) -> None:
    """Remove the directory of a fingerprint, unless something is in it that matters. Raises OSError."""
    with directory(fingerprint, top) as place:
        for shard in [text for text in listing(place) if len(text) == 2]:
            with suppress(OSError):
                os.rmdir(shard, dir_fd=place)
        for text in [ABOUT, NOTES] if {ABOUT, NOTES}.issuperset(listing(place)) else []:
            with suppress(FileNotFoundError):
                remove_own(text, place)
    os.rmdir(fingerprint, dir_fd=top)
