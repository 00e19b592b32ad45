"""What removing a model takes away, by how its files lie in the cache."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infer.errors import InferError, UsageError
from infer.models.lock import locked
from infer.models.removal import is_in_cache, plan_removal, remove, remove_model
from models.tools import COMMIT, OTHER, hub_file

DATA = b"GGUF" + b"x" * 996


def test_a_plain_file_in_a_snapshot_goes_alone(tmp_path: Path) -> None:
    """On file systems without links huggingface_hub puts the file itself there."""
    place = tmp_path / "models--org--repo/snapshots"
    for commit in (COMMIT, OTHER):
        (place / commit).mkdir(parents=True)
        (place / commit / "m.gguf").write_bytes(DATA)
    plan = plan_removal(tmp_path, place / COMMIT / "m.gguf")
    assert (plan.links, plan.blobs, plan.bytes) == ((place / COMMIT / "m.gguf",), (), 1000)
    remove(plan)
    assert sorted(path.name for path in place.iterdir()) == [OTHER]


def test_bytes_that_have_another_name_are_not_freed(tmp_path: Path) -> None:
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    os.link(link.resolve(), tmp_path / "mine.gguf")
    plan = plan_removal(tmp_path, link)
    assert (len(plan.blobs), plan.bytes) == (1, 0)
    remove(plan)
    assert (tmp_path / "mine.gguf").read_bytes() == DATA
    assert not (tmp_path / "models--org--repo").exists()


def test_a_blob_that_is_a_link_itself_keeps_what_it_points_to(tmp_path: Path) -> None:
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    blob = link.resolve()
    store = tmp_path / "store"
    blob.rename(store)
    blob.symlink_to(store)
    plan = plan_removal(tmp_path, link)
    assert plan.bytes == 0
    remove(plan)
    assert not blob.is_symlink()
    assert store.read_bytes() == DATA


def test_another_name_in_the_same_snapshot_keeps_the_blob(tmp_path: Path) -> None:
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    other = hub_file(tmp_path, "org/repo", "copy.gguf", DATA)
    remove(plan_removal(tmp_path, link))
    assert other.read_bytes() == DATA
    assert (tmp_path / "models--org--repo/refs/main").exists()


def test_what_else_lies_in_the_repository_stays(tmp_path: Path) -> None:
    """A partial download, a README, somebody's notes."""
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    partial = link.resolve().with_name("abc.infer.incomplete")
    partial.touch()
    readme = hub_file(tmp_path, "org/repo", "README.md", b"hello", OTHER, ref=None)
    remove(plan_removal(tmp_path, link))
    assert partial.exists()
    assert readme.read_bytes() == b"hello"
    assert not link.parent.exists()


@pytest.mark.parametrize(
    "path",
    [
        "m.gguf",
        "models--a--b/m.gguf",
        "models--a--b/blobs/x",
        "models--a--b/snapshots/c/../../../../x",
        "x/snapshots/c/m",
    ],
)
def test_files_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    assert not is_in_cache(tmp_path, tmp_path / path)
    with pytest.raises(UsageError, match="is no model of the Hugging Face cache"):
        plan_removal(tmp_path, tmp_path / path)
    assert not is_in_cache(tmp_path, Path("/etc/passwd"))


def test_what_cannot_be_removed_is_said(tmp_path: Path) -> None:
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    plan = plan_removal(tmp_path, link)
    link.unlink()
    link.mkdir()  # somebody else was quicker
    with pytest.raises(InferError, match=r"cannot remove .*m\.gguf: is a directory"):
        remove(plan)
    assert not plan.blobs[0].exists()


def test_a_snapshot_that_shares_some_shards_keeps_them(tmp_path: Path) -> None:
    names = [f"m-Q4_0-0000{number}-of-00002.gguf" for number in (1, 2)]
    ours = [hub_file(tmp_path, "org/repo", name, DATA + name.encode()) for name in names]
    first = hub_file(tmp_path, "org/repo", names[0], b"GGUF other", OTHER, ref=None)
    second = hub_file(tmp_path, "org/repo", names[1], DATA + names[1].encode(), OTHER, ref=None)
    removal = remove_model(tmp_path, ours[0])
    assert removal.links == tuple(ours)
    assert (first.exists(), second.exists(), ours[1].is_symlink()) == (True, True, False)


def test_a_blob_that_was_linked_since_the_plan_stays(tmp_path: Path) -> None:
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    plan = plan_removal(tmp_path, link)
    other = hub_file(tmp_path, "org/repo", "m.gguf", DATA, OTHER, ref=None)
    remove(plan)
    assert other.read_bytes() == DATA


def test_a_removal_waits_for_the_lock_of_a_download(tmp_path: Path) -> None:
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    lock = tmp_path / ".locks/models--org--repo" / f"{link.resolve().name}.lock"
    waited = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        with locked(lock, lambda: None):
            removal = pool.submit(remove_model, tmp_path, link, waiting=waited.set)
            assert waited.wait(10)
            hub_file(tmp_path, "org/repo", "copy.gguf", DATA)
        assert removal.result(10).blobs == ()
    assert (tmp_path / f"models--org--repo/snapshots/{COMMIT}/copy.gguf").read_bytes() == DATA


def test_two_revisions_of_one_blob_leave_nothing(tmp_path: Path) -> None:
    links = [hub_file(tmp_path, "org/repo", "m.gguf", DATA, commit) for commit in (COMMIT, OTHER)]
    freed = [remove_model(tmp_path, link, one_snapshot=True).bytes for link in links]
    assert freed == [0, len(DATA)]
    assert list(tmp_path.iterdir()) == []
