"""Which settings a model is fastest with here. Pure: what is measured comes from a function that is given.

One setting is tried after the other, each value in turn with the best so far (A B, B A, A B, ...), since a machine's
speed changes with time and neighbours in time are compared. What has won is measured against the defaults once more:
only that says by how much it is faster, since the best of several tries is always partly luck.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from infer.types import EngineConfig

Times = tuple[float, ...]  # seconds of each of the jobs, measured once with one configuration
Measure = Callable[[EngineConfig], Times]
Values = dict[str, Any]
LEAST_GAIN = 0.02  # a smaller gain is not worth a line in config.toml
_LOSS = 0.02  # that a single job may have where all together gain
_LAST_ROUNDS = 5  # of the final comparison, at least
_SURE = 0.8  # share of the rounds that a winner has to win


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one configuration is faster than another.

    gain    how much faster: 0.1 is a tenth more work in the same time; the median of the rounds
    low, high   the same of the worst and of the best round
    better  it is so in nearly every round, by more than 2 %, and no job is slower
    """

    gain: float
    low: float
    high: float
    better: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A value of a setting against the best so far."""

    key: str
    value: Any
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Tuning:
    """How it came out. values: what differs from the defaults, {} where these are kept; final: against the defaults.

    best   what had won before the final comparison; {}: nothing had
    """

    values: Values
    best: Values
    trials: tuple[Trial, ...]
    final: Verdict | None


def judge(rounds: Sequence[tuple[Times, Times]]) -> Verdict:
    """Compare (before, after) of several rounds, each measured back to back."""
    ratios = [sum(before) / sum(after) for before, after in rounds]
    gain = median(ratios) - 1
    wins = sum(ratio > 1 for ratio in ratios)
    jobs = range(len(rounds[0][0]))
    worst = min(median([before[job] / after[job] for before, after in rounds]) for job in jobs)
    better = gain >= LEAST_GAIN and wins >= _SURE * len(rounds) and worst >= 1 - _LOSS
    return Verdict(gain, min(ratios) - 1, max(ratios) - 1, better)


def candidates(default: EngineConfig, fixed: Sequence[str], cores: int, logical: int, *, gpu: bool, kv: bool) -> Values:
    """The values to try of each setting, but for those that are `fixed`.

    cores, logical: physical cores and hardware threads that may be used; kv: smaller types of the KV cache as well,
    which change the answers.
    """
    threads = {1, max(1, cores // 2), cores, logical}
    ubatches = (256, 512, 1024, 2048) if gpu else (128, 256, 512, 1024)
    values: Values = {
        "threads": sorted(threads - {default.threads}),
        "repack": [not default.repack],
        "ubatch": [size for size in ubatches if size != default.ubatch],
        "flash_attention": [not default.flash_attention] if default.kv_type == "f16" else [],
        "kv_type": [kind for kind in ("q8_0", "q4_0") if kind != default.kv_type] if kv else [],
    }
    if "flash_attention" in fixed and not default.flash_attention:
        del values["kv_type"]  # a smaller type needs it
    return {key: tried for key, tried in values.items() if key not in fixed and tried}


def vary(config: EngineConfig, key: str, value: Any) -> EngineConfig:
    """A configuration with one setting changed, and what that one needs."""
    changed = replace(config, **{key: value})
    if key == "kv_type" and value != "f16":
        changed = replace(changed, flash_attention=True)
    return replace(changed, batch=max(changed.batch, changed.ubatch))


def times_measured(tried: Values, rounds: int) -> int:
    """How often `search` measures at most."""
    return 2 * (rounds * sum(map(len, tried.values())) + max(rounds, _LAST_ROUNDS))


def difference(config: EngineConfig, default: EngineConfig, keys: Sequence[str]) -> Values:
    """The settings in which a configuration is not the default one."""
    pairs = ((key, getattr(config, key)) for key in keys)
    return {key: value for key, value in pairs if value != getattr(default, key)}


def in_turn(first: EngineConfig, second: EngineConfig, measure: Measure, rounds: int) -> Verdict:
    """Measure both `rounds` times, back to back, the order changed each time; is the second faster?"""
    found: list[tuple[Times, Times]] = []
    for number in range(rounds):
        if number % 2:
            after = measure(second)
            found.append((measure(first), after))
        else:
            before = measure(first)
            found.append((before, measure(second)))
    return judge(found)


def search(
    default: EngineConfig, tried: Values, measure: Measure, rounds: int, tell: Callable[[Trial], None]
) -> Tuning:
    """Try all values and return what is faster than the defaults; `tell` hears of each trial."""
    best, trials = default, []
    for key, values in tried.items():
        start, leading = best, 0.0
        for value in values:
            candidate = vary(start, key, value)
            trial = Trial(key, value, in_turn(start, candidate, measure, rounds))
            trials.append(trial)
            tell(trial)
            if trial.verdict.better and trial.verdict.gain > leading:
                best, leading = candidate, trial.verdict.gain
    keys = tuple(dict.fromkeys([*tried, "flash_attention"]))
    values = difference(best, default, keys)
    if not values:
        return Tuning({}, {}, tuple(trials), None)
    final = in_turn(default, best, measure, max(rounds, _LAST_ROUNDS))
    return Tuning(values if final.better else {}, values, tuple(trials), final)
