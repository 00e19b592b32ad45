"""Sessions: conversations on disk, one append-only JSONL file each. Private: files 0600, their directory 0700.

    NAME.jsonl    {"infer": "session", "version": 1, "created": 1790000000.0}
                  {"message": 1, "parent": 0, "role": "user", "parts": ["..."], "time": ...}
                  {"message": 2, "parent": 1, "role": "assistant", "parts": ["..."], "ids": [...], "ended": "stop", ...}
                  {"head": 1}   {"name": "x", "at": 2}   {"set": "temperature", "to": 0.5}

A turn is one write and an fsync when it ends, so a crash loses at most the turn that was on its way; a last line
without its newline is what a crash left, and is cut off by the next append. One process has a session at a time.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from infer.errors import FileUnreadable, SessionDamaged, UsageError
from infer.jobs.conversation import Changed, Conversation, Moved, Named, Node, Record
from infer.types import FinishReason, Message, TextPart, Usage

_NAME = re.compile(r"\w[\w.@+ -]{0,99}")
_SUFFIX = ".jsonl"
_VERSION = 1
_TEXTS = ("system", "model")  # what is set and has to be a text; settings are parsed by whoever uses them


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as `infer sessions list` shows it; times in seconds since the epoch."""

    name: str
    path: Path
    messages: int
    model: str
    used: float
    first: str
    problem: str = ""


class SessionFile:
    """A session's file, open and locked for this process. `close` gives it back."""

    def __init__(self, directory: Path, name: str) -> None:
        """Open or make it. Raises UsageError (a bad name, somebody has it open), FileUnreadable."""
        self.name, self.path = name, path_of(directory, name)
        try:
            for folder in (directory.parent, directory):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise FileUnreadable(path=str(self.path), why=(error.strerror or str(error)).lower()) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            hint = "leave it there first, or use another --session NAME"
            raise UsageError(what=f"session {name} is open in another infer chat", hint=hint) from None
        except OSError:
            pass  # a file system without locks

    def read(self) -> Conversation:
        """The conversation so far. Cuts off what a crash left of a last line. Raises SessionDamaged."""
        data = _all(self._descriptor)
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self._descriptor, whole)
        return _conversation(data[:whole], self.path)

    def append(self, records: Iterable[Record], *, time: float) -> None:
        """Write records at once and wait until they are on disk. Raises OSError; then nothing has been added.

        time: seconds since the epoch, for a file that is new.
        """
        lines = [_line(_to_json(record)) for record in records]
        size = os.fstat(self._descriptor).st_size
        if not size:
            lines.insert(0, _line({"infer": "session", "version": _VERSION, "created": time}))
        data = b"".join(lines)
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
            os.fsync(self._descriptor)
            if not size:
                _sync_directory(self.path.parent)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def close(self) -> None:
        """Give it back; a file to which nothing was ever written goes away. Harmless when it has been given back."""
        if self._descriptor < 0:
            return
        with suppress(OSError):
            if not os.fstat(self._descriptor).st_size:
                self.path.unlink()
        os.close(self._descriptor)
        self._descriptor = -1


def _sync_directory(directory: Path) -> None:
    """So that a new file's name survives a power loss as well."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def path_of(directory: Path, name: str) -> Path:
    """Where a session of this name is kept. Raises UsageError for a name that could be a path or a riddle."""
    if not _NAME.fullmatch(name) or name.strip() != name:
        raise UsageError(what=f"'{name}' cannot name a session", hint="letters, digits, spaces and . _ - + @")
    return directory / f"{name}{_SUFFIX}"


def read(directory: Path, name: str) -> Conversation:
    """A session's conversation, without opening it to write. Raises UsageError, FileUnreadable, SessionDamaged."""
    path = path_of(directory, name)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        near = [one for one in names(directory) if name.lower() in one.lower()][:3]
        hint = "did you mean " + ", ".join(near) + "?" if near else "infer sessions list shows them"
        raise UsageError(what=f"no session is called '{name}'", hint=hint) from None
    except OSError as error:
        raise FileUnreadable(path=str(path), why=(error.strerror or str(error)).lower()) from error
    return _conversation(data[: data.rfind(b"\n") + 1], path)


def names(directory: Path) -> list[str]:
    """The sessions that are there, the last used first."""
    found: list[tuple[float, str]] = []
    with suppress(OSError):
        for entry in os.scandir(directory):
            name = entry.name.removesuffix(_SUFFIX)
            if name == entry.name or not _NAME.fullmatch(name):
                continue
            with suppress(OSError):  # somebody has removed it meanwhile
                found += [(-entry.stat().st_mtime, name)] if entry.is_file() else []
    return [name for _, name in sorted(found)]


def listed(directory: Path) -> list[Listed]:
    """The sessions with what there is to say of each; one that cannot be read has a problem instead."""
    return [_listed(directory, name) for name in names(directory)]


def remove(directory: Path, name: str) -> None:
    """Delete a session. Raises UsageError (no such session, somebody has it open), FileUnreadable."""
    if name not in names(directory):
        read(directory, name)  # says what is wrong with the name
    opened = SessionFile(directory, name)
    try:
        opened.path.unlink()
    except OSError as error:
        raise FileUnreadable(path=str(opened.path), why=(error.strerror or str(error)).lower()) from error
    finally:
        opened.close()


def search(directory: Path, text: str) -> Iterator[tuple[str, Node]]:
    """Every message that contains `text`, whatever its case, with its session's name; on any branch."""
    wanted = text.casefold()
    for name in names(directory):
        with suppress(UsageError, FileUnreadable):
            nodes = read(directory, name).nodes.values()
            yield from ((name, node) for node in nodes if wanted in node.message.text.casefold())


def _listed(directory: Path, name: str) -> Listed:
    path = path_of(directory, name)
    used = path.stat().st_mtime if path.exists() else 0.0
    try:
        conversation = read(directory, name)
    except (UsageError, FileUnreadable) as error:
        return Listed(name, path, 0, "", used, "", str(error))
    first = next((node.message.content[-1].text for node in conversation.path), "")
    return Listed(name, path, len(conversation.path), conversation.values.get("model", ""), used, first)


def _conversation(data: bytes, path: Path) -> Conversation:
    """The records in a file's lines, played. A file of no lines is an empty conversation."""
    conversation = Conversation()
    for number, line in enumerate(data.splitlines(), 1):
        try:
            item = json.loads(line)
            if number > 1:
                conversation.replay(_from_json(item))
            else:
                _check_head(item)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            why = str(error) if type(error) is ValueError else "not what was written there"
            raise SessionDamaged(path=str(path), line=number, why=why) from error
    return conversation


def _check_head(item: dict[str, Any]) -> None:
    if item.get("infer") != "session" or item.get("version") != _VERSION:
        raise ValueError("it is of no version that this infer reads")


def _line(item: dict[str, Any]) -> bytes:
    return json.dumps(item, separators=(",", ":")).encode() + b"\n"


def _to_json(record: Record) -> dict[str, Any]:
    match record:
        case Node(message=message):
            item: dict[str, Any] = {"message": record.id, "parent": record.parent, "role": message.role}
            item["parts"] = [part.text for part in message.content]
            optional = {
                "reasoning": message.reasoning, "ids": list(message.token_ids), "time": record.time,
                "model": record.model, "ended": record.ended, "usage": record.usage and asdict(record.usage),
            }  # fmt: skip
            return item | {key: value for key, value in optional.items() if value}
        case Moved(id):
            return {"head": id}
        case Named(id, name):
            return {"name": name, "at": id}
        case Changed(key, value):
            return {"set": key, "to": value}


def _from_json(item: dict[str, Any]) -> Record:
    if "message" in item:
        return _message(item)
    if "head" in item:
        return Moved(int(item["head"]))
    if "name" in item:
        return Named(int(item["at"]), _text(item["name"]))
    key, value = _text(item["set"]), item["to"]
    return Changed(key, _text(value) if key in _TEXTS and value is not None else value)


def _message(item: dict[str, Any]) -> Node:
    role, parts = item["role"], item["parts"]
    if role not in ("user", "assistant"):
        raise ValueError(f"no message has the role {role}")
    if not isinstance(parts, list) or not parts:
        raise TypeError
    content = tuple(TextPart(_text(part)) for part in parts)
    message = Message(role, content, tuple(map(int, item.get("ids", ()))), _text(item.get("reasoning", "")))
    ended = _text(item["ended"]) if "ended" in item else None
    usage = Usage(**{key: int(count) for key, count in item["usage"].items()}) if "usage" in item else None
    about = (float(item.get("time", 0)), _text(item.get("model", "")), cast(FinishReason | None, ended), usage)
    return Node(int(item["message"]), int(item["parent"]), message, *about)


def _text(value: Any) -> str:
    """A text; half of a surrogate pair, which no tokenizer takes, becomes U+FFFD."""
    if not isinstance(value, str):
        raise TypeError
    return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _all(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0) if size else b""
