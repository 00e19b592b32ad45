"""Lines of a file, a pipe or a terminal, of which the last two may pause in the middle of a line."""

import os
import select
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from io import FileIO
from types import TracebackType
from typing import Self

from infer.errors import FileUnreadable

_BLOCK = 1 << 18  # bytes read at once


class Feed:
    """Gives what is there and never waits for more; `wait` does, and only there a signal need be heard.

    name: for messages. waiting: entered around the one call that waits.
    size: bytes of a regular file, 0 for anything else. given: bytes of the lines so far.
    """

    def __init__(
        self, file: FileIO, name: str, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._file, self._name, self._waiting = file, name, waiting
        status = os.fstat(file.fileno())
        self._pauses = not stat.S_ISREG(status.st_mode)
        self.size = 0 if self._pauses else status.st_size
        self.given = 0
        self._data = bytearray()
        self._looked = 0  # bytes of `_data` that have no end of a line
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def readline(self, limit: int, /) -> bytes | None:
        """The next line with its end, cut after `limit` bytes; b"" after the last one, None while it is not there.

        Raises FileUnreadable.
        """
        while True:
            end = self._data.find(b"\n", self._looked, limit) + 1
            if not end and (self._ended or len(self._data) >= limit):
                end = min(limit, len(self._data))
            if end or self._ended:
                return self._cut(end)
            self._looked = len(self._data)
            if not self._fill():
                return None

    def wait(self, timeout: float) -> None:
        """Wait until there is more, at most so many seconds."""
        with self._waiting():
            select.select([self._file], [], [], timeout)

    def _cut(self, end: int) -> bytes:
        line = bytes(self._data[:end])
        del self._data[:end]
        self._looked = 0
        self.given += end
        return line

    def _fill(self) -> bool:
        """Read what is there; whether there was anything, the end included."""
        if self._pauses and not select.select([self._file], [], [], 0)[0]:
            return False
        try:
            block = self._file.read(_BLOCK)
        except OSError as error:
            raise FileUnreadable(path=self._name, why=(error.strerror or str(error)).lower()) from error
        if block is None:  # somebody has made it not block, and another reader was faster
            return False
        self._ended = not block
        self._data += block
        return True
