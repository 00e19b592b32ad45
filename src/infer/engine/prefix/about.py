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

from infer.engine.prefix.files import inside, read_own, replace_own
from infer.engine.prefix.header import FORMAT
from infer.engine.prefix.keys import Fact, fingerprint

ABOUT, NOTES = "about.json", "notes.json"
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


def save_about(cache_dir: Path, identity: Identity) -> None:
    """Write about.json where it is missing or wrong, or names a file that has moved. Raises OSError."""
    text = identity.fingerprint.hex()
    if is_dead(cache_dir, text):
        plain = {"format": FORMAT, "model": identity.model, "path": identity.path, "facts": dict(identity.facts)}
        _write_json(cache_dir, text, ABOUT, {**plain, "created": int(time.time())})


def load_about(cache_dir: Path, fingerprint: str) -> Identity | None:
    """Whose pieces these are; None when about.json is absent, of another format or not that of this fingerprint."""
    plain = _read_json(cache_dir, fingerprint, ABOUT)
    try:
        identity = Identity(str(plain["model"]), str(plain["path"]), plain["facts"])
        known = plain["format"] == FORMAT and identity.fingerprint.hex() == fingerprint
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return identity if known else None


def is_dead(cache_dir: Path, fingerprint: str) -> bool:
    """Whether nobody can use these pieces any more: unknown, or the model's file is gone."""
    identity = load_about(cache_dir, fingerprint)
    return identity is None or not os.path.lexists(identity.path)


def load_notes(cache_dir: Path, fingerprint: str) -> dict[str, Any]:
    """What was learnt about this model (measured rates, the verdict of the self-test); empty when nothing was."""
    return _read_json(cache_dir, fingerprint, NOTES)


def save_notes(cache_dir: Path, fingerprint: str, notes: Mapping[str, Any]) -> None:
    """Replace the notes. A failure is silent: it costs learning the same again."""
    with suppress(OSError, RecursionError):
        _write_json(cache_dir, fingerprint, NOTES, notes)


def _read_json(cache_dir: Path, fingerprint: str, text: str) -> dict[str, Any]:
    """A JSON object of a file of ours, empty when there is none."""
    with suppress(OSError, ValueError, RecursionError), inside(cache_dir, fingerprint) as place:
        plain = json.loads(read_own(text, place, _LARGEST))
        if isinstance(plain, dict):
            return plain
    return {}


def _write_json(cache_dir: Path, fingerprint: str, text: str, plain: Mapping[str, Any]) -> None:
    """Replace a file by a JSON object: 0600, whole or not at all. Raises OSError."""
    data = json.dumps(dict(plain)).encode()
    with inside(cache_dir, fingerprint, make=True) as place:
        replace_own(text, place, data)
