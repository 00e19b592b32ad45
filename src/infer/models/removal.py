"""What goes when a model leaves the Hugging Face cache: its links, the blobs nobody else links, what is empty then."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from infer.errors import InferError, UsageError
from infer.models.lock import locked
from infer.models.metadata import shard_paths

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Removal:
    """What is going to be removed.

    home       the repository's directory in the cache, or the directory of a URL's file
    links      the names under which the files are seen, in every snapshot that is meant
    blobs      their bytes, as far as no other name in the repository needs them
    bytes      that become free
    snapshots  how many snapshots show the files; 0 for a URL's file
    """

    home: Path
    links: tuple[Path, ...]
    blobs: tuple[Path, ...]
    bytes: int
    snapshots: int


def plan_removal(root: Path, path: Path, *, one_snapshot: bool = False) -> Removal:
    """What removing the model at `path` (a file in a snapshot of the cache at `root`) takes away.

    With `one_snapshot` only from the snapshot that `path` lies in, else from every snapshot with the same bytes.
    Raises UsageError for a file that lies in no snapshot.
    """
    home, commit, name = _placed(root, path)
    shards, places = shard_paths(name), [home / "snapshots" / commit]
    if not one_snapshot:  # only whole models: one that shares some shards is another model
        same = [_held(places[0] / shard, home) for shard in shards]
        others = (place for place in _snapshots(home) if place.name != commit)
        places += [place for place in others if [_held(place / shard, home) for shard in shards] == same]
    links = [link for place in places for shard in shards if os.path.lexists(link := place / shard)]
    blobs = {blob for link in links if (blob := _blob(link, home)) is not None}
    goes = tuple(sorted(blob for blob in blobs - _needed(home, links) if os.path.lexists(blob)))
    plain = [link for link in links if not link.is_symlink()]
    snapshots = len({link.relative_to(home / "snapshots").parts[0] for link in links})
    return Removal(home, tuple(links), goes, sum(map(_freed, (*goes, *plain))), snapshots)


def remove_model(
    root: Path, path: Path, *, one_snapshot: bool = False, waiting: Callable[[], None] = lambda: None
) -> Removal:
    """Plan again while nobody downloads these blobs, and carry that out: what has been removed.

    `waiting` is called now and then while a download holds one of them. Raises InferError for what stays.
    """
    while True:
        before = plan_removal(root, path, one_snapshot=one_snapshot)
        with ExitStack() as stack:
            for blob in before.blobs:
                stack.enter_context(_alone(root / ".locks" / before.home.name / f"{blob.name}.lock", waiting))
            removal = plan_removal(root, path, one_snapshot=one_snapshot)
            if set(removal.blobs) <= set(before.blobs):
                remove(removal)
                return removal


@contextmanager
def _alone(lock: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a download's lock; its file goes with the blob (who waits for it sees that, and makes a new one)."""
    with locked(lock, waiting) as held:
        try:
            yield
        finally:
            if held:
                with suppress(OSError):
                    lock.unlink()
                    lock.parent.rmdir()
                    lock.parent.parent.rmdir()


def plan_fetched_removal(path: Path) -> Removal:
    """What removing a file that was fetched from a URL takes away: it, and what stands beside it in its directory."""
    beside = [found for found in path.parent.iterdir() if found != path and not found.is_dir()]
    return Removal(path.parent, (path, *sorted(beside)), (), _freed(path), 0)


def remove(removal: Removal) -> None:
    """Carry it out: names first, so that nobody meets a name without its bytes. Raises InferError for what stays."""
    failed: list[str] = []
    for path in removal.links:
        _unlink(path, failed)
    for path in removal.blobs:
        if path not in _needed(removal.home):  # another program may have linked it since
            _unlink(path, failed)
    if not removal.snapshots:
        with suppress(OSError):
            removal.home.rmdir()
    else:
        _forget_commits(removal)
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise InferError(what=f"cannot remove {failed[0]}{more}", hint="the rest of it has been removed")


def _unlink(path: Path, failed: list[str]) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        failed.append(f"{path}: {(error.strerror or str(error)).lower()}")


def _placed(root: Path, path: Path) -> tuple[Path, str, str]:
    """The repository's directory, the commit and the name of a file in a snapshot."""
    inside = path.relative_to(root).parts if path.is_relative_to(root) else ()
    if len(inside) < 4 or not inside[0].startswith("models--") or inside[1] != "snapshots" or ".." in inside:
        raise UsageError(what=f"{path} is no model of the Hugging Face cache", hint=f"rm {path}")
    return root / inside[0], inside[2], "/".join(inside[3:])


def _blob(link: Path, home: Path) -> Path | None:
    """The blob of this repository that a link points to; a link to anywhere else has none."""
    try:
        target = os.readlink(link)  # noqa: PTH115 (the first link only)
    except OSError:
        return None
    place = Path(os.path.normpath(link.parent / target))
    return place if place.parent == Path(os.path.normpath(home / "blobs")) else None


def _held(link: Path, home: Path) -> Path | None:
    """What a name in a snapshot stands for: its blob, a plain file itself; None where there is nothing."""
    return _blob(link, home) or (link if os.path.lexists(link) else None)


def _needed(home: Path, without: Sequence[Path] = ()) -> set[Path | None]:
    """The blobs that snapshots link to, `without` some links."""
    gone = set(without)
    return {_blob(link, home) for link in _links(home) if link not in gone}


def _snapshots(home: Path) -> list[Path]:
    try:
        return sorted((home / "snapshots").iterdir())
    except OSError:
        return []


def _links(home: Path) -> Iterator[Path]:
    """Every link in every snapshot."""
    for directory, _, names in os.walk(home / "snapshots"):
        yield from (Path(directory, name) for name in names if Path(directory, name).is_symlink())


def _freed(path: Path) -> int:
    """Bytes that removing a name gives back: none for a link, nor for a file that has other names."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 else 0


def _remove_empty(directory: Path, stop: Path) -> None:
    """Remove empty directories from `directory` up, below `stop`."""
    while directory != stop and directory.is_relative_to(stop):
        try:
            directory.rmdir()
        except OSError:
            return
        directory = directory.parent


def _forget_commits(removal: Removal) -> None:
    """Take away what speaks of commits that are gone, and the repository's directory once it is empty."""
    home, snapshots = removal.home, removal.home / "snapshots"
    for link in removal.links:
        _remove_empty(link.parent, snapshots)
    commits = {link.relative_to(snapshots).parts[0] for link in removal.links}
    gone = {commit for commit in commits if not (snapshots / commit).exists()}
    refs = home / "refs"
    for ref in sorted(refs.rglob("*")) if gone else ():
        with suppress(OSError, ValueError):
            if ref.is_file() and ref.read_text(encoding="utf-8").strip() in gone:
                ref.unlink()
                _remove_empty(ref.parent, refs)
    for commit in filter(_COMMIT.fullmatch, gone):
        absent = home / ".no_exist" / commit  # huggingface_hub's empty files: what the repository does not have
        with suppress(OSError):
            for note in [path for path in absent.rglob("*") if path.is_file()]:
                note.unlink()
                _remove_empty(note.parent, home / ".no_exist")
    if not any(_snapshots(home)):
        for name in ("refs", "snapshots", "blobs", ".no_exist", ""):
            with suppress(OSError):
                (home / name).rmdir()


def is_in_cache(root: Path, path: Path) -> bool:
    """Whether a file lies in a snapshot of the cache, so that `plan_removal` can tell what goes with it."""
    try:
        _placed(root, path)
    except UsageError:
        return False
    return True
