"""Removals beside downloads: killed ones are finished by the next pull, and the two do not hurt each other."""

import random
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import huggingface_hub
import pytest

from cli.command import Command
from hub.places import cache, files, leftovers
from hub.server import HubServer, sha256

REPO = "org/Model-GGUF"
FILE = "m-Q4_K_M.gguf"
CHANGES = "rename,renameat,renameat2,unlink,unlinkat,rmdir"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


def kill_rm(infer: Command, step: int) -> None:
    """`infer rm`, killed at its step-th change of the disk."""
    prefix = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={CHANGES}:signal=SIGKILL:when={step}")
    assert infer.run("rm", "--yes", REPO, prefix=prefix).code == -9


def in_hub(infer: Command) -> list[str]:
    return [name for name in files(infer) if "/hub/" in name]


@needs_strace
@pytest.mark.parametrize("step", [2, *(pytest.param(step, marks=pytest.mark.slow) for step in (1, 3, 4))])
def test_a_pull_of_something_else_finishes_a_killed_removal(
    infer: Command, hub: HubServer, model: bytes, step: int
) -> None:
    hub.add(REPO, {FILE: model})
    hub.add("org/Other-GGUF", {FILE: model + b"other"})
    assert infer.run("pull", REPO).code == 0
    kill_rm(infer, step)
    assert [name for name in files(infer) if name.endswith(".infer.removing")]
    result = infer.run("pull", "org/Other-GGUF")
    assert result.code == 0, result.err
    left = [name for name in in_hub(infer) if "Model-GGUF" in name]
    assert left == [] or step == 1, left
    assert not [name for name in left if "blobs" in name and sha256(model) not in name]


@needs_strace
@pytest.mark.parametrize("step", [2, *(pytest.param(step, marks=pytest.mark.slow) for step in (1, 3, 4, 5))])
def test_a_pull_of_the_same_model_after_a_killed_removal(
    infer: Command, hub: HubServer, model: bytes, step: int
) -> None:
    commit = hub.add(REPO, {FILE: model})
    assert infer.run("pull", REPO).code == 0
    kill_rm(infer, step)
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    assert Path(result.out.decode().rstrip("\n")).read_bytes() == model
    home = f"cache/huggingface/hub/models--{REPO.replace('/', '--')}"
    wanted = [f"{home}/blobs/{sha256(model)}", f"{home}/snapshots/{commit}/{FILE}"]
    # The pin is still there, and means the commit: nobody has asked what `main` is.
    kept = [name for name in in_hub(infer) if not name.endswith((".infer.removing", "/refs/main"))]
    assert kept == wanted
    assert infer.run("rm", "--yes", REPO).code == 0
    assert in_hub(infer) == []


@pytest.mark.slow
def test_a_pull_waits_for_a_removal_and_a_removal_for_a_pull(infer: Command, hub: HubServer, big_model: bytes) -> None:
    """The bytes that a download has nearly brought are not taken from under it."""
    old = hub.add(REPO, {FILE: big_model})
    path = Path(infer.run("pull", REPO).out.decode().rstrip("\n"))
    path.resolve().unlink()
    hub.faults.rate = 8e6
    pull = infer.start("pull", REPO)
    pull.until(lambda: any(p.stat().st_size > 1_000_000 for p in infer.home.rglob("*.infer.incomplete")))
    blob = path.parent / path.readlink()
    blob.write_bytes(b"GGUF")  # so that there is something to remove
    removal = infer.start("rm", "--yes", path)
    removal.until(lambda: f"{path} is being downloaded; waiting for that" in removal.err)
    assert pull.finish().code == 0
    assert removal.finish().code == 0
    assert leftovers(infer) == []
    assert infer.run("rm", "--yes", path).code in (0, 3), "it was removed after the download, or before its last step"
    assert in_hub(infer) == []
    assert old in str(path)


@pytest.mark.parametrize("rounds", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_pulls_and_removals_of_one_model_at_the_same_time(
    infer: Command, hub: HubServer, model: bytes, rounds: int
) -> None:
    """Whoever pulls has the model, or is told that it has gone since; in the end nothing is left that nobody names."""
    hub.add(REPO, {FILE: model})
    hub.add(REPO, {FILE: model, "README.md": b"x" * 600})
    commits = [commit for commit, _ in hub.repos[REPO].commits]

    def work(number: int) -> list[tuple[str, int, str]]:
        choice, ends = random.Random(number), []
        for _ in range(rounds):
            name = choice.choice([REPO, f"{REPO}@{commits[0]}"])
            command = choice.choice([("pull", name), ("rm", "--yes", name)])
            result = infer.run(*command)
            ends.append((command[0], result.code, result.err))
        return ends

    with ThreadPoolExecutor(4) as pool:
        ends = [end for one in pool.map(work, range(4)) for end in one]
    wrong = [end for end in ends if end[1] not in (0, 3)]
    assert not wrong, wrong
    print(Counter((command, code) for command, code, _ in ends))
    assert all("not on this machine" in err or "no such file" in err for _, code, err in ends if code == 3), ends
    links = [path for path in cache(infer).rglob("*") if path.is_symlink()]
    assert all(path.exists() for path in links)
    for name in (REPO, f"{REPO}@{commits[0]}"):
        assert infer.run("pull", name).code == 0
    assert leftovers(infer) == []
    assert huggingface_hub.scan_cache_dir(cache(infer)).warnings == []
    for name in (REPO, f"{REPO}@{commits[0]}"):
        assert infer.run("rm", "--yes", name).code in (0, 3)
    assert in_hub(infer) == []


def test_huggingface_hub_downloads_beside_removals(infer: Command, hub: HubServer, model: bytes) -> None:
    """Its locks are made in directories that it expects to stay."""
    hub.add(REPO, {FILE: model, "other.gguf": model + b"2"})
    hub.add(REPO, {FILE: model, "other.gguf": model + b"2"})
    path = infer.run("pull", f"{REPO}:{FILE}").out.decode().rstrip("\n")
    assert infer.run("rm", "--yes", path).code == 0
    assert (cache(infer) / ".locks" / f"models--{REPO.replace('/', '--')}").is_dir()
    theirs = huggingface_hub.hf_hub_download(REPO, "other.gguf", cache_dir=cache(infer), endpoint=hub.endpoint)
    assert Path(theirs).read_bytes() == model + b"2"
    assert not huggingface_hub.scan_cache_dir(cache(infer)).warnings
