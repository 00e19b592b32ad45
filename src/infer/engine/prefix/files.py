"""Files of pieces: list, read, write, remove. It trusts nothing it finds, and follows no link.

    <cache directory>/prefix-v1/<fingerprint>/<xx>/<name>.kv

Directories are 0700 and files 0600, ours, or they do not exist for us. A piece appears under its name by a rename, so
it is whole, unless the machine lost power: then its checksums are wrong and it is removed by whoever meets it.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from infer.engine.prefix.header import PAGE, Damaged, Header, decode, encode
from infer.engine.prefix.keys import SUFFIX, Name

FOLDER = "prefix-v1"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not make us wait
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
_CHUNK = 1 << 20  # bytes written at once; between two chunks a writer can be stopped


class Foreign(OSError):
    """Something in the cache directory that is not a file or directory of ours."""


class Stopped(Exception):
    """The writer was told to end."""


class NoRoom(Exception):
    """The budget leaves no room for a file."""


class Folder:
    """The pieces of one fingerprint. Nothing is opened or made before it is needed."""

    def __init__(self, cache_dir: Path, fingerprint: bytes) -> None:
        self._cache_dir, self._fingerprint = cache_dir, fingerprint
        self._temporary: tuple[str, str] | None = None  # shard and name of what is being written

    def window(self, boundary: bytes) -> list[str]:
        """The file names that begin like those of a window's pieces; empty where nothing can be read."""
        mark = boundary.hex() + "."
        try:
            with self._shard(boundary[:1].hex()) as shard:
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
        with self._shard(name.shard) as shard:
            file = os.open(name.text, _READ, dir_fd=shard)
        try:
            yield file, own_file(file).st_size
        finally:
            os.close(file)

    def remove(self, name: Name) -> bool:
        """Unlink a piece; whoever reads it keeps it. False when it is there still, or was no file of ours."""
        try:
            return remove_piece(self._cache_dir, self._fingerprint.hex(), name)
        except OSError:
            return False

    def write(
        self,
        header: Header,
        base: memoryview,
        part: memoryview,
        stop: Callable[[], bool],
        fits: Callable[[], bool] = lambda: True,
    ) -> None:
        """Write a piece, in place of what has its name. Raises OSError, or Stopped when `stop` says so.

        fits: asked when the file has its full size, and nothing is in it yet, so that whoever looks counts it; NoRoom
        when it says no. Whatever happens, no temporary file stays.
        """
        text = temporary_name()
        with self._shard(header.name.shard, make=True) as shard:
            self._temporary = header.name.shard, text
            try:
                _write_new(text, shard, lambda file: _fill(file, header, base, part, stop, fits))
                os.rename(text, header.name.text, src_dir_fd=shard, dst_dir_fd=shard)
            except BaseException:
                with suppress(OSError):
                    os.unlink(text, dir_fd=shard)
                raise
            finally:
                self._temporary = None

    def abandon(self) -> None:
        """From another thread, when the process ends in the middle of a write: leave no temporary file."""
        temporary = self._temporary
        if temporary is not None:
            with suppress(OSError), self._shard(temporary[0]) as shard:
                remove_own(temporary[1], shard)

    def _shard(self, shard: str, *, make: bool = False) -> AbstractContextManager[int]:
        return inside(self._cache_dir, self._fingerprint.hex(), shard, make=make)


@contextmanager
def inside(cache_dir: Path, *names: str, make: bool = False) -> Iterator[int]:
    """A descriptor of the cache's folder, or of the directory that `names` lead to from there; follows no link.

    make: what is missing is made, for us alone. Raises OSError, Foreign.
    """
    if make:
        _make_private(cache_dir)
    with ExitStack() as opened:
        descriptor = opened.enter_context(directory(cache_dir / FOLDER, make=make))
        for name in names:
            descriptor = opened.enter_context(directory(name, descriptor, make=make))
        yield descriptor


@contextmanager
def directory(path: str | Path, parent: int | None = None, *, make: bool = False) -> Iterator[int]:
    """A descriptor of a directory of ours, no link. make: it is made, 0700, if missing. Raises OSError, Foreign."""
    try:
        descriptor = os.open(path, _DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        if not make:
            raise
        with suppress(FileExistsError):
            os.mkdir(path, 0o700, dir_fd=parent)
        descriptor = os.open(path, _DIRECTORY, dir_fd=parent)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise Foreign("it belongs to another user")
        yield descriptor
    finally:
        os.close(descriptor)


def listing(descriptor: int) -> list[str]:
    """The names in an open directory."""
    return os.listdir(descriptor)


def remove_piece(cache_dir: Path, fingerprint: str, name: Name) -> bool:
    """Unlink a piece; whether it was there and ours. Raises OSError."""
    with suppress(FileNotFoundError), inside(cache_dir, fingerprint, name.shard) as shard:
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


def read_own(text: str, parent: int, most: int) -> bytes:
    """The first `most` bytes of a regular file of ours in an open directory. Raises OSError, Foreign."""
    file = os.open(text, _READ, dir_fd=parent)
    try:
        own_file(file)
        with open(file, "rb", closefd=False) as stream:
            return stream.read(most)
    finally:
        os.close(file)


def replace_own(text: str, parent: int, data: bytes) -> None:
    """Give a name in an open directory to a new file, 0600, whole or not at all. Raises OSError."""
    temporary = temporary_name()
    try:
        _write_new(temporary, parent, lambda file: _write_all(file, data, 0))
        os.rename(temporary, text, src_dir_fd=parent, dst_dir_fd=parent)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=parent)
        raise


def temporary_name() -> str:
    """A name that nobody else has; it says whose it is, so that it can be swept when that process is no more."""
    return f".{os.getpid()}-{os.urandom(8).hex()}.tmp"


def _write_new(text: str, parent: int, fill: Callable[[int], None]) -> None:
    file = os.open(text, _CREATE, 0o600, dir_fd=parent)
    try:
        fill(file)
    finally:
        os.close(file)


def _make_private(place: Path) -> None:
    """Make a directory and its missing parents, all 0700 (mkdir would make the parents for everybody)."""
    missing = []
    while not place.exists():
        missing.append(place)
        place = place.parent
    for step in reversed(missing):
        step.mkdir(mode=0o700, exist_ok=True)


def _fill(
    file: int,
    header: Header,
    base: memoryview,
    part: memoryview,
    stop: Callable[[], bool],
    fits: Callable[[], bool],
) -> None:
    os.ftruncate(file, header.size)
    if not fits():
        raise NoRoom
    _reserve(file, header.size)
    for data, offset in ((memoryview(encode(header)), 0), (base, PAGE), (part, header.part_offset)):
        for done in range(0, len(data), _CHUNK):
            if stop():
                raise Stopped
            _write_all(file, data[done : done + _CHUNK], offset + done)


def _reserve(file: int, size: int) -> None:
    """Six times as fast as filling holes, and a full disk shows at once; not every file system can do it."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, size)
        except OSError as error:
            if error.errno not in _CANNOT_RESERVE:
                raise


def _write_all(file: int, data: bytes | memoryview, offset: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], offset + written)
