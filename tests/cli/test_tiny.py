"""The embedded model, through the real command: what the README promises first."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cli.command import Command

ROOT = Path(__file__).parents[2]


def test_tiny_tells_a_story_about_what_it_is_asked_for(infer: Command) -> None:
    result = infer.run("run", "tiny", "Tell me a story about a fox and a lantern.", "-n", "-t", "0", "--json")
    assert result.code == 0, result.err
    answer = json.loads(result.out)
    assert "fox" in answer["text"]
    assert "lantern" in answer["text"]
    assert answer["finish_reason"] == "stop"


def test_once_upon_a_time_is_the_beginning_of_a_story(infer: Command) -> None:
    result = infer.run("run", "tiny", "Once upon a time", "-n", "--seed", "1")
    assert result.code == 0, result.err
    assert len(result.out.split()) > 40


def test_tiny_names_the_command_that_gets_a_real_model(infer: Command) -> None:
    result = infer.run("run", "tiny", "What is the capital of France?", "-n", "-t", "0")
    assert b"infer pull qwen3:4b" in result.out
    pulled = infer.run("pull", "qwen3:4b", "--offline")
    assert (pulled.code, pulled.out) == (4, b"")
    assert "error: qwen3:4b is not on this machine" in pulled.err, "a name that exists"


def test_tiny_is_small_and_has_room_for_a_conversation(infer: Command) -> None:
    record = json.loads(infer.run("run", "tiny", "Hello", "-n", "--json").out)
    file = Path(record["model"]["file"])
    assert file.stat().st_size <= 8_000_000
    said = infer.run("run", "tiny", "Hello", "-n", "-v").err
    trained = int(said.partition("trained for ")[2].partition(")")[0].replace(",", ""))
    assert trained >= 1024


@pytest.mark.slow
def test_the_wheel_holds_the_model_and_the_catalogue(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("infer-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"infer/data/tiny.gguf", "infer/data/models.toml", "infer/py.typed"} <= set(names)
    assert wheel.stat().st_size <= 8_000_000
