"""What to run on this machine: the largest that fits well and the fastest that is good enough, by use.

From models.toml alone, so of a model that is not here only its size and its number of parameters are known.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from infer.models.catalog import CatalogEntry
from infer.models.plan import fit_by_size
from infer.models.speed import by_size

# use -> (parameters below which an answer is seldom worth having, what must be said about it)
USES = {
    "chat": (3e9, ""),
    "code": (3e9, ""),
    "vision": (2e9, "infer shows models no images yet: text only"),
    "embedding": (0.1e9, ""),
}
WELL = 0.85  # of the memory that is free: the rest is for the programs beside it
READABLE = 7.0  # tokens a second: as fast as people read
_UNITS = {"B": 1e9, "M": 1e6}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model can run. memory_free in bytes, bandwidth in bytes a second."""

    name: str
    memory_free: int
    bandwidth: float


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One model for one use. kind: largest or fastest; tokens_per_second: None where it generates nothing.

    device: the place where it fits.
    """

    use: str
    kind: str
    name: str
    title: str
    parameters: str
    size: int
    tokens_per_second: float | None
    device: str
    command: str
    note: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    entry: CatalogEntry
    parameters: float
    size: int
    speed: float
    device: str


def recommend(entries: Iterable[CatalogEntry], places: Sequence[Place]) -> list[Recommendation]:
    """Up to two models for each use; none for a use for which nothing fits. places: the fastest first."""
    fitting = [found for entry in entries if (found := _candidate(entry, places))]
    rows: list[Recommendation] = []
    for use in USES:
        rows += _for_use(use, [one for one in fitting if _serves(one.entry, use)])
    return rows


def parameters(text: str | None) -> float:
    """A text ("8.95B") as a number; 0 where it is not known."""
    match = re.fullmatch(r"([\d.]+)([BM])", text or "")
    return float(match[1]) * _UNITS[match[2]] if match else 0.0


def _candidate(entry: CatalogEntry, places: Sequence[Place]) -> _Candidate | None:
    """An entry whose figures are known and which fits somewhere with a comfortable context."""
    count, size = parameters(entry.parameters), entry.size
    if size is None or not count:
        return None
    place = next((one for one in places if fit_by_size(size, round(WELL * one.memory_free)) == "fits"), None)
    if place is None:
        return None
    share = min(1.0, (parameters(entry.active_parameters) or count) / count)
    return _Candidate(entry, count, size, by_size(size, share, place.bandwidth), place.name)


def _serves(entry: CatalogEntry, use: str) -> bool:
    """Whether a model is made for a use; one for code or images is not the first choice for a talk."""
    can = entry.capabilities
    if use == "embedding":
        return "embedding" in can
    if "chat" not in can:
        return False
    return use in can if use != "chat" else "code" not in can


def _for_use(use: str, found: list[_Candidate]) -> list[Recommendation]:
    if not found:
        return []
    enough, note = USES[use]
    fluent = [one for one in found if use == "embedding" or one.speed >= READABLE]
    largest = max(fluent, key=lambda one: one.parameters) if fluent else max(found, key=lambda one: one.speed)
    good = [one for one in found if one.parameters >= enough]
    fastest = max(good, key=lambda one: one.speed) if good else largest
    rows = [_row(use, "largest", largest, note)]
    return [*rows, _row(use, "fastest", fastest, note)] if fastest.speed > largest.speed else rows


def _row(use: str, kind: str, one: _Candidate, note: str) -> Recommendation:
    alias = one.entry.alias
    silent = use == "embedding"
    return Recommendation(
        use=use,
        kind=kind,
        name=alias,
        title=one.entry.name,
        parameters=one.entry.parameters or "",
        size=one.size,
        tokens_per_second=None if silent else round(one.speed, 1),
        device=one.device,
        command=f'infer {"embed" if silent else "run"} {alias} "Hello"',
        note=note,
    )
