"""A batch's output file and the journal beside it, from which a killed run goes on.

    OUT          one record a line, appended only
    OUT.infer    a line of JSON, {"version": 1, "parameters": "<hex>"}, then 16 bytes for each line of the input whose
                 record may be in OUT: the digest of its id and that of the line (little endian)

The journal is written and synced before the records it speaks of, so whatever stands in OUT can be compared with the
input. What was half written when the process died is cut off. The journal stays when the batch is complete: else the
same command with another input or other parameters would find nothing to do. It is locked while a run writes: two runs
on one output would answer everything twice.
"""

import fcntl
import json
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infer.errors import OutputUnwritable, UsageError
from infer.jobs.batch.ledger import Ledger, digest

_VERSION = 1
_PAIR = struct.Struct("<QQ")
_BLOCK = 1 << 20  # bytes read at once
_HINT = "remove the file, or name another with -o"
_RECORD = b'{"custom_id": '  # how each begins
SUFFIX = ".infer"


class Journal:
    """Append records to an output file so that each id stands there once, whatever happens in between.

    parameters: a text that differs when an answer could. Raises UsageError when the file is another batch's,
    OutputUnwritable when it cannot be written.
    """

    def __init__(self, path: Path, parameters: str) -> None:
        self.path, self._beside = path, path.with_name(path.name + SUFFIX)
        self._parameters = f"{digest(parameters.encode()):016x}"
        self._lines = Ledger()  # id -> line, of what may be answered
        self._done = Ledger()  # ids whose records are in the output
        self._pairs: list[bytes] = []
        self._records: list[str] = []
        self._met = self._added = 0  # records of an earlier run that the input still asks for; new ones
        self._output: FileIO | None = None
        self._notes: FileIO | None = None
        try:
            self._open()
        except OSError as error:
            self.close()
            raise OutputUnwritable(path=str(error.filename or path), why=error.strerror or str(error)) from error
        except UsageError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; what was added since the last `sync` is lost."""
        for file in (self._output, self._notes):
            if file:
                file.close()

    @property
    def done(self) -> int:
        """How many records the output holds."""
        return len(self._done)

    @property
    def complete(self) -> bool:
        """Whether an earlier run had answered all that was asked for."""
        return bool(self._met) and not self._added

    def has(self, custom_id: str, line: int) -> bool:
        """Whether an id's record is in the output, asked once for each. Raises UsageError when another line's is.

        line: the digest of the line, as in `add`.
        """
        key = digest(custom_id.encode())
        if self._done.get(key) is None:
            return False
        known = self._lines.get(key)
        if known and known != line:
            raise UsageError(
                what=f"{self.path}: the record of '{custom_id}' was made from another line than the input has now",
                hint=_HINT,
            )
        self._met += 1
        return True

    def add(self, custom_id: str, line: int, record: dict[str, Any]) -> None:
        """Take a record; `sync` writes it."""
        key = digest(custom_id.encode())
        self._pairs.append(_PAIR.pack(key, line))
        self._records.append(json.dumps(record, ensure_ascii=False))
        self._done.put(key)
        self._added += 1

    def sync(self) -> None:
        """Put what was added on the disk: the journal first. Raises OutputUnwritable."""
        if not self._records:
            return
        try:
            assert self._notes
            assert self._output
            _append(self._notes, b"".join(self._pairs))
            _append(self._output, "".join(f"{record}\n" for record in self._records).encode())
        except OSError as error:
            raise OutputUnwritable(path=str(self.path), why=error.strerror or str(error)) from error
        self._pairs.clear()
        self._records.clear()

    def finish(self) -> None:
        """All of the input is answered. Raises UsageError when the output has records that it does not ask for."""
        self.sync()
        if left := len(self._done) - self._met - self._added:
            raise UsageError(
                what=f"{self.path} holds {left:,} record{'s' * (left > 1)} of lines that the input has no more",
                hint=_HINT,
            )

    def failed(self) -> int:
        """How many of the records say that they failed; reads the output once more."""
        with self.path.open("rb") as file:
            return sum(json.loads(line).get("error") is not None for line in file)

    def _open(self) -> None:
        _check_kind(self.path)
        if not self._beside.exists() and self.path.exists() and self.path.stat().st_size:
            raise UsageError(
                what=f"{self.path} is there already, without {self._beside.name}, which says what was asked", hint=_HINT
            )
        self._notes = _locked(self._beside, self.path)
        self._output = output = self.path.open("ab+", buffering=0)
        _sync_folder(self.path)
        self._read_notes(self._notes, fresh=not _cut_back(output, self.path))
        for line in self._output_lines():
            self._done.put(digest(_id_of(line, self.path).encode()))

    def _read_notes(self, notes: FileIO, *, fresh: bool) -> None:
        """The journal of the run before; a new one where nothing was written yet."""
        notes.seek(0)
        head, _, pairs = notes.readall().partition(b"\n")
        if fresh:
            notes.truncate(0)
            _append(notes, json.dumps({"version": _VERSION, "parameters": self._parameters}).encode() + b"\n")
            return
        if _parameters(head) != self._parameters:
            raise UsageError(what=f"{self.path} was begun with another model or other parameters", hint=_HINT)
        whole = len(pairs) // _PAIR.size * _PAIR.size
        for key, line in _PAIR.iter_unpack(pairs[:whole]):
            self._lines.put(key, line)
        notes.truncate(len(head) + 1 + whole)

    def _output_lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from file


def _check_kind(path: Path) -> None:
    """Raises UsageError for a pipe or a device: records could not be read back from it."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(what=f"{path} is no regular file", hint="without -o the records go to stdout")


def _locked(beside: Path, path: Path) -> FileIO:
    """The journal, ours alone as long as it is open; a file system that cannot lock is taken as it is."""
    file = beside.open("ab+", buffering=0)
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(what=f"another run is writing {path}", hint="wait for it, or name another file") from None
    except OSError:
        pass
    return file


def _cut_back(file: FileIO, path: Path) -> int:
    """Remove a last line that was not finished, if it is a record. Returns how many bytes there are."""
    size = end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        file.seek(end)
        begun = file.read(len(_RECORD)).rstrip(b"\0")  # after a power cut a file may end in zeros
        if not _RECORD.startswith(begun):
            raise _no_output(path)
        file.truncate(end)
    return end


def _append(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
    os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Let a power cut not take the names of new files; where a folder cannot be opened or synced it may."""
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _parameters(head: bytes) -> object:
    try:
        found = json.loads(head)
    except ValueError:
        return None
    return found.get("parameters") if isinstance(found, dict) and found.get("version") == _VERSION else None


def _id_of(line: bytes, path: Path) -> str:
    try:
        found = json.loads(line)
        return str(found["custom_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise _no_output(path) from error


def _no_output(path: Path) -> UsageError:
    return UsageError(what=f"{path} is there already and is no output of a batch", hint="name another file with -o")
