"""The loop guard ends what repeats, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.engine.loop_guard import LoopGuard


def ends_at(tokens: list[int], **limits: int) -> int | None:
    guard = LoopGuard(**limits)
    return next((i for i, token in enumerate(tokens) if guard.accept(token)), None)


@pytest.mark.parametrize("period", [1, 2, 7, 63, 64])
def test_a_cycle_of_at_most_64_tokens_ends_after_512_repeated_tokens(period: int) -> None:
    cycle = list(range(period))
    assert ends_at(cycle * 700) == period + 512 - 1


def test_a_cycle_of_65_tokens_is_let_through() -> None:
    assert ends_at(list(range(65)) * 100) is None


def test_one_odd_token_starts_the_count_again() -> None:
    assert ends_at([1] * 512 + [2] + [1] * 512) is None


@given(st.lists(st.integers(0, 3), max_size=200), st.integers(1, 6), st.integers(1, 30))
def test_it_says_so_exactly_when_the_last_tokens_equal_those_a_period_earlier(
    tokens: list[int], max_period: int, repeated: int
) -> None:
    def cyclic(end: int) -> bool:
        return any(
            end - period >= repeated and all(tokens[i] == tokens[i - period] for i in range(end - repeated, end))
            for period in range(1, max_period + 1)
        )

    expected = next((end - 1 for end in range(1, len(tokens) + 1) if cyclic(end)), None)
    assert ends_at(tokens, max_period=max_period, min_repeated=repeated) == expected
