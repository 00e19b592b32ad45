"""What the self-test and `--cache-verify` make of two lists of logits."""

from math import inf, nan

import pytest

from infer.engine.self_test import compare


@pytest.mark.parametrize(
    ("found", "expected", "difference", "spread"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.5, 2.0], 1.0, 0.6236),
        ([-inf, 1.0, 3.0], [-inf, 1.0, 3.0], 0.0, 1.0),
        ([-inf, 1.0, 3.0], [0.0, 1.0, 3.0], inf, 1.2472),
        ([1.0, nan, 3.0], [1.0, 2.0, 3.0], inf, 0.8165),
        ([nan, 2.0, 3.0], [1.0, 2.0, 3.0], inf, 0.8165),
        ([nan, nan], [nan, nan], inf, 0.0),
        ([1.0, 2.0], [1.0, nan], inf, 0.0),
    ],
)
def test_comparing(found: list[float], expected: list[float], difference: float, spread: float) -> None:
    """What is no number is infinitely far from any; the same infinity, of a token that cannot come, is the same."""
    assert compare(found, expected) == pytest.approx((difference, spread), abs=1e-4)
