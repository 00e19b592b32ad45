"""Each id stands once in a batch's output, however often the run is killed."""

import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import UsageError
from infer.jobs.batch.journal import SUFFIX, Journal
from infer.jobs.batch.ledger import Ledger, Names, digest


def ids(path: Path) -> list[str]:
    return [json.loads(line)["custom_id"] for line in path.read_text().splitlines()]


LINE = digest(b"line")


def add(journal: Journal, *names: str) -> None:
    for name in names:
        journal.add(name, LINE, {"custom_id": name, "text": "…", "error": None})


@given(st.dictionaries(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), max_size=50), st.integers())
def test_a_ledger_is_a_dictionary(wanted: dict[int, int], seed: int) -> None:
    ledger = Ledger()
    pairs = list(wanted.items()) * 2
    random.Random(seed).shuffle(pairs)
    for key, line in pairs:
        ledger.put(key, line)
    assert {key: ledger.get(key) for key in wanted} == wanted
    assert len(ledger) == len(wanted)
    assert ledger.get(digest(b"nobody")) is None or digest(b"nobody") in wanted


def test_a_ledger_of_many_ids_stays_small() -> None:
    ledger = Ledger()
    for number in range(40_000):
        ledger.put(digest(str(number).encode()))
    assert all(ledger.get(digest(str(number).encode())) == 0 for number in range(40_000))
    assert len(ledger) == 40_000
    assert ledger.size <= 22 * 40_000
    ledger.put(digest(b"0"), 5)
    assert (ledger.get(digest(b"0")), ledger.get(digest(b"1"))) == (5, 0)
    assert ledger.size <= 44 * 40_000


def test_an_id_that_is_made_up_is_nobody_s() -> None:
    names = Names()
    given = [("a", 1), ("a (line 3)", 2), ("a", 3), ("a (line 3) (line 3)", 4), ("b", 5)]
    found = [names.once(wanted, f" (line {number})") for wanted, number in given]
    assert found == ["a", "a (line 3)", "a (line 3) (line 3)", "a (line 3) (line 3) (line 4)", "b"]


def test_a_run_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    """At every byte of both files: nothing twice, nothing lost that was whole."""
    path = tmp_path / "out.jsonl"
    with Journal(path, "p") as journal:
        add(journal, "a", "b")
        journal.sync()
        add(journal, "c")
        journal.sync()
    beside = path.with_name(path.name + SUFFIX)
    output, notes = path.read_bytes(), beside.read_bytes()
    for end in range(len(output) + 1):
        path.write_bytes(output[:end])
        beside.write_bytes(notes)
        with Journal(path, "p") as journal:
            left = [name for name in "abc" if not journal.has(name, LINE)]
            assert len(left) == 3 - output[:end].count(b"\n")
            add(journal, *left)
            journal.finish()
        assert sorted(ids(path)) == ["a", "b", "c"]
        with Journal(path, "p") as journal:
            assert all(journal.has(name, LINE) for name in "abc")
            journal.finish()
            assert journal.complete
    for end in range(notes.index(b"\n") + 1, len(notes) + 1):
        path.write_bytes(b"")
        beside.write_bytes(notes[:end])
        with Journal(path, "p") as journal:
            add(journal, "a")
            journal.finish()
        assert ids(path) == ["a"]


def test_other_parameters_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with Journal(path, "p") as journal:
        add(journal, "a")
        journal.sync()
    with pytest.raises(UsageError, match="other parameters"):
        Journal(path, "q")


def test_another_input_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with Journal(path, "p") as journal:
        add(journal, "a")
        journal.sync()
    with Journal(path, "p") as journal:
        assert journal.has("a", LINE)
        with pytest.raises(UsageError, match="another line"):
            journal.has("a", digest(b"changed"))


def test_a_complete_output_is_compared_as_well(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with Journal(path, "p") as journal:
        add(journal, "a")
        journal.finish()
        assert not journal.complete
    before = path.read_bytes()
    with pytest.raises(UsageError, match="other parameters"):
        Journal(path, "q")
    with Journal(path, "p") as journal, pytest.raises(UsageError, match="another line"):
        journal.has("a", digest(b"changed"))
    with Journal(path, "p") as journal:
        assert journal.has("a", LINE)
        journal.finish()
        assert journal.complete
    assert path.read_bytes() == before


def test_lines_that_are_new_are_added(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for names in ("a", "ab"):
        with Journal(path, "p") as journal:
            add(journal, *[name for name in names if not journal.has(name, LINE)])
            journal.finish()
            assert not journal.complete
    assert ids(path) == ["a", "b"]


def test_lines_that_are_gone_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with Journal(path, "p") as journal:
        add(journal, "a", "b", "c")
        journal.sync()
    with Journal(path, "p") as journal:
        assert journal.has("b", LINE)
        add(journal, "d")
        with pytest.raises(UsageError, match="holds 2 records of lines that the input has no more"):
            journal.finish()
    assert ids(path) == ["a", "b", "c", "d"], "what was answered is kept"


def test_an_output_that_was_removed_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for parameters in "pq":
        path.unlink(missing_ok=True)
        with Journal(path, parameters) as journal:
            assert not journal.has("a", LINE)
            add(journal, "a")
            journal.finish()
        assert ids(path) == ["a"]


def test_two_runs_do_not_write_one_output(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with Journal(path, "p") as journal:
        with pytest.raises(UsageError, match="another run is writing"):
            Journal(path, "p")
        add(journal, "a")
        journal.finish()
    with Journal(path, "p") as journal:
        assert journal.has("a", LINE)
        assert journal.complete


def test_records_go_to_files_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is no regular file"):
        Journal(tmp_path / "pipe", "p")
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("text", ["dear diary\n", "dear diary", "[]\n", '{"custom_id": "a"}\n{"custom'])
def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"is there already, without notes.txt.infer"):
        Journal(path, "p")
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["dear diary\n", "dear diary"])
def test_a_file_that_took_the_place_of_the_output_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "out.jsonl"
    with Journal(path, "p") as journal:
        add(journal, "a")
        journal.finish()
    path.write_text(text)
    with pytest.raises(UsageError, match="no output of a batch"):
        Journal(path, "p")
    assert path.read_text() == text


def test_failures_are_counted(tmp_path: Path) -> None:
    with Journal(tmp_path / "o", "p") as journal:
        add(journal, "a")
        journal.add("b", LINE, {"custom_id": "b", "error": {"code": "x"}})
        journal.finish()
        assert (journal.done, journal.failed()) == (2, 1)
