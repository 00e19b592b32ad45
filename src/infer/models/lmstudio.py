"""What LM Studio has downloaded: <root>/PUBLISHER/REPOSITORY/FILE.gguf, readable names, nothing beside them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from infer.models import hub_cache
from infer.models.foreign import (
    Foreign,
    files_below,
    first_existing,
    home_of,
    missing_files,
    read_json,
    read_text,
    typed_name,
)
from infer.models.metadata import shard_paths
from infer.models.quants import is_model

_DEPTH = 3  # directories below the root; people put one more into a repository's
_POINTER_LIMIT = 4096  # bytes


def roots(environment: Mapping[str, str]) -> list[Path]:
    """LM Studio's model directories that are here."""
    homes = [home_of(environment, ".lmstudio"), home_of(environment, ".cache/lm-studio")]
    try:
        pointed = read_text(home_of(environment, ".lmstudio-home-pointer"), _POINTER_LIMIT).strip()
    except ValueError:
        pointed = ""
    if pointed.startswith("/"):
        homes.insert(0, Path(pointed))
    places = [place for home in homes for place in (_chosen(home), home / "models") if place]
    return first_existing(places)


def _chosen(home: Path) -> Path | None:
    """The directory that somebody has chosen for the downloads instead of `models`."""
    try:
        folder = read_json(home / "settings.json")["downloadsFolder"]
    except (ValueError, TypeError, KeyError):
        return None
    return Path(folder) if isinstance(folder, str) and folder.startswith("/") else None


def models(environment: Mapping[str, str]) -> Iterator[Foreign]:
    """Every model of LM Studio, by its repository where that holds one model only, else by its file."""
    for root in roots(environment):
        groups = _repositories(root)
        for repository, names in groups.items():
            alone = len(names) == 1 and repository.count("/") == 1
            for name in names:
                path = str(root / name)
                reference = f"lmstudio:{repository if alone else name}"
                paths = shard_paths(path)
                yield Foreign(typed_name(reference, path), paths, problem=missing_files(paths))


def find(name: str, environment: Mapping[str, str]) -> Foreign | None:
    """The model of `lmstudio:NAME`: a file, a repository, or REPOSITORY:QUANTISATION."""
    repository, _, quant = name.partition(":")
    for root in roots(environment):
        groups = _repositories(root)
        files = groups.get(repository, [])
        chosen = name if _holds(groups, name) else hub_cache.choose(root, files, quant or None)
        if chosen is not None:
            paths = shard_paths(str(root / chosen))
            return Foreign(f"lmstudio:{name}", paths, problem=missing_files(paths))
    return None


def _holds(groups: Mapping[str, list[str]], name: str) -> bool:
    return name in groups.get(name.rpartition("/")[0], ())


def _repositories(root: Path) -> dict[str, list[str]]:
    """Directory -> the models in it (of a sharded one its first file), all relative to the root."""
    groups: dict[str, list[str]] = defaultdict(list)
    for path in files_below(str(root), _DEPTH):
        name = path[len(str(root)) + 1 :]
        if is_model(name):
            groups[name.rpartition("/")[0]].append(name)
    return groups
