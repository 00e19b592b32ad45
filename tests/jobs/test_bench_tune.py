"""The choice of settings as a law: never slower than the defaults, by the measurements that were made."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.jobs.bench.tune import Trial, candidates, difference, judge, search, vary
from infer.types import EngineConfig

DEFAULT = EngineConfig(threads=2, ubatch=256, batch=512)
TRIED = {"threads": [1], "repack": [True], "ubatch": [128, 512, 1024], "flash_attention": [True]}
RECORDED = json.loads(Path(__file__).with_name("recorded_tuning.json").read_text())
times = st.floats(0.5, 2.0)
KEYS = ("threads", "repack", "ubatch", "flash_attention", "kv_type")


def name(config: EngineConfig) -> str:
    """How a configuration is called in recorded_tuning.json."""
    return json.dumps([getattr(config, key) for key in KEYS])


def quiet(_: Trial) -> None:
    """Nobody listens."""


@given(st.lists(st.tuples(st.tuples(times, times), st.tuples(times, times)), min_size=3, max_size=9))
def test_what_is_called_faster_was_faster(rounds: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    """In four of five rounds, by 2 % in the median, and no job lost by it."""
    verdict = judge(rounds)
    wins = sum(sum(after) < sum(before) for before, after in rounds)
    assert verdict.low <= verdict.gain <= verdict.high
    if verdict.better:
        assert wins >= 0.8 * len(rounds)
        assert verdict.gain >= 0.02
    if not judge([(after, before) for before, after in rounds]).better:
        return
    assert not verdict.better, "not both are faster than the other"


@given(st.integers(0, 2**32), st.floats(0, 0.3), st.dictionaries(st.sampled_from(sorted(TRIED)), st.floats(0.7, 1.4)))
def test_settings_are_never_slower_than_the_defaults(seed: int, spread: float, truth: dict[str, float]) -> None:
    """On machines of any noise, where each setting has an effect of its own: what is kept measured faster at last."""
    draw = Random(seed)

    def measure(config: EngineConfig) -> tuple[float, ...]:
        factor = 1.0
        for key in difference(config, DEFAULT, tuple(TRIED)):
            factor *= truth.get(key, 1.0)
        return (factor * (1 + draw.uniform(0, spread)), 2 * factor * (1 + draw.uniform(0, spread)))

    found = search(DEFAULT, TRIED, measure, 3, quiet)
    if found.values:
        assert found.final is not None
        assert found.final.better
        assert found.values == found.best
    if spread == 0:
        real = 1.0
        for key in found.values:
            real *= truth.get(key, 1.0)
        assert real <= 1.0, "without noise what is kept is faster in truth"


def test_two_settings_that_help_are_found_together() -> None:
    def measure(config: EngineConfig) -> tuple[float, ...]:
        return (1.0 - 0.1 * (config.ubatch == 512) - 0.2 * config.repack - 0.05 * (config.ubatch == 128),)

    found = search(DEFAULT, TRIED, measure, 3, quiet)
    assert found.values == {"ubatch": 512, "repack": True}
    assert found.final is not None
    assert found.final.gain == pytest.approx(1 / 0.7 - 1)


def test_a_gain_of_one_job_that_costs_another_is_none() -> None:
    """Flash attention wins long prompts and loses short ones on a CPU: that is for nobody to decide but the user."""
    rounds = [((1.0, 4.0), (1.1, 3.0))] * 5
    assert not judge(rounds).better


def test_what_won_by_luck_is_not_kept() -> None:
    """Three lucky rounds, then the final comparison against the defaults shows nothing."""
    lucky = iter([*[1.0, 0.9, 0.9, 1.0, 1.0, 0.9], *[1.0] * 100])
    found = search(DEFAULT, {"ubatch": [512]}, lambda _: (next(lucky),), 3, quiet)
    assert (found.best, found.values) == ({"ubatch": 512}, {})


def test_what_is_tried_is_not_what_is_set_already_nor_what_the_user_has_said() -> None:
    tried = candidates(DEFAULT, ("threads",), 2, 4, gpu=False, kv=False)
    assert tried == {"repack": [True], "ubatch": [128, 512, 1024], "flash_attention": [True]}
    assert candidates(DEFAULT, (), 4, 8, gpu=False, kv=True)["threads"] == [1, 4, 8]
    assert candidates(DEFAULT, (), 1, 1, gpu=False, kv=True)["kv_type"] == ["q8_0", "q4_0"]
    assert "kv_type" not in candidates(DEFAULT, ("flash_attention",), 1, 1, gpu=False, kv=True)
    quantised = replace(DEFAULT, kv_type="q8_0", flash_attention=True)
    assert "flash_attention" not in candidates(quantised, (), 1, 1, gpu=False, kv=False), "it needs it"


def test_a_setting_brings_what_it_needs() -> None:
    assert vary(DEFAULT, "ubatch", 1024).batch == 1024, "llama.cpp cuts a ubatch down to the batch"
    assert vary(DEFAULT, "kv_type", "q8_0").flash_attention


@pytest.mark.parametrize("machine", sorted(RECORDED))
def test_recorded_measurements_are_judged_as_they_fell(machine: str) -> None:
    """Times of a real model on a real, noisy machine: what is kept was faster there than the defaults."""
    record = RECORDED[machine]
    pools: dict[str, Iterator[list[float]]] = {key: iter(values) for key, values in record["times"].items()}
    default = replace(DEFAULT, **record["default"])
    found = search(default, record["tried"], lambda config: tuple(next(pools[name(config)])), 3, quiet)
    assert found.values == record["kept"]
    if found.values:
        best = replace(default, **found.values)
        totals = {name(c): sum(map(sum, record["times"][name(c)][-5:])) for c in (default, best)}
        assert totals[name(best)] < totals[name(default)]
