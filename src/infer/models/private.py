"""What only the user may read: files and directories in infer's own cache."""

import os
import re
import time
from contextlib import suppress
from pathlib import Path

from infer.errors import CacheUnwritable
from infer.models.partial import temporary_beside

MODE = 0o600  # of a file; directories are 0700
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp\Z")
_ABANDONED = 3600  # seconds after which nobody finishes a temporary file


def make_private(directory: Path) -> None:
    """Make a directory and its missing parents, all 0700 (mkdir makes the parents for everybody). Raises OSError."""
    missing = [place for place in (directory, *directory.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)


def require_writable(directory: Path) -> None:
    """Write something there and take it away, before hours of work end with what cannot be. Raises CacheUnwritable."""
    try:
        make_private(directory)
        probe = temporary_beside(directory / "probe")
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE))
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise own_cache_unwritable(error, directory) from error


def own_cache_unwritable(error: OSError, directory: Path) -> CacheUnwritable:
    """Our error for one that a write to infer's own cache met: the models' cache is another place."""
    hint = "set INFER_CACHE_DIR to a directory that can be written"
    return CacheUnwritable(path=str(directory), why=(error.strerror or str(error)).lower(), hint=hint)


def write_private(target: Path, data: bytes) -> bool:
    """Replace a file: 0600 in a 0700 directory, whole or not at all. Whether it was written."""
    with suppress(OSError, ValueError):
        make_private(target.parent)
        _sweep(target.parent)
        temporary = target.with_suffix(f".{os.urandom(8).hex()}.tmp")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        try:
            with open(fd, "wb") as file:
                file.write(data)
            temporary.replace(target)
        except BaseException:
            temporary.unlink()
            raise
        return True
    return False


def _sweep(directory: Path) -> None:
    """Remove the temporary files of processes that were killed."""
    with os.scandir(directory) as found:
        for entry in found:
            if _TEMPORARY.search(entry.name):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED:
                        os.unlink(entry.path)  # noqa: PTH108
