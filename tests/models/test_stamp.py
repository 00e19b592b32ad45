"""What is remembered of a file: used only when it matches exactly, never in the way."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ggufs
from infer.errors import BadModelFile
from infer.models import gguf, metadata, stamp
from infer.models.stamp import read_metadata


@pytest.fixture
def model(tmp_path: Path) -> Path:
    extra = {"general.sampling.temp": 0.5, "llama.attention.sliding_window": 64}
    return ggufs.write_gguf(tmp_path / "m.gguf", extra=extra)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths whose header has really been read."""
    seen: list[str] = []
    real: Callable[[str], gguf.Header] = gguf.read_header

    def counted(path: str) -> gguf.Header:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(metadata, "read_header", counted)
    return seen


def stamps(cache: Path) -> list[Path]:
    return list((cache / "metadata").iterdir())


def test_a_second_reading_reads_nothing(model: Path, tmp_path: Path, reads: list[str]) -> None:
    cache = tmp_path / "a" / "cache"
    first = read_metadata(model, cache)
    assert read_metadata(model, cache) == first
    assert read_metadata(os.path.relpath(model), cache) == first
    assert reads == [str(model)]


def test_without_a_cache_directory_nothing_is_kept(model: Path, reads: list[str]) -> None:
    assert read_metadata(model, None) == read_metadata(model, None)
    assert len(reads) == 2


def test_stamps_are_private(model: Path, tmp_path: Path) -> None:
    """0600 in 0700, whatever the umask, and no temporary file stays."""
    old = os.umask(0)
    try:
        read_metadata(model, tmp_path / "a" / "cache")
    finally:
        os.umask(old)
    (kept,) = stamps(tmp_path / "a" / "cache")
    assert kept.stat().st_mode & 0o777 == 0o600
    for directory in (kept.parent, kept.parent.parent, kept.parent.parent.parent):
        assert directory.stat().st_mode & 0o777 == 0o700


def _touch(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _replace(path: Path) -> None:
    found = path.stat()
    twin = path.with_suffix(".twin")
    twin.write_bytes(path.read_bytes())
    os.utime(twin, ns=(found.st_atime_ns, found.st_mtime_ns))
    twin.replace(path)


@pytest.mark.parametrize("change", [_touch, _grow, _replace])
def test_a_changed_file_is_read_again(
    change: Callable[[Path], None], model: Path, tmp_path: Path, reads: list[str]
) -> None:
    read_metadata(model, tmp_path)
    change(model)
    read_metadata(model, tmp_path)
    assert len(reads) == 2


def test_a_damaged_file_is_refused_although_it_was_good(model: Path, tmp_path: Path) -> None:
    read_metadata(model, tmp_path)
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(BadModelFile, match="truncated"):
        read_metadata(model, tmp_path)


def test_a_bad_file_leaves_no_stamp(model: Path, tmp_path: Path) -> None:
    model.write_bytes(b"")
    with pytest.raises(BadModelFile):
        read_metadata(model, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda kept: kept.pop(key)


def _with(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda kept: kept.update({key: value})


def _field(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda kept: kept["metadata"].update({key: value})


@pytest.mark.parametrize(
    "damage",
    [
        _with("format", stamp.FORMAT + 1),
        _with("sha256", 5),
        _with("more", 1),
        _with("files", []),
        _with("files", [["x", [1, 2]]]),
        _with("files", None),
        _with("metadata", []),
        _without("metadata"),
        _without("format"),
        _field("block_count", "2"),
        _field("block_count", True),
        _field("head_count_kv", 3),
        _field("sampling", {"temperature": "hot"}),
        _field("sampling", None),
        _field("name", None),
        _field("more", 1),
        lambda kept: kept["metadata"].pop("name"),
    ],
)
def test_a_stamp_that_is_not_ours_is_ignored(
    damage: Callable[[dict[str, Any]], object], model: Path, tmp_path: Path, reads: list[str]
) -> None:
    first = read_metadata(model, tmp_path / "cache")
    (kept,) = stamps(tmp_path / "cache")
    plain = json.loads(kept.read_text())
    damage(plain)
    kept.write_text(json.dumps(plain))
    assert read_metadata(model, tmp_path / "cache") == first
    assert len(reads) == 2


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b"[]", b"1"])
def test_a_stamp_that_does_not_parse_is_ignored(text: bytes, model: Path, tmp_path: Path, reads: list[str]) -> None:
    first = read_metadata(model, tmp_path / "cache")
    (kept,) = stamps(tmp_path / "cache")
    kept.write_bytes(text)
    assert read_metadata(model, tmp_path / "cache") == first
    assert len(reads) == 2


def test_a_cache_that_cannot_be_written_costs_only_a_reading(model: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, no directory")
    assert read_metadata(model, tmp_path / "cache") == read_metadata(model, None)


def test_a_known_sha256_is_kept(model: Path, tmp_path: Path) -> None:
    known = stamp.read(model, tmp_path)
    hashed = stamp.Stamp(known.files, known.metadata, "0" * 64)
    stamp.save(str(model), tmp_path, hashed)
    assert stamp.read(model, tmp_path) == hashed


def test_temporary_files_of_killed_processes_are_swept(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in (f"x.{'0' * 16}.tmp", f"x.{'1' * 16}.tmp", "mine.tmp"))
    for path in (old, young, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (1, 1))
    assert stamp.write_private(tmp_path / "x.json", b"{}")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([young.name, other.name, "x.json"])
