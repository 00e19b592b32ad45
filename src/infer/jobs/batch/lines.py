"""The input as it is read: one raw line after the other, never more than one in memory, no line larger than allowed."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

LONGEST_LINE = 10_000_000  # bytes; no prompt that fits a context is near it
_MARK = b"\xef\xbb\xbf"  # a byte order mark before the first line


class Line(NamedTuple):
    """A line and its number, from 1. data is None for one that is longer than allowed; it has been skipped."""

    number: int
    data: bytes | None


def jsonl(stream: BinaryIO, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """The lines that are not blank, without their ends."""
    number = 0
    while chunk := stream.readline(longest + 1):
        number += 1
        if len(chunk) > longest and not chunk.endswith(b"\n"):
            _skip_rest(stream, longest)
            yield Line(number, None)
            continue
        data = (chunk.removeprefix(_MARK) if number == 1 else chunk).rstrip(b"\r\n")
        if data.strip():
            yield Line(number, data)


def comma_separated(stream: BinaryIO, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """The rows of a CSV file whose first row names its columns, each as the JSON object that a JSONL line would be.

    A row with more or fewer fields than there are columns comes out as JSON that is no object, which is refused later.
    """
    csv.field_size_limit(longest)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _rows(csv.reader(text))
    finally:
        text.detach()  # else the stream, which is somebody else's, would be closed with it


def _rows(rows: Any) -> Iterator[Line]:
    names: list[str] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:  # a field that is too long, or a NUL
            yield Line(rows.line_num, None)
            continue
        if names is None:
            names = row
        elif row:
            fields = dict(zip(names, row, strict=True)) if len(row) == len(names) else row
            data = json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogateescape")
            yield Line(rows.line_num, data)


def _skip_rest(stream: BinaryIO, step: int) -> None:
    while (chunk := stream.readline(step)) and not chunk.endswith(b"\n"):
        pass
