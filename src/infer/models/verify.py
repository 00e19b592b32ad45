"""Whether the bytes of a model are those that were promised: its files read to the end, hashed, compared."""

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from infer.errors import InferError
from infer.models import hub_cache, metadata, stamp
from infer.models.gguf import Identity
from infer.models.metadata import shard_paths
from infer.models.store import Located

_CHUNK = 4 << 20  # bytes
Status = Literal["ok", "unknown", "damaged", "unreadable"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One file. expected: the sha256 that was promised, None where nobody promised one; by whom: `source`.

    status  ok; unknown: a sound GGUF, but nobody says what its bytes have to be; damaged; unreadable
    why     what is wrong
    """

    path: str
    bytes: int
    status: Status
    sha256: str | None = None
    expected: str | None = None
    source: str = ""
    why: str = ""


def files(located: Located) -> tuple[str, ...]:
    """The files of a model, in order."""
    return shard_paths(str(located.path))


def verify(
    located: Located, cache_dir: Path | None, progress: Callable[[int], None] = lambda count: None
) -> list[Checked]:
    """Read every file of a model to its end. `progress` is told of every piece of so many bytes.

    A file that is as promised is remembered with its sha256 in the model's stamp.
    """
    paths = files(located)
    before = _identity(paths[0])
    checked = [_file(path, *_promise(located, index, path), progress) for index, path in enumerate(paths)]
    if any(one.status not in ("ok", "unknown") for one in checked):
        return checked
    try:
        headers = metadata.read_headers(paths[0])
        known = stamp.Stamp(tuple((one.path, one.identity) for one in headers), metadata.describe(headers))
    except InferError as error:
        return [replace(checked[0], status="damaged", why=str(error)), *checked[1:]]
    if len(checked) == 1 and known.files[0][1] == before:  # else the bytes that were hashed may be others
        stamp.save(os.path.abspath(paths[0]), cache_dir, replace(known, sha256=checked[0].sha256))  # noqa: PTH100
    return checked


def _identity(path: str) -> Identity | None:
    try:
        return Identity.of(Path(path).stat())
    except OSError:
        return None


def total_bytes(paths: Sequence[str]) -> int:
    """Bytes of the files that are there."""
    total = 0
    for path in paths:
        with suppress(OSError):
            total += Path(path).stat().st_size
    return total


def _promise(located: Located, index: int, path: str) -> tuple[str | None, str]:
    """The sha256 that a file has to have, and who says so."""
    blob = hub_cache.blob_sha256(Path(path)) if located.origin == "hub" else None
    if blob:
        return blob, "the Hugging Face cache"
    if index < len(located.promised):
        return located.promised[index], "Ollama" if located.origin == "ollama" else "the catalogue"
    return None, ""


def _file(path: str, expected: str | None, source: str, progress: Callable[[int], None]) -> Checked:
    digest, count = hashlib.sha256(), 0
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                count += len(chunk)
                progress(len(chunk))
    except OSError as error:
        return Checked(path, count, "unreadable", None, expected, source, (error.strerror or str(error)).lower())
    sha256 = digest.hexdigest()
    if expected is not None and sha256 != expected:
        why = f"its sha256 is {sha256}, {source} says {expected}"
        return Checked(path, count, "damaged", sha256, expected, source, why)
    return Checked(path, count, "ok" if expected else "unknown", sha256, expected, source)


def known_sha256(located: Located, cache_dir: Path | None) -> tuple[str | None, str]:
    """The sha256 of a model of one file without reading it, and who says so; (None, "") when nobody does."""
    paths = files(located)
    if len(paths) > 1:
        return None, ""
    known = stamp.load(os.path.abspath(paths[0]), cache_dir)  # noqa: PTH100
    if known is not None and known.sha256:
        return known.sha256, "infer"
    return _promise(located, 0, paths[0])
