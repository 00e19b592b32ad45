"""What removing a model takes away, by how its files lie in the cache."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infer.errors import InferError, UsageError
from infer.models.links import is_in_cache
from infer.models.lock import locked
from infer.models.removal import finish_removals, plan_removal, remove, remove_model
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
    assert [path.name for path in tmp_path.iterdir()] == [".locks"]
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


def test_a_blob_whose_link_cannot_be_removed_keeps_its_name(tmp_path: Path) -> None:
    """Both links are meant; one has become what unlink() does not take, and that one needs the bytes."""
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    kept = hub_file(tmp_path, "org/repo", "m.gguf", DATA, OTHER, ref=None)
    plan = plan_removal(tmp_path, link)
    link.unlink()
    link.mkdir()
    (link / "m.gguf").symlink_to(os.path.relpath(plan.blobs[0], link))
    with pytest.raises(InferError, match="is a directory"):
        remove(plan)
    assert not kept.is_symlink()
    assert (link / "m.gguf").read_bytes() == DATA


def test_a_link_by_an_absolute_path_needs_its_blob(tmp_path: Path) -> None:
    """Also one that reaches the cache by another path."""
    link = hub_file(tmp_path / "cache", "org/repo", "m.gguf", DATA)
    (tmp_path / "way").symlink_to(tmp_path / "cache")
    other = tmp_path / "cache/models--org--repo/snapshots" / OTHER / "copy.gguf"
    other.parent.mkdir()
    other.symlink_to(tmp_path / "way/models--org--repo/blobs" / link.resolve().name)
    assert remove_model(tmp_path / "cache", link).blobs == ()
    assert other.read_bytes() == DATA


def test_what_is_set_aside_waits_for_whoever_is_at_work(tmp_path: Path) -> None:
    """A killed removal is finished once nobody holds the lock of the blob."""
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    blob = link.resolve()
    aside = blob.with_name(f"{blob.name}.infer.removing")
    blob.rename(aside)
    with locked(tmp_path / ".locks/models--org--repo" / f"{blob.name}.lock", lambda: None):
        finish_removals(tmp_path)
        assert (aside.exists(), link.is_symlink()) == (True, True)
    finish_removals(tmp_path)
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []
    assert not (tmp_path / "models--org--repo").exists()


def test_a_blob_that_is_here_again_is_not_what_was_set_aside(tmp_path: Path) -> None:
    """Somebody has downloaded it anew before the killed removal was finished."""
    link = hub_file(tmp_path, "org/repo", "m.gguf", DATA)
    aside = link.resolve().with_name(f"{link.resolve().name}.infer.removing")
    aside.write_bytes(DATA)
    finish_removals(tmp_path)
    assert not aside.exists()
    assert link.read_bytes() == DATA


def test_an_empty_repository_of_a_moment_ago_may_be_filled_any_moment(tmp_path: Path) -> None:
    (tmp_path / "models--org--new").mkdir()
    finish_removals(tmp_path)
    assert (tmp_path / "models--org--new").exists()


def test_a_removal_that_may_not_be_finished_stops_nobody(tmp_path: Path) -> None:
    """Whatever lies under the name: a directory, a link into the nothing, a file where a repository should be."""
    blobs = tmp_path / "models--org--repo/blobs"
    (blobs / "x.infer.removing/y").mkdir(parents=True)
    (blobs / "z.infer.removing").symlink_to("nowhere")
    (tmp_path / "models--org--file").touch()
    (tmp_path / "models--org--repo/...infer.removing").touch()
    finish_removals(tmp_path)
    assert (blobs / "x.infer.removing/y").exists()
    assert not (blobs / "z.infer.removing").is_symlink()
