"""Load: the payloads of a hit, in order, read and verified by two threads into buffers that are used again.

A read error or a wrong checksum ends the prefix there. Not mapped: a bad sector or a file that becomes shorter would
end the process (SIGBUS) instead of the prefix.
"""

import mmap
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from types import TracebackType
from zlib import crc32

from infer.engine.prefix.files import Folder
from infer.engine.prefix.header import PAGE, Damaged, Header, decode

_READERS = 2
_BUFFERS = 1  # of each reader: what it has read is pasted while the other reads
_CHUNK = 1 << 20  # bytes read at once, so that the checksum finds them in the processor's cache


@dataclass(frozen=True, slots=True)
class Block:
    """A verified piece: BASE and then PART (or what stands in for it) in one writable buffer.

    usable      rows the prefix has from it; fewer than it holds where the last piece is to be cut
    base        bytes of `data` that are BASE
    data        valid until the next block is asked for
    """

    piece: Header
    usable: int
    base: int
    data: memoryview

    @property
    def end(self) -> int:
        """The position after its last usable row."""
        return self.piece.start + self.usable


@dataclass(frozen=True, slots=True)
class Task:
    """One piece to read. with_part: its own PART, else `empty` in its place."""

    piece: Header
    usable: int
    with_part: bool
    empty: bytes

    @property
    def size(self) -> int:
        """Bytes of BASE and what follows it."""
        return self.piece.base + (self.piece.part if self.with_part else len(self.empty))

    @property
    def stored(self) -> int:
        """Bytes that come from the disk."""
        return self.piece.base + (self.piece.part if self.with_part else 0)


class Loading:
    """Iterate once, inside `with`, which begins to read; or `start` it earlier and `stop` it.

    `end` is how far the prefix has got: the position after the last good row. After `stop`, `bytes` were read from the
    disk in `seconds`, each of the readers at the same time: waiting for somebody to use them is not counted.
    """

    def __init__(self, folder: Folder, tasks: Sequence[Task], touch: set[str]) -> None:
        self._folder, self._tasks = folder, tasks
        self._touched = touch
        self._readers: list[_Reader] = []
        self.end = 0

    def __enter__(self) -> "Loading":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to read, as far as the buffers reach; harmless when it has begun already."""
        if self._readers:
            return
        largest = max((task.size for task in self._tasks), default=0)
        count = min(_READERS, len(self._tasks))
        with suppress(RuntimeError):  # no thread to be had: nothing is loaded
            for index in range(count):
                self._readers.append(_Reader(self._folder, self._tasks[index::count], largest, self._touched))

    def stop(self) -> None:
        """End the readers."""
        for reader in self._readers:
            reader.stop()

    @property
    def bytes(self) -> int:
        """What was read of pieces that are good."""
        return sum(reader.bytes for reader in self._readers)

    @property
    def seconds(self) -> float:
        """The time in which that was read."""
        return sum(reader.seconds for reader in self._readers) / max(1, len(self._readers))

    @property
    def buffers(self) -> list[memoryview]:
        """The memory that was read into; after the end it may be used for something else."""
        return [buffer for reader in self._readers for buffer in reader.buffers]

    def __iter__(self) -> Iterator[Block]:
        if len(self._readers) < min(_READERS, len(self._tasks)):
            return
        for index, task in enumerate(self._tasks):
            reader = self._readers[index % len(self._readers)]
            data = reader.filled.get()
            if data is None:
                return
            self.end = task.piece.start + task.usable
            yield Block(task.piece, task.usable, task.piece.base, data[: task.size])
            reader.free.put(data)


class _Reader:
    """A thread that reads its tasks in order; after one that fails it ends, with None."""

    def __init__(self, folder: Folder, tasks: Sequence[Task], size: int, touched: set[str]) -> None:
        self._folder, self._tasks = folder, tasks
        self._size = size
        self._touched = touched
        self._stopping = False
        self.bytes = 0
        self.seconds = 0.0
        self.buffers: list[memoryview] = []
        self.free: SimpleQueue[memoryview | None] = SimpleQueue()
        self.filled: SimpleQueue[memoryview | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="prefix-reader", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the read that is going on."""
        self._stopping = True
        self.free.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            for index, task in enumerate(self._tasks):
                buffer = self._new_buffer() if index < _BUFFERS else self.free.get()
                if buffer is None or self._stopping:
                    return
                started = perf_counter()
                self._read(task, buffer)
                self.seconds += perf_counter() - started
                self.bytes += task.stored
                self.filled.put(buffer)
        except Damaged:
            self._folder.remove(task.piece.name)
        except (OSError, ValueError, MemoryError):
            pass  # gone, unreadable, no memory for a buffer: the prefix ends here
        finally:
            self.filled.put(None)

    def _new_buffer(self) -> memoryview:
        self.buffers.append(_buffer(self._size))
        return self.buffers[-1]

    def _read(self, task: Task, buffer: memoryview) -> None:
        piece = task.piece
        with self._folder.open(piece.name) as (file, size):
            if decode(os.pread(file, PAGE, 0), piece.name, piece.fingerprint, size) != piece:
                raise OSError("replaced since it was found")
            _read_checked(file, buffer[: piece.base], PAGE, piece.base_crc)
            if task.with_part:
                _read_checked(file, buffer[piece.base : task.size], piece.part_offset, piece.part_crc)
            else:
                buffer[piece.base : task.size] = task.empty
            if piece.name.text not in self._touched:  # once a run: the whole chain counts as used now
                self._touched.add(piece.name.text)
                with suppress(OSError):
                    os.utime(file)


def verify(file: int, header: Header) -> None:
    """Read a piece's payloads. Raises Damaged, OSError."""
    buffer = bytearray(_CHUNK)
    parts = ((PAGE, header.base, header.base_crc), (header.part_offset, header.part, header.part_crc))
    for offset, size, checksum in parts:
        found = done = 0
        while done < size:
            count = os.preadv(file, [memoryview(buffer)[: size - done]], offset + done)
            if not count:
                raise Damaged("shorter than its header says")
            found = crc32(memoryview(buffer)[:count], found)
            done += count
        if found != checksum:
            raise Damaged("a payload's checksum is wrong")


def _buffer(size: int) -> memoryview:
    """Page-aligned anonymous memory, in huge pages where the system has them."""
    memory = mmap.mmap(-1, max(size, 1))
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)


def _read_checked(file: int, into: memoryview, offset: int, checksum: int) -> None:
    """Fill a buffer from a file. Raises Damaged when the file ends or the CRC-32 is another one."""
    found = done = 0
    while done < len(into):
        count = os.preadv(file, [into[done : done + _CHUNK]], offset + done)
        if not count:
            raise Damaged("shorter than its header says")
        found = crc32(into[done : done + count], found)
        done += count
    if found != checksum:
        raise Damaged("a payload's checksum is wrong")
