"""What the paths in the Hugging Face cache are: names in snapshots, and the blobs that they stand for.

Reads the cache and changes nothing.
"""

import errno
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from infer.errors import FileUnreadable, UsageError
from infer.models import hub_cache

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


def placed(root: Path, path: Path) -> tuple[Path, str, str]:
    """The repository's directory, the commit and the name of a file in a snapshot. Raises UsageError for any other."""
    found = hub_cache.placed(root, path)
    if found is None:
        raise UsageError(what=f"{path} is no model of the Hugging Face cache", hint=f"rm {path}")
    repo, commit, name = found
    return hub_cache.home(root, repo), commit, name


def is_in_cache(root: Path, path: Path) -> bool:
    """Whether a file lies in a snapshot of the cache."""
    return hub_cache.placed(root, path) is not None


def in_snapshot(root: Path, path: Path) -> Path | None:
    """A model's file in a snapshot, as the cache at `root` calls it, however its path was written (`..`, links).

    None for everything else: a blob, a directory, a README.
    """
    if not path.name.lower().endswith(".gguf") or os.path.isdir(path):  # noqa: PTH112
        return None
    return next((place for place in _spellings(root, path) if is_in_cache(root, place)), None)


def names_of_blob(root: Path, path: Path) -> list[Path] | None:
    """The names that snapshots have for a file in some repository's blobs; None for a file that is none.

    Raises FileUnreadable.
    """
    for place in _spellings(root, path):
        inside = place.relative_to(root).parts if place.is_relative_to(root) else ()
        if len(inside) == 3 and inside[0].startswith("models--") and inside[1] == "blobs" and ".." not in inside:
            return names_of(place, root / inside[0])
    return None


def is_inside(home: Path, directory: Path) -> bool:
    """Whether a directory really lies in that of its repository, and not behind a link that somebody has put there."""
    return Path(os.path.realpath(directory)).is_relative_to(os.path.realpath(home))


def names(home: Path) -> Iterator[Path]:
    """Every file and link in every snapshot of the repository at `home`.

    Raises FileUnreadable for a directory that cannot be listed: what it links to would count as needed by nobody.
    """
    return _below(home / "snapshots")


def is_empty(home: Path, commit: str) -> bool:
    """Whether a snapshot has no file. One that cannot be looked at has some."""
    try:
        return next(_below(home / "snapshots" / commit), None) is None
    except FileUnreadable:
        return False


def exists(path: Path) -> bool:
    """Whether there is something of this name. Raises FileUnreadable where nobody can say."""
    try:
        path.lstat()
    except OSError as error:
        _absent(error)
        return False
    return True


def blob_of(link: Path, home: Path) -> Path | None:
    """The blob of this repository that a link points to; None for a plain file, and for a link to anywhere else.

    Raises FileUnreadable where nobody can say.
    """
    try:
        target = os.readlink(link)  # noqa: PTH115 (the first link only)
    except OSError as error:
        if error.errno in (*_ABSENT, errno.EINVAL):
            return None
        raise _unreadable(error) from error
    place, blobs = Path(os.path.normpath(link.parent / target)), home / "blobs"
    if place.parent == Path(os.path.normpath(blobs)):
        return blobs / place.name
    # An absolute link to a cache that was reached by another path.
    return blobs / place.name if os.path.realpath(place.parent) == os.path.realpath(blobs) else None


def names_of(blob: Path, home: Path) -> list[Path]:
    """The names that stand for a blob, in every snapshot. Raises FileUnreadable."""
    return sorted(name for name in names(home) if blob_of(name, home) == blob)


def needed(home: Path, without: Collection[Path] = ()) -> set[Path | None]:
    """The blobs that snapshots link to, `without` some links. Raises FileUnreadable."""
    return {blob_of(name, home) for name in names(home) if name not in without}


def _spellings(root: Path, path: Path) -> Iterator[Path]:
    """A path as it is, and below `root` where its directory really lies there."""
    yield path
    real, directory = Path(os.path.realpath(root)), Path(os.path.realpath(path.parent))
    if directory.is_relative_to(real):
        yield root / directory.relative_to(real) / path.name


def _below(directory: Path) -> Iterator[Path]:
    for place, directories, files in os.walk(directory, onerror=_absent):
        for name in files:
            yield Path(place, name)
        for name in directories:
            if os.path.islink(path := os.path.join(place, name)):  # noqa: PTH114, PTH118 (is_symlink raises EACCES)
                yield Path(path)


def _absent(error: OSError) -> None:
    """What is not there (any more) is no trouble. Raises FileUnreadable for any other."""
    if error.errno not in _ABSENT:
        raise _unreadable(error) from error


def _unreadable(error: OSError) -> FileUnreadable:
    why = (error.strerror or str(error)).lower()
    return FileUnreadable(path=str(error.filename), why=why, hint="who else needs these bytes has to be known first")
