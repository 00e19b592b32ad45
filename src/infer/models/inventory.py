"""Every model on this machine in one list: tiny, the shared Hugging Face cache, other tools' files, the user's own."""

import os
from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infer.errors import ConfigError, FileUnreadable, IntegrityError, ModelNotFound
from infer.models import hub_cache, llamacpp, lmstudio, ollama, pins, stamp, web_cache
from infer.models.foreign import DIRECTORY_LIMIT, Foreign, entries, files_below, missing_files, typed_name
from infer.models.glance import Glance, Glances
from infer.models.metadata import shard_paths
from infer.models.quants import is_model, of_quant, quantization_in
from infer.models.ref import ModelRef
from infer.models.store import Origin, Store, embedded_path

_Bytes = tuple[str, ...]  # the names of a model's blobs, else the paths of its files


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
    found = [_glanced(row, glances, store.cache_dir) for row in named(store)]
    found = _with_used_files(store, glances, found)
    glances.remember()
    return sorted(found, key=lambda row: (-row.used, row.name))


def named(store: Store) -> Iterator[Installed]:
    """Everything that has a place of its own, not yet looked at."""
    pinned = _pinned(store)
    rows = [*_hub(store, pinned), *_foreign("ollama", ollama.models(store.environment))]
    rows += _foreign("lmstudio", lmstudio.models(store.environment))
    rows += _foreign("llama.cpp", llamacpp.models(store.environment))
    for url, path in web_cache.every(store.cache_dir) if store.cache_dir else ():
        rows.append(Installed(typed_name(url, str(path)), "url", (str(path),)))
    try:
        yield Installed("tiny", "embedded", (str(embedded_path()),))
    except IntegrityError as error:
        yield Installed("tiny", "embedded", problem=str(error))
    yield from _with_aliases(store, rows, pinned)


def _pinned(store: Store) -> dict[str, str]:
    """Names that were pulled and the (first) files they mean; "" where these are gone: nothing else is meant then."""
    every = pins.every(store.cache_dir) if store.cache_dir else ()
    return {pin.name: str(pins.place(pin, store.environment) or "") for pin in every if store.keeps(pin)}


def _hub(store: Store, pinned: Mapping[str, str]) -> Iterator[Installed]:
    """The models of the Hugging Face cache: every blob once, by the first snapshot that shows it."""
    root = hub_cache.directory(store.environment)
    promised = {name: _bytes(shard_paths(path)) if path else () for name, path in pinned.items()}
    for entry in entries(root):
        parts = entry.name.split("--")
        if parts[0] == "models" and len(parts) == 3:
            yield from _repository(root, f"{parts[1]}/{parts[2]}", promised)


@dataclass(frozen=True, slots=True)
class _Cached:
    """A model in a snapshot. `alone`: no other there has its quantisation; `bytes`: its blobs, else its place."""

    commit: str
    name: str
    paths: tuple[str, ...]
    alone: bool
    problem: str
    bytes: _Bytes

    def references(self, repo: str) -> list[str]:
        """What can mean it, the shortest first: its quantisation where no other has it, its file."""
        quant = [f"{repo}:{quantization_in(self.name)}"] if self.alone else []
        return [*quant, f"{repo}:{self.name}"]

    def all_references(self, repo: str) -> list[str]:
        """The same, and after each the one that says which snapshot as well."""
        at = [f"@{self.commit}"] if hub_cache.is_commit(self.commit) else []
        return [name + end for name in self.references(repo) for end in ("", *at)]


def _bytes(paths: Sequence[str]) -> _Bytes:
    return tuple(hub_cache.blob_sha256(path) or path for path in paths)


def _repository(root: Path, repo: str, promised: dict[str, _Bytes]) -> Iterator[Installed]:
    """A repository's models, each under the shortest name that means it and stands beside no other."""
    found = [model for snapshot in hub_cache.snapshots(root, repo, None) for model in _snapshot(snapshot)]
    meant = _meant(repo, found, promised)
    shown: set[tuple[str, _Bytes]] = set()
    used: set[str] = set()
    for model in found:
        if (model.name, model.bytes) in shown:
            continue
        shown.add((model.name, model.bytes))
        own = (name for name in model.all_references(repo) if meant.get(name, model.bytes) == model.bytes)
        reference = next((name for name in own if name not in used), model.paths[0])
        used.add(reference)
        sha256 = hub_cache.blob_sha256(model.paths[0]) if len(model.paths) == 1 else None
        typed = typed_name(reference, model.paths[0])
        yield Installed(typed, "hub", model.paths, sha256=sha256, problem=model.problem)


def _snapshot(snapshot: Path) -> Iterator[_Cached]:
    """The models of a snapshot, those too of which files are missing."""
    place = str(snapshot)
    names = [path[len(place) + 1 :] for path in files_below(place, hub_cache.DEPTH)]
    whole = {name: shard_paths(f"{place}/{name}") for name in names if is_model(name)}
    there = {name for name, paths in whole.items() if os.path.isfile(paths[0])}  # noqa: PTH113
    counts = Counter(map(quantization_in, there))
    for name, paths in whole.items():
        quant = quantization_in(name)
        alone = name in there and quant is not None and counts[quant] == 1 and of_quant([name], quant) == name
        yield _Cached(snapshot.name, name, paths, alone, missing_files(paths), _bytes(paths))


def _meant(repo: str, found: Sequence[_Cached], promised: dict[str, _Bytes]) -> Mapping[str, _Bytes]:
    """The bytes that names mean: what they were pulled as, of any other the first snapshot's, as Store.locate looks."""
    meant: dict[str, _Bytes] = {}
    for model in found:
        if os.path.isfile(model.paths[0]):  # noqa: PTH113
            for reference in model.references(repo):
                meant.setdefault(reference, model.bytes)
    return ChainMap(promised, meant)


def _foreign(origin: Origin, models: Iterator[Foreign]) -> Iterator[Installed]:
    for model in models:
        problem = model.problem or ("it needs its adapter: infer run says how" if model.adapter else "")
        yield Installed(
            model.name, origin, model.paths, quantization=model.quantization, sha256=model.sha256, problem=problem
        )


def _with_aliases(store: Store, rows: list[Installed], pinned: Mapping[str, str]) -> Iterator[Installed]:
    """The rows under the names of the catalogue and of config.toml, and files that only config.toml names."""
    names: dict[str, list[str]] = {}
    alone: list[Installed] = []
    places = {key: row.paths[0] for row in rows if row.paths for key in (row.paths[0], row.sha256) if key}

    def known(path: str) -> str | None:
        """The path under which a file, or another with its bytes, has a row."""
        return places.get(path) or places.get(hub_cache.blob_sha256(path) or path)

    repos = {row.name.partition(":")[0].partition("@")[0] for row in rows if row.origin == "hub"}
    for name in _entry_names(store, repos):
        row = _entry(store, name)
        if row is None:
            continue
        if place := known(row.paths[0] if row.paths else ""):
            names.setdefault(place, []).append(name)
        else:
            alone.append(row)
    for name, path in pinned.items():
        names.setdefault(known(path) or path, []).append(name)
    for row in rows:
        others = [name for name in dict.fromkeys(names.get(row.paths[0], ())) if name != row.name] if row.paths else []
        alias = others[0] if others and "/" not in others[0] else row.name
        yield replace(row, name=alias, also=tuple(name for name in (*others, row.name) if name != alias))
    yield from alone


def _entry_names(store: Store, repos: set[str]) -> list[str]:
    """The names of the user's entries and of those in models.toml for these repositories; the user's come first."""
    own = [name for name in store.models if name != "tiny"]
    others = store.catalog.names_of(repos) if repos or own else []
    return [*own, *(name for name in others if name not in store.models)]


def _entry(store: Store, name: str) -> Installed | None:
    """An entry's row: its file, or what is wrong with an entry of the user's; None for what is not here."""
    try:
        located = store.owned(ModelRef("alias", name))
    except (ConfigError, FileUnreadable) as error:
        return Installed(name, "file", problem=str(error)) if name in store.models else None
    except ModelNotFound:
        return None
    if located.origin == "embedded":
        return None
    paths = shard_paths(str(located.path))
    return Installed(name, located.origin, paths, problem=missing_files(paths))


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


def _with_used_files(store: Store, glances: Glances, rows: list[Installed]) -> list[Installed]:
    """The rows, and files that were run by their path and lie in no place that was looked at.

    A file that was run under the name of another snapshot is the same model: its row is used, there is no second one.
    """
    known = {path for row in rows for path in row.paths}
    blobs = {row.sha256: place for place, row in enumerate(rows) if row.origin == "hub" and row.sha256}
    found = list(rows)
    for path, used in stamp.used_files(store.cache_dir, known):
        place = blobs.get(hub_cache.blob_sha256(path) or "")
        if place is not None:
            found[place] = replace(found[place], used=max(used, found[place].used))
        elif path not in known and os.path.isfile(path):  # noqa: PTH113
            row = _glanced(Installed(path, store.origin_of(Path(path)), shard_paths(path)), glances, store.cache_dir)
            found.append(replace(row, name=typed_name(path, path), used=used))
    return found
