"""What lies in the shared Hugging Face cache, found by plain path checks (no library, no network).

models--ORG--REPO/refs/REVISION -> text: a commit
models--ORG--REPO/snapshots/COMMIT/PATH -> link to ../../blobs/SHA256 (for large files)
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from infer.machine import detect
from infer.models.foreign import files_below
from infer.models.metadata import shard_paths
from infer.models.quants import best, is_model, of_quant
from infer.models.small import read_small

DEPTH = 3  # directories inside a repository
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REF_LIMIT = 4096  # bytes of a file that holds a commit


def expanded(text: str) -> Path:
    """A path with its ~; one of nobody's home stays as it is, where Path.expanduser raises."""
    return Path(os.path.expanduser(text))  # noqa: PTH111


def directory(environment: Mapping[str, str]) -> Path:
    """The cache's root, by the variables huggingface_hub goes by."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environment.get(name):
            return expanded(environment[name])
    if home := environment.get("HF_HOME"):
        return expanded(home) / "hub"
    caches = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return expanded(caches) / "huggingface" / "hub"


def home(root: Path, repo: str) -> Path:
    """Everything of a repository."""
    return root / f"models--{repo.replace('/', '--')}"


def snapshot(root: Path, repo: str, commit: str) -> Path:
    """A repository's files at a commit, whether they are here or not."""
    return home(root, repo) / "snapshots" / commit


def snapshots(root: Path, repo: str, revision: str | None) -> list[Path]:
    """A repository's snapshots here: of one revision, or what `main` points to and then the newest first."""
    place = home(root, repo)
    if revision is not None:
        commit = revision if is_commit(revision) else _read_ref(place, revision)
        return [place / "snapshots" / commit] if commit else []
    try:
        found = list((place / "snapshots").iterdir())
        if len(found) < 2:  # the common case, a thousand times in a listing
            return found
        found.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    except OSError:
        return []
    main = _read_ref(place, "main")
    return sorted(found, key=lambda path: path.name != main)


def is_commit(text: str) -> bool:
    """Whether a text is a commit's name in full: of a branch or a tag, somebody else says which commit it is."""
    return _COMMIT.fullmatch(text) is not None


def held(snapshot: Path, files: Sequence[str], sha256: tuple[str, ...] = ()) -> Path | None:
    """The first of these files of a snapshot, when all of them are here, with these hashes where any are given."""
    paths = [snapshot / name for name in files]
    if not all(map(os.path.isfile, paths)) or (sha256 and tuple(map(blob_sha256, paths)) != sha256):
        return None
    return paths[0]


def placed(root: Path, path: Path) -> tuple[str, str, str] | None:
    """Repository, commit and name of a file in a snapshot of the cache at `root`; None for one that lies elsewhere."""
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    if len(parts) < 4 or parts[1] != "snapshots" or not parts[0].startswith("models--") or ".." in parts:
        return None
    return parts[0].removeprefix("models--").replace("--", "/", 1), parts[2], "/".join(parts[3:])


def blob_sha256(path: str | Path) -> str | None:
    """The sha256 in the name of the blob a snapshot's file links to."""
    name = blob_name(path)
    return name if _SHA256.fullmatch(name) else None


def blob_name(path: str | Path) -> str:
    """The name of the blob a snapshot's file links to (not that of a store behind it); "" of what is no link."""
    try:
        return os.readlink(path).rpartition("/")[2]  # noqa: PTH115 (the first link only)
    except OSError:
        return ""


def models(snapshot: Path) -> list[str]:
    """The models of a snapshot as paths inside it: of a sharded one its first file; no projectors."""
    place = str(snapshot)
    inside = [path[len(place) + 1 :] for path in files_below(place, DEPTH) if os.path.isfile(path)]  # noqa: PTH113
    return sorted(filter(is_model, inside))


def choose(place: Path, names: Sequence[str], quant: str | None) -> str | None:
    """The model among these below `place` that a quantisation means; without one the only one, or the best whole one.

    What is best is said in quants.py.
    """
    if quant is not None:
        return of_quant(names, quant)
    if len(names) == 1:
        return names[0]
    sizes = {name: size for name in names if (size := _size(place / name)) is not None}
    return best(sizes, detect().memory_free) if sizes else None


def _size(path: Path) -> int | None:
    """Bytes of all files of a model, None when one of them is missing."""
    try:
        return sum(os.stat(part).st_size for part in shard_paths(str(path)))  # noqa: PTH116
    except (OSError, ValueError):
        return None


def _read_ref(home: Path, revision: str) -> str | None:
    try:
        commit = read_small(home / "refs" / revision, _REF_LIMIT).decode().strip()
    except (OSError, ValueError):
        return None
    return commit if _COMMIT.fullmatch(commit) else None
