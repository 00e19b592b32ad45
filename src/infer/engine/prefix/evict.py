"""Evict: which pieces to give up so that all of them together keep a budget, and give them up.

Least recently used first, but a piece that others hang at not before them; what cannot be reached any more, and the
pieces of models that are gone, before all others.

There is no lock: whoever needs room makes it. Several at once choose the same pieces in the same order, and one that
another has removed counts as removed. A lock would keep nothing right that is wrong without it, some file systems have
none, and who was stopped while he held it would leave the others without a budget.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path

from infer.engine.prefix.about import is_dead
from infer.engine.prefix.files import remove_piece
from infer.engine.prefix.keys import root
from infer.engine.prefix.survey import Stored, survey, weigh
from infer.machine import disk_free

LARGEST_BUDGET = 20 * 10**9  # bytes; of the default
_SHARE = 10  # the default is this part of the disk
_SLACK = 50  # an eviction makes room for a fiftieth of the budget, so that not every piece costs one
_ATTEMPTS = 8  # to find others in place of pieces that cannot be removed


@dataclass(frozen=True, slots=True)
class Evicted:
    """What an eviction did: pieces and bytes removed, bytes that are left, and the budget it kept to.

    coming: bytes of files that are being written. problem: why something that should have gone is there still.
    """

    removed: int
    freed: int
    left: int
    coming: int
    budget: int
    problem: OSError | None = None


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


def default_budget(cache_dir: Path, held: int) -> int:
    """A tenth of what would be free if the cache, which holds `held` bytes, were empty; at most 20 GB.

    Were it a tenth of what is free now, the cache would take from its own budget with all that it stores.
    """
    return min(LARGEST_BUDGET, (disk_free(cache_dir) + held) // _SHARE)


def evict(cache_dir: Path, max_bytes: int | None, protected: Callable[[Stored], bool] = lambda _: False) -> Evicted:
    """Keep the budget over all fingerprints, with room for all that is being written just now.

    max_bytes: the budget; None: the default. protected: pieces that are in use. Where more is being written than the
    budget, nothing is given up for it.
    """
    held, coming = weigh(cache_dir)
    budget = default_budget(cache_dir, held) if max_bytes is None else max_bytes
    room = coming if coming <= budget else 0
    if held + room <= budget:  # the usual case, without a look at the names
        return Evicted(0, 0, held, coming, budget)
    target = budget - max(room, budget // _SLACK) if room else budget
    return _give_up(cache_dir, target, coming, budget, protected)


def _give_up(cache_dir: Path, target: int, coming: int, budget: int, protected: Callable[[Stored], bool]) -> Evicted:
    """Remove pieces until at most `target` bytes are left. Around those that cannot be removed it finds others."""
    rest = set(survey(cache_dir))
    dead = {text for text in {piece.fingerprint for piece in rest} if is_dead(cache_dir, text)}
    stuck: dict[str, OSError] = {}
    removed = freed = 0

    def kept(piece: Stored) -> bool:
        return piece.place in stuck or protected(piece)

    for _ in range(_ATTEMPTS):
        gone, ours, failed = _remove(cache_dir, choose(rest, target, kept, dead))
        rest -= gone
        removed, freed = removed + len(ours), freed + sum(piece.size for piece in ours)
        stuck |= failed
        if not failed:
            break
    left = sum(piece.size for piece in rest)
    return Evicted(removed, freed, left, coming, budget, next(iter(stuck.values()), None))


def _remove(cache_dir: Path, chosen: list[Stored]) -> tuple[set[Stored], set[Stored], dict[str, OSError]]:
    """Remove pieces in this order, but nothing at which one hangs that could not be removed.

    Returns those that are gone, which of them were removed by us, and by their place the errors.
    """
    gone, ours = set[Stored](), set[Stored]()
    failed: dict[str, OSError] = {}
    needed: set[tuple[str, bytes]] = set()
    for piece in chosen:
        if (piece.fingerprint, piece.name.key) not in needed:
            try:
                if remove_piece(cache_dir, piece.fingerprint, piece.name):
                    ours.add(piece)
                gone.add(piece)
                continue
            except OSError as error:
                failed[piece.place] = error
        needed.add((piece.fingerprint, piece.name.parent))
    return gone, ours, failed
