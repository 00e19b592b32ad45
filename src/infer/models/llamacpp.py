"""What llama.cpp's own tools have downloaded: <root>/ORG_REPOSITORY_FILE.gguf, beside a .json or .etag.

Newer versions of llama.cpp use the Hugging Face cache (hub_cache.py).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from infer.models import hub_cache
from infer.models.foreign import Foreign, entries, first_existing, home_of, missing_files
from infer.models.metadata import shard_paths
from infer.models.quants import is_model


def roots(environment: Mapping[str, str]) -> list[Path]:
    """The directories of llama.cpp's downloads that are here."""
    if named := environment.get("LLAMA_CACHE"):
        return first_existing([hub_cache.expanded(named)])
    caches = environment.get("XDG_CACHE_HOME")
    places = [Path(caches) / "llama.cpp"] if caches else []
    return first_existing(
        [*places, home_of(environment, ".cache/llama.cpp"), home_of(environment, "Library/Caches/llama.cpp")]
    )


def models(environment: Mapping[str, str]) -> Iterator[Foreign]:
    """Every model of llama.cpp; its name is its path, since ORG_REPOSITORY_FILE cannot be taken apart."""
    for root in roots(environment):
        for name in _names(root):
            path = str(root / name)
            paths = shard_paths(path)
            yield Foreign(path, paths, problem=missing_files(paths))


def find(repo: str, file: str | None, quant: str | None, environment: Mapping[str, str]) -> Foreign | None:
    """The file of a repository, or its model of a quantisation; which revision it was is not known."""
    start = repo.replace("/", "_") + "_"
    for root in roots(environment):
        names = [name for name in _names(root) if name.startswith(start)]
        wanted = start + file.replace("/", "_") if file else hub_cache.choose(root, names, quant)
        if wanted in names:
            paths = shard_paths(str(root / str(wanted)))
            if not (problem := missing_files(paths)):
                return Foreign(paths[0], paths, problem=problem)
    return None


def _names(root: Path) -> list[str]:
    found = [entry.name for entry in entries(root) if entry.name.lower().endswith(".gguf")]
    return [name for name in found if is_model(name)]
