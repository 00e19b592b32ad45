"""What goes when a model leaves the Hugging Face cache: its links, the blobs nobody else links, what is empty then.

The order, so that a kill at any moment leaves nothing that the next removal or download does not finish:

1. HOME/COMMIT.infer.removing       a note: of this commit all files are removed
2. HOME/blobs/SHA -> SHA.infer.removing   all of them, or none and nothing has changed; under the locks of downloads
3. the links, of a sharded model the first file's last: as long as it is there the model is listed, and can be removed
4. SHA.infer.removing               removed, or back under its name where a link to it could not be removed
5. of commits without a file        the references, what huggingface_hub knows to be absent, the directories
6. the notes, and the repository's directory once it is empty
"""

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from infer.errors import CacheUnwritable, DiskFull, InferError, IntegrityError
from infer.models import links
from infer.models.lock import free_now, locked
from infer.models.metadata import shard_paths
from infer.models.partial import FULL
from infer.models.small import read_small

REMOVING = ".infer.removing"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REF_LIMIT = 4096  # bytes of a file that holds a commit
_DEAD = 3600  # seconds after which whoever was at work has ended, where no lock can tell
_SETTLED = 60  # seconds after which nobody is about to put something into an empty directory
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

_HINT = "it can be removed by whoever may write there"

Failures = list[tuple[Path, OSError]]


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

    @property
    def commits(self) -> set[str]:
        """The commits whose snapshots show the files."""
        return _commits(self.home, self.links)


def plan_removal(root: Path, path: Path, *, one_snapshot: bool = False) -> Removal:
    """What removing the model at `path` (a file in a snapshot of the cache at `root`) takes away.

    With `one_snapshot` only from the snapshot that `path` lies in, else from every snapshot with the same bytes.
    Raises UsageError for a file that lies in no snapshot, IntegrityError for one behind a link out of the cache,
    FileUnreadable where nobody can say who else needs the bytes.
    """
    home, commit, name = links.placed(root, path)
    if not links.is_inside(home, path.parent):
        what = f"{path.parent} leads out of the Hugging Face cache, to {os.path.realpath(path.parent)}"
        raise IntegrityError(what=what, hint="nothing was removed; remove the link that leads there")
    shards, places = shard_paths(name), [home / "snapshots" / commit]
    if not one_snapshot:  # only whole models: one that shares some shards is another model
        same = [_held(places[0] / shard, home) for shard in shards]
        others = (place for place in _snapshots(home) if place.name != commit and links.is_inside(home, place))
        places += [place for place in others if [_held(place / shard, home) for shard in shards] == same]
    found = [link for place in places for shard in shards if os.path.lexists(link := place / shard)]
    blobs = {blob for link in found if (blob := links.blob_of(link, home)) is not None}
    goes = tuple(sorted(blob for blob in blobs - links.needed(home, set(found)) if links.exists(blob)))
    plain = [link for link in found if not link.is_symlink()]
    return Removal(home, tuple(found), goes, sum(map(_freed, (*goes, *plain))), len(_commits(home, found)))


def remove_model(
    root: Path, path: Path, *, one_snapshot: bool = False, waiting: Callable[[], None] = lambda: None
) -> Removal:
    """Plan again while nobody downloads these blobs, and carry that out: what has been removed.

    `waiting` is called now and then while a download holds one of them. Raises what `plan_removal` and `remove` raise.
    """
    while True:
        before = plan_removal(root, path, one_snapshot=one_snapshot)
        with ExitStack() as stack:
            for blob in before.blobs:
                stack.enter_context(_alone(_lock(before.home, blob), waiting))
            removal = plan_removal(root, path, one_snapshot=one_snapshot)
            if set(removal.blobs) <= set(before.blobs):
                remove(removal)
                return removal


def plan_fetched_removal(path: Path) -> Removal:
    """What removing a file that was fetched from a URL takes away: it, and what stands beside it in its directory."""
    beside: list[Path] = []
    with suppress(OSError):
        beside = [found for found in path.parent.iterdir() if found != path and not os.path.isdir(found)]  # noqa: PTH112 (is_dir raises EACCES)
    return Removal(path.parent, (path, *sorted(beside)), (), _freed(path), 0)


def remove(removal: Removal) -> None:
    """Carry it out, in the order that is said above.

    Raises CacheUnwritable (the cache may not be written: then nothing has changed), InferError for what stays.
    """
    failed: Failures = []
    if not removal.snapshots:
        _unlink(reversed(removal.links), failed)
        _remove_directories([removal.home])
    else:
        aside = _set_aside(removal)
        _unlink(reversed(removal.links), failed)
        _settle(removal.home, aside, failed)
        _close(removal.home, removal.commits)
    if failed:
        raise _unremoved(failed)


def finish_removals(root: Path) -> None:
    """Finish what killed processes have begun to remove, in every repository of the cache at `root`.

    What cannot be finished now (it is locked, it may not be written) waits for the next time.
    """
    for home in _entries(root, "models--", ""):
        for aside in _entries(home / "blobs", "", REMOVING):
            with suppress(OSError, InferError):
                _finish(root, home, aside)
        for note in _entries(home, "", REMOVING):
            with suppress(OSError):
                commit = note.name.removesuffix(REMOVING)
                if links.is_empty(home, commit) or _age(note) > _DEAD:
                    _close(home, {commit})
        with suppress(OSError):
            if _age(home) > _SETTLED:
                _remove_directories([home])


def _commits(home: Path, names: Iterable[Path]) -> set[str]:
    return {name.relative_to(home / "snapshots").parts[0] for name in names}


def _held(name: Path, home: Path) -> Path | None:
    """What a name in a snapshot stands for: its blob, a plain file itself; None where there is nothing."""
    return links.blob_of(name, home) or (name if os.path.lexists(name) else None)


def _snapshots(home: Path) -> list[Path]:
    return _entries(home / "snapshots", "", "")


def _entries(directory: Path, begin: str, end: str) -> list[Path]:
    """What a directory holds of these names; nothing when it cannot be read."""
    try:
        return sorted(path for path in directory.iterdir() if path.name.startswith(begin) and path.name.endswith(end))
    except OSError:
        return []


def _freed(path: Path) -> int:
    """Bytes that removing a name gives back: none for a link, nor for a file that has other names."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 else 0


def _age(path: Path) -> float:
    """Seconds since a file got its name."""
    return time.time() - path.lstat().st_ctime


def _lock(home: Path, blob: Path) -> Path:
    """The lock that is held while a blob is downloaded, huggingface_hub's own."""
    return home.parent / ".locks" / home.name / f"{blob.name}.lock"


@contextmanager
def _alone(lock: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a download's lock; its file goes with the blob (who waits for it sees that, and makes a new one).

    Its directory stays: huggingface_hub makes it once and does not expect that it goes.
    """
    with ExitStack() as stack:
        try:
            held = stack.enter_context(locked(lock, waiting))
        except DiskFull:  # what we are about to do is what helps against that
            held = False
        except CacheUnwritable as error:
            raise CacheUnwritable(**{**error.facts, "hint": _HINT}) from error
        try:
            yield
        finally:
            if held:
                with suppress(OSError):
                    lock.unlink()


def _set_aside(removal: Removal) -> dict[Path, Path]:
    """Leave the notes and take the blobs' names away: where the bytes of each one lie now.

    Raises CacheUnwritable, and all is as it was, where that may not be done.
    """
    gone = set(removal.links)
    needed = links.needed(removal.home, gone)  # another program may have linked one since
    stay = _commits(removal.home, (name for name in links.names(removal.home) if name not in gone))
    notes, aside = _notes(removal.home, removal.commits - stay), dict[Path, Path]()
    try:
        for note in notes:
            _leave(note)
        for blob in sorted(set(removal.blobs) - needed):
            aside[blob] = _renamed(blob)
    except OSError as error:
        _put_back(aside)
        _unlink(notes, [])
        raise _unwritable(Path(error.filename), error) from error
    return aside


def _notes(home: Path, commits: Iterable[str]) -> list[Path]:
    return [home / f"{commit}{REMOVING}" for commit in sorted(commits)]


def _leave(note: Path) -> None:
    """Make a note, unless the disk is full (to remove something is what helps against that) or nothing is there to be
    removed any more. Raises OSError.
    """
    try:
        os.close(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666))
    except OSError as error:
        if error.errno not in (*FULL, errno.ENOENT):
            raise


def _renamed(blob: Path) -> Path:
    """Give a blob the name by which it is known that it goes; where it lies then. Raises OSError."""
    aside = blob.with_name(blob.name + REMOVING)
    try:
        blob.rename(aside)
    except OSError as error:
        if error.errno not in (*FULL, errno.ENOENT):
            raise
        return blob
    return aside


def _put_back(aside: Mapping[Path, Path]) -> None:
    for blob, place in aside.items():
        with suppress(OSError):
            place.rename(blob)


def _settle(home: Path, aside: Mapping[Path, Path], failed: Failures) -> None:
    """Remove the blobs that are set aside; one that a link still needs gets its name back."""
    needed = links.needed(home) if aside else set()
    _put_back({blob: place for blob, place in aside.items() if blob in needed})
    _unlink([place for blob, place in aside.items() if blob not in needed], failed)


def _close(home: Path, commits: set[str]) -> None:
    """Take away what speaks of commits without a file, the notes about them, and the repository once it is empty."""
    for commit in sorted(commits):
        if links.is_empty(home, commit):
            _forget(home, commit)
    if not _snapshots(home):
        _remove_directories([home / name for name in ("refs", "snapshots", ".no_exist", "blobs")])
    _unlink(_notes(home, commits), [])
    _remove_directories([home])


def _forget(home: Path, commit: str) -> None:
    """Remove the references to a commit, what huggingface_hub knows to be absent from it, and its directories."""
    for ref in _files(home, "refs"):
        with suppress(OSError, ValueError):
            if read_small(ref, _REF_LIMIT).decode().strip() == commit:
                ref.unlink()
    places = [home / "refs", home / "snapshots" / commit]
    if _COMMIT.fullmatch(commit):
        _unlink(_files(home, f".no_exist/{commit}"), [])
        places.append(home / ".no_exist" / commit)
    for place in [place for place in places if links.is_inside(home, place)]:
        _remove_directories(Path(directory) for directory, _, _ in os.walk(place, topdown=False))


def _files(home: Path, name: str) -> list[Path]:
    """The files in a directory of the repository; none behind a link."""
    if not links.is_inside(home, home / name):
        return []
    return [Path(place, file) for place, _, files in os.walk(home / name) for file in files]


def _unlink(paths: Iterable[Path], failed: Failures) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            failed.append((path, error))


def _remove_directories(directories: Iterable[Path]) -> None:
    """Remove those that are empty."""
    for directory in directories:
        with suppress(OSError):
            directory.rmdir()


def _finish(root: Path, home: Path, aside: Path) -> None:
    """Finish the removal of a blob that was set aside, unless somebody is just doing that. Raises OSError, InferError.

    Nobody makes a link to a blob that is not there: those that there are have to go as well, with their whole model.
    """
    blob = aside.with_name(aside.name.removesuffix(REMOVING))
    with ExitStack() as stack:
        if not stack.enter_context(_abandoned(home, blob, aside)):
            return
        for name in links.names_of(blob, home) if not os.path.lexists(blob) else ():
            plan = plan_removal(root, name, one_snapshot=True)
            if not all(stack.enter_context(_abandoned(home, other, aside)) for other in plan.blobs):
                return
            remove(plan)
        aside.unlink(missing_ok=True)
    _remove_directories([home / "blobs", home])


@contextmanager
def _abandoned(home: Path, blob: Path, aside: Path) -> Iterator[bool]:
    """Hold a blob's lock: whether nobody is at work at it. Where there are no locks, nobody is after an hour."""
    lock = _lock(home, blob)
    with free_now(lock) as free:
        yield free or _age(aside) > _DEAD
        if free:
            with suppress(OSError):
                lock.unlink()


def _unremoved(failed: Failures) -> InferError:
    path, error = failed[0]
    if error.errno in _FORBIDDEN:
        return _unwritable(path, error)
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    what = f"cannot remove {path}: {(error.strerror or str(error)).lower()}{more}"
    return InferError(what=what, hint="the rest of it has been removed")


def _unwritable(path: Path, error: OSError) -> CacheUnwritable:
    return CacheUnwritable(path=str(path.parent), why=(error.strerror or str(error)).lower(), hint=_HINT)
