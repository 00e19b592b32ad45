"""What is measured, how often, and what the repetitions say about each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import UsageError
from infer.jobs.bench.figures import figure, noise
from infer.jobs.bench.sizes import Asked, Rates, Shape, choose, fits, room, seconds

rates = st.builds(Rates, st.floats(0.5, 1e6), st.floats(0.1, 1e5))


@given(st.lists(st.floats(0.1, 1e6), min_size=1))
def test_a_figure_lies_within_its_measurements(values: list[float]) -> None:
    found = figure(values)
    assert min(values) == found.low <= found.median <= found.high == max(values)
    assert found.spread >= 0
    assert (found.spread == 0) == (found.low == found.high)


@pytest.mark.parametrize(
    ("values", "others", "noisy"),
    [
        ([1.0, 1.05, 1.1], [0.0, 0.02], False),
        ([1.0, 1.05, 1.1], [0.0, 0.2], True),
        ([1.0, 1.5, 2.0], [0.0], True),
        ([1.0, 1.05, 1.1], [None], False),  # where the system does not say
    ],
)
def test_a_noisy_machine_is_noticed(values: list[float], others: list[float | None], noisy: bool) -> None:
    assert noise([figure([1.0]), figure(values)], others).noisy is noisy


@given(rates, st.integers(100, 1 << 20), st.integers(1, 64), st.floats(0.1, 600), st.integers(1, 9))
def test_what_is_measured_fits_and_stays_within_the_time(
    found: Rates, longest: int, parallel: int, budget: float, rounds: int
) -> None:
    """One shape is measured however slow the model is; more only as far as the budget goes."""
    positions = longest * parallel
    sizes = choose(Asked(rounds=rounds, seconds=budget), found, longest, positions)
    assert all(fits(shape, sizes.steps, longest, positions) for shape in sizes.shapes)
    first, *_ = sizes.shapes
    assert first.parallel == 1
    assert len(set(sizes.shapes)) == len(sizes.shapes)
    if len(sizes.shapes) > 1:
        each = sum(seconds(shape, sizes.steps, found) for shape in sizes.shapes)
        assert each * (1 + rounds) <= budget * 1.001


def test_what_was_asked_for_is_measured_however_long_it_takes() -> None:
    sizes = choose(Asked((64, 4096), (2, 8), 1, 0.1), Rates(10, 1), 8192, 1 << 20)
    assert sizes.shapes == (Shape(64), Shape(4096), Shape(64, 2), Shape(64, 8))


@pytest.mark.parametrize(
    ("asked", "what"), [(Asked((64, 9000)), "a prompt of 9,000 tokens"), (Asked((64,), (64,)), "64 sequences")]
)
def test_what_was_asked_for_and_does_not_fit_is_refused(asked: Asked, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        choose(asked, Rates(1000, 100), 8192, 8192)


def test_an_answer_has_room_for_what_comes_while_others_are_computed() -> None:
    assert room(Shape(128), 32) >= 33
    assert room(Shape(2048, 8), 32) > 32 + 2048 * 8 / 512
