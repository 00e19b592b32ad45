"""A file on its way: the bytes that have arrived, their hash, the ETag they came with; published when it is whole.

NAME.infer.incomplete        the bytes, in order, without holes: how long it is says how far the download came
NAME.infer.incomplete.json   {"etag", "file"}: what If-Range needs, and which file of the repository this is

Both survive a crash at any moment. A file gets its final name only after its digest was found right and its bytes
were synced to the disk.
"""

import errno
import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from infer.errors import CacheUnwritable, DiskFull, IntegrityError
from infer.machine import disk_free
from infer.models.small import read_small

SUFFIX = ".infer.incomplete"
NOTE_LIMIT = 1 << 16  # bytes of the note beside it
_READ = 1 << 20  # bytes
_RACES = 100  # that are lost, one after the other, to somebody who removes an empty directory
_TEMPORARY = re.compile(r"\.(\d{1,10})\.[0-9a-f]{16}\.infer\.tmp")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Made = TypeVar("Made")


class Partial:
    """The only writer of one incomplete file. `size` counts its bytes; `expected` is that of the whole file or None."""

    def __init__(self, path: Path, file: str, expected: int | None, digest: str | None, mode: int = 0o666) -> None:
        self.path, self.file, self.expected, self.digest, self._mode = path, file, expected, digest, mode
        self.size = 0
        self.etag: str | None = None
        self._fd = -1
        self._hash: Any = None

    def open(self, report: Callable[[int], None]) -> None:
        """Take up what an earlier attempt has left, hashing it anew; `report` hears how many bytes are done.

        Raises CacheUnwritable, DiskFull.
        """
        try:
            # A planted link is not followed, nor is a FIFO waited for.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            try:
                self._fd = in_directory(self.path.parent, lambda: os.open(self.path, flags, self._mode))
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                    raise
                self._begin()
                return
        except OSError as error:
            raise unwritable(error, self.path) from error
        self._new_hash()
        if self.expected is not None and os.fstat(self._fd).st_size > self.expected:
            self.restart()
            return
        self.etag = self._remembered()
        try:
            while data := os.read(self._fd, _READ):
                self._hash.update(data)
                self.size += len(data)
                report(self.size)
        except OSError as error:  # EIO: a bad disk
            raise unwritable(error, self.path) from error

    def append(self, data: bytes) -> None:
        """Add bytes. Raises DiskFull, with what arrived so far kept, and CacheUnwritable."""
        view = memoryview(data)
        try:
            while view:
                count = os.write(self._fd, view)
                self._hash.update(view[:count])
                self.size += count
                view = view[count:]
        except OSError as error:
            raise self._failed(error) from error

    def remember(self, etag: str | None) -> None:
        """Keep the ETag of the bytes that begin to arrive, before the first of them."""
        if etag == self.etag and os.path.exists(self._note):  # noqa: PTH110 (Path.exists raises EACCES)
            return
        self.etag = etag
        try:
            write_whole(self._note, json.dumps({"etag": etag, "file": self.file}).encode(), self._mode)
        except OSError as error:
            raise self._failed(error) from error

    def restart(self) -> None:
        """Begin anew with an empty file (another one: whoever holds the old one keeps it as it is)."""
        self.close()
        try:
            self._begin()
        except OSError as error:
            raise unwritable(error, self.path) from error

    def check(self) -> str:
        """The digest of the whole file. Raises IntegrityError, and drops it, when that is not the promised one."""
        found: str = self._hash.hexdigest()
        if self.sound():
            return found
        self.discard()
        kind = "sha256" if len(self.digest or "") == 64 else "git blob id"
        what = f"{self.file} has the {kind} {found}, promised was {self.digest}"
        raise IntegrityError(what=what, hint="nothing was kept; try again, and if it stays so, tell the repository")

    def sound(self) -> bool:
        """Whether the bytes are the promised ones, as far as any were promised."""
        return self.digest is None or self._hash.hexdigest() == self.digest

    def read_at(self, count: int, offset: int) -> bytes:
        """Up to `count` of the bytes that have arrived, from `offset` on."""
        return os.pread(self._fd, count, offset)

    def publish(self, final: Path) -> None:
        """Give the checked file its final name; synced before and after, so that not even a power cut shortens it."""
        try:
            os.fsync(self._fd)
            self.path.replace(final)
            sync_directory(final.parent)
        except FileNotFoundError as error:
            if not os.path.isfile(final):  # noqa: PTH113 (else another process published it: no locks here)
                why = f"{self.path.name} was removed while it was written"
                raise CacheUnwritable(path=str(final.parent), why=why) from error
        except OSError as error:
            raise self._failed(error) from error
        self.close()
        with suppress(OSError):
            self._note.unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Whether nothing has arrived, in this run or an earlier one: `size` counts what this run has hashed."""
        try:
            return self.path.stat(follow_symlinks=False).st_size == 0
        except OSError:
            return False

    def discard(self) -> None:
        """Remove what has arrived."""
        self.close()
        with suppress(OSError):  # what cannot be removed is hashed and found out by the next run
            self.path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file; what has arrived stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def _note(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def _begin(self) -> None:
        with suppress(FileNotFoundError):
            self.path.rmdir() if self.path.is_dir() and not self.path.is_symlink() else self.path.unlink()
        self._note.unlink(missing_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, self._mode)
        self.size, self.etag = 0, None
        self._new_hash()

    def _new_hash(self) -> None:
        if self.digest is not None and len(self.digest) == 40:
            self._hash = hashlib.sha1(b"blob %d\0" % (self.expected or 0), usedforsecurity=False)
        else:
            self._hash = hashlib.sha256()

    def _remembered(self) -> str | None:
        try:
            etag = json.loads(read_small(self._note, NOTE_LIMIT))["etag"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return etag if isinstance(etag, str) and etag.isascii() and etag.isprintable() else None

    def _failed(self, error: OSError) -> Exception:
        rest = None if self.expected is None else self.expected - self.size
        return unwritable(error, self.path, self.file, rest)


def unwritable(error: OSError, path: Path, file: str = "the model", rest: int | None = None) -> Exception:
    """Our error for one that a write met."""
    if error.errno in FULL:
        return DiskFull(
            what=f"the rest of {file}" if rest else file, need=rest, have=disk_free(path), path=str(path.parent)
        )
    return CacheUnwritable(path=str(path.parent), why=(error.strerror or str(error)).lower())


def in_directory(directory: Path, make: Callable[[], Made]) -> Made:
    """Make something in a directory, and the directory where it is missing: also when `infer rm` or another program
    removes it, empty, at this very moment. Raises OSError.
    """
    for _ in range(_RACES):
        with suppress(FileNotFoundError, FileExistsError):  # mkdir raises that for one that has just gone
            directory.mkdir(parents=True, exist_ok=True)
            return make()
    directory.mkdir(parents=True, exist_ok=True)
    return make()


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a small file whole or not at all. Raises OSError."""
    temporary = temporary_beside(path)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def temporary_beside(path: Path) -> Path:
    """A name that nobody else has, for what will be renamed to `path`. It says whose it is, for `is_abandoned`."""
    return path.with_name(f".{os.getpid()}.{os.urandom(8).hex()}.infer.tmp")


def is_abandoned(path: Path) -> bool:
    """Whether a file is a temporary one of a process that has ended."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    try:
        os.kill(int(match[1]), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False


def sync_directory(directory: Path) -> None:
    """Make a rename in a directory last."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
