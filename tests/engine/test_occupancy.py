"""How many sequences at once: as many as asked for, else as many as bring more together."""

import pytest

from infer.engine.occupancy import Occupancy


def settle(occupancy: Occupancy, seconds: "dict[int, float]") -> int:
    """Steps with as many sequences as may run, which take this long; others in between say nothing."""
    for _ in range(200):
        occupancy.note(occupancy.limit, seconds[occupancy.limit])
        occupancy.note(3, 0.0001)
    return occupancy.limit


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
    assert settle(Occupancy(most, fixed=False), seconds) == best


def test_one_slow_step_decides_nothing() -> None:
    occupancy = Occupancy(64, fixed=False)
    for limit in (16, 32):
        assert occupancy.limit == limit
        for seconds in (1, 1, 50, 1, 1, 1):
            occupancy.note(limit, seconds)
    assert occupancy.limit == 64


def test_what_was_asked_for_is_not_changed() -> None:
    assert settle(Occupancy(48, fixed=True), {48: 1.0}) == 48
