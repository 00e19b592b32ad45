"""How many sequences at once: as many as asked for, else as many as bring more together."""

import pytest

from infer.engine.pace import Pace


def settle(pace: Pace, seconds: "dict[int, float]") -> int:
    """Steps with as many sequences as may run, which take this long; others in between say nothing."""
    for _ in range(200):
        pace.note(pace.limit, seconds[pace.limit])
        pace.note(3, 0.0001)
    return pace.limit


@pytest.mark.parametrize(
    ("seconds", "most", "best"),
    [
        ({16: 1.0, 32: 1.2, 64: 1.4}, 64, 64),
        ({16: 1.0, 32: 1.2, 64: 2.4}, 64, 32),
        ({16: 1.0, 32: 2.0, 64: 2.0}, 64, 16),
        ({16: 1.0, 32: 1.0}, 40, 32),
        ({5: 1.0}, 5, 5),
    ],
)
def test_more_sequences_run_while_that_brings_more(seconds: dict[int, float], most: int, best: int) -> None:
    assert settle(Pace(most, fixed=False), seconds) == best


def test_one_slow_step_decides_nothing() -> None:
    pace = Pace(64, fixed=False)
    for limit in (16, 32):
        assert pace.limit == limit
        for seconds in (1, 1, 50, 1, 1, 1):
            pace.note(limit, seconds)
    assert pace.limit == 64


def test_what_was_asked_for_is_not_changed() -> None:
    assert settle(Pace(48, fixed=True), {48: 1.0}) == 48
