"""The names under which models can be asked for, for a shell's completion: quick, silent, no network, no writing.

What cannot be read (a broken config.toml, an unreadable cache) has no names. A name that a command would refuse, or
that has a character a terminal does not show, is no name.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infer.errors import InferError
from infer.models import hub_cache
from infer.models.catalog import Catalog, CatalogEntry
from infer.models.ref import ModelRef
from infer.settings import resolve

_QUANT = re.compile(
    r"[-._]((?:UD-)?(?:I?Q\d\w*|TQ\d\w*|MXFP\d\w*|B?F16|F32))(?:-\d{5}-of-\d{5})?\.gguf\Z", re.IGNORECASE
)

Names = dict[str, str]  # a name -> what is known of the model, in a few words


def downloaded(environment: Mapping[str, str]) -> Names:
    """What can be run without the network: tiny, the aliases whose files are here, the hub cache's repositories."""
    here = {name: about for name, (entry, about) in _entries(environment).items() if _is_here(entry, environment)}
    return _usable({"tiny": "in the package"} | here | _in_hub_cache(environment))


def known(environment: Mapping[str, str]) -> Names:
    """The names of models.toml and of config.toml, their files here or not."""
    return _usable({name: about for name, (_, about) in _entries(environment).items()})


def runnable(environment: Mapping[str, str]) -> Names:
    """Every name that can be offered where a command wants a model."""
    return _usable({"tiny": "in the package"} | known(environment) | _in_hub_cache(environment))


def _usable(names: Names) -> Names:
    return {name: about if about.isprintable() else "" for name, about in names.items() if _is_name(name)}


def _is_name(name: str) -> bool:
    if not name.isprintable():
        return False
    try:
        return str(ModelRef.parse(name)) == name
    except InferError:
        return False


def _entries(environment: Mapping[str, str]) -> dict[str, tuple[CatalogEntry, str]]:
    models: Mapping[str, Any] = {}
    with suppress(InferError, OSError):
        models = resolve({}, environment).models
    catalog = Catalog({}, models, {})  # what is wrong with models.toml takes nothing from config.toml
    with suppress(InferError, OSError):
        catalog = Catalog.load(None, models)
    entries = {}
    for name in catalog.names():
        with suppress(InferError):  # a bad entry is an error for whoever uses it
            entry = catalog.resolve(name)
            entries[name] = (entry, _about(entry))
    return entries


def _about(entry: CatalogEntry) -> str:
    size = f"{entry.size / 1e9:.1f} GB" if entry.size else ""
    return ", ".join(filter(None, (entry.name, entry.quantization, size)))


def _is_here(entry: CatalogEntry, environment: Mapping[str, str]) -> bool:
    if entry.embedded:
        return True
    with suppress(OSError, RuntimeError, ValueError):
        if entry.path is not None:
            return Path(entry.path).expanduser().is_file()
        places = hub_cache.snapshots(hub_cache.directory(environment), str(entry.repo), None)
        return any(all((place / name).is_file() for name in entry.files) for place in places)
    return False


def _in_hub_cache(environment: Mapping[str, str]) -> Names:
    """org/repo where it names one file, org/repo:QUANT or org/repo:FILE for each of several."""
    names = {}
    for repo, files in _repositories(hub_cache.directory(environment)):
        if len(files) == 1 or hub_cache.choose(files, None) is not None:
            names[repo] = "downloaded"
        if len(files) > 1:
            names |= {f"{repo}:{_variant(name, files)}": "downloaded" for name in files}
    return names


def _repositories(root: Path) -> Iterator[tuple[str, list[str]]]:
    """The repositories of the cache that have a model, with its files in the snapshot that would be used."""
    with suppress(OSError):
        for home in sorted(root.glob("models--*--*")):
            repo = home.name.removeprefix("models--").replace("--", "/", 1)
            found = (hub_cache.models(place) for place in hub_cache.snapshots(root, repo, None))
            if files := next(filter(None, found), None):
                yield repo, files


def _variant(name: str, files: list[str]) -> str:
    """The shortest text that names a file of a repository: its quantisation, else the file."""
    match = _QUANT.search(name)
    return match["quant"] if match and hub_cache.choose(files, match["quant"]) == name else name
