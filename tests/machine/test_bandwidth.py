"""The memory's speed: a number of bytes a second that a machine can have, from the threads that were asked for."""

from pathlib import Path

import pytest

from infer.machine.bandwidth import FILE, known, memory_bandwidth


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_memory_is_read_at_a_speed_that_memory_has(threads: int) -> None:
    """Between 10 MB/s (an emulator) and 100 TB/s; a search that ended at once would be beyond it."""
    assert 1e7 < memory_bandwidth(threads, size=16 << 20, rounds=3) < 1e14


def test_what_was_measured_once_is_remembered_for_each_device(tmp_path: Path) -> None:
    folder = tmp_path / "not there yet"
    assert known(folder, "CPU", lambda: 39e9) == 39e9
    assert known(folder, "a card", lambda: 360e9) == 360e9
    assert [known(folder, name, lambda: 1e9) for name in ("CPU", "a card", "another")] == [39e9, 360e9, 1e9]


@pytest.mark.parametrize("damage", ["", "[]", '{"CPU": "much"}', '{"CPU": null}', '{"CPU": 1e99}', "[" * 100_000])
def test_a_damaged_memory_of_it_costs_another_measurement(damage: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(damage)
    assert known(tmp_path, "CPU", lambda: 39e9) == 39e9
    assert known(tmp_path, "CPU", lambda: 1e9) == 39e9


def test_a_folder_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert known(tmp_path / "file", "CPU", lambda: 39e9) == 39e9
