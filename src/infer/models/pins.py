"""What a name was resolved to when it was pulled, so that it never silently means another file.

<cache>/pins/<blake2b of the name>.json: one Pin each; what cannot be read counts as none.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infer.models import hub_cache
from infer.models.foreign import entries
from infer.models.metadata import shard_paths
from infer.models.partial import write_whole
from infer.models.private import MODE, make_private
from infer.models.ref import is_inner_path, is_revision
from infer.models.small import read_small

FORMAT = 1
PIN_LIMIT = 1 << 20  # bytes; a model of a hundred shards has 25 KiB
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """A name and the files it stands for.

    name       an alias or a reference to a repository, as it is typed
    revision   the branch or tag that was asked for; `infer update` follows it
    files      inside the repository, in the order of the shards; digests, sizes (bytes): of each of them
    """

    name: str
    repo: str
    revision: str
    commit: str
    files: tuple[str, ...]
    digests: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def sha256(self) -> tuple[str, ...]:
        """The sha256 of each file; () where git itself holds one of them, under another kind of digest."""
        return self.digests if all(map(_SHA256.fullmatch, self.digests)) else ()


def save(pin: Pin, cache_dir: Path) -> None:
    """Remember a pin. Raises OSError."""
    path = _path(pin.name, cache_dir)
    make_private(path.parent)
    write_whole(path, json.dumps({"format": FORMAT, **asdict(pin)}, ensure_ascii=False).encode(), MODE)


def of_file(name: str, revision: str, path: Path, root: Path) -> Pin | None:
    """The pin for a model that is in the hub's cache at `root` already, None where the path says too little.

    Its digests are the names of its blobs there. Raises OSError.
    """
    placed = hub_cache.placed(root, path)
    if placed is None:
        return None
    repo, commit, first = placed
    files = shard_paths(first)
    links = [hub_cache.snapshot(root, repo, commit) / file for file in files]
    sizes = tuple(link.stat().st_size for link in links)
    return Pin(name, repo, revision, commit, files, tuple(map(hub_cache.blob_name, links)), sizes)


def load(name: str, cache_dir: Path | None) -> Pin | None:
    """The pin of a name."""
    if cache_dir is None:
        return None
    pin = _read(_path(name, cache_dir))
    return pin if pin is not None and pin.name == name else None


def forget(name: str, cache_dir: Path) -> None:
    """Remove the pin of a name."""
    with contextlib.suppress(OSError):
        _path(name, cache_dir).unlink()


def every(cache_dir: Path) -> list[Pin]:
    """All pins, by name."""
    found = (_read(Path(entry.path)) for entry in entries(cache_dir / "pins") if entry.name.endswith(".json"))
    return sorted((pin for pin in found if pin is not None), key=lambda pin: pin.name)


def place(pin: Pin, environment: Mapping[str, str]) -> Path | None:
    """Where the (first) file of a pin lies: in its snapshot, or with the same bytes in another one.

    Some of the other files may be missing. None when it is gone: the name means no other, it has to be fetched again.
    """
    root = hub_cache.directory(environment)
    own = hub_cache.snapshot(root, pin.repo, pin.commit)
    if whole := hub_cache.held(own, pin.files):
        return whole
    others = hub_cache.snapshots(root, pin.repo, None) if pin.sha256 else []
    same = (hub_cache.held(snapshot, pin.files, pin.sha256) for snapshot in others)
    return next(filter(None, same), None) or hub_cache.held(own, pin.files[:1])


def _path(name: str, cache_dir: Path) -> Path:
    return cache_dir / "pins" / f"{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}.json"


def _read(path: Path) -> Pin | None:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        plain = json.loads(read_small(path, PIN_LIMIT))
        if plain.pop("format") == FORMAT:
            values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in plain.items()}
            return _checked(Pin(**values))
    return None


def _checked(pin: Pin) -> Pin:
    """Raises ValueError for what `save` has not written: the parts become paths."""
    texts: tuple[Any, ...] = (pin.name, pin.repo, pin.revision, pin.commit, *pin.files, *pin.digests)
    same = len(pin.files) == len(pin.digests) == len(pin.sizes) > 0
    safe = all(isinstance(text, str) and is_inner_path(text) for text in (*pin.files, pin.repo, pin.commit))
    if not (same and safe and all(isinstance(text, str) for text in texts) and is_revision(pin.revision)):
        raise ValueError
    return pin
