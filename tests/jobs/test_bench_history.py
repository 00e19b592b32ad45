"""The history of benchmarks: private, whole lines, whatever else stands in the file; and what has changed since."""

import stat
from pathlib import Path
from typing import Any

import pytest

from infer.jobs.bench.compare import compare
from infer.jobs.bench.history import History
from infer.jobs.bench.report import VERSION


def a_figure(median: float, spread: float = 0.01) -> dict[str, float]:
    return {"median": median, "low": median * (1 - spread), "high": median * (1 + spread), "count": 5}


def a_record(rate: float = 100.0, first: float = 2.0, **settings: Any) -> dict[str, Any]:
    return {
        "version": VERSION,
        "time": 1790000000.0,
        "infer": "0.1.0",
        "settings": {"threads": 2, **settings},
        "noise": {"noisy": False},
        "rows": [{"prompt": 128, "parallel": 1, "prefill": a_figure(10 * rate), "decode": a_figure(rate)}],
        "first_token": {"prompt": 512, "computed": a_figure(first), "restored": None, "start": a_figure(0.5)},
    }


def test_the_last_run_of_this_model_on_this_machine_comes_back(tmp_path: Path) -> None:
    history = History(tmp_path / "data" / "bench", "tiny Q8_0", "cpu")
    assert history.last() is None
    for rate in (1.0, 2.0):
        history.add(a_record(rate))
    History(tmp_path / "data" / "bench", "tiny Q8_0", "another cpu").add(a_record(9.0))
    assert history.last() == a_record(2.0)
    assert stat.S_IMODE(history.path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (tmp_path / "data", history.path.parent)} == {0o700}


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b"[]\n",
        b'{"version": 1}\n',
        b"\xff\n",
        b'{"version": 99, "rows": [], "first_token": {}}\n',
        b'{"version": 1, "time',  # a crash in the middle of a write
    ],
)
def test_lines_that_are_no_runs_are_passed_over(tmp_path: Path, line: bytes) -> None:
    history = History(tmp_path, "m", "cpu")
    history.add(a_record(1.0))
    with history.path.open("ab") as file:
        file.write(line)
    assert history.last() == a_record(1.0)
    history.add(a_record(2.0))
    assert list(history.records()) == [a_record(1.0), a_record(2.0)]


def test_a_link_in_the_place_of_the_history_is_not_followed(tmp_path: Path) -> None:
    history = History(tmp_path, "m", "cpu")
    target = tmp_path / "elsewhere"
    history.path.symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        history.add(a_record())
    assert history.last() is None
    assert not target.exists()


def test_a_change_is_real_when_it_is_larger_than_what_the_rounds_differ_by() -> None:
    found = compare(a_record(100.0, first=2.0), a_record(110.0, first=2.01, threads=1))
    changes = {change.name: (round(change.ratio, 3), change.real) for change in found.changes}
    assert changes == {
        "prefill of 128 tokens, tok/s": (1.1, True),
        "decode after 128 tokens, tok/s": (1.1, True),
        "first token of 512, computed, s": (0.995, False),
        "start, s": (1.0, False),
    }
    assert found.settings == (("threads", 2, 1),)


def test_a_noisy_run_is_said() -> None:
    noisy = a_record() | {"noise": {"noisy": True}}
    assert [compare(*pair).noisy for pair in ((a_record(), a_record()), (noisy, a_record()), (a_record(), noisy))] == [
        False, True, True,
    ]  # fmt: skip


def test_less_time_is_faster() -> None:
    found = compare(a_record(first=2.0), a_record(first=1.0))
    first = next(change for change in found.changes if change.name.startswith("first token"))
    assert (first.ratio, first.real) == (2.0, True)


def test_another_device_is_said_to_be_another_setting() -> None:
    before, now = a_record() | {"device": "CPU"}, a_record(200.0) | {"device": "CUDA0 (a card)"}
    assert compare(before, now).settings == (("device", "CPU", "CUDA0 (a card)"),)


def test_of_a_long_history_the_last_runs_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infer.jobs.bench.history._MOST_BYTES", 3000)
    history = History(tmp_path, "model", "machine")
    for rate in range(1, 30):
        history.add(a_record(float(rate)))
    last = history.last()
    assert last is not None
    assert last["rows"][0]["decode"]["median"] == 29.0
