"""How many cells of a KV memory are in use, when sequences share the cells of what they begin with.

Each place (llama.cpp's sequence id) holds a chain of runs; a run is a number of positions and who holds it. Two places
that share a prefix hold the same runs. Pure counting: llama.cpp does not tell.
"""

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class _Run:
    """So many positions, held by these places."""

    size: int
    holders: set[int] = field(default_factory=set)


class Cells:
    """Positions of places, and the cells that they take together."""

    def __init__(self) -> None:
        self._chains: dict[int, list[_Run]] = {}
        self.total = 0

    def length(self, place: int) -> int:
        """How many positions a place has."""
        return sum(run.size for run in self._chains.get(place, ()))

    def set(self, place: int, length: int) -> None:
        """A place has so many positions now: it was cut there, or it has grown by cells of its own."""
        chain = self._split(place, min(length, self.length(place)))
        kept = 0
        while chain and kept < length:
            kept += chain[0].size
            chain = chain[1:]
        for run in chain:
            self._drop(place, run)
        mine = self._chains.setdefault(place, [])
        del mine[len(mine) - len(chain) :]
        if kept < length:
            self.total += length - kept
            if mine and mine[-1].holders == {place}:
                mine[-1].size += length - kept
            else:
                mine.append(_Run(length - kept, {place}))

    def share(self, source: int, place: int, length: int) -> None:
        """A place begins with the first `length` positions of another; it had none before."""
        assert not self.length(place), "its cells would be lost"
        assert length <= self.length(source)
        self._split(source, length)
        taken: list[_Run] = []
        for run in self._chains.get(source, ()):
            if length <= 0:
                break
            run.holders.add(place)
            taken.append(run)
            length -= run.size
        self._chains[place] = taken

    def common(self, one: int, other: int) -> int:
        """How many positions two places share."""
        pairs = zip(self._chains.get(one, ()), self._chains.get(other, ()), strict=False)
        return sum(a.size for a, b in pairs if a is b)

    def _split(self, place: int, length: int) -> list[_Run]:
        """Make a run end at `length`, for all who hold it. Returns the place's chain."""
        start = 0
        for run in self._chains.get(place, []):
            if start < length < start + run.size:
                rest = _Run(start + run.size - length, set(run.holders))
                run.size = length - start
                for holder in run.holders:
                    chain = self._chains[holder]
                    chain.insert(chain.index(run) + 1, rest)
                break
            start += run.size
        return list(self._chains.get(place, []))

    def _drop(self, place: int, run: _Run) -> None:
        run.holders.discard(place)
        if not run.holders:
            self.total -= run.size
