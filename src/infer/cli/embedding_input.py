"""Where the texts of `infer embed` come from: the command line, files, stdin; as one text, lines, or JSONL."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from infer.cli.inputs import argument, read_file, read_stdin
from infer.cli.line_input import open_feed
from infer.cli.output import Output
from infer.errors import EmptyPrompt, FileUnreadable, UsageError
from infer.jobs.batch.bad_item import encodable
from infer.jobs.batch.feed import Feed
from infer.jobs.batch.ledger import Names
from infer.jobs.batch.lines import jsonl
from infer.jobs.embed.items import TextItem, parse_text, plain_text
from infer.types import EmbedRequest

_KINDS = ("text", "lines", "jsonl")
_JSONL = (".jsonl", ".ndjson")
_FILES = (*_JSONL, ".txt", ".md", ".json", ".csv", ".html")
_HINT = "a text that looks like a path can be piped in: printf %s TEXT | infer embed MODEL"

Waiting = Callable[[], AbstractContextManager[None]]
Seen = Callable[[str, bytes], bool]  # whether the record of an id and these bytes is in the output already


class Texts:
    """The texts, read once. `feed` has lines of them, else they are in `given`: (name, text)."""

    def __init__(self, kind: str, given: Sequence[tuple[str, str]] = (), feed: Feed | None = None) -> None:
        self._kind, self._given, self._feed = kind, given, feed
        self._ids = Names()
        self._data: dict[int, bytes] = {}  # of texts that are on their way

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._feed:
            self._feed.__exit__(kind, error, at)

    @property
    def single(self) -> bool:
        """Whether it is one text and no list of texts: then what goes wrong with it is the command's error."""
        return self._feed is None and len(self._given) == 1

    @property
    def share(self) -> float | None:
        """How much of the input has been read, 0 to 1; None where its size is not known."""
        return min(1.0, self._feed.given / self._feed.size) if self._feed and self._feed.size else None

    def pause(self, timeout: float) -> None:
        """Wait until there are more of them, at most so many seconds."""
        if self._feed:
            self._feed.wait(timeout)

    def items(self, base: EmbedRequest, seen: Seen) -> Iterator[TextItem | None]:
        """One after the other, without those that were done before; each id stands once in the output.

        None while the next one is not there.
        """
        for text in self._all(base):
            if text is None:
                yield None
                continue
            found, data = text
            item = _with_id(found, self._ids.once(found.custom_id, f" (text {found.index + 1})"))
            if not seen(item.custom_id, data):
                self._data[item.index] = data
                yield item

    def data_of(self, item: TextItem) -> bytes:
        """The bytes that an item was made from, once."""
        return self._data.pop(item.index)

    def _all(self, base: EmbedRequest) -> Iterator[tuple[TextItem, bytes] | None]:
        if self._feed is None:
            for index, (name, text) in enumerate(self._given):
                yield TextItem(index, name, replace(base, text=text)), text.encode()
            return
        read = parse_text if self._kind == "jsonl" else plain_text
        index = 0
        for line in jsonl(self._feed):
            if line is None:
                yield None
                continue
            yield read(index, line, base), line.data or b""
            index += 1


def open_texts(
    given: str | None, files: Sequence[str], read: str | None, output: Output, waiting: Waiting = nullcontext
) -> Texts:
    """The texts that the command line names. Raises UsageError, FileUnreadable, InvalidText, EmptyPrompt.

    waiting: entered around the call that waits for more of them
    """
    if read is not None and read not in _KINDS:
        raise UsageError(what=f"--input {read} is not one of {', '.join(_KINDS)}", hint="")
    if files and given is not None:
        raise UsageError(what="there is a text, and files with -f", hint="give one of them, or all of them as files")
    if files:
        return _of_files(files, read, waiting)
    if given is None:
        return _of_stdin(read or "text", output, waiting)
    if read in ("lines", "jsonl") or _meant_as_file(given):
        try:
            return _of_files([given], read, waiting)
        except FileUnreadable as error:
            raise FileUnreadable(**{**error.facts, "hint": _HINT}) from error
    return Texts("text", [("1", argument(given, "the text"))])


def _of_files(files: Sequence[str], read: str | None, waiting: Waiting) -> Texts:
    kind = read or ("jsonl" if files[0].lower().endswith(_JSONL) else "text")
    if kind == "text":
        return Texts(kind, [(encodable(path), read_file(path).rstrip("\n")) for path in files])
    if len(files) > 1:
        what = f"several files of {'JSONL' if kind == 'jsonl' else 'lines'} have no common order of rows"
        raise UsageError(what=what, hint=f"cat FILE FILE | infer embed MODEL --input {kind}")
    return Texts(kind, feed=open_feed(files[0], waiting))


def _of_stdin(kind: str, output: Output, waiting: Waiting) -> Texts:
    if kind == "text":
        return Texts(kind, [("1", read_stdin(output).rstrip("\n"))])
    if os.isatty(0):
        raise EmptyPrompt()
    return Texts(kind, feed=open_feed(None, waiting))


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


def _with_id(item: TextItem, custom_id: str) -> TextItem:
    """A second text with an id of its own is an error of that text; one that goes by its number gets another id."""
    if custom_id == item.custom_id:
        return item
    if item.numbered:
        return replace(item, custom_id=custom_id)
    return TextItem(item.index, custom_id, problem=f"the custom_id '{item.custom_id}' was there before")
