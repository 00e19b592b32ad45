"""What a name was resolved to when it was pulled, so that it never silently means another file.

<cache>/pins/<blake2b of the name>.json: one Pin each; what cannot be read counts as none.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infer.models import hub_cache
from infer.models.metadata import shard_paths
from infer.models.partial import write_whole
from infer.models.ref import is_inner_path, is_revision
from infer.models.small import read_small

FORMAT = 1
PIN_LIMIT = 1 << 20  # bytes; a model of a hundred shards has 25 KiB


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
        return self.digests if all(len(digest) == 64 for digest in self.digests) else ()


def save(pin: Pin, cache_dir: Path) -> None:
    """Remember a pin. Raises OSError."""
    path = _path(pin.name, cache_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, json.dumps({"format": FORMAT, **asdict(pin)}, ensure_ascii=False).encode(), 0o600)


def of_file(name: str, revision: str, path: Path, root: Path) -> Pin | None:
    """The pin for a model that is in the hub's cache at `root` already, None where the path says too little."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    if len(parts) < 4 or parts[1] != "snapshots" or not parts[0].startswith("models--"):
        return None
    place, commit = root / parts[0], parts[2]
    files = shard_paths("/".join(parts[3:]))
    blobs = [(place / "snapshots" / commit / file).resolve() for file in files]
    repo = parts[0].removeprefix("models--").replace("--", "/", 1)
    sizes = tuple(blob.stat().st_size for blob in blobs)
    return Pin(name, repo, revision, commit, files, tuple(blob.name for blob in blobs), sizes)


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
    found = map(_read, (cache_dir / "pins").glob("*.json"))
    return sorted((pin for pin in found if pin is not None), key=lambda pin: pin.name)


def find(name: str, cache_dir: Path | None, environment: Mapping[str, str]) -> tuple[Pin, Path] | None:
    """The pin of a name and its (first) file, when all of its files are here."""
    pin = load(name, cache_dir)
    if pin is None:
        return None
    paths = [hub_cache.snapshot(hub_cache.directory(environment), pin.repo, pin.commit) / file for file in pin.files]
    return (pin, paths[0]) if all(path.is_file() for path in paths) else None


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
