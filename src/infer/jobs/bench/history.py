"""Earlier runs of `infer bench`, one JSONL file for each model on each machine. Private: 0600, their directory 0700.

A run is one line, written at once when it is over; a last line without its newline is what a crash left, and is passed
over.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infer.jobs.bench.compare import compare
from infer.jobs.bench.report import VERSION
from infer.models.private import MODE, make_private

_MOST_BYTES = 16 << 20  # that are read of a file


class History:
    """The runs of one model on one machine."""

    def __init__(self, directory: Path, model: str, machine: str) -> None:
        self.path = directory / f"{_slug(model, machine)}.jsonl"

    def last(self) -> dict[str, Any] | None:
        """The last whole record, None where there is none."""
        found = None
        for found in self.records():  # noqa: B007 (the last one is wanted)
            pass
        return found

    def records(self) -> Iterator[dict[str, Any]]:
        """Every whole record, oldest first; other lines are passed over."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return
        with open(descriptor, "rb") as file:
            with suppress(OSError):  # of a longer one the first line is torn
                file.seek(max(0, os.fstat(descriptor).st_size - _MOST_BYTES))
            lines = file.read(_MOST_BYTES).split(b"\n")[:-1]
        for line in lines:
            with suppress(ValueError, KeyError, TypeError, RecursionError, AttributeError):
                record = json.loads(line)
                compare(record, record)
                if record["version"] == VERSION:
                    yield record

    def add(self, record: Mapping[str, Any]) -> None:
        """Keep a record: one write, all or nothing but for a crash in the middle of it. Raises OSError."""
        make_private(self.path.parent)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, MODE)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
            data = (b"\n" if torn else b"") + json.dumps(record, ensure_ascii=False).encode() + b"\n"
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)


def _slug(model: str, machine: str) -> str:
    """A file name that a person recognises and that no two pairs share."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", model).strip("-").lower()[:60]
    both = hashlib.blake2b(f"{model}\n{machine}".encode(), digest_size=6).hexdigest()
    return f"{words}-{both}"
