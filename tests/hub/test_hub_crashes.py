"""Downloads that end in the middle, again and again, and many at once: resumed, never wrong, nothing left over."""

import os
import random
import time
from pathlib import Path

import pytest

from cli.command import Command, Running
from hub.places import cache, leftovers, partials
from hub.server import HubServer, sha256

REPO = "org/Model-GGUF"
FILE = "m-Q4_K_M.gguf"
CHUNK = 256 << 10  # bytes that a process reads at once
KERNEL = 512 << 10  # bytes that may be on their way when a process is killed: both socket buffers


def whole(infer: Command, data: bytes) -> None:
    """The file is here under its name, whole, and nothing else is."""
    blob = next(cache(infer).glob(f"models--*/blobs/{sha256(data)}"))
    assert blob.read_bytes() == data
    assert leftovers(infer) == []


def cut(hub: HubServer, data: bytes, count: int, seed: int) -> list[int]:
    """Let the connection end at so many random offsets of the file: the lengths of the bodies until then."""
    offsets = sorted(random.Random(seed).sample(range(1, len(data)), count))
    hub.faults.cuts = [here - before for before, here in zip([0, *offsets], offsets, strict=False)]
    return offsets


@pytest.mark.parametrize("count", [4, pytest.param(50, marks=pytest.mark.slow)])
def test_cuts_at_random_offsets_are_resumed_within_one_run(
    infer: Command, hub: HubServer, big_model: bytes, count: int
) -> None:
    """Done-when 2: every byte is transferred once."""
    hub.add(REPO, {FILE: big_model})
    cut(hub, big_model, count, seed=count)
    result = infer.run("pull", REPO, timeout=300)
    assert result.code == 0, result.err
    assert hub.faults.cuts == []
    assert hub.served == len(big_model)
    starts = [request.headers.get("range") for request in hub.requests if request.host == "cdn"]
    assert starts[0] is None
    assert None not in starts[1:]
    assert all("if-range" in request.headers for request in hub.requests if request.headers.get("range"))
    whole(infer, big_model)


@pytest.mark.parametrize("count", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_cuts_after_which_the_command_is_given_again(
    infer: Command, hub: HubServer, big_model: bytes, count: int
) -> None:
    """Done-when 2: each run ends at its cut (403 is no answer to try again), the next asks for what is missing."""
    hub.add(REPO, {FILE: big_model})
    for offset, length in zip(cut(hub, big_model, count, seed=count + 1), list(hub.faults.cuts), strict=True):
        hub.faults.cuts, hub.faults.statuses = [length], [0, 403]
        result = infer.run("pull", REPO)
        assert result.code == 3, result.err
        assert [path.stat().st_size for path in partials(infer)] == [offset]
    assert infer.run("pull", REPO).code == 0
    assert hub.served == len(big_model)
    whole(infer, big_model)


def arrived(infer: Command) -> int:
    """Bytes of the file that is on its way."""
    return sum(path.stat().st_size for path in partials(infer))


def starts(hub: HubServer, since: int) -> list[int]:
    """Where in the file the bodies begin that were asked for since then."""
    asked = [request.headers.get("range", "bytes=0-") for request in hub.requests[since:] if request.host == "cdn"]
    return [int(text.removeprefix("bytes=").partition("-")[0]) for text in asked]


def kill_in_the_middle(infer: Command, hub: HubServer, ordeal: random.Random) -> bool:
    """Start a pull, which goes on where the last was, and kill -9 it at a random moment. False when it had ended."""
    begun, here, asked = hub.served, arrived(infer), len(hub.requests)
    try:
        return _killed(infer, hub, ordeal, begun)
    finally:
        assert starts(hub, asked) in ([], [here]), "not one byte that had arrived is asked for again"


def _killed(infer: Command, hub: HubServer, ordeal: random.Random, begun: int) -> bool:
    running = infer.start("pull", REPO)
    goal = begun + ordeal.randrange(1, 400_000)
    try:
        running.until(lambda: hub.served >= goal)
    except AssertionError:
        assert running.finish().code == 0
        return False
    time.sleep(ordeal.random() * 0.02)
    running.signal(9)
    running.process.wait()
    return True


@pytest.mark.parametrize("count", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_kills_are_resumed_and_leave_nothing(infer: Command, hub: HubServer, big_model: bytes, count: int) -> None:
    """Done-when 2: no run begins anew; bytes transferred <= file + a chunk for each kill; no orphan after the last."""
    hub.add(REPO, {FILE: big_model})
    ordeal = random.Random(count)
    kills, files, early, hub.faults.rate = 0, 1, 0, 2e6
    allowed = 0
    while kills < count:
        if kill_in_the_middle(infer, hub, ordeal):
            kills += 1
            allowed += CHUNK + KERNEL
            assert len(partials(infer)) <= 1
            early += not sum(path.stat().st_size for path in partials(infer))
        else:  # whole before we were done with it: take it away, the next one begins anew
            whole(infer, big_model)
            files += 1
            for path in cache(infer).glob("models--*/*/*"):
                path.unlink() if not path.is_dir() else [link.unlink() for link in path.iterdir()]
    hub.faults.rate = 0
    here, asked = arrived(infer), len(hub.requests)
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    assert starts(hub, asked) == [here]
    fresh = [request for request in hub.requests if request.host == "cdn" and "range" not in request.headers]
    assert len(fresh) <= files + early, "a run began anew although something was there"
    assert hub.served <= files * len(big_model) + allowed
    whole(infer, big_model)


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_many_processes_cost_one_download(infer: Command, hub: HubServer, big_model: bytes, count: int) -> None:
    """Done-when 3: all exit 0, bytes served <= 1.05 x the file; who waits says so."""
    hub.add(REPO, {FILE: big_model})
    hub.faults.rate = 4e6
    results = [running.finish(300) for running in [infer.start("pull", REPO) for _ in range(count)]]
    assert [result.code for result in results] == [0] * count, [result.err for result in results]
    assert len({result.out for result in results}) == 1
    assert hub.served <= 1.05 * len(big_model)
    assert any("another process is downloading it, waiting" in result.err for result in results), "nobody had to wait"
    whole(infer, big_model)


def test_a_download_that_stalls_is_not_swept_away(infer: Command, hub: HubServer, big_model: bytes) -> None:
    """Another version of its file is pulled meanwhile; what no living process holds is removed then."""
    old = hub.add(REPO, {FILE: big_model})
    hub.faults.stalls = [8.0]
    first = infer.start("pull", f"{REPO}@{old}", env={"HF_HUB_DOWNLOAD_TIMEOUT": "20"})
    first.until(lambda: any(path.stat().st_size > 1_000_000 for path in partials(infer)))
    time.sleep(0.2)
    (partial,) = partials(infer)
    long_ago = time.time() - 10
    os.utime(partial, (long_ago, long_ago))
    newer = big_model[:-1] + b"\1"
    hub.add(REPO, {FILE: newer})
    second = infer.run("pull", REPO)
    assert second.code == 0, second.err
    assert partial.exists()
    first.signal(9)
    first.process.wait()
    dead = partial.with_name(f"{'0' * 64}.infer.incomplete")
    partial.rename(dead)
    partial.with_name(f"{partial.name}.json").rename(dead.with_name(f"{dead.name}.json"))
    hub.add(REPO, {FILE: big_model + b"2"})
    assert infer.run("update", REPO).code == 0
    assert leftovers(infer) == []


def test_a_partial_file_that_somebody_removes_is_named(infer: Command, hub: HubServer, big_model: bytes) -> None:
    hub.add(REPO, {FILE: big_model})
    hub.faults.rate = 8e6
    running = infer.start("pull", REPO)
    running.until(lambda: any(path.stat().st_size > 1_000_000 for path in partials(infer)))
    partials(infer)[0].unlink()
    result = running.finish()
    assert (result.code, result.out) == (6, b""), result.err
    assert "was removed while it was written" in result.err


@pytest.mark.slow
def test_the_holder_of_the_lock_is_killed(infer: Command, hub: HubServer, big_model: bytes) -> None:
    """The one who waits takes over at once, and goes on where the other was."""
    hub.add(REPO, {FILE: big_model})
    hub.faults.rate = 3e5
    first = infer.start("pull", REPO)
    first.until(lambda: hub.served > 300_000)
    second = infer.start("pull", REPO)
    second.until(lambda: "another process is downloading it, waiting" in second.err)
    hub.faults.rate = 0
    first.signal(9)
    killed = time.monotonic()
    requests = len(hub.requests)
    second.until(lambda: len(hub.requests) > requests)
    assert time.monotonic() - killed < 1
    assert second.finish().code == 0
    assert hub.served <= len(big_model) + CHUNK + KERNEL
    whole(infer, big_model)


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["error=ENOLCK", "retval=0"])
def test_without_locks_the_file_is_right_all_the_same(
    infer: Command, hub: HubServer, big_model: bytes, answer: str
) -> None:
    """A file system that has no locks, and one that lies about them: more is fetched, nothing is wrong."""
    hub.add(REPO, {FILE: big_model})
    hub.faults.rate = 8e6
    strace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=flock:{answer}")
    running: list[Running] = [infer.start("pull", REPO, prefix=strace) for _ in range(3)]
    results = [one.finish(120) for one in running]
    assert [result.code for result in results] == [0] * 3, [result.err for result in results]
    assert hub.served <= 3 * len(big_model)
    whole(infer, big_model)


@pytest.mark.slow
def test_every_published_file_was_synced_before_and_its_directory_after(
    infer: Command, hub: HubServer, model: bytes
) -> None:
    """kill -9 cannot show a forgotten fsync; the order of the system calls does."""
    hub.add(REPO, {FILE: model})
    trace = infer.home / "trace"
    calls = "trace=fsync,rename,renameat,renameat2"
    result = infer.run("pull", REPO, prefix=("strace", "-f", "-qq", "-y", "-o", str(trace), "-e", calls))
    assert result.code == 0, result.err
    lines = [line for line in trace.read_text().splitlines() if "/hub/models--" in line]
    rename = next(number for number, line in enumerate(lines) if "rename" in line and '.infer.incomplete", ' in line)
    assert any("fsync" in line and ".infer.incomplete>" in line for line in lines[:rename])
    assert any("fsync" in line and line.rstrip().endswith("= 0") and "/blobs>" in line for line in lines[rename:])


@pytest.mark.slow
@pytest.mark.parametrize(
    "call", ["write", "rename,renameat,renameat2", "fsync", "unlink,unlinkat", "symlink,symlinkat"]
)
def test_a_kill_at_each_system_call_is_mended_by_the_next_run(
    infer: Command, hub: HubServer, model: bytes, call: str
) -> None:
    """RELIABILITY row 1: at the first, second, ... such call on the cache, until the command gets through."""
    hub.add(REPO, {FILE: model})
    for number in range(1, 40):
        home = Command(infer.home / f"{number}")
        home.home.mkdir()
        home.environment |= hub.environment
        inject = f"inject={call}:signal=SIGKILL:when={number}"
        limits = watched(home, model) if call in ("write", "fsync") else []  # of the others there are few anyway
        strace = ("strace", "-f", "-qq", "-o", "/dev/null", *limits, "-e", inject)
        first = home.run("pull", REPO, prefix=strace)
        visible = [path for path in cache(home).glob("models--*/snapshots/*/*") if path.is_file()]
        assert all(path.read_bytes() == model for path in visible)
        assert home.run("pull", REPO).code == 0
        whole(home, model)
        if first.code == 0:
            return
    raise AssertionError("it never got through")


def watched(infer: Command, data: bytes) -> list[str]:
    """strace's options that limit it to the paths of a download."""
    place = cache(infer) / f"models--{REPO.replace('/', '--')}"
    blob = place / "blobs" / sha256(data)
    paths: list[Path] = [blob, blob.with_name(blob.name + ".infer.incomplete"), place / "blobs", place / "refs"]
    paths += [place / "refs" / "main", infer.home / "cache" / "infer" / "pins"]
    return [word for path in paths for word in ("-P", str(path))]


@pytest.mark.slow
def test_an_interruption_before_the_first_byte_is_hashed_again_keeps_them_all(
    infer: Command, hub: HubServer, model: bytes
) -> None:
    """Ctrl-C while the bytes of an earlier run are read: nothing has been counted yet, and everything is there."""
    hub.add(REPO, {FILE: model})
    partial = cache(infer) / f"models--{REPO.replace('/', '--')}" / "blobs" / f"{sha256(model)}.infer.incomplete"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(model[:100_000])
    inject = ("-P", str(partial), "-e", "inject=read:signal=SIGINT:when=1")
    stopped = infer.run("pull", REPO, prefix=("strace", "-f", "-qq", "-o", "/dev/null", *inject))
    assert (stopped.code, stopped.out) == (130, b""), stopped.err
    assert partial.read_bytes() == model[:100_000]
    assert infer.run("pull", REPO).code == 0
    assert hub.served == len(model) - 100_000
    whole(infer, model)
