"""The names under which models can be asked for, for a shell's completion: quick, silent, no network, no writing.

What cannot be read (a broken config.toml, an unreadable cache) has no names. A name that a command would refuse, or
that has a character a terminal does not show, is no name.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from infer.errors import InferError
from infer.models.catalog import CatalogEntry
from infer.models.inventory import named
from infer.models.ref import ModelRef
from infer.models.store import Origin, Store
from infer.settings import cache_dir, resolve

Names = dict[str, str]  # a name -> what is known of the model, in a few words

_WHERE: dict[Origin, str] = {
    "embedded": "in infer itself",
    "hub": "downloaded",
    "ollama": "downloaded by Ollama",
    "lmstudio": "downloaded by LM Studio",
    "llama.cpp": "downloaded by llama.cpp",
    "url": "downloaded",
    "file": "your file",
}


def installed(environment: Mapping[str, str]) -> Names:
    """What is on this machine, whether it can be run or not: tiny, downloads, other tools' models, own entries."""
    return _usable(_installed(_store(environment), broken=True))


def known(environment: Mapping[str, str]) -> Names:
    """The names of models.toml and of config.toml, their files here or not."""
    return _usable(_known(_store(environment)))


def runnable(environment: Mapping[str, str]) -> Names:
    """Every name that can be offered where a command wants a model."""
    store = _store(environment)
    return _usable(_known(store)) | _usable(_installed(store, broken=False))


def _store(environment: Mapping[str, str]) -> Store:
    models: Mapping[str, object] = {}
    with suppress(InferError, OSError):
        models = resolve({}, environment).models
    return Store(cache_dir(environment), models, environment=environment)


def _installed(store: Store, *, broken: bool) -> Iterator[tuple[str, str]]:
    with suppress(InferError, OSError):
        for row in named(store):
            if broken or not row.problem:
                yield from ((name, _WHERE[row.origin]) for name in (row.name, *row.also))


def _known(store: Store) -> Iterator[tuple[str, str]]:
    with suppress(InferError, OSError):
        for name in store.catalog.names():
            with suppress(InferError):  # a bad entry is an error for whoever uses it
                yield name, _about(store.catalog.resolve(name))


def _about(entry: CatalogEntry) -> str:
    size = f"{entry.size / 1e9:.1f} GB" if entry.size else ""
    return ", ".join(filter(None, (entry.name, entry.quantization, size)))


def _usable(names: Iterator[tuple[str, str]]) -> Names:
    return {name: about if about.isprintable() else "" for name, about in names if _is_name(name)}


def _is_name(name: str) -> bool:
    if not name.isprintable():
        return False
    try:
        ref = ModelRef.parse(name)
    except InferError:
        return False
    return str(ref) == name and (ref.kind != "file" or name.startswith("/"))
