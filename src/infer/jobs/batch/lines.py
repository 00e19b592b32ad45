"""The input as it is read: one raw line after the other, never more than one in memory, no line larger than allowed."""

import csv
import json
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from infer.errors import UsageError

LONGEST_LINE = 10_000_000  # bytes; no prompt that fits a context is near it
_MARK = b"\xef\xbb\xbf"  # a byte order mark before the first line


class Line(NamedTuple):
    """A line and its number, from 1. data is None for one that is longer than allowed; it has been skipped.

    problem: what is wrong with it, as far as that is known here
    """

    number: int
    data: bytes | None
    problem: str | None = None


class Source(Protocol):
    """A binary stream, or a Feed, whose lines may have still to come (None)."""

    def readline(self, limit: int, /) -> bytes | None:
        """The next line, cut after `limit` bytes; b"" after the last one."""


def jsonl(stream: Source, longest: int = LONGEST_LINE) -> Iterator[Line | None]:
    """The lines that are not blank, without their ends; None while the next one is not there."""
    for line in _physical(stream, longest):
        if line is None or line.data is None:
            yield line
        elif line.data.strip():
            yield Line(line.number, line.data.rstrip(b"\r\n"))


def comma_separated(stream: Source, longest: int = LONGEST_LINE) -> Iterator[Line | None]:
    """The rows of a CSV file whose first row names its columns, each as the JSON object that a JSONL line would be.

    None while the next row is not there. Raises UsageError for a first row that names no columns.
    """
    csv.field_size_limit(longest)
    names: list[str] | None = None
    for row in _rows(stream, longest):
        if row is None:
            yield None
        elif names is None:
            names = _head(row)
        else:
            yield _named(row, names)


def _physical(stream: Source, longest: int) -> Iterator[Line | None]:
    """Every line with its end."""
    number, skipping = 0, False
    while (chunk := stream.readline(longest + 1)) != b"":
        if chunk is None:
            yield None
            continue
        whole = chunk.endswith(b"\n")
        if skipping:
            skipping = not whole
            continue
        number += 1
        skipping = len(chunk) > longest and not whole
        yield Line(number, None if skipping else chunk.removeprefix(_MARK if number == 1 else b""))


def _rows(stream: Source, longest: int) -> Iterator[Line | None]:
    """The rows that are not blank, as bytes: a line, or several where one ends inside quotes."""
    row, inside, number = bytearray(), False, 0
    for line in _physical(stream, longest):
        if line is None:
            yield None
            continue
        pieces: list[bytes | None] = [None] if line.data is None else [*line.data.splitlines(keepends=True)]
        for piece in pieces:
            number += 1
            if piece is None or len(row) + len(piece) > longest + 1:
                yield Line(number, None, f"the row has more than {longest:,} bytes; is a quote in it not closed?")
                row, inside = bytearray(), False
                continue
            row += piece
            inside = _ends_inside(piece, inside)
            if not inside:
                if row.strip(b"\r\n"):
                    yield Line(number, bytes(row))
                row.clear()
    if row:
        yield Line(number, bytes(row))


def _ends_inside(line: bytes, inside: bool) -> bool:
    """Whether the end of a line is inside quotes, as its beginning was or not: a field is quoted from its start."""
    at = 0
    if not inside and line.startswith(b'"'):
        inside, at = True, 1
    while True:
        if inside:
            at = line.find(b'"', at) + 1
            if not at:
                return True
            if line.startswith(b'"', at):  # two of them are one in the text
                at += 1
                continue
        at = line.find(b",", at) + 1
        if not at:
            return False
        inside = line.startswith(b'"', at)
        at += inside


def _head(row: Line) -> list[str]:
    try:
        names = _fields(row.data or b"")
        "".join(names).encode()
    except csv.Error as error:
        raise _bad_head(str(error)) from error
    except UnicodeEncodeError as error:
        raise _bad_head("it is not valid UTF-8") from error
    named = [name for name in names if name.strip()]
    if row.problem or not named:
        raise _bad_head(row.problem or "they are blank")
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise _bad_head(f"two are called '{twice}'")
    return names


def _bad_head(why: str) -> UsageError:
    return UsageError(what=f"the first row of a CSV file names its columns: {why}", hint="a first row like text,author")


def _named(row: Line, names: list[str]) -> Line:
    if row.data is None:
        return row
    try:
        fields = _fields(row.data)
    except csv.Error as error:
        return row._replace(problem=f"not CSV: {error}")
    if len(fields) != len(names):
        has = f"{len(fields):,} field{'s' * (len(fields) != 1)}"
        return row._replace(problem=f"the row has {has}, the first one names {len(names):,}")
    found = json.dumps(dict(zip(names, fields, strict=True)), ensure_ascii=False)
    return Line(row.number, found.encode("utf-8", "surrogateescape"))


def _fields(row: bytes) -> list[str]:
    return next(csv.reader([row.decode("utf-8", "surrogateescape")]), [])
