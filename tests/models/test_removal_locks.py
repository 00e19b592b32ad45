"""Locks whose files and directories others remove: never two holders at a time, and nobody fails."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from infer.errors import CacheUnwritable
from infer.models.lock import locked
from infer.models.partial import in_directory

CHILD = """
import os, sys, time
from contextlib import suppress
from pathlib import Path
from infer.models.lock import locked
from infer.models.removal import _alone

lock, inside, kind, rounds = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
while rounds:
    if kind == "broom":
        for directory in (lock.parent, lock.parent.parent):
            with suppress(OSError):
                directory.rmdir()
        if inside.with_name("done").exists():
            break
        time.sleep(0.0002)
        continue
    rounds -= 1
    with (_alone(lock, lambda: None) if kind == "rm" else locked(lock, lambda: None)):
        os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
        time.sleep(0.0005)
        inside.unlink()
"""

WAITER = """
import sys
from pathlib import Path
from infer.models.lock import locked
lock = Path(sys.argv[1])
with locked(lock, lambda: print("waits", flush=True)):
    print(lock.exists())
"""


def start(place: Path, kind: str, rounds: int) -> subprocess.Popen[bytes]:
    lock = place / "hub/.locks/models--org--repo/abc.lock"
    words = [sys.executable, "-c", CHILD, str(lock), str(place / "inside"), kind, str(rounds)]
    return subprocess.Popen(words, stderr=subprocess.PIPE)


@pytest.mark.parametrize("rounds", [20, pytest.param(300, marks=pytest.mark.slow)])
def test_one_holder_at_a_time_whatever_is_removed(tmp_path: Path, rounds: int) -> None:
    """Two that pull, two that remove, and one that takes every empty directory away."""
    workers = [start(tmp_path, kind, rounds) for kind in ("pull", "rm", "pull", "rm")]
    broom = start(tmp_path, "broom", 1)
    try:
        ends = [(worker.wait(120), worker.communicate()[1].decode()) for worker in workers]
    finally:
        (tmp_path / "done").touch()
        broom.communicate(timeout=30)
    assert ends == [(0, "")] * 4


def test_a_lock_that_somebody_removes_is_none(tmp_path: Path) -> None:
    """Who waited for it takes the one that is there now."""
    lock = tmp_path / "locks/a.lock"

    def remove_it() -> None:
        lock.unlink()
        lock.parent.rmdir()

    with locked(lock, lambda: None):
        process = subprocess.Popen([sys.executable, "-c", WAITER, str(lock)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"waits\n"
        remove_it()
    out, _ = process.communicate(timeout=30)
    assert out.splitlines()[-1] == b"True"


def test_a_directory_that_goes_at_every_moment_is_given_up(tmp_path: Path) -> None:
    def gone() -> int:
        with suppress(OSError):
            (tmp_path / "a").rmdir()
        return os.open(tmp_path / "a/file", os.O_RDWR | os.O_CREAT)

    began = time.monotonic()
    with pytest.raises(FileNotFoundError):
        in_directory(tmp_path / "a", gone)
    assert time.monotonic() - began < 5


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.lock").symlink_to(victim)
    with pytest.raises(CacheUnwritable), locked(tmp_path / "a.lock", lambda: None):
        pass
    assert victim.read_text() == "precious"
