"""What stands beside the pieces of a fingerprint: about.json (whose they are), notes.json (what was learnt).

Both are small, best effort, and replaced whole: an old one or a new one, never a half.
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infer.engine.prefix.files import make_private, own_file
from infer.engine.prefix.header import FORMAT
from infer.engine.prefix.keys import Fact, fingerprint

_ABOUT, _NOTES = "about.json", "notes.json"
_LARGEST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """A model in one setting. facts: everything that changes KV values, as JSON; path: the model's file."""

    model: str
    path: str
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def fingerprint(self) -> bytes:
        """The hash of the facts and of the format of the files."""
        return fingerprint({**self.facts, "prefix-format": FORMAT})


def save_about(place: Path, identity: Identity) -> None:
    """Write about.json where it is missing or wrong, or names a file that has moved. Raises OSError."""
    if is_dead(place):
        plain = {"format": FORMAT, "model": identity.model, "path": identity.path, "facts": dict(identity.facts)}
        write_json(place / _ABOUT, {**plain, "created": int(time.time())})


def load_about(place: Path) -> Identity | None:
    """Whose pieces these are; None when about.json is absent, of another format or not that of this directory."""
    plain = read_json(place / _ABOUT)
    try:
        identity = Identity(str(plain["model"]), str(plain["path"]), plain["facts"])
        known = plain["format"] == FORMAT and identity.fingerprint.hex() == place.name
    except (KeyError, TypeError, ValueError):
        return None
    return identity if known else None


def is_dead(place: Path) -> bool:
    """Whether nobody can use these pieces any more: unknown, or the model's file is gone."""
    identity = load_about(place)
    return identity is None or not os.path.lexists(identity.path)


def load_notes(place: Path) -> dict[str, Any]:
    """What was learnt about this model (measured rates, the verdict of the self-test); empty when nothing was."""
    return read_json(place / _NOTES)


def save_notes(place: Path, notes: Mapping[str, Any]) -> None:
    """Replace the notes. A failure is silent: it costs learning the same again."""
    with suppress(OSError):
        write_json(place / _NOTES, dict(notes))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a file of ours, empty when there is none."""
    with suppress(OSError, ValueError, RecursionError):
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(file, "rb") as stream:
            own_file(file)
            plain = json.loads(stream.read(_LARGEST))
        if isinstance(plain, dict):
            return plain
    return {}


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """Replace a file by a JSON object: 0600, whole or not at all. Raises OSError."""
    make_private(path.parent)
    temporary = path.with_name(f".{os.getpid()}-{os.urandom(6).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(temporary, flags, 0o600)
    try:
        with open(file, "wb") as stream:
            stream.write(json.dumps(plain).encode())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
