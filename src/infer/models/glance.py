"""The first look at GGUF files, for listings: what their first bytes say, unchecked, all remembered in one file.

`<cache>/listing-v1.json` maps a path to [identity of the file (gguf.Identity), architecture, quantisation, context,
problem]. It is replaced whole; of two listings at a time one is remembered. Nothing in it decides what is run.
"""

import json
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infer.models import ggml
from infer.models.gguf import Identity
from infer.models.private import write_private

FILE = "listing-v1.json"
FILE_LIMIT = 64 << 20  # bytes; a row has about 200
BEGIN = 1 << 16  # bytes of a file that are looked at: the vocabulary, which is long, comes after what we want
_TEXT, _ARRAY, _U32 = 8, 9, 4
_FIXED = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_FORMS = {kind: struct.Struct("<" + code) for kind, code in _FIXED.items()}
_U64 = _FORMS[10]
_HEAD = struct.Struct("<4sIQQ")  # magic, version, tensors, pairs


@dataclass(frozen=True, slots=True)
class Glance:
    """What a listing says of a file; None where its first bytes do not say it. size in bytes, context in tokens."""

    size: int
    architecture: str | None = None
    quantization: str | None = None
    context: int | None = None
    problem: str = ""


class Glances:
    """Looks at files, and remembers across processes what it has seen. Without a `cache_dir` nothing is remembered."""

    def __init__(self, cache_dir: Path | None) -> None:
        self._path = cache_dir / FILE if cache_dir else None
        self._known = _load(self._path)
        self._seen: dict[str, list[Any]] = {}

    def of(self, path: str) -> Glance:
        """The glance of a file, whatever it is; one stat when it has not changed since the last listing."""
        try:
            status = os.stat(path)  # noqa: PTH116 (a listing does this a thousand times)
        except (OSError, ValueError):
            return Glance(0, problem="its file is missing")
        if not stat.S_ISREG(status.st_mode):
            return Glance(0, problem="it is not a regular file")
        found = Identity.of(status)
        identity = [found.device, found.inode, found.size, found.mtime_ns, found.ctime_ns]
        row = self._known.get(path)
        if row is None or row[0] != identity:
            row = [identity, *_look(path)]
        self._seen[path] = row
        return Glance(found.size, *row[1:])

    def remember(self) -> None:
        """Write what was seen, if anything is new. A failure is silent: it costs another look."""
        if self._path and self._seen != self._known:
            write_private(self._path, json.dumps(self._seen).encode())


def _load(path: Path | None) -> dict[str, list[Any]]:
    try:
        if path is None or path.stat().st_size > FILE_LIMIT:
            return {}
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: row for key, row in plain.items() if _is_row(row)} if isinstance(plain, dict) else {}


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or len(row) != 5 or not isinstance(row[4], str):
        return False
    texts = all(value is None or isinstance(value, str) for value in row[1:3])
    return texts and (row[3] is None or type(row[3]) is int)


def _look(path: str) -> tuple[str | None, str | None, int | None, str]:
    """Architecture, quantisation, context and problem, from the first bytes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return None, None, None, f"it cannot be read: {(error.strerror or str(error)).lower()}"
    try:
        data = os.pread(fd, BEGIN, 0)
    except OSError as error:
        return None, None, None, f"it cannot be read: {(error.strerror or str(error)).lower()}"
    finally:
        os.close(fd)
    if not data.startswith(b"GGUF"):
        return None, None, None, "it is no GGUF file"
    pairs = first_pairs(data)
    name = pairs.get("general.architecture")
    architecture = name.decode("utf-8", "replace")[:64] if isinstance(name, bytes) else None
    context = pairs.get(f"{architecture}.context_length")
    kind = pairs.get("general.file_type")
    quantization = ggml.FILE_TYPES.get(kind & ~ggml.GUESSED) if type(kind) is int else None
    return architecture, quantization, context if type(context) is int else None, ""


def first_pairs(data: bytes) -> Mapping[str, object]:
    """The pairs that stand whole in a GGUF file's first bytes, up to the tokenizer's; arrays are left out."""
    pairs: dict[str, object] = {}
    try:
        _, _, _, count = _HEAD.unpack_from(data)
        pos = _HEAD.size
        for _ in range(count):
            key, pos = _text(data, pos)
            if key.startswith(b"tokenizer."):
                break
            kind = _FORMS[_U32].unpack_from(data, pos)[0]
            value, pos = _value(data, pos + 4, kind)
            if value is not None:
                pairs[key.decode("utf-8", "replace")] = value
    except (struct.error, KeyError):  # the first bytes end here, or it is no pair
        pass
    return pairs


def _text(data: bytes, pos: int) -> tuple[bytes, int]:
    end = pos + 8 + _U64.unpack_from(data, pos)[0]
    if end > len(data):
        raise struct.error
    return data[pos + 8 : end], end


def _value(data: bytes, pos: int, kind: int) -> tuple[object, int]:
    """A number or text and the position after it; None for an array."""
    if kind == _TEXT:
        return _text(data, pos)
    if kind != _ARRAY:
        form = _FORMS[kind]
        return form.unpack_from(data, pos)[0], pos + form.size
    kind = _FORMS[_U32].unpack_from(data, pos)[0]
    count, pos = _U64.unpack_from(data, pos + 4)[0], pos + 12
    if kind != _TEXT:
        return None, pos + count * _FORMS[kind].size
    for _ in range(count):
        _, pos = _text(data, pos)
    return None, pos
