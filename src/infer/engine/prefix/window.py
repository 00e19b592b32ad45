"""One window: which of its pieces lie on a path, which to store, which have become superfluous. Pure.

A path is a prompt's own token sequence. Pieces of a window are edges between positions of it; a piece of another
prompt hangs at the position where the two part, or shares some tokens with the path and then leaves it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from infer.engine.prefix.keys import BLOCK, Name, Path

FORK_STEP = 16  # tokens: forks stand at multiples of it, so that questions that begin alike share one fork
MIN_FORK = 32  # tokens: a shorter common piece is stored twice rather than in a file of its own


@dataclass(frozen=True, slots=True)
class Span:
    """Something to store: its name, the packed tokens from the window's border to its end, whether it is a fork."""

    name: Name
    window: bytes
    keep: bool = False

    @property
    def start(self) -> int:
        """The position of its first row."""
        return self.name.start

    @property
    def end(self) -> int:
        """The position after its last row."""
        return self.name.end


def reachable(names: Iterable[Name], border: int) -> dict[int, list[Name]]:
    """For every position that pieces on one path lead to from `border`: the shortest chain of them."""
    chains: dict[int, list[Name]] = {border: []}
    for name in sorted(names, key=lambda name: (name.start, -name.count)):
        before = chains.get(name.start)
        if before is not None and (name.end not in chains or len(before) + 1 < len(chains[name.end])):
            chains[name.end] = [*before, name]
    return chains


def plan(
    path: Path, end: int, kept: Mapping[Name, bool], hanging: Collection[str], shared: int, *, cut: bool
) -> list[Span]:
    """What to store so that the window which holds position `end - 1` is whole up to `end`.

    kept        the pieces on the path that end by `end`, and whether each is a fork
    hanging     the parents of the other pieces of the window, in hex
    shared      the position up to which one of those has the path's tokens
    cut         whether the memory type can use a piece's first rows alone

    A window that is full becomes one block, in place of its tails, except where something else hangs at a tail: then
    only what comes after it is stored. Where the path leaves a stored piece, the common rows become a fork.
    """
    border = (end - 1) // BLOCK * BLOCK
    chains = reachable(kept, border)
    if end in chains or (cut and shared >= end):
        return []
    farthest = max(chains)
    forks = [name.end for name in chains[farthest] if kept[name] or name.key.hex() in hanging]
    full = end == border + BLOCK
    start = max(forks, default=border) if full else farthest
    fork = border + (shared - border) // FORK_STEP * FORK_STEP
    if cut and fork >= start + MIN_FORK:
        return [_span(path, start, fork, keep=True), _span(path, fork, end)]
    return [_span(path, start, end)]


def _span(path: Path, start: int, end: int, *, keep: bool = False) -> Span:
    return Span(path.name(start, end), path.window(start, end), keep)


def superseded(span: Name, inside: Iterable[Name], hanging: Collection[str]) -> list[Name]:
    """Which of the pieces `inside` a stored span (on its path, between its ends) nothing hangs at; the last first.

    hanging: the parents of every other piece of the window, stored or on its way, in hex.
    """
    gone: list[Name] = []
    held = set(hanging)
    for name in sorted(inside, key=lambda name: name.start, reverse=True):
        if name.end == span.end or name.key.hex() not in held:
            gone.append(name)
        else:
            held.add(name.parent.hex())
    return gone
