"""Several processes at once, and processes that are killed or whose disk fails at every single step."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infer.engine.prefix.check import check
from prefix.caches import open_store, pieces, reach, save, temporary
from prefix.child import DOCUMENT, SMALL, prompts

TESTS = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "prefix.child"]
# What a store or an eviction changes the disk with. Python itself makes none of these calls when it starts.
CHANGES = "write,pwrite64,fallocate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,ftruncate"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


def environment() -> dict[str, str]:
    paths = [str(TESTS.parent / "src"), str(TESTS)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


def start(place: Path, kind: str, seed: int = 0, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [*prefix, *COMMAND, str(place), kind, str(seed)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment(), start_new_session=True)


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def assert_next_run_works(place: Path) -> None:
    """Nothing is wrong, whatever is stored is right, and the next run stores what the last one could not."""
    report = check(place, read_data=True)
    assert report.clean, report
    assert not report.unreachable
    for tokens in prompts("store", 0):
        reach(open_store(place), tokens)
    store = open_store(place)
    save(store, DOCUMENT)
    assert reach(store, DOCUMENT) == len(DOCUMENT)
    assert store.warning is None
    assert check(place, read_data=True).clean


@pytest.mark.slow
def test_eight_at_once(tmp_path: Path) -> None:
    """Writers, readers and evictors at a small budget: no wrong byte, no damage, no temporary file, budget kept."""
    running = [start(tmp_path, "mix", seed) for seed in range(8)]
    running += [start(tmp_path, "evict") for _ in range(2)]
    for process in running:
        finish(process)
    assert check(tmp_path, read_data=True).clean
    assert not temporary(tmp_path)
    largest = max(piece.size for piece in pieces(tmp_path))
    assert sum(piece.size for piece in pieces(tmp_path)) <= SMALL + largest


def prepare(place: Path, kind: str) -> None:
    """What an eviction finds; a store begins with nothing."""
    if kind == "evict":
        for tokens in prompts("store", 0):
            save(open_store(place), tokens)


def inject(place: Path, kind: str, fault: str) -> tuple[int, str, bool]:
    """Run with a fault: exit code, stderr, and whether the run got as far as the fault."""
    trace = place.with_suffix(".trace")
    prefix = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={CHANGES}", "-e", f"inject={CHANGES}:{fault}")
    process = start(place, kind, prefix=prefix)
    _, err = process.communicate(timeout=60)
    return process.returncode, err, "(INJECTED)" in trace.read_text() or process.returncode != 0


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("kind", ["store", "evict"])
def test_killed_at_every_change_of_the_disk(tmp_path: Path, kind: str) -> None:
    """Kill -9 at the first, second, third ... call that changes the disk, until the run ends by itself."""
    hit, step = True, 0
    while hit:
        place = tmp_path / str(step := step + 1)
        prepare(place, kind)
        hit = inject(place, kind, f"signal=SIGKILL:when={step}")[2]
        assert_next_run_works(place)
    assert step > 6


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("kind", ["store", "evict"])
@pytest.mark.parametrize("fault", ["ENOSPC:when={}", "EIO:when={}", "ENOSPC:when={}+"])
def test_failing_at_every_change_of_the_disk(tmp_path: Path, kind: str, fault: str) -> None:
    """Once, or from then on: the run ends as if nothing had been, and leaves no temporary file if it can remove it."""
    hit, step = True, 0
    while hit:
        place = tmp_path / str(step := step + 1)
        prepare(place, kind)
        code, err, hit = inject(place, kind, "error=" + fault.format(step))
        assert (code, err) == (0, "")
        assert fault.endswith("+") or len(temporary(place)) == 0
        assert_next_run_works(place)
    assert step > 6


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """Of one cache, again and again: each next run works, and what it finds is right."""
    generator = random.Random(1)
    for round_ in range(40):
        process = start(tmp_path, "mix", round_)
        time.sleep(generator.uniform(0.1, 0.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        assert check(tmp_path, read_data=True).clean
    finish(start(tmp_path, "mix", 99))
