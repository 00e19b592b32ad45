"""The status line is never cut in the middle of what it says."""

import pytest

from infer.cli.repl_reports import _fitting

PARTS = ["some-model.gguf", "1,000/8,192 tokens (12 %)", "20 tok/s", "prompt 900 cached + 10 computed", "session s"]


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (200, " · ".join(PARTS)),
        (90, " · ".join(PARTS[:4])),
        (60, "some-model.gguf · 1,000/8,192 tokens (12 %) · 20 tok/s"),
        (44, "some-model.gguf · 1,000/8,192 tokens (12 %)"),
        (40, "some-model.… · 1,000/8,192 tokens (12 %)"),
        (10, "s… · 1,000/8,192 tokens (12 %)"),
    ],
)
def test_what_does_not_fit_is_left_out(columns: int, shown: str) -> None:
    assert " · ".join(_fitting(PARTS, columns)) == shown
