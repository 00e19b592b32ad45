"""A file that is whole or not there."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from infer.errors import OutputUnwritable, UsageError


class WholeFile:
    """Grows beside its place and moves there when it is finished; what was there before stands until then.

    Raises OutputUnwritable, and UsageError where something stands that is no file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        if self.path.exists() and not self.path.is_file():
            raise UsageError(what=f"{path} is not a file that could be written", hint="-o OUT.npy, -o OUT.json")
        self._beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            self._file = self._beside.open("wb")
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Remove what was not finished."""
        self._file.close()
        self._beside.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Append."""
        try:
            self._file.write(data)
        except OSError as error:
            raise self._unwritable(error) from error

    def finish(self, head: bytes = b"") -> None:
        """Write over its beginning, sync, and move it to its place."""
        try:
            self._file.seek(0)
            self._file.write(head)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._beside.replace(self.path)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> OutputUnwritable:
        return OutputUnwritable(path=str(self.path), why=(error.strerror or str(error)).lower())
