"""Links that somebody has put where directories of the Hugging Face cache belong: nothing is written through them."""

from pathlib import Path

import pytest

from cli.command import Command
from hub.places import cache
from hub.server import HubServer

REPO = "org/Model-GGUF"
FILE = "sub/m-Q4_K_M.gguf"
DEAD = ".1999999999.0123456789abcdef.infer.tmp"  # what `sweep` removes where it may


def tree(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory of somebody else, with files that infer removes from its own."""
    place = tmp_path / "outside"
    place.mkdir()
    for name in (DEAD, "x.infer.incomplete.json", "precious"):
        (place / name).write_text("precious")
    return place


@pytest.mark.parametrize("place", ["refs", "snapshots", "snapshots/COMMIT", "snapshots/COMMIT/sub"])
def test_a_pull_writes_nothing_through_a_planted_link(
    infer: Command, hub: HubServer, model: bytes, outside: Path, place: str
) -> None:
    commit = hub.add(REPO, {FILE: model})
    link = cache(infer) / f"models--{REPO.replace('/', '--')}" / place.replace("COMMIT", commit)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    before = tree(outside)
    for command in (("pull", REPO), ("run", REPO, "hi", "-n")):
        result = infer.run(*command)
        assert (result.code, result.out) == (5, b""), result.err
        assert f" leads out of the Hugging Face cache, to {outside}" in result.err
        assert result.lines[-1] == "hint: nothing was downloaded; remove the link that leads there"
    assert tree(outside) == before
    assert hub.bodies() == []
    link.unlink()
    assert infer.run("pull", REPO).code == 0


def test_an_update_writes_nothing_through_a_planted_link(
    infer: Command, hub: HubServer, model: bytes, outside: Path
) -> None:
    hub.add(REPO, {FILE: model})
    assert infer.run("pull", REPO).code == 0
    refs = cache(infer) / f"models--{REPO.replace('/', '--')}" / "refs"
    (refs / "main").unlink()
    refs.rmdir()
    refs.symlink_to(outside)
    before = tree(outside)
    hub.add(REPO, {FILE: model + b"new"})
    result = infer.run("update", REPO)
    assert result.code == 5
    assert "leads out of the Hugging Face cache" in result.err
    assert tree(outside) == before


@pytest.mark.parametrize("place", ["snapshots", "snapshots/COMMIT"])
def test_reading_through_a_planted_link_writes_nothing_there(
    infer: Command, hub: HubServer, model: bytes, outside: Path, place: str
) -> None:
    commit = hub.add(REPO, {FILE: model})
    home = cache(infer) / f"models--{REPO.replace('/', '--')}"
    inside = outside / commit if place == "snapshots" else outside
    (inside / "sub").mkdir(parents=True)
    (inside / FILE).write_bytes(model)
    link = home / place.replace("COMMIT", commit)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    before = tree(outside)
    for command in (("list",), ("show", REPO), ("verify", REPO), ("run", REPO, "hi", "-n", "--max-tokens", "2")):
        assert infer.run(*command).code in (0, 3, 4, 5)
    infer.run("pull", REPO)
    assert tree(outside) == before


def test_a_cache_on_another_disk_is_written_to(infer: Command, hub: HubServer, model: bytes, tmp_path: Path) -> None:
    """People move the cache, a repository or its blobs to another disk and leave a link: that is no planted one."""
    hub.add(REPO, {FILE: model})
    home = cache(infer) / f"models--{REPO.replace('/', '--')}"
    for name, link in (("hub", cache(infer)), ("repository", home), ("blobs", home / "blobs")):
        (tmp_path / name).mkdir()
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(tmp_path / name)
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    assert Path(result.out.decode().rstrip("\n")).read_bytes() == model
    assert infer.run("run", REPO, "hi", "-n", "--max-tokens", "2", "--offline").code == 0
