"""What is remembered of a model file, so that its header is read and checked once and not at every start.

`<cache>/metadata/<blake2b of the absolute path>.json` holds the format's version, the identity (device,
inode, size, times) of each of the model's files, its Metadata, and the sha256 where somebody has computed it.
A stamp that does not match or cannot be parsed is as good as none; failing to write one costs a re-read.
Its own time of change says when the model was last used: the epoch (0) until it is.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infer.models import metadata
from infer.models.gguf import Identity
from infer.models.private import write_private
from infer.types import Metadata

FORMAT = 3  # raise it when Metadata changes, or when a check is added that earlier stamps have not passed


@dataclass(frozen=True, slots=True)
class Stamp:
    """A model's files (absolute path, identity), in order, and what is known of them."""

    files: tuple[tuple[str, Identity], ...]
    metadata: Metadata
    sha256: str | None = None


def read_metadata(path: str | os.PathLike[str], cache_dir: Path | None) -> Metadata:
    """What a GGUF file (any file of a sharded model) says about its model.

    From the stamp in `cache_dir` when the file has not changed since; else read, checked and remembered.
    Without a `cache_dir` nothing is remembered. Raises FileUnreadable and BadModelFile.
    """
    return read(path, cache_dir).metadata


def read(path: str | os.PathLike[str], cache_dir: Path | None) -> Stamp:
    """`read_metadata` with everything the stamp knows."""
    absolute = os.path.abspath(path)  # noqa: PTH100 (resolve() would follow links: a link has its own stamp)
    known = load(absolute, cache_dir)
    if known is not None:
        return known
    headers = metadata.read_headers(absolute)
    stamp = Stamp(tuple((header.path, header.identity) for header in headers), metadata.describe(headers))
    save(absolute, cache_dir, stamp)
    return stamp


def load(path: str, cache_dir: Path | None) -> Stamp | None:
    """The stamp of an absolute path, None where there is none or one of its files has changed."""
    if cache_dir is None:
        return None
    try:
        stamp = _parse(json.loads(_stamp_path(path, cache_dir).read_bytes()))
        fresh = all(Identity.of(Path(name).stat()) == identity for name, identity in stamp.files)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return stamp if fresh and stamp.files else None


def save(path: str, cache_dir: Path | None, stamp: Stamp) -> None:
    """Remember a stamp. A failure is silent: it costs time. When its model was last used stays as it was."""
    if cache_dir is None:
        return
    target = _stamp_path(path, cache_dir)
    last = used(path, cache_dir)
    if write_private(target, json.dumps(_plain(stamp)).encode()):
        with contextlib.suppress(OSError):
            os.utime(target, (last, last))


def touch(path: str, cache_dir: Path | None) -> None:
    """Remember that the model at an absolute path is used now, if it has a stamp."""
    if cache_dir is not None:
        with contextlib.suppress(OSError):
            os.utime(_stamp_path(path, cache_dir))


def forget(path: str, cache_dir: Path | None) -> None:
    """Remove the stamp of an absolute path."""
    if cache_dir is not None:
        with contextlib.suppress(OSError):
            _stamp_path(path, cache_dir).unlink()


def used(path: str, cache_dir: Path | None) -> int:
    """When the model at an absolute path was last used, in seconds since the epoch; 0: never, or not known."""
    if cache_dir is None:
        return 0
    try:
        return int(_stamp_path(path, cache_dir).stat().st_mtime)
    except OSError:
        return 0


def used_files(cache_dir: Path | None, known: Iterable[str], limit: int = 500) -> list[tuple[str, int]]:
    """The (first) files of models that were used, with the time, without those in `known`: the latest `limit`."""
    if cache_dir is None:
        return []
    try:
        stamps = {place.name: (place.stat().st_mtime, place) for place in (cache_dir / "metadata").glob("*.json")}
    except OSError:
        return []
    for path in known if stamps else ():
        stamps.pop(_stamp_path(path, cache_dir).name, None)
    found = []
    for moment, place in sorted((one for one in stamps.values() if one[0] >= 1), reverse=True)[:limit]:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            found.append((_parse(json.loads(place.read_bytes())).files[0][0], int(moment)))
    return found


def _stamp_path(path: str, cache_dir: Path) -> Path:
    digest = hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()
    return cache_dir / "metadata" / f"{digest}.json"


def _plain(stamp: Stamp) -> dict[str, Any]:
    fields = {name: getattr(stamp.metadata, name) for name in Metadata.__slots__}
    files = [[name, [getattr(identity, key) for key in Identity.__slots__]] for name, identity in stamp.files]
    return {"format": FORMAT, "files": files, "sha256": stamp.sha256, "metadata": fields}


def _parse(plain: Any) -> Stamp:
    """Raises KeyError, TypeError or ValueError for anything `_plain` has not made."""
    if plain["format"] != FORMAT or plain.keys() != {"format", "files", "sha256", "metadata"}:
        raise ValueError
    files = tuple((_typed(name, str), Identity(*map(_integer, numbers))) for name, numbers in plain["files"])
    fields = plain["metadata"]
    if fields.keys() != _FIELDS.keys():
        raise ValueError
    parsed = Metadata(**{name: parse(fields[name]) for name, parse in _FIELDS.items()})
    return Stamp(files, parsed, _optional_text(plain["sha256"]))


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _integer(value: Any) -> int:
    number: int = _typed(value, int)
    return number


def _text(value: Any) -> str:
    text: str = _typed(value, str)
    return text


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _optional_integer(value: Any) -> int | None:
    return None if value is None else _integer(value)


def _boolean(value: Any) -> bool:
    truth: bool = _typed(value, bool)
    return truth


def _integers(value: Any) -> tuple[int, ...]:
    return tuple(map(_integer, value))


def _pair(value: Any) -> tuple[int, int]:
    first, second = _integers(value)
    return first, second


def _numbers(value: Any) -> dict[str, float]:
    if not all(type(number) in {int, float} for number in value.values()):
        raise TypeError
    return dict(value)


_FIELDS: dict[str, Callable[[Any], Any]] = dict.fromkeys(Metadata.__slots__, _integer) | {
    **dict.fromkeys(("architecture", "name", "quantization", "tokenizer"), _text),
    **dict.fromkeys(("head_count_kv", "windowed", "window_lengths"), _integers),
    "experts": _pair,
    **dict.fromkeys(("chat_template", "license", "pooling"), _optional_text),
    "causal": _boolean,
    "sliding_window": _optional_integer,
    "sampling": _numbers,
}
