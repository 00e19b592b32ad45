"""Every model on this machine in one list: tiny, the shared Hugging Face cache, other tools' files, the user's own."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from infer.errors import ConfigError, IntegrityError, ModelNotFound
from infer.models import hub_cache, llamacpp, lmstudio, ollama, stamp
from infer.models.catalog import CatalogEntry
from infer.models.foreign import DIRECTORY_LIMIT, Foreign, all_shards, entries, files_below, missing_files, typed_name
from infer.models.glance import Glance, Glances
from infer.models.store import Origin, Store, embedded_path

_DEPTH = 3  # directories inside a repository
_QUANT = re.compile(
    r"(?:^|[-._/])((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4|BF16|F16|F32))(?=[-.]|$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A model on this machine, and what can be said of it without reading more than its file's first bytes.

    name     as one types it            also     its other names
    paths    its files, in order        size     bytes of all of them
    context  trained, in tokens         used     seconds since the epoch, 0: never by infer
    sha256   of its file where the file's own name says so
    problem  why it cannot be run; empty when nothing is known against it
    """

    name: str
    origin: Origin
    paths: tuple[str, ...] = ()
    size: int = 0
    architecture: str | None = None
    quantization: str | None = None
    context: int | None = None
    used: int = 0
    sha256: str | None = None
    also: tuple[str, ...] = ()
    problem: str = ""


def installed(store: Store) -> list[Installed]:
    """Every model on this machine, the last used first, then by name. Nothing is loaded, nothing is locked."""
    glances = Glances(store.cache_dir)
    found = [_glanced(row, glances, store.cache_dir) for row in _named(store)]
    found += _own_files(store, glances, {path for row in found for path in row.paths})
    glances.remember()
    return sorted(found, key=lambda row: (-row.used, row.name))


def _named(store: Store) -> Iterator[Installed]:
    """Everything that has a place of its own, not yet looked at."""
    rows = [*_hub(store), *_foreign("ollama", ollama.models(store.environment))]
    rows += _foreign("lmstudio", lmstudio.models(store.environment))
    rows += _foreign("llama.cpp", llamacpp.models(store.environment))
    try:
        yield Installed("tiny", "embedded", (str(embedded_path()),))
    except IntegrityError as error:
        yield Installed("tiny", "embedded", problem=str(error))
    yield from _with_aliases(store, rows)


def _hub(store: Store) -> Iterator[Installed]:
    """The models of the Hugging Face cache: every blob once, by the first snapshot that shows it."""
    root = hub_cache.directory(store.environment)
    for entry in entries(root):
        parts = entry.name.split("--")
        if parts[0] == "models" and len(parts) == 3:
            yield from _repository(root, f"{parts[1]}/{parts[2]}")


def _repository(root: Path, repo: str) -> Iterator[Installed]:
    shown: set[tuple[str, str]] = set()
    for number, snapshot in enumerate(hub_cache.snapshots(root, repo, None)):
        place = str(snapshot)
        names = [path[len(place) + 1 :] for path in files_below(place, _DEPTH)]
        names = [name for name in names if hub_cache.is_model(name)]
        counts = Counter(map(quantization_in, names))
        for name in names:
            paths = all_shards(f"{place}/{name}")
            blob = hub_cache.blob_sha256(Path(paths[0]))
            if (name, blob or place) in shown:
                continue
            pinned = f"@{snapshot.name}" if number and any(other == name for other, _ in shown) else ""
            shown.add((name, blob or place))
            typed = typed_name(_reference(repo, name, counts) + pinned, paths[0])
            sha256 = blob if len(paths) == 1 else None
            yield Installed(typed, "hub", paths, sha256=sha256, problem=missing_files(paths))


def _reference(repo: str, name: str, counts: Mapping[str | None, int]) -> str:
    """The shortest reference that means this file: by its quantisation where no other has it, else by the file."""
    quant = quantization_in(name)
    alone = quant is not None and counts[quant] == 1 and hub_cache.choose([name], quant) == name
    return f"{repo}:{quant if alone else name}"


def quantization_in(name: str) -> str | None:
    """The quantisation that a file's name carries, the last one if there are several."""
    stem = re.sub(r"(?:-\d{5}-of-\d{5})?\.gguf$", "", name, flags=re.IGNORECASE)
    found = _QUANT.findall(stem)
    return str(found[-1]).upper() if found else None


def _foreign(origin: Origin, models: Iterator[Foreign]) -> Iterator[Installed]:
    for model in models:
        problem = model.problem or ("it needs its adapter: infer run says how" if model.adapter else "")
        yield Installed(
            model.name, origin, model.paths, quantization=model.quantization, sha256=model.sha256, problem=problem
        )


def _with_aliases(store: Store, rows: list[Installed]) -> Iterator[Installed]:
    """The rows under the names of the catalogue and of config.toml, and files that only config.toml names."""
    names: dict[str, list[str]] = {}
    alone: list[Installed] = []
    places = {key: row.paths[0] for row in rows if row.paths for key in (row.paths[0], row.sha256) if key}
    repos = {row.name.partition(":")[0].partition("@")[0] for row in rows if row.origin == "hub"}
    for name, entry in _entries(store, repos):
        if isinstance(entry, ConfigError):
            alone.append(Installed(name, "file", problem=str(entry)))
            continue
        path = _path_of(store, entry)
        if path is None:
            continue
        known = places.get(path) or places.get(hub_cache.blob_sha256(Path(path)) or path)
        if known:
            names.setdefault(known, []).append(name)
        else:
            paths = all_shards(path)
            alone.append(Installed(name, store.origin_of(Path(path)), paths, problem=missing_files(paths)))
    for row in rows:
        aliases = names.get(row.paths[0], []) if row.paths else []
        yield replace(row, name=aliases[0], also=(*aliases[1:], row.name)) if aliases else row
    yield from alone


def _entries(store: Store, repos: set[str]) -> Iterator[tuple[str, CatalogEntry | ConfigError]]:
    """The user's entries, good or bad, and those of models.toml for these repositories; the user's come first."""
    own = [name for name in store.models if name != "tiny"]
    others = store.catalog.names_of(repos) if repos or own else []
    for name in [*own, *(name for name in others if name not in store.models)]:
        try:
            yield name, store.catalog.resolve(name)
        except ConfigError as error:
            if name in store.models:
                yield name, error
        except ModelNotFound:
            continue


def _path_of(store: Store, entry: CatalogEntry) -> str | None:
    """The file of an entry: an alias's own path whether it exists or not, of a repository's only what is here."""
    if entry.embedded:
        return None
    if entry.path is not None:
        return os.path.expanduser(entry.path)  # noqa: PTH111 (Path.expanduser raises without a home)
    found = store.file_of(entry)
    return str(found) if found else None


def _glanced(row: Installed, glances: Glances, cache_dir: Path | None) -> Installed:
    """A row with what its files' first bytes say."""
    if not row.paths:
        return row
    looks = [glances.of(path) for path in row.paths[:DIRECTORY_LIMIT]]
    first: Glance = looks[0]
    return replace(
        row,
        size=sum(look.size for look in looks),
        architecture=first.architecture,
        quantization=first.quantization or row.quantization or quantization_in(row.paths[0]),
        context=first.context,
        used=stamp.used(row.paths[0], cache_dir),
        problem=row.problem or first.problem,
    )


def _own_files(store: Store, glances: Glances, known: set[str]) -> list[Installed]:
    """Files that were run by their path and lie in no place that was looked at, as long as they are there."""
    found = []
    for path, used in stamp.used_files(store.cache_dir):
        if path in known or not os.path.isfile(path):  # noqa: PTH113
            continue
        row = _glanced(Installed(path, store.origin_of(Path(path)), all_shards(path)), glances, store.cache_dir)
        found.append(replace(row, name=typed_name(path, path), used=used))
    return list(islice(found, DIRECTORY_LIMIT))
