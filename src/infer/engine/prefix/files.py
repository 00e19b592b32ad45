"""Files of pieces: list, read, write, remove. It trusts nothing it finds, and follows no link.

    <cache directory>/prefix-v1/<fingerprint>/<xx>/<name>.kv

Directories are 0700 and files 0600, ours, or they do not exist for us. A piece appears under its name by a rename, so
it is whole, unless the machine lost power: then its checksums are wrong and it is removed by whoever meets it.
"""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infer.engine.prefix.header import PAGE, Damaged, Header, decode, encode
from infer.engine.prefix.keys import SUFFIX, Name

FOLDER = "prefix-v1"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not make us wait
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20  # bytes written at once; between two chunks a writer can be stopped


class Foreign(OSError):
    """Something in the cache directory that is not a file or directory of ours."""


class Stopped(Exception):
    """The writer was told to end."""


class Folder:
    """The pieces of one fingerprint. Nothing is opened or made before it is needed."""

    def __init__(self, cache_dir: Path, fingerprint: bytes) -> None:
        self.place = cache_dir / FOLDER / fingerprint.hex()
        self._fingerprint = fingerprint
        self._temporary: Path | None = None

    def window(self, boundary: bytes) -> list[str]:
        """The file names that begin like those of a window's pieces; empty where nothing can be read."""
        mark = boundary.hex() + "."
        try:
            with shard_directory(self.place, boundary[:1].hex()) as shard:
                return [text for text in listing(shard) if text.startswith(mark) and text.endswith(SUFFIX)]
        except OSError:
            return []

    def header(self, name: Name) -> Header | None:
        """The verified header of a piece; None where there is none. A file that is damaged is removed."""
        try:
            with self.open(name) as (file, size):
                return decode(os.pread(file, PAGE, 0), name, self._fingerprint, size)
        except Damaged:
            self.remove(name)
        except OSError:
            pass
        return None

    @contextmanager
    def open(self, name: Name) -> Iterator[tuple[int, int]]:
        """A piece's descriptor and size in bytes. Raises OSError; Foreign for what is not a file of ours."""
        with shard_directory(self.place, name.shard) as shard:
            file = os.open(name.text, _READ, dir_fd=shard)
        try:
            yield file, own_file(file).st_size
        finally:
            os.close(file)

    def remove(self, name: Name) -> bool:
        """Unlink a piece; whoever reads it keeps it. False when it is there still, or was no file of ours."""
        try:
            return remove_piece(self.place, name)
        except OSError:
            return False

    def write(self, header: Header, base: memoryview, part: memoryview, stop: Callable[[], bool]) -> None:
        """Write a piece, in place of what has its name. Raises OSError, or Stopped when `stop` says so.

        Whatever happens, no temporary file stays.
        """
        text = f".{os.getpid()}-{threading.get_ident():x}-{os.urandom(6).hex()}.tmp"
        make_private(self.place / header.name.shard)
        with shard_directory(self.place, header.name.shard) as shard:
            file = os.open(text, _CREATE, 0o600, dir_fd=shard)
            self._temporary = self.place / header.name.shard / text
            try:
                _fill(file, header, base, part, stop)
                os.rename(text, header.name.text, src_dir_fd=shard, dst_dir_fd=shard)
            except BaseException:
                with suppress(OSError):
                    os.unlink(text, dir_fd=shard)
                raise
            finally:
                self._temporary = None
                os.close(file)

    def abandon(self) -> None:
        """From another thread, when the process ends in the middle of a write: leave no temporary file."""
        temporary = self._temporary
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def directory(path: str | Path, parent: int | None = None) -> Iterator[int]:
    """A descriptor of a directory of ours, no link. Raises OSError, Foreign."""
    descriptor = os.open(path, _DIRECTORY, dir_fd=parent)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise Foreign("it belongs to another user")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def shard_directory(place: Path, shard: str) -> Iterator[int]:
    """A descriptor of a directory of pieces, below that of a fingerprint. Raises OSError, Foreign."""
    with directory(place.parent) as top, directory(place.name, top) as parent, directory(shard, parent) as opened:
        yield opened


def listing(descriptor: int) -> list[str]:
    """The names in an open directory."""
    return os.listdir(descriptor)


def remove_piece(place: Path, name: Name) -> bool:
    """Unlink a piece below the directory of its fingerprint; whether it was there and ours. Raises OSError."""
    with suppress(FileNotFoundError), shard_directory(place, name.shard) as shard:
        return remove_own(name.text, shard)
    return False


def own_file(descriptor: int) -> os.stat_result:
    """The stat of an open regular file of ours. Raises Foreign for anything else."""
    found = os.fstat(descriptor)
    if not is_own_file(found):
        raise Foreign("not a file of ours")
    return found


def is_own_file(found: os.stat_result) -> bool:
    """Whether a stat is that of a regular file of ours."""
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def remove_own(text: str, parent: int) -> bool:
    """Unlink a regular file of ours in an open directory; whether it was there. Raises OSError."""
    if not is_own_file(os.stat(text, dir_fd=parent, follow_symlinks=False)):
        return False
    os.unlink(text, dir_fd=parent)
    return True


def make_private(place: Path) -> None:
    """Make a directory and its missing parents, all 0700 (mkdir would make the parents for everybody)."""
    missing = []
    while not place.exists():
        missing.append(place)
        place = place.parent
    for step in reversed(missing):
        step.mkdir(mode=0o700, exist_ok=True)


def _fill(file: int, header: Header, base: memoryview, part: memoryview, stop: Callable[[], bool]) -> None:
    if hasattr(os, "posix_fallocate"):  # six times as fast as growing the file, and a full disk shows at once
        os.posix_fallocate(file, 0, header.size)
    else:
        os.ftruncate(file, header.size)
    for data, offset in ((memoryview(encode(header)), 0), (base, PAGE), (part, header.part_offset)):
        written = 0
        while written < len(data):
            if stop():
                raise Stopped
            written += os.pwrite(file, data[written : written + _CHUNK], offset + written)
