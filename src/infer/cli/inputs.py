"""What the user brings: the prompt, files and stdin, as strict UTF-8."""

import os
import select
import stat
from collections.abc import Sequence
from pathlib import Path

from infer.cli.output import Output
from infer.errors import EmptyPrompt, FileUnreadable, InvalidText, UsageError
from infer.types import Message, TextPart

_STDIN = 0
_PATIENCE = 2.0  # seconds an open pipe may be silent before a line says what we wait for
_READ_BYTES = 1 << 20
_MOST_BYTES = 1 << 30  # llama.cpp counts bytes in 32 bits; nothing near this fits any context


def read_messages(
    prompt: str | None, files: Sequence[str], system: str | None, *, stdin: bool, raw: bool, output: Output
) -> tuple[Message, ...]:
    """The conversation: a system message if there is one, then one user message.

    Its parts stand in a stable order, so that another question on the same document shares its prefix: files as
    given, stdin, then the prompt. With no prompt, stdin is the prompt. Raises EmptyPrompt, InvalidText, FileUnreadable.
    """
    attachments = [read_file(path) for path in files]
    piped = read_stdin(output) if stdin else ""
    if prompt is not None:
        attachments.append(piped)
        asked = argument(prompt, "the prompt")
    else:
        asked = piped if raw else piped.rstrip("\n")
    parts = [text.rstrip("\n") for text in attachments] + [asked]
    parts = [text for text in parts if text.strip()]
    if not parts:
        raise EmptyPrompt()
    user = Message("user", tuple(map(TextPart, parts)))
    return (*system_message(system), user)


def system_message(system: str | None) -> tuple[Message, ...]:
    """The system message of --system TEXT|@FILE; nothing where it is empty."""
    text = read_system(system)
    return (Message("system", (TextPart(text),)),) if text else ()


def read_system(system: str | None) -> str:
    """The text of --system TEXT|@FILE. Raises FileUnreadable, InvalidText."""
    return "" if system is None else text_or_file(system, "--system")


def text_or_file(given: str, source: str) -> str:
    """An argument TEXT|@FILE; a file's last line ends are not part of it. Raises InvalidText, FileUnreadable."""
    return read_file(given[1:]).rstrip("\n") if given.startswith("@") else argument(given, source)


def argument(text: str, source: str) -> str:
    """An argument as Python got it; bytes that are not UTF-8 arrive as lone surrogates."""
    return _decode(os.fsencode(text), source)


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8").removeprefix("\ufeff")  # "utf-8-sig" counts offsets after the mark
    except UnicodeDecodeError as error:
        raise InvalidText(source=source, offset=error.start) from error


def read_file(path: str) -> str:
    """A file's text. Raises FileUnreadable, InvalidText, UsageError."""
    if not path:
        raise UsageError(what="the name of a file is empty", hint="-f PATH, --system @PATH")
    if path == "-":
        return _decode(_read_all(_STDIN, "stdin"), "stdin")
    try:
        mode = Path(path).stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode) and not stat.S_ISCHR(mode):
            raise FileUnreadable(path=path, why="it is a directory" if stat.S_ISDIR(mode) else "it is not a file")
        with Path(path).open("rb") as file:
            return _decode(_read_all(file.fileno(), path), path)
    except OSError as error:
        raise FileUnreadable(path=path, why=(error.strerror or str(error)).lower()) from error
    except ValueError as error:  # a NUL in the name
        raise FileUnreadable(path=path, why="no file can have this name") from error


def read_stdin(output: Output) -> str:
    """All of stdin if it is not a terminal; /dev/null and closed stdin are just empty."""
    if os.isatty(_STDIN):
        return ""
    if not select.select([_STDIN], [], [], _PATIENCE)[0]:
        output.note("waiting for input on stdin; -n (--no-stdin) does not read it")
    return _decode(_read_all(_STDIN, "stdin"), "stdin")


def _read_all(descriptor: int, source: str) -> bytes:
    """Everything up to the end. Raises UsageError when there is too much of it, FileUnreadable."""
    blocks = []
    size = 0
    try:
        while block := os.read(descriptor, _READ_BYTES):
            blocks.append(block)
            size += len(block)
            if size > _MOST_BYTES:
                raise UsageError(
                    what=f"{source} holds more than {_MOST_BYTES >> 20:,} MiB", hint="no context holds that"
                )
    except OSError as error:
        raise FileUnreadable(path=source, why=(error.strerror or str(error)).lower()) from error
    return b"".join(blocks)
