"""What to store of a window and what to drop, decided without a disk."""

from infer.engine.prefix.keys import Name, Path
from infer.engine.prefix.window import plan, reachable, superseded
from prefix.caches import random_tokens

PATH = Path(bytes(16), random_tokens(600, 1))


def piece(start: int, end: int) -> Name:
    return PATH.name(start, end)


def planned(end: int, kept: dict[Name, bool], hanging: set[str] = frozenset(), shared: int = 0, *, cut: bool = True):  # type: ignore[no-untyped-def,assignment]
    spans = plan(PATH, end, kept, hanging, shared, cut=cut)
    return [(span.start, span.end, span.keep) for span in spans]


def test_the_shortest_chain() -> None:
    """Of several ways to a position the one with the fewest pieces; what hangs in the air is no way."""
    chains = reachable([piece(0, 50), piece(50, 100), piece(0, 100), piece(100, 256), piece(120, 200)], 0)
    assert sorted(chains) == [0, 50, 100, 256]
    assert chains[256] == [piece(0, 100), piece(100, 256)]


def test_tails_grow_and_merge() -> None:
    """A tail is added to the tails before it; a window that is full becomes one block."""
    assert planned(100, {}) == [(0, 100, False)]
    assert planned(150, {piece(0, 100): False}) == [(100, 150, False)]
    assert planned(256, {piece(0, 100): False, piece(100, 150): False}) == [(0, 256, False)]
    assert planned(256, {piece(0, 100): False, piece(100, 256): False}) == []


def test_forks_are_not_merged() -> None:
    """Neither one that was marked nor a tail at which another prompt hangs."""
    assert planned(256, {piece(0, 100): True, piece(100, 150): False}) == [(100, 256, False)]
    assert planned(256, {piece(0, 100): False, piece(100, 150): False}, {piece(0, 100).key.hex()}) == [
        (100, 256, False)
    ]


def test_common_rows_become_a_fork() -> None:
    """At a multiple of 16, if at least 32 rows are worth it; a memory that cannot be cut has no use for it."""
    assert planned(256, {}, shared=170) == [(0, 160, True), (160, 256, False)]
    assert planned(200, {}, shared=170) == [(0, 160, True), (160, 200, False)]
    assert planned(256, {}, shared=31) == [(0, 256, False)]
    assert planned(200, {piece(0, 100): False}, shared=127) == [(100, 200, False)]
    assert planned(200, {piece(0, 100): False}, shared=150) == [(100, 144, True), (144, 200, False)]
    assert planned(256, {}, shared=170, cut=False) == [(0, 256, False)]


def test_what_another_piece_contains_is_not_stored() -> None:
    """Its rows can be cut out of that one, if they can be cut."""
    assert planned(200, {}, shared=200) == []
    assert planned(200, {}, shared=200, cut=False) == [(0, 200, False)]


def test_what_a_block_makes_superfluous() -> None:
    """The tails inside it, but not those at which something else hangs, and not what these hang at."""
    one, two, three = piece(0, 50), piece(50, 100), piece(100, 256)
    assert superseded(piece(0, 256), [one, two, three], set()) == [three, two, one]
    assert superseded(piece(0, 256), [one, two, three], {two.key.hex()}) == [three]
    assert superseded(piece(0, 256), [one, two, three], {one.key.hex()}) == [three, two]
    assert superseded(piece(0, 256), [three], {three.key.hex()}) == [three]
