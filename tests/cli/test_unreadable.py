"""Directories that may not be entered: Path.is_file and Path.glob raise PermissionError there, and no command may."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command import Command, Result
from ggufs import write_gguf
from infer.models import pins, web_cache
from models.tools import COMMIT, hub_file, ollama_model, put

REPO, URL = "org/repo", "https://host.invalid/m.gguf"
# Root enters every directory, unless it gives these up.
WITHOUT = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The words in front of a command that make it meet EACCES as anybody does."""
    if os.geteuid() != 0:
        return ()
    locked = tmp_path_factory.mktemp("locked")
    locked.chmod(0)
    if shutil.which("setpriv") is None or not _succeeds("true"):
        pytest.skip("root enters every directory, and nothing here takes that from it")
    if _succeeds("ls", locked):
        pytest.skip("root enters every directory here, whatever it gives up")
    return WITHOUT


def _succeeds(*command: str | Path) -> bool:
    return subprocess.run([*WITHOUT, *command], capture_output=True, check=False).returncode == 0


@pytest.fixture
def full(lonely: Command, models_dir: Path) -> Iterator[Command]:
    """A home with a model of each kind; what a test locks is unlocked for whoever removes it."""
    model, home = write_gguf(models_dir / "locked.gguf", context=512), lonely.home
    own = Path(lonely.environment["INFER_CACHE_DIR"])
    link = hub_file(home / "cache/huggingface/hub", REPO, "m-Q4_K_M.gguf", model.read_bytes())
    for name in (REPO, f"{REPO}:Q4_K_M", "cached"):
        digest = link.resolve().name
        pins.save(pins.Pin(name, REPO, "main", COMMIT, ("m-Q4_K_M.gguf",), (digest,), (link.stat().st_size,)), own)
    put(model, web_cache.place(URL, own))
    web_cache.remember(URL, own)
    ollama_model(home / ".ollama/models", "fox/1b", model)
    put(model, home / ".lmstudio/models/pub/repo/m-Q8_0.gguf")
    put(model, home / "cache/llama.cpp/org_repo_m-Q4_0.gguf")
    put(model, home / "mine/m.gguf")
    lonely.configure(
        f'[models.mine]\npath = "{home}/mine/m.gguf"\n[models.cached]\nrepo = "{REPO}"\nfile = "m-Q4_K_M.gguf"\n'
    )
    yield lonely
    for _ in range(8):  # one more directory is seen at each step
        for directory in (path for path in home.rglob("*") if path.is_dir() and not path.is_symlink()):
            directory.chmod(0o700)


QUICK = ["cache", "cache/infer/urls/*", "cache/huggingface/hub/models--org--repo/snapshots", ".lmstudio", "mine"]
SLOW = [
    "cache/infer",
    "cache/infer/pins",
    "cache/infer/urls",
    "cache/huggingface",
    "cache/huggingface/hub/models--org--repo",
    "cache/huggingface/hub/models--org--repo/snapshots/*",
    "cache/huggingface/hub/models--org--repo/blobs",
    "cache/huggingface/hub/models--org--repo/refs",
    "cache/llama.cpp",
    ".lmstudio/models",
    ".lmstudio/models/pub/repo",
    ".ollama",
    ".ollama/models/manifests",
    ".ollama/models/blobs",
]


def lock(home: Path, place: str) -> None:
    (found,) = home.glob(place) if "*" in place else [home / place]
    assert found.is_dir()
    found.chmod(0)


def sound(result: Result) -> None:
    assert "internal error" not in result.err, result.err
    assert "Traceback" not in result.err, result.err


@pytest.mark.parametrize("place", [*QUICK, *(pytest.param(place, marks=pytest.mark.slow) for place in SLOW)])
def test_a_directory_that_cannot_be_entered_stops_no_listing(
    full: Command, prefix: tuple[str, ...], place: str
) -> None:
    lock(full.home, place)
    for command in (["list"], ["list", "--catalog", "--json"], ["show", "tiny"]):
        result = full.run(*command, prefix=prefix)
        sound(result)
        assert result.code == 0, (command, result.err)


@pytest.mark.slow
@pytest.mark.parametrize("place", [*QUICK, *SLOW])
def test_a_name_whose_directory_cannot_be_entered_is_an_ordinary_error(
    full: Command, prefix: tuple[str, ...], place: str
) -> None:
    lock(full.home, place)
    assert full.run("run", "tiny", "fox", "-n", "--max-tokens", "2", prefix=prefix).code == 0
    theirs = ("mine", "ollama:fox:1b", "lmstudio:pub/repo")
    for name in (REPO, f"{REPO}:Q4_K_M", f"{REPO}@{COMMIT}", URL, "cached", *theirs):
        for command in (["show", name], ["pull", name])[: 1 if name in theirs else 2]:
            result = full.run(*command, "--offline", prefix=prefix)
            sound(result)
            assert result.code in (0, 3, 4, 6), (command, result.err)


def test_a_pinned_name_whose_snapshots_cannot_be_entered_is_not_here(full: Command, prefix: tuple[str, ...]) -> None:
    lock(full.home, "cache/huggingface/hub/models--org--repo/snapshots")
    for name in (REPO, "cached"):
        result = full.run("run", name, "fox", "-n", "--offline", prefix=prefix)
        assert (result.code, result.out) == (4, b""), result.err
        assert f"error: {name} is not on this machine, and --offline forbids the network" in result.lines


def test_a_url_whose_directory_cannot_be_entered_is_not_here(full: Command, prefix: tuple[str, ...]) -> None:
    lock(full.home, "cache/infer/urls/*")
    result = full.run("run", URL, "fox", "-n", "--offline", prefix=prefix)
    assert (result.code, result.out) == (4, b""), result.err
