"""What Ollama has downloaded: manifests that name a model's layers, and the layers as blobs named by their sha256.

<root>/manifests/REGISTRY/NAMESPACE/NAME/TAG -> JSON {"config": {"digest": ...}, "layers": [{mediaType, digest, size}]}
<root>/blobs/sha256-<64 hexadecimal digits>
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infer.models.foreign import Foreign, entries, first_existing, home_of, missing_files, read_json, typed_name
from infer.models.hub_cache import expanded

REGISTRY, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"
_SYSTEM = (
    "/usr/share/ollama/.ollama/models",
    "/var/lib/ollama",
    "/var/lib/ollama/models",
    "/var/lib/ollama/.ollama/models",
)
_LAYER = "application/vnd.ollama.image."
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_LEVELS = 4  # registry, namespace, name, tag


def roots(environment: Mapping[str, str]) -> list[Path]:
    """Ollama's directories that are here: where its variable says or in the home, and where its service keeps them."""
    named = environment.get("OLLAMA_MODELS")
    own = expanded(named) if named else home_of(environment, ".ollama/models")
    found = first_existing([own, *map(Path, _SYSTEM)])
    return [root for root in found if os.path.isdir(root / "manifests")]  # noqa: PTH112 (Path.is_dir raises where we may not enter)


def models(environment: Mapping[str, str]) -> Iterator[Foreign]:
    """Every model of Ollama, those that cannot be run with the reason; a name that occurs twice only once."""
    seen: set[str] = set()
    for root in roots(environment):
        for parts in _manifests(str(root / "manifests"), _LEVELS):
            reference = "ollama:" + _short(parts)
            if reference not in seen:
                seen.add(reference)
                yield _read(root, parts, typed_name(reference, str(root.joinpath("manifests", *parts))))


def find(name: str, environment: Mapping[str, str]) -> Foreign | None:
    """The model that Ollama calls `name` (NAME, NAME:TAG, NAMESPACE/NAME, REGISTRY/NAMESPACE/NAME:TAG)."""
    wanted = _parts(name)
    if wanted is None:
        return None
    for root in roots(environment):
        if os.path.isfile(root.joinpath("manifests", *wanted)):  # noqa: PTH113
            return _read(root, wanted, f"ollama:{name}")
    folded = tuple(map(str.casefold, wanted))  # Ollama itself takes no notice of case
    for root in roots(environment):
        for parts in _manifests(str(root / "manifests"), _LEVELS):
            if tuple(map(str.casefold, parts)) == folded:
                return _read(root, parts, f"ollama:{name}")
    return None


def _manifests(directory: str, levels: int) -> Iterator[tuple[str, ...]]:
    """The paths of the manifests, in parts; nothing deeper or shallower is one."""
    for entry in entries(directory):
        if levels == 1:
            yield (entry.name,)
        elif entry.is_dir(follow_symlinks=False):
            yield from ((entry.name, *rest) for rest in _manifests(entry.path, levels - 1))


def _short(parts: tuple[str, ...]) -> str:
    """A manifest's parts as a person types them: without the default registry and namespace."""
    registry, namespace, name, tag = parts
    place = f"{registry}/{namespace}/" if registry != REGISTRY else f"{namespace}/" if namespace != NAMESPACE else ""
    return f"{place}{name}:{tag}"


def _parts(name: str) -> tuple[str, ...] | None:
    place, _, tag = name.partition(":")
    parts = place.split("/")
    defaults = (REGISTRY, NAMESPACE)
    return (*defaults[: max(0, 3 - len(parts))], *parts, tag or TAG) if len(parts) <= 3 else None


def _read(root: Path, parts: tuple[str, ...], name: str) -> Foreign:
    """The model of one manifest; whatever is wrong with it becomes its problem."""
    try:
        manifest = read_json(root.joinpath("manifests", *parts))
        layers = [(str(layer["mediaType"]), layer) for layer in manifest["layers"]]
        config = manifest.get("config")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        why = f": {error}" if type(error) is ValueError else ""
        return Foreign(name, (), problem=f"its manifest cannot be used{why}")
    weights = [layer for kind, layer in layers if kind == f"{_LAYER}model"]
    if len(weights) != 1:
        what = "no file in the GGUF format" if not weights else f"{len(weights)} model files"
        return Foreign(name, (), problem=f"it has {what}")
    blob = _blob(root, weights[0])
    if blob is None:
        return Foreign(name, (), problem="its manifest cannot be used: a digest is no sha256")
    adapters = [_blob(root, layer) for kind, layer in layers if kind == f"{_LAYER}adapter"]
    return Foreign(
        name,
        (str(blob),),
        sha256=blob.name.removeprefix("sha256-"),
        quantization=_quantization(root, config),
        problem=missing_files([str(blob)]) or _cut(blob, weights[0]),
        adapter=next((str(path) for path in adapters if path), None),
    )


def _blob(root: Path, layer: Any) -> Path | None:
    """The file of a layer. Only hexadecimal digits become part of a path."""
    digest = layer.get("digest") if isinstance(layer, dict) else None
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    return root / "blobs" / f"sha256-{match[1]}" if match else None


def _cut(blob: Path, layer: Any) -> str:
    promised, size = layer.get("size"), os.stat(blob).st_size  # noqa: PTH116
    return "" if type(promised) is not int or promised == size else f"it has {size:,} of {promised:,} bytes"


def _quantization(root: Path, config: Any) -> str | None:
    blob = _blob(root, config)
    try:
        kind = read_json(blob)["file_type"] if blob else None
    except (ValueError, TypeError, KeyError):
        return None
    return kind if isinstance(kind, str) and kind.isascii() and kind.isprintable() and len(kind) <= 16 else None
