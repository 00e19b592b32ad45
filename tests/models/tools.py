"""The directories of other tools, as these tools lay them out, built by the tests."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

COMMIT, OTHER = "a" * 40, "b" * 40
_LAYER = "application/vnd.ollama.image."


def ollama_blob(root: Path, data: bytes) -> dict[str, Any]:
    """Put bytes into Ollama's blobs; the layer that names them, without its kind."""
    digest = hashlib.sha256(data).hexdigest()
    (root / "blobs").mkdir(parents=True, exist_ok=True)
    (root / "blobs" / f"sha256-{digest}").write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def ollama_manifest(root: Path, name: str, manifest: object, *, registry: str = "registry.ollama.ai/library") -> Path:
    """A manifest of NAME/TAG; bytes are written as they are."""
    path = root / "manifests" / registry / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode())
    return path


def ollama_model(
    root: Path,
    name: str,
    model: Path,
    *,
    registry: str = "registry.ollama.ai/library",
    kind: str = "Q4_K_M",
    more: Mapping[str, bytes] | None = None,
) -> Path:
    """A model as `ollama pull` leaves it: manifest, config, weights, template; `more` are further layers. The blob."""
    weights = {"mediaType": f"{_LAYER}model", **ollama_blob(root, model.read_bytes())}
    config = ollama_blob(root, json.dumps({"model_format": "gguf", "file_type": kind}).encode())
    template = {"mediaType": f"{_LAYER}template", **ollama_blob(root, b"{{ .Prompt }}")}
    others = [{"mediaType": f"{_LAYER}{key}", **ollama_blob(root, data)} for key, data in (more or {}).items()]
    head = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", **config}
    ollama_manifest(root, name, {**head, "config": config, "layers": [*others, weights, template]}, registry=registry)
    return root / "blobs" / str(weights["digest"]).replace(":", "-")


def put(model: Path, place: Path) -> Path:
    """A model's bytes at another place, as LM Studio and llama.cpp keep them."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(model.read_bytes())
    return place


def hub_file(root: Path, repo: str, file: str, data: bytes, commit: str = COMMIT, *, ref: str | None = "main") -> Path:
    """A file in the layout of the Hugging Face cache: blob, snapshot's link, ref. The link."""
    home = root / f"models--{repo.replace('/', '--')}"
    blob = home / "blobs" / hashlib.sha256(data).hexdigest()
    link = home / "snapshots" / commit / file
    for directory in (blob.parent, link.parent, home / "refs"):
        directory.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(data)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(blob, link.parent))
    if ref:
        (home / "refs" / ref).parent.mkdir(exist_ok=True)
        (home / "refs" / ref).write_text(commit)
    return link
