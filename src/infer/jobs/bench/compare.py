"""What has changed between two runs of `infer bench`, and what is only noise. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infer.jobs.bench.figures import Figure
from infer.jobs.bench.report import SETTINGS, figures_of

_LEAST = 0.02  # a smaller change is none


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, before and now. ratio: how much faster now (1.1: a tenth more a second, or in less time).

    real   the change is larger than what the repetitions of both runs differ by
    """

    name: str
    before: Figure
    now: Figure
    ratio: float
    real: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs. settings: what was set otherwise then, as (name, before, now); noisy: one of them was disturbed."""

    time: float
    infer: str
    changes: tuple[Change, ...]
    settings: tuple[tuple[str, Any, Any], ...]
    noisy: bool


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> Comparison:
    """Two records; figures that only one of them has are left out."""
    earlier, later = figures_of(before), figures_of(now)
    changes = tuple(_change(name, earlier[name], later[name]) for name in later if name in earlier)
    then, today = before["settings"], now["settings"]
    settings = tuple((key, then.get(key), today.get(key)) for key in SETTINGS if then.get(key) != today.get(key))
    if before.get("device") != now.get("device"):
        settings = (("device", before.get("device"), now.get("device")), *settings)
    noisy = any(bool(record["noise"]["noisy"]) for record in (before, now))
    return Comparison(before["time"], before["infer"], changes, settings, noisy)


def _change(name: str, before: Figure, now: Figure) -> Change:
    ratio = before.median / now.median if name.endswith(", s") else now.median / before.median
    return Change(name, before, now, ratio, abs(ratio - 1) > max(_LEAST, before.spread + now.spread))
