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

from infer.engine.prefix.about import Identity
from infer.engine.prefix.check import check, clear, prune
from infer.engine.prefix.files import FOLDER
from infer.engine.prefix.store import PrefixStore
from prefix.caches import ROW, open_store, pieces, reach, save, temporary
from prefix.child import DOCUMENT, MANY, SMALL, prompts

TESTS = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "prefix.child"]
# What a store, an eviction or a clean-up changes the disk with. Python itself makes none of these calls when it starts.
CHANGES = "write,pwrite64,fallocate,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,ftruncate"
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
    assert sum(piece.size for piece in pieces(tmp_path)) <= SMALL


@pytest.mark.slow
def test_eight_writers_keep_one_budget(tmp_path: Path) -> None:
    """Of some hundred small pieces, of which each writes far less than it: each counts what the others are writing."""
    for process in [start(tmp_path, "many", seed) for seed in range(8)]:
        finish(process)
    held = sum(piece.size for piece in pieces(tmp_path))
    assert 0.9 * MANY < held <= MANY
    assert not temporary(tmp_path)


def prepare(place: Path, kind: str) -> None:
    """What an eviction or a clean-up finds; a store begins with nothing."""
    if kind == "store":
        return
    for tokens in prompts("store", 0):
        store = open_store(place)
        save(store, tokens)
        store.count(1, 1, 0.0)
        store.save_notes({"self-test": "ok"})
        store.close()
    if kind == "prune":
        make_a_mess(place)


def make_a_mess(place: Path) -> None:
    """Of everything that `prune` is for a little: damaged, unreachable, of a model that is gone, half written."""
    damaged, unreachable = open_store(place, weights=2), open_store(place, weights=3)
    gone = PrefixStore(place, Identity("gone", str(place / "gone.gguf"), {}), 1 << 30)
    for store in (damaged, unreachable, gone):
        save(store, DOCUMENT)
    first, second = (store.match(DOCUMENT).pieces[0].name for store in (damaged, unreachable))
    with (place / FOLDER / damaged.fingerprint.hex() / first.shard / first.text).open("r+b") as file:
        file.write(b"damage")
    shard = place / FOLDER / unreachable.fingerprint.hex() / second.shard
    (shard / second.text).unlink()
    half = shard / ".1-half.tmp"
    half.write_bytes(b"half")
    os.utime(half, (1000, 1000))


def clean_up(place: Path, kind: str) -> None:
    """What was interrupted, again, to its end; what is sound has not suffered."""
    if kind == "clear":
        clear(place)
        assert not pieces(place)
    elif kind == "prune":
        prune(place)
        assert reach(open_store(place), DOCUMENT) == len(DOCUMENT)


def inject(place: Path, kind: str, fault: str) -> tuple[int, str, bool]:
    """Run with a fault: exit code, stderr, and whether the run got as far as the fault."""
    trace = place.with_suffix(".trace")
    prefix = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={CHANGES}", "-e", f"inject={CHANGES}:{fault}")
    process = start(place, kind, prefix=prefix)
    _, err = process.communicate(timeout=60)
    return process.returncode, err, "(INJECTED)" in trace.read_text() or process.returncode != 0


KINDS = ["store", "evict", "clear", "prune"]


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_every_change_of_the_disk(tmp_path: Path, kind: str) -> None:
    """Kill -9 at the first, second, third ... call that changes the disk, until the run ends by itself."""
    hit, step = True, 0
    while hit:
        place = tmp_path / str(step := step + 1)
        prepare(place, kind)
        hit = inject(place, kind, f"signal=SIGKILL:when={step}")[2]
        if kind == "prune":  # what was wrong before may be so still
            clean_up(place, kind)
        assert_next_run_works(place)
    assert step > 6


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["ENOSPC:when={}", "EIO:when={}", "ENOSPC:when={}+"])
def test_failing_at_every_change_of_the_disk(tmp_path: Path, kind: str, fault: str) -> None:
    """Once, or from then on: the run ends as if nothing had been, and leaves no temporary file if it can remove it."""
    hit, step = True, 0
    while hit:
        place = tmp_path / str(step := step + 1)
        prepare(place, kind)
        before = len(temporary(place))
        code, err, hit = inject(place, kind, "error=" + fault.format(step))
        assert (code, err) == (0, "")
        assert fault.endswith("+") or len(temporary(place)) <= before
        clean_up(place, kind)
        assert_next_run_works(place)
    assert step > 6


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("fault", ["flock:error=ENOLCK", "unlink,unlinkat:error=EPERM"])
def test_the_budget_is_kept_without_locks_and_without_removing(tmp_path: Path, fault: str) -> None:
    """On a file system that cannot lock, several at once; and where nothing can be removed."""
    calls = fault.partition(":")[0]
    prefix = ("strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", f"trace={calls}", "-e", f"inject={fault}")
    cache = tmp_path / "cache"
    for process in [start(cache, "mix", seed, prefix) for seed in range(3 if "flock" in fault else 1)]:
        finish(process)
    assert check(cache, read_data=True).clean
    assert pieces(cache)
    assert sum(piece.size for piece in pieces(cache)) <= SMALL + 4096 + 256 * ROW


@pytest.mark.slow
@needs_strace
def test_an_eviction_that_was_stopped_keeps_nobody_from_his(tmp_path: Path) -> None:
    """Ctrl-Z in the middle of it."""
    cache, trace = tmp_path / "cache", tmp_path / "trace"
    prepare(cache, "evict")
    before = len(pieces(cache))
    calls = "unlink,unlinkat"
    prefix = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={calls}", "-e", f"inject={calls}:signal=SIGSTOP")
    process = start(cache, "evict", prefix=prefix)
    deadline = time.monotonic() + 30
    while "SIGSTOP" not in (trace.read_text() if trace.exists() else "") and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        assert process.poll() is None
        assert 0 < len(pieces(cache)) <= before
        assert open_store(cache).evict(0).left == 0
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clear", "prune"])
def test_clean_ups_beside_runs_and_evictions(tmp_path: Path, kind: str) -> None:
    """Whatever they take from each other, nobody notices but by computing again."""
    running = [start(tmp_path, "mix", seed) for seed in range(4)]
    running += [start(tmp_path, also) for also in (kind, "evict", kind, "evict", kind)]
    for process in running:
        assert finish(process) == ""
    assert check(tmp_path, read_data=True).clean
    assert not temporary(tmp_path)
    finish(start(tmp_path, "mix", 99))


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
