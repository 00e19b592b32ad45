"""Where the texts of `infer embed` come from: the command line, files, stdin; as one text, lines, or JSONL."""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from infer.cli.inputs import argument, read_file, read_stdin
from infer.cli.output import Output
from infer.errors import EmptyPrompt, FileUnreadable, UsageError
from infer.jobs.batch.bad_item import encodable
from infer.jobs.batch.ledger import Names
from infer.jobs.batch.lines import jsonl
from infer.jobs.embed.items import TextItem, parse_text, plain_text
from infer.types import EmbedRequest

_KINDS = ("text", "lines", "jsonl")
_JSONL = (".jsonl", ".ndjson")
_FILES = (*_JSONL, ".txt", ".md", ".json", ".csv", ".html")
_HINT = "a text that looks like a path can be piped in: printf %s TEXT | infer embed MODEL"

Seen = Callable[[str, bytes], bool]  # whether the record of an id and these bytes is in the output already


class Texts:
    """The texts, read once. `stream` has lines of them, else they are in `given`: (name, text)."""

    def __init__(self, kind: str, given: Sequence[tuple[str, str]] = (), stream: BinaryIO | None = None) -> None:
        self._kind, self._given, self._stream = kind, given, stream
        self._ids = Names()
        self._data: dict[int, bytes] = {}  # of texts that are on their way
        self._size = _size(stream) if stream else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._stream and self._stream is not sys.stdin.buffer:
            self._stream.close()

    @property
    def single(self) -> bool:
        """Whether it is one text and no list of texts: then what goes wrong with it is the command's error."""
        return self._stream is None and len(self._given) == 1

    @property
    def share(self) -> float | None:
        """How much of the input has been read, 0 to 1; None where its size is not known."""
        return min(1.0, self._stream.tell() / self._size) if self._stream and self._size else None

    def items(self, base: EmbedRequest, seen: Seen) -> Iterator[TextItem]:
        """One after the other, without those that were done before; each id stands once in the output."""
        for found, data in self._all(base):
            item = _with_id(found, self._ids.once(found.custom_id, f" (text {found.index + 1})"))
            if not seen(item.custom_id, data):
                self._data[item.index] = data
                yield item

    def data_of(self, item: TextItem) -> bytes:
        """The bytes that an item was made from, once."""
        return self._data.pop(item.index)

    def _all(self, base: EmbedRequest) -> Iterator[tuple[TextItem, bytes]]:
        if self._stream is None:
            for index, (name, text) in enumerate(self._given):
                yield TextItem(index, name, replace(base, text=text)), text.encode()
            return
        read = parse_text if self._kind == "jsonl" else plain_text
        for index, line in enumerate(jsonl(self._stream)):
            yield read(index, line.number, line.data, base), line.data or b""


def open_texts(given: str | None, files: Sequence[str], read: str | None, output: Output) -> Texts:
    """The texts that the command line names. Raises UsageError, FileUnreadable, InvalidText, EmptyPrompt."""
    if read is not None and read not in _KINDS:
        raise UsageError(what=f"--input {read} is not one of {', '.join(_KINDS)}", hint="")
    if files and given is not None:
        raise UsageError(what="there is a text, and files with -f", hint="give one of them, or all of them as files")
    if files:
        return _of_files(files, read)
    if given is None:
        return _of_stdin(read or "text", output)
    if read in ("lines", "jsonl") or _meant_as_file(given):
        try:
            return _of_files([given], read)
        except FileUnreadable as error:
            raise FileUnreadable(**{**error.facts, "hint": _HINT}) from error
    return Texts("text", [("1", argument(given, "the text"))])


def _of_files(files: Sequence[str], read: str | None) -> Texts:
    kind = read or ("jsonl" if files[0].lower().endswith(_JSONL) else "text")
    if kind == "text":
        return Texts(kind, [(encodable(path), read_file(path).rstrip("\n")) for path in files])
    if len(files) > 1:
        what = f"several files of {'JSONL' if kind == 'jsonl' else 'lines'} have no common order of rows"
        raise UsageError(what=what, hint=f"cat FILE FILE | infer embed MODEL --input {kind}")
    return Texts(kind, stream=_open(files[0]))


def _of_stdin(kind: str, output: Output) -> Texts:
    if kind == "text":
        return Texts(kind, [("1", read_stdin(output).rstrip("\n"))])
    if os.isatty(0):
        raise EmptyPrompt()
    return Texts(kind, stream=sys.stdin.buffer)


def _meant_as_file(text: str) -> bool:
    """Whether an argument is a path: it looks like one and nothing else, or looks a little like one and is there."""
    if not any(space in text for space in " \t\n") and (
        text.lower().endswith(_FILES) or text.startswith(("./", "../", "~/"))
    ):
        return True
    try:
        return ("." in text or "/" in text) and Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False


def _open(name: str) -> BinaryIO:
    try:
        if not stat.S_ISDIR(Path(name).stat().st_mode):
            return Path(name).open("rb")
        raise FileUnreadable(path=name, why="it is a directory")
    except OSError as error:
        raise FileUnreadable(path=name, why=(error.strerror or str(error)).lower()) from error
    except ValueError as error:  # a NUL in the name
        raise FileUnreadable(path=name, why="no file can have this name") from error


def _size(stream: BinaryIO) -> int:
    status = os.fstat(stream.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _with_id(item: TextItem, custom_id: str) -> TextItem:
    """A second text with an id of its own is an error of that text; one that goes by its number gets another id."""
    if custom_id == item.custom_id:
        return item
    if item.numbered:
        return replace(item, custom_id=custom_id)
    return TextItem(item.index, custom_id, problem=f"the custom_id '{item.custom_id}' was there before")
