"""What lies in the shared Hugging Face cache, found by plain path checks (no library, no network).

models--ORG--REPO/refs/REVISION -> text: a commit
models--ORG--REPO/snapshots/COMMIT/PATH -> link to ../../blobs/SHA256 (for large files)
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from infer.models.metadata import shard_paths
from infer.models.small import read_small

_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REF_LIMIT = 4096  # bytes of a file that holds a commit
_NOT_MODELS = re.compile(r"mmproj|imatrix", re.IGNORECASE)
PREFERRED = ("Q4_K_M", "UD-Q4_K_M", "MXFP4", "Q4_0", "Q8_0")


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
        commit = revision if _COMMIT.fullmatch(revision) else _read_ref(place, revision)
        return [place / "snapshots" / commit] if commit else []
    try:
        found = sorted((place / "snapshots").iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    except OSError:
        return []
    main = _read_ref(place, "main")
    return sorted(found, key=lambda path: path.name != main)


def blob_sha256(path: Path) -> str | None:
    """The sha256 in the name of the blob a snapshot's file links to (not in that of a store behind it)."""
    try:
        name = Path(os.readlink(path)).name  # noqa: PTH115 (the first link only)
    except OSError:
        return None
    return name if _SHA256.fullmatch(name) else None


def models(snapshot: Path) -> list[str]:
    """The models of a snapshot as paths inside it: of a sharded one its first file; no projectors."""
    found = (path for path in snapshot.rglob("*.gguf") if os.path.isfile(path))  # noqa: PTH113 (is_file raises EACCES)
    inside = sorted(path.relative_to(snapshot).as_posix() for path in found)
    return [name for name in inside if is_model(name)]


def is_model(name: str) -> bool:
    """Whether a .gguf file is a model by its name: the first file of one, no projector, no importance matrix."""
    return shard_paths(name)[0] == name and not _NOT_MODELS.search(name)


def choose(names: list[str], quant: str | None) -> str | None:
    """The model of a quantisation; without one the only model there is, or the first preferred one."""
    if quant is None:
        if len(names) == 1:
            return names[0]
        return next((found for name in PREFERRED if (found := choose(names, name))), None)
    matches = [name for name in names if _is_quant(name, quant)]
    return matches[0] if len(matches) == 1 else None


def _is_quant(name: str, quant: str) -> bool:
    """Whether a file name carries the quantisation as a word of its own; UD-Q4_K_M is not Q4_K_M."""
    word = rf"(?:^|(?<!UD)[-./_])(?:{re.escape(quant)})(?:-\d{{5}}-of-\d{{5}})?\.gguf\Z"
    return re.search(word, name, re.IGNORECASE) is not None


def _read_ref(home: Path, revision: str) -> str | None:
    try:
        commit = read_small(home / "refs" / revision, _REF_LIMIT).decode().strip()
    except (OSError, ValueError):
        return None
    return commit if _COMMIT.fullmatch(commit) else None
