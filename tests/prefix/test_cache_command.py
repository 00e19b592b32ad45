"""`infer cache`: what it prints, in words and as JSON, and what it removes."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infer.cli import cache
from infer.cli.output import Output
from infer.errors import IntegrityError, UsageError
from prefix.caches import files, open_store, random_tokens, save

PROMPT = random_tokens(700, 1)


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFER_CACHE_DIR", str(tmp_path))
    for weights in (1, 2):
        store = open_store(tmp_path, weights=weights)
        save(store, PROMPT)
        store.count(700, 0, 0.0)
        store.count(700, 600, 2.5)
        store.close()
    return tmp_path


def call(*arguments: str) -> Any:
    return cache.build()(args=list(arguments), standalone_mode=False, obj=SimpleNamespace(output=Output()))


def said(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert call(*arguments) == 0
    return capfd.readouterr().out


def test_stats(filled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Sums over everything, and a line for each model; the JSON has both."""
    text = said(capfd, "stats")
    assert "6 entries" in text
    assert "2 of 4 prompts" in text
    assert "1,200 of 2,800 prompt tokens were not computed again: 5.0 s saved" in text
    plain = json.loads(said(capfd, "stats", "--json"))
    assert (plain["entries"], plain["hit_rate"], len(plain["models"])) == (6, 0.5, 2)
    assert plain["models"][0]["reused"] == 600


def test_list(filled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line, one object for each model and setting."""
    lines = said(capfd, "list").splitlines()
    assert lines[0].split() == ["model", "entries", "size", "used", "setting"]
    assert [line.split()[:2] for line in lines[1:]] == [["tiny", "3"]] * 2
    plain = json.loads(said(capfd, "list", "--json"))
    assert [row["entries"] for row in plain] == [3, 3]
    assert plain[0]["path"] == str(Path(__file__).with_name("caches.py"))


def test_check_and_prune(filled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Damage in a payload shows with --read-data only, names the file and is exit code 5; prune mends headers."""
    assert "6 entries" in said(capfd, "check", "--read-data")
    file = files(filled)[0]
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(data)
    assert json.loads(said(capfd, "check", "--json"))["clean"] is True
    with pytest.raises(IntegrityError) as caught:
        call("check", "--read-data")
    assert caught.value.exit_code == 5
    assert file.name in capfd.readouterr().out
    data[10] ^= 1
    file.write_bytes(data)
    assert json.loads(said(capfd, "prune", "--json"))["entries"] == 3
    assert json.loads(said(capfd, "check", "--json")) | {"bytes": 0} == {
        "entries": 3,
        "bytes": 0,
        "clean": True,
        "damaged": [],
        "temporary": [],
        "unreachable": [],
        "foreign": [],
    }


def test_what_a_killed_run_left_half_written_is_no_damage(filled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It is told apart, the exit code is 0, and prune removes it."""
    half = files(filled)[0].with_name(".1-half.tmp")
    half.write_bytes(b"half")
    os.utime(half, (1000, 1000))
    plain = json.loads(said(capfd, "check", "--json"))
    assert (plain["clean"], plain["damaged"], len(plain["temporary"])) == (True, [], 1)
    assert f"half written: {half.parent.parent.name}/" in said(capfd, "check")
    said(capfd, "prune")
    assert not half.exists()
    assert json.loads(said(capfd, "check", "--json"))["temporary"] == []


def test_clear(filled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One setting by its fingerprint, a model by its name, everything; a name that has nothing is an error."""
    with pytest.raises(UsageError, match="nothing of 'qwen3'"):
        call("clear", "qwen3")
    fingerprint = open_store(filled, weights=1).fingerprint.hex()
    assert "removed 3 entries" in said(capfd, "clear", fingerprint[:8])
    assert "removed 3 entries" in said(capfd, "clear", "tiny")
    assert "empty" in said(capfd, "list")
    assert json.loads(said(capfd, "list", "--json")) == []
    assert said(capfd, "clear").startswith("removed 0 entries")


def test_nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """No command makes a cache where there is none."""
    monkeypatch.setenv("INFER_CACHE_DIR", str(tmp_path / "none"))
    for name in ("stats", "list", "check", "prune", "clear"):
        said(capfd, name)
        json.loads(said(capfd, name, "--json"))
    assert not (tmp_path / "none").exists()
