"""One download at a time: an advisory lock on a file, which the kernel lets go of when its holder dies.

The lock saves work; that the files are right does not depend on it.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infer.errors import CacheUnwritable, DiskFull
from infer.models.partial import in_directory, unwritable

_BUSY = (errno.EWOULDBLOCK, errno.EACCES)
_PAUSE = 0.1  # seconds between two looks at a lock that somebody holds


@contextmanager
def locked(path: Path, waiting: Callable[[], None], mode: int = 0o666) -> Iterator[bool]:
    """Hold the lock at `path`; `waiting` is called now and then while another process has it.

    Gives False on a file system that has no locks. Raises CacheUnwritable.
    """
    fd, held = _acquire(path, waiting, mode)
    try:
        yield held
    finally:
        os.close(fd)  # lets go of it; the file stays, since removing it would let two in


@contextmanager
def free_now(path: Path) -> Iterator[bool]:
    """Hold the lock at `path` if nobody has it; False where somebody does, or where nothing can be locked."""
    try:
        fd = _open(path)
    except (CacheUnwritable, DiskFull):
        yield False
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = _still_there(fd, path)
        except OSError:
            free = False
        yield free
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock at `path` just now. Makes no file; where nothing can be locked nobody does."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _BUSY
    finally:
        os.close(fd)
    return False


def _acquire(path: Path, waiting: Callable[[], None], mode: int) -> tuple[int, bool]:
    while True:
        fd = _open(path, mode)
        try:
            held = _wait(fd, waiting)
            # `infer rm` and huggingface_hub remove a lock's file when they are done: then ours is one that nobody sees.
            if not held or _still_there(fd, path):
                return fd, held
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _open(path: Path, mode: int = 0o666) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return in_directory(path.parent, lambda: os.open(path, flags, mode))
    except OSError as error:
        raise unwritable(error, path) from error


def _wait(fd: int, waiting: Callable[[], None]) -> bool:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _BUSY:
                return False  # ENOLCK, ENOSYS, EOPNOTSUPP: no locks here
            waiting()
            time.sleep(_PAUSE)
        else:
            return True


def _still_there(fd: int, path: Path) -> bool:
    ours = os.fstat(fd)
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) == (found.st_dev, found.st_ino)
