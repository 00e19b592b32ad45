"""`infer bench` as a person or a script meets it: the real command, the real engine, a model that takes no time."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cli.command import Command, gone
from infer.machine import detect, processor_name
from infer.models.stamp import read_metadata
from infer.tuned import Tuned, machine_key, model_key, with_table

SMALL = ("--prompts", "32,64", "--parallel", "2", "--rounds", "1")


def left_behind(home: Path) -> list[Path]:
    """What a benchmark must not leave in the user's cache: its own prompt cache, pieces in the user's one."""
    return [*home.rglob("bench-*"), *(home / "cache" / "infer").glob("prefix*")]


@pytest.fixture(scope="module")
def benched(tmp_path_factory: pytest.TempPathFactory, random_model: Path) -> tuple[Command, dict[str, Any]]:
    """A home in which one benchmark has been run, and what it said."""
    command = Command(tmp_path_factory.mktemp("benched"))
    command.environment["INFER_DATA_DIR"] = str(command.home / "data")
    del command.environment["INFER_NO_CACHE"]
    result = command.run("bench", random_model, *SMALL, "--json")
    assert result.code == 0, result.err
    assert result.err == ""
    return command, result.json


def test_json_has_every_figure(benched: tuple[Command, dict[str, Any]]) -> None:
    record = benched[1]
    shapes = [(row["prompt"], row["parallel"]) for row in record["rows"]]
    assert shapes == [(32, 1), (64, 1), (32, 2)]
    for row in record["rows"]:
        for key in ("prefill", "decode"):
            found = row[key]
            assert 0 < found["low"] <= found["median"] <= found["high"]
            assert found["count"] == 1
    first = record["first_token"]
    assert first["prompt"] - first["cached"] == 1, "the second process takes all but the last token from the cache"
    assert first["start"]["median"] > first["load"]["median"] > 0
    assert first["memory"] is None or first["memory"] > 1 << 20
    assert record["limits"]["read"] > 0
    assert record["decode_share"] > 0
    assert record["settings"]["threads"] == 1, "INFER_THREADS"
    assert record["settings"]["flash_attention"] is False, "one sequence is measured as a run computes it"
    together = record["settings_together"]
    assert (together is not None) == any(row["parallel"] > 1 for row in record["rows"])
    assert together is None or (together["flash_attention"], together["streams"]) == (True, True), "and as a batch does"


def test_nothing_of_it_stays_but_a_private_line_of_history(benched: tuple[Command, dict[str, Any]]) -> None:
    command, record = benched
    assert left_behind(command.home) == []
    (history,) = (command.home / "data" / "bench").iterdir()
    assert json.loads(history.read_text()) == record
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700


def test_compare_shows_the_change_since_the_last_run(
    benched: tuple[Command, dict[str, Any]], random_model: Path
) -> None:
    result = benched[0].run("bench", random_model, *SMALL, "--compare")
    assert result.code == 0, result.err
    text = result.out.decode()
    assert "against the run of" in text
    assert "decode after 32 tokens, 2 sequences, tok/s" in text
    assert "of what this memory allows" in text
    assert "first token after" in text


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--prompts", "a"), "must be numbers from 1"),
        (("--prompts", "99999"), "does not fit"),
        (("--tune", "--compare"), "--tune measures two jobs"),
        (("--tune-kv",), "a part of --tune"),
        (("--plot", "x.pdf"), "ends in .svg or .png"),
        (("--plot", "no/where/x.svg"), "no directory"),
    ],
)
def test_what_cannot_be_measured_is_said(
    infer: Command, random_model: Path, options: tuple[str, ...], what: str
) -> None:
    if "no/where" in options[-1] and find_spec("matplotlib") is None:
        pytest.skip("matplotlib is asked for first")
    result = infer.run("bench", random_model, *options)
    assert result.code == 2
    assert what in result.err
    assert result.out == b""


@pytest.mark.skipif(find_spec("matplotlib") is not None, reason="matplotlib is installed")
def test_without_matplotlib_the_extra_is_named_before_anything_is_measured(infer: Command, random_model: Path) -> None:
    result = infer.run("bench", random_model, "--plot", "x.svg")
    assert result.code == 2
    assert "--plot needs matplotlib" in result.err
    assert "the extra infer[plot]" in result.lines[-1]


def test_ctrl_c_leaves_nothing(lonely: Command, random_model: Path) -> None:
    """Neither a directory of its own cache nor half a record, wherever it hits."""
    lonely.environment["INFER_DATA_DIR"] = str(lonely.home / "data")
    for delay in (0.3, 1.5):
        running = lonely.start("bench", random_model, "--prompts", "64", "--parallel", "1", "--rounds", "50")
        worker = running.worker()
        time.sleep(delay)
        running.signal(signal.SIGINT)
        result = running.finish(10)
        assert result.code == 130
        assert result.out == b""
        assert gone(worker, 2)
        assert left_behind(lonely.home) == []
        assert not (lonely.home / "data").exists()


def test_a_run_takes_what_was_tuned_for_this_model_on_this_machine(lonely: Command, random_model: Path) -> None:
    """Also weights in another layout, which the load that is sent early has to know of; a variable goes before it."""
    metadata, machine = read_metadata(random_model, None), detect()
    found = {"threads": 2, "ubatch": 128, "flash_attention": "on", "repack": True}
    here = machine_key(processor_name(), machine.cores, None)
    lonely.configure(with_table("threads = 3\n", Tuned(model_key(metadata), here, found), "today"))
    for variable, threads in (("", "2 threads"), ("1", "1 thread;")):
        environment = {"INFER_THREADS": variable}
        answer = lonely.run("run", random_model, "hello", "--max-tokens", "4", "-n", "-v", env=environment)
        assert answer.code == 0, answer.err
        assert threads in answer.err
    shown = lonely.run("config").out.decode()
    assert f'on {here}: threads = 2, ubatch = 128, flash_attention = "on", repack = true' in shown


@pytest.mark.slow
@pytest.mark.skipif(find_spec("matplotlib") is None, reason="infer[plot] is not installed")
@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_picture_is_drawn(lonely: Command, random_model: Path, kind: str) -> None:
    result = lonely.run("bench", random_model, *SMALL, "--plot", f"out.{kind}")
    assert result.code == 0, result.err
    data = (lonely.home / f"out.{kind}").read_bytes()
    assert data.startswith(b"\x89PNG" if kind == "png" else b"<?xml")
    assert b"tokens/s" in data or kind == "png"


@pytest.mark.slow
def test_tiny_is_measured_and_tuned_for_real(lonely: Command) -> None:
    """`infer bench tiny --json`, then --tune: its settings are used by the next run, and its comments stay."""
    lonely.environment["INFER_DATA_DIR"] = str(lonely.home / "data")
    lonely.environment["INFER_THREADS"] = ""
    lonely.configure("# mine\nseed = 1  # always\n")
    measured = lonely.run("bench", "tiny", "--quick", "--json", timeout=120)
    assert measured.code == 0, measured.err
    assert measured.json["rows"][0]["decode"]["median"] > 1
    tuned = lonely.run("bench", "tiny", "--tune", "--quick", "--json", timeout=300)
    assert tuned.code == 0, tuned.err
    record = tuned.json
    assert {trial["key"] for trial in record["trials"]} >= {"ubatch", "repack", "flash_attention"}
    text = lonely.config.read_text()
    assert text.startswith("# mine\nseed = 1  # always\n")
    if record["settings"] and (record["others"] or 0) <= 0.08:
        assert record["final"]["better"]
        assert "[[tuned]]" in text
        again = lonely.run("bench", "tiny", "--prompts", "32", "--parallel", "1", "--rounds", "1", "--json").json
        wanted = {**record["defaults"], **record["settings"]}
        for key in ("threads", "ubatch", "repack"):
            assert again["settings"][key] == wanted[key]
    else:
        assert text == "# mine\nseed = 1  # always\n"
    answer = lonely.run("run", "tiny", "Tell me a story about a fox and a lantern.", "--max-tokens", "8")
    assert answer.code == 0, answer.err
    assert answer.out


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="there is no /proc")  # noqa: PTH110
def test_what_was_tuned_on_a_busy_machine_is_not_written(lonely: Command, random_model: Path) -> None:
    """With other programs beside it one thread may win that is half as fast without them."""
    lonely.environment["INFER_THREADS"] = ""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        tuned = lonely.run("bench", random_model, "--tune", "--quick", timeout=300)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    assert tuned.code == 0, tuned.err
    assert b"nothing is written: other programs used" in tuned.out
    assert not lonely.config.exists()


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="there is no /proc")  # noqa: PTH110
def test_a_busy_machine_is_said(benched: tuple[Command, dict[str, Any]]) -> None:
    assert 0 <= benched[1]["noise"]["others"] <= 1
