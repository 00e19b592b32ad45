"""Repeated measurements of one thing as one figure: the median, and how far they lie apart. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

NOISY_SPREAD = 0.1  # of a figure: beyond it the repetitions contradict each other
NOISY_OTHERS = 0.08  # share of the cores that other programs used meanwhile


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of `count` measurements, the smallest and the largest of them."""

    median: float
    low: float
    high: float
    count: int

    @property
    def spread(self) -> float:
        """Half of the range, as a share of the median."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


def figure(values: Sequence[float]) -> Figure:
    """The figure of one or more measurements."""
    return Figure(median(values), min(values), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Noise:
    """What disturbed the measurements.

    spread   of the figure whose repetitions lie furthest apart
    others   share of the cores that other programs used, in the worst round; None where the system does not say
    """

    spread: float
    others: float | None

    @property
    def noisy(self) -> bool:
        """Whether the figures should not be relied on."""
        return self.spread > NOISY_SPREAD or (self.others or 0.0) > NOISY_OTHERS


def noise(figures: Sequence[Figure], others: Sequence[float | None]) -> Noise:
    """Of all figures and of all rounds."""
    known = [share for share in others if share is not None]
    return Noise(max((one.spread for one in figures), default=0.0), max(known) if known else None)
