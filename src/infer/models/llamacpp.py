"""What llama.cpp's own tools have downloaded: <root>/ORG_REPOSITORY_FILE.gguf, beside a .json or .etag.

Newer versions of llama.cpp use the Hugging Face cache (hub_cache.py).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infer.models import hub_cache
from infer.models.foreign import Foreign, entries, first_existing, home_of, missing_files, read_json
from infer.models.metadata import shard_paths
from infer.models.quants import is_model

_RESOLVED = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/[^/]+/(?P<file>.+)\Z", re.DOTALL)


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
    """The file of a repository, or its model of a quantisation; which revision it was is not known.

    org_a_b.gguf may be b.gguf of org/a, or a file of org/a_b: only what the .json beside it says is taken.
    """
    for root in roots(environment):
        inside = {name: source[1] for name in _names(root) if (source := _source(root, name)) and source[0] == repo}
        if file:
            wanted = next((name for name, theirs in inside.items() if theirs == file), None)
        else:
            wanted = hub_cache.choose(root, list(inside), quant)
        if wanted is not None:
            paths = shard_paths(str(root / wanted))
            if not (problem := missing_files(paths)):
                return Foreign(paths[0], paths, problem=problem)
    return None


def _source(root: Path, name: str) -> tuple[str, str] | None:
    """Repository and file that a download came from, by the URL in the .json beside it, as far as its name fits."""
    try:
        said = read_json(root / f"{name}.json")
        path = unquote(urlsplit(str(said["url"])).path)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    match = _RESOLVED.search(path)
    if match is None or name != f"{match['repo']}/{match['file']}".replace("/", "_"):
        return None
    return match["repo"], match["file"]


def _names(root: Path) -> list[str]:
    found = [entry.name for entry in entries(root) if entry.name.lower().endswith(".gguf")]
    return [name for name in found if is_model(name)]
