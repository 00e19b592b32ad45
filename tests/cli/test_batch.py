"""`infer batch` as a script meets it: every line answered once, whatever is in it and whoever kills it."""

import json
import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cli.command import Command
from infer.engine.prefix.survey import survey

FLAGS = ("--max-tokens", "8", "-t", "0")


def write(path: Path, lines: Sequence[Any]) -> Path:
    path.write_bytes(b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines))
    return path


def records(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def prompts(count: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Tell me a story about fox number {number}."} for number in range(count)]


def test_answers_are_those_of_single_runs(infer: Command, tmp_path: Path) -> None:
    asked = prompts(5)
    result = infer.run("batch", "tiny", write(tmp_path / "in.jsonl", asked), *FLAGS)
    assert (result.code, result.err) == (0, "")
    found = records(result.out)
    assert [one["custom_id"] for one in found] == ["1", "2", "3", "4", "5"]
    for line, record in zip(asked, found, strict=True):
        alone = infer.run("run", "tiny", line["prompt"], *FLAGS, "--json", stdin=None).json
        assert (record["text"], record["finish_reason"]) == (alone["text"], alone["finish_reason"])
        assert record["usage"]["prompt"] == alone["usage"]["prompt"]
        assert record["error"] is None


def test_from_stdin_to_stdout_with_a_template(infer: Command) -> None:
    data = b"".join(json.dumps({"n": n, "custom_id": f"id-{n}"}).encode() + b"\n" for n in range(3))
    result = infer.run("batch", "tiny", "--template", "Tell me a story about {n}.", *FLAGS, stdin=data)
    assert [one["custom_id"] for one in records(result.out)] == ["id-0", "id-1", "id-2"]


def test_a_table(infer: Command, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("animal,thing\nfox,boat\nowl,kite\n")
    template = "Tell me a story about a {animal} and a {thing}."
    result = infer.run("batch", "tiny", table, "--template", template, *FLAGS)
    alone = infer.run("run", "tiny", "Tell me a story about a owl and a kite.", *FLAGS, stdin=None)
    assert records(result.out)[1]["text"] == alone.out.decode()
    refused = infer.run("batch", "tiny", table)
    assert (refused.code, refused.lines[0]) == (2, "error: a CSV file needs --template")


def test_a_table_through_a_pipe(infer: Command, tmp_path: Path) -> None:
    template = ("--template", "Tell me a story about a {animal}.")
    data = b"animal,thing\nfox,boat\nowl\n"
    result = infer.run("batch", "tiny", "--input", "csv", *template, *FLAGS, stdin=data)
    found = records(result.out)
    assert result.code == 9
    assert [one["custom_id"] for one in found] == ["2", "3"]
    assert found[0]["text"]
    assert found[1]["error"]["message"] == "the row has 1 field, the first one names 2"
    twice = infer.run("batch", "tiny", "--input", "csv", *template, stdin=b"animal,animal\nfox,owl\n")
    assert (twice.code, twice.out, "two are called 'animal'" in twice.lines[0]) == (2, b"", True)
    odd = infer.run("batch", "tiny", "--input", "xml", stdin=b"")
    assert (odd.code, odd.lines[0]) == (2, "error: --input xml is not one of jsonl, csv")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_pipe_that_pauses(infer: Command, tmp_path: Path, number: int) -> None:
    """What has come is answered, also beside half a line, and a signal is heard."""
    reader, writer = os.pipe()
    output = tmp_path / "out.jsonl"
    arguments = ("-o", output) if number == signal.SIGTERM else ()
    running = infer.start("batch", "tiny", *FLAGS, *arguments, stdin=reader)
    os.close(reader)

    def answered() -> list[dict[str, Any]]:
        return records(output.read_bytes() if output.exists() else running.out)

    for count, text in enumerate(
        ('{"prompt": "Tell me a story."}\n{"custom_id": "a", ', '"prompt": "Tell me one."}\n{'), 1
    ):
        os.write(writer, text.encode())
        running.until(lambda: len(answered()) == count)  # noqa: B023
    assert [(one["custom_id"], one["error"]) for one in answered()] == [("1", None), ("a", None)]
    running.signal_group(number)
    result = running.finish(10)
    os.close(writer)
    assert (result.code, result.err) == (128 + number, "")


def test_stdin_that_is_closed_is_empty(infer: Command, tmp_path: Path) -> None:
    result = infer.run("batch", "tiny", *FLAGS, stdin="closed")
    assert (result.code, result.out, result.err) == (0, b"", "")


def test_bad_lines_are_records_and_the_rest_goes_on(infer: Command, tmp_path: Path) -> None:
    lines = [
        {"prompt": "Tell me a story.", "custom_id": "a"},
        b"not json",
        {"prompt": "x" * 10_000_001},
        b'{"prompt": "\xff"}',
        {"custom_id": "a", "prompt": "Tell me another."},
        {"prompt": "word " * 5000, "custom_id": "long"},
        {"prompt": "Tell me a story.", "custom_id": "z"},
    ]
    output = tmp_path / "out.jsonl"
    result = infer.run("batch", "tiny", write(tmp_path / "in.jsonl", lines), "-o", output, *FLAGS)
    assert result.code == 9
    assert result.err == f"note: 5 of 7 lines failed, see error in {output}\n"
    found = records(output.read_bytes())
    codes = [one["error"] and one["error"]["code"] for one in found]
    assert codes == [None, "bad-line", "bad-line", "bad-line", "bad-line", "context-overflow", None]
    assert [one["custom_id"] for one in found] == ["a", "2", "3", "4", "a (line 5)", "long", "z"]
    assert found[0]["text"] == found[6]["text"]


def test_ids_that_meet(infer: Command, tmp_path: Path) -> None:
    """A line without an id is answered whatever others call themselves; and what is made up is nobody's."""
    text = "Tell me a story."
    lines = [
        {"prompt": text, "custom_id": "2"},
        {"prompt": text},
        {"prompt": text, "custom_id": "a"},
        {"prompt": text, "custom_id": "a (line 5)"},
        {"prompt": text, "custom_id": "a"},
    ]
    given, output = write(tmp_path / "in.jsonl", lines), tmp_path / "out.jsonl"
    assert infer.run("batch", "tiny", given, "-o", output, *FLAGS).code == 9
    found = records(output.read_bytes())
    assert [one["custom_id"] for one in found] == ["2", "2 (line 2)", "a", "a (line 5)", "a (line 5) (line 5)"]
    assert [one["error"] is None for one in found] == [True, True, True, True, False]
    assert "the custom_id 'a' of an earlier line" in found[4]["error"]["message"]
    assert infer.run("batch", "tiny", given, "-o", output, *FLAGS).code == 9
    assert len(records(output.read_bytes())) == 5


def test_what_lines_begin_with_is_computed_once(infer: Command, tmp_path: Path, long_model: Path) -> None:
    document = "The quick brown fox jumps over the lazy dog. " * 20
    lines = [{"prompt": document + f"Question {n}?"} for n in range(12)]
    result = infer.run("batch", long_model, write(tmp_path / "in.jsonl", lines), *FLAGS, "--raw", "--parallel", "4")
    cached = [one["usage"]["cached"] for one in records(result.out)]
    assert sum(count == 0 for count in cached) == 1
    assert min(count for count in cached if count) >= 700


def test_a_summary(infer: Command, tmp_path: Path) -> None:
    given = write(tmp_path / "in.jsonl", prompts(3))
    output = tmp_path / "out.jsonl"
    summary = infer.run("batch", "tiny", given, "-o", output, *FLAGS, "--json").json
    assert (summary["answered"], summary["failed"], summary["answered_before"]) == (3, 0, 0)
    assert summary["usage"]["completion"] == 24
    assert infer.run("batch", "tiny", given, *FLAGS, "--json").code == 2


def test_the_same_command_again_does_nothing(infer: Command, tmp_path: Path) -> None:
    given, output = write(tmp_path / "in.jsonl", prompts(3)), tmp_path / "out.jsonl"
    infer.run("batch", "tiny", given, "-o", output, *FLAGS)
    before = output.read_bytes()
    again = infer.run("batch", "tiny", given, "-o", output, *FLAGS, "--json")
    assert (again.json["answered"], again.json["answered_before"]) == (0, 3)
    assert output.read_bytes() == before
    assert again.err == f"note: {output} is complete, nothing was asked; remove it to begin again\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl", "out.jsonl.infer"]


def test_other_parameters_and_another_input_are_noticed(infer: Command, tmp_path: Path) -> None:
    given, output = write(tmp_path / "in.jsonl", prompts(400)), tmp_path / "out.jsonl"
    running = infer.start("batch", "tiny", given, "-o", output, *FLAGS)
    running.until(lambda: output.exists() and output.stat().st_size > 0)
    running.signal(signal.SIGKILL)
    running.finish()
    other = infer.run("batch", "tiny", given, "-o", output, "--max-tokens", "9", "-t", "0")
    assert (other.code, "other parameters" in other.err) == (2, True)
    write(given, [{"prompt": "Something else."}, *prompts(400)[1:]])
    changed = infer.run("batch", "tiny", given, "-o", output, *FLAGS)
    assert (changed.code, "another line" in changed.err) == (2, True)


def test_ctrl_c_finishes_nothing_half(infer: Command, tmp_path: Path) -> None:
    given, output = write(tmp_path / "in.jsonl", prompts(400)), tmp_path / "out.jsonl"
    running = infer.start("batch", "tiny", given, "-o", output, *FLAGS)
    running.until(lambda: output.exists() and output.stat().st_size > 0)
    running.signal_group(signal.SIGINT)
    assert running.finish().code == 130
    found = records(output.read_bytes())
    assert output.read_bytes().endswith(b"\n")
    assert all(one["finish_reason"] for one in found)
    assert infer.run("batch", "tiny", given, "-o", output, *FLAGS).code == 0
    assert [one["custom_id"] for one in records(output.read_bytes())] == [str(n) for n in range(1, 401)]


def test_a_worker_that_dies_is_replaced(infer: Command, tmp_path: Path) -> None:
    given, output = write(tmp_path / "in.jsonl", prompts(300)), tmp_path / "out.jsonl"
    running = infer.start("batch", "tiny", given, "-o", output, *FLAGS)
    running.until(lambda: output.exists() and output.stat().st_size > 0)
    os.kill(running.worker(), signal.SIGKILL)
    result = running.finish()
    assert (result.code, result.err) == (0, "")
    found = records(output.read_bytes())
    assert [one["custom_id"] for one in found] == [str(number) for number in range(1, 301)]
    assert all(one["usage"]["completion"] for one in found)


def test_as_completed_misses_none(infer: Command, tmp_path: Path) -> None:
    lines = [one | {"max_tokens": 40 if number == 0 else 2} for number, one in enumerate(prompts(8))]
    given = write(tmp_path / "in.jsonl", lines)
    found = [one["custom_id"] for one in records(infer.run("batch", "tiny", given, "--as-completed").out)]
    assert found[-1] == "1"
    assert sorted(found) == [str(number) for number in range(1, 9)]


def test_an_output_that_is_complete_is_not_taken_for_an_answer(infer: Command, tmp_path: Path) -> None:
    given, output = write(tmp_path / "in.jsonl", prompts(3)), tmp_path / "out.jsonl"
    infer.run("batch", "tiny", given, "-o", output, *FLAGS)
    before = output.read_bytes()
    other = infer.run("batch", "tiny", given, "-o", output, "--max-tokens", "9")
    assert (other.code, "other parameters" in other.err) == (2, True)
    write(given, [*prompts(2), {"prompt": "Something else."}])
    changed = infer.run("batch", "tiny", given, "-o", output, *FLAGS)
    assert (changed.code, "another line" in changed.err) == (2, True)
    write(given, prompts(2))
    shorter = infer.run("batch", "tiny", given, "-o", output, *FLAGS)
    assert (shorter.code, "holds 1 record of lines that the input has no more" in shorter.err) == (2, True)
    assert output.read_bytes() == before
    (tmp_path / "out.jsonl.infer").unlink()
    alone = infer.run("batch", "tiny", given, "-o", output, *FLAGS)
    assert (alone.code, "is there already, without out.jsonl.infer" in alone.err) == (2, True)


def test_the_input_is_not_written_over(infer: Command, tmp_path: Path) -> None:
    given = write(tmp_path / "in.jsonl", [one | {"custom_id": "a"} for one in prompts(1)])
    refused = infer.run("batch", "tiny", given, "-o", tmp_path / "." / "in.jsonl")
    assert (refused.code, refused.lines[0]) == (2, f"error: {given} is the input as well")
    before = given.read_bytes()
    for line in (
        'infer batch tiny "$IN" >>"$IN"',
        'infer batch tiny <"$IN" >>"$IN"',
        'infer batch tiny -o "$IN" <"$IN"',
    ):
        result = infer.shell(line, IN=given)
        assert (result.returncode, b"is the input as well" in result.stderr) == (2, True), line
    assert given.read_bytes() == before


def test_two_runs_on_one_output(infer: Command, tmp_path: Path) -> None:
    given, output = write(tmp_path / "in.jsonl", prompts(400)), tmp_path / "out.jsonl"
    running = infer.start("batch", "tiny", given, "-o", output, *FLAGS)
    running.until(lambda: output.exists() and output.stat().st_size > 0)
    second = infer.run("batch", "tiny", given, "-o", output, *FLAGS)
    assert (second.code, second.lines[0]) == (2, f"error: another run is writing {output}")
    assert running.finish().code == 0
    assert len(records(output.read_bytes())) == 400


def test_only_what_lines_have_in_common_is_stored(infer: Command, tmp_path: Path, long_model: Path) -> None:
    """Else a large file of prompts would take the place of what is asked again."""
    document = "The quick brown fox jumps over the lazy dog. " * 20
    lines = [{"prompt": document + f"Question {number}?"} for number in range(16)]
    lines += [{"prompt": f"{number} is something else. " * 7} for number in (100, 200)]
    cached = {"INFER_NO_CACHE": None, "INFER_CACHE_DIR": str(tmp_path / "cache")}
    flags = (*FLAGS, "--raw", "--parallel", "4")
    infer.run("batch", long_model, write(tmp_path / "in.jsonl", lines), *flags, env=cached)
    stored = sum(one.name.count for one in survey(tmp_path / "cache"))
    assert 700 <= stored <= 1000, "the document, not what follows it nor the other lines"


@pytest.mark.parametrize("template", ["no field", "{", "{a!r}"])
def test_templates_that_are_none(infer: Command, template: str) -> None:
    result = infer.run("batch", "tiny", "--template", template, stdin=b"{}\n")
    assert (result.code, result.lines[0].startswith("error: --template: ")) == (2, True)


def test_inputs_that_are_none(infer: Command, tmp_path: Path) -> None:
    assert infer.run("batch", "tiny", tmp_path / "nothing").code == 3
    assert infer.run("batch", "tiny", tmp_path).code == 3
    diary = tmp_path / "diary.txt"
    diary.write_text("dear diary")
    refused = infer.run("batch", "tiny", write(tmp_path / "in.jsonl", prompts(1)), "-o", diary)
    assert (refused.code, diary.read_text()) == (2, "dear diary")


def test_a_reader_that_has_enough_ends_it_quietly(infer: Command, tmp_path: Path) -> None:
    given = write(tmp_path / "in.jsonl", prompts(400))
    reader, writer = os.pipe()
    running = infer.start("batch", "tiny", given, *FLAGS, stdout=writer)
    os.close(writer)
    assert os.read(reader, 1)
    os.close(reader)
    result = running.finish()
    assert (result.code, result.err) == (0, "")


@pytest.mark.slow
def test_a_hundred_kills(infer: Command, tmp_path: Path) -> None:
    """Each id exactly once at the end, and each answer the one of an undisturbed run."""
    given, output = write(tmp_path / "in.jsonl", prompts(200)), tmp_path / "out.jsonl"
    whole = records(infer.run("batch", "tiny", given, *FLAGS).out)
    rng, kills, runs = random.Random(1), 0, 0
    while kills < 100:
        running = infer.start("batch", "tiny", given, "-o", output, *FLAGS)
        time.sleep(rng.uniform(0.05, 0.9))
        kills += running.process.poll() is None
        running.signal(signal.SIGKILL)
        running.finish()
        runs += 1
        if runs % 7 == 0:  # complete by now, most likely: from the beginning again
            assert infer.run("batch", "tiny", given, "-o", output, *FLAGS).code == 0
            found = records(output.read_bytes())
            assert [one["custom_id"] for one in found] == [str(n) for n in range(1, 201)]
            same = sum(a["text"] == b["text"] for a, b in zip(found, whole, strict=True))
            assert same >= 195, "batches of other sizes add in another order; few tokens are that close"
            output.unlink()


@pytest.mark.slow
def test_memory_stays_flat(infer: Command, tmp_path: Path) -> None:
    """A file of 400,000 lines, of which every hundredth is answered: what is kept of a line is its digests."""
    given, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    with given.open("w") as file:
        for number in range(400_000):
            key, text = ("prompt", "Say hi") if number % 100 == 0 else ("question", "x" * 200)
            file.write(json.dumps({"custom_id": f"id-{number}", key: text}) + "\n")
    running = infer.start("batch", "tiny", given, "-o", output, "--max-tokens", "1")
    worker = running.worker()
    sizes: list[tuple[int, int, int]] = []  # bytes of the output, of the parent's memory and of the worker's
    while running.process.poll() is None:
        with suppress(OSError):
            sizes.append((output.stat().st_size, rss(running.pid), rss(worker)))
        time.sleep(0.1)
    assert running.finish().code == 9
    whole = output.stat().st_size
    early = [one for one in sizes if 0.05 * whole < one[0] < 0.15 * whole]
    late = [one for one in sizes if one[0] > 0.9 * whole]
    parent = max(one[1] for one in late) - max(one[1] for one in early)
    child = max(one[2] for one in late) - max(one[2] for one in early)
    print(f"\n{whole / 1e6:.0f} MB; parent {parent / 360_000:.0f} bytes a line, worker {child / 3600:.0f} an answer")
    assert parent < 160 * 400_000, "tables that double, and their old ones; a record alone would be 400 bytes"
    assert child < 8 << 20


def rss(pid: int) -> int:
    """Bytes of memory that a process has; none when it has just ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
