"""The models on this machine: a reference -> a checked file and the sampling recommended for it."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from infer.errors import (
    BadModelFile,
    ConfigError,
    FileUnreadable,
    IntegrityError,
    ModelNotFound,
    NotDownloaded,
    UsageError,
)
from infer.models import hub_cache, pins, stamp, web_cache
from infer.models.catalog import Catalog, CatalogEntry
from infer.models.foreign import missing_files
from infer.models.metadata import shard_paths
from infer.models.pins import Pin
from infer.models.ref import ModelRef
from infer.types import LocalModel, Metadata

if TYPE_CHECKING:
    from infer.models.foreign import Foreign

Resolved = tuple[LocalModel, dict[str, float]]
Origin = Literal["embedded", "hub", "ollama", "lmstudio", "llama.cpp", "url", "file"]
MAIN = "main"  # the branch that a name without a revision follows
NEIGHBOURS = 2000  # names of a directory that are looked at for a near one
_TOOLS: Mapping[Origin, str] = {"ollama": "Ollama", "lmstudio": "LM Studio", "llama.cpp": "llama.cpp"}


@dataclass(frozen=True, slots=True)
class Located:
    """Where the (first) file of a reference lies, whose it is, and what is promised about it.

    entry     what the catalogue says, where the reference is an alias
    promised  sha256 of each of its files by the catalogue or the other tool, () where nobody says
    """

    path: Path
    origin: Origin
    entry: CatalogEntry | None = None
    promised: tuple[str, ...] = ()


class Store:
    """Finds what is here; never touches the network, never copies a model.

    cache_dir    where stamps are kept; None keeps none
    models       the `[models]` table of the user's config.toml
    environment  HF_HUB_CACHE, HF_HOME, HOME ...; the process's own when None
    catalog      models.toml when it is not the shipped one
    """

    def __init__(
        self,
        cache_dir: Path | None,
        models: Mapping[str, Any] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        catalog: Path | None = None,
    ) -> None:
        self._catalog_path = catalog
        self.cache_dir, self.models = cache_dir, models or {}
        self.environment = os.environ if environment is None else environment
        self._catalog: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        """models.toml under the user's entries; read when it is first needed (never for `tiny` and files)."""
        if self._catalog is None:
            self._catalog = Catalog.load(self._catalog_path, self.models)
        return self._catalog

    def resolve(self, ref: ModelRef, think: bool | None = None) -> Resolved:
        """The local model a reference stands for, and the recommended sampling of models.toml (may be empty).

        `think` picks the recommendation of models that have one for thinking and another for not thinking.
        Raises ModelNotFound (nearest names), NotDownloaded (what to fetch), FileUnreadable, BadModelFile,
        IntegrityError (no embedded model in this installation), ConfigError (a bad entry).
        """
        located = self.locate(ref)
        recommended = located.entry.recommended(think) if located.entry else {}
        with self.told_how_to_complete(ref, located):
            return self._local(ref, located.path), recommended

    def prefixes(self, ref: ModelRef, metadata: Metadata) -> Mapping[str, str]:
        """What an embedding model that is here wants before a text: its entry says it, or models.toml of its name."""
        entry = self.locate(ref).entry
        if entry is not None and entry.prefixes:
            return entry.prefixes
        return self.catalog.prefixes(metadata.name) or self.catalog.prefixes(entry.alias if entry else "")

    @contextmanager
    def told_how_to_complete(self, ref: ModelRef, located: Located) -> Iterator[None]:
        """Whoever reads a model of which files are missing is told how these come here. Raises BadModelFile."""
        try:
            yield
        except BadModelFile as error:
            if not missing_files(shard_paths(str(located.path))):
                raise
            raise BadModelFile(**{**error.facts, "hint": self._completed_by(ref, located)}) from error

    def _completed_by(self, ref: ModelRef, located: Located) -> str:
        """How the missing files of a model come here."""
        path = located.path.absolute()
        if tool := _TOOLS.get(self.origin_of(path)):
            return f"{tool} has downloaded only a part of it: download it there again"
        placed = hub_cache.placed(hub_cache.directory(self.environment).absolute(), path)
        if placed is None:
            return "download the rest of it into the same directory"
        if ref.kind != "hub" and (located.entry is None or located.entry.repo is None):  # a path
            repo, commit, name = placed
            ref = ModelRef("hub", repo, file=shard_paths(name)[0], revision=commit)
        return f"infer pull {ref} downloads what is missing"

    def pin(self, ref: ModelRef) -> Pin | None:
        """What a name was resolved to when it was pulled; None: it was not, or its entry names other files by now."""
        if ref.kind == "hub":
            return pins.load(str(ref), self.cache_dir)
        entry = self._entry_of(ref)
        return self._pin_of(entry) if entry else None

    def pinned_as(self, ref: ModelRef) -> tuple[str, str] | None:
        """Under which name a reference is pinned, and the revision it follows; None: it stands for no repository."""
        if ref.kind == "hub":
            return str(ref), ref.revision or MAIN
        entry = self._entry_of(ref)
        return (entry.alias, entry.revision or MAIN) if entry and entry.repo else None

    def keeps(self, pin: Pin) -> bool:
        """Whether a name still stands for what it was pulled as: an alias whose entry changed or went does not."""
        try:
            ref = ModelRef.parse(pin.name)
            entry = self._entry_of(ref)
        except (UsageError, ModelNotFound, ConfigError):
            return False
        return ref.kind == "hub" or (entry is not None and entry.alias == pin.name and _is_of(pin, entry))

    def _entry_of(self, ref: ModelRef) -> CatalogEntry | None:
        """What the catalogue says of an alias, None of any other kind of name. `tiny` may be an entry of the user's."""
        named = ref.kind == "alias" or (ref.kind == "tiny" and "tiny" in self.models)
        return self.catalog.resolve(ref.name) if named else None

    def _pin_of(self, entry: CatalogEntry) -> Pin | None:
        pin = pins.load(entry.alias, self.cache_dir)
        return pin if pin is not None and _is_of(pin, entry) else None

    def locate(self, ref: ModelRef) -> Located:
        """Where a reference's file lies; the file itself is not read. Raises as `resolve`, but for BadModelFile."""
        if ref.kind == "tiny" and "tiny" not in self.models:
            return Located(embedded_path(), "embedded")
        if ref.kind == "file":
            return Located(_existing(ref.name), "file")
        if ref.kind in ("alias", "tiny"):
            return self._entry(ref, self.catalog.resolve(ref.name))
        if ref.kind == "hub":
            return self._in_hub(ref)
        if ref.kind in ("ollama", "lmstudio"):
            return self._foreign(ref)
        if fetched := web_cache.find(ref.name, self.cache_dir):
            return Located(fetched, "url")
        raise NotDownloaded(name=ref.shown, hint=f"infer pull {ref.shown} downloads it")

    def owned(self, ref: ModelRef) -> Located:
        """`locate`, and of a file that was named by its path whose it is."""
        located = self.locate(ref)
        return replace(located, origin=self.origin_of(located.path)) if located.origin == "file" else located

    def origin_of(self, path: Path) -> Origin:
        """Whose a file is, by the place it lies in."""
        from infer.models import llamacpp, lmstudio, ollama

        places: tuple[tuple[Origin, list[Path]], ...] = (
            ("url", [web_cache.directory(self.cache_dir)] if self.cache_dir else []),
            ("hub", [hub_cache.directory(self.environment)]),
            ("ollama", ollama.roots(self.environment)),
            ("lmstudio", lmstudio.roots(self.environment)),
            ("llama.cpp", llamacpp.roots(self.environment)),
        )
        inside = (name for name, roots in places if any(path.is_relative_to(root.absolute()) for root in roots))
        return next(inside, "file")

    def _local(self, ref: ModelRef, path: Path) -> LocalModel:
        """A model in the file at `path`, any file of a sharded one. Its sha256 is what infer itself has computed."""
        known = stamp.read(path, self.cache_dir)
        return LocalModel(ref.shown, known.files[0][0], known.metadata, known.sha256)

    def _entry(self, ref: ModelRef, entry: CatalogEntry) -> Located:
        if entry.embedded:
            return Located(embedded_path(), "embedded", entry)
        if entry.path is not None:
            return Located(_existing(entry.path), "file", entry, entry.sha256)
        if pin := self._pin_of(entry):
            return self._pinned(ref, pin, entry)
        found = self._cached(entry)
        if found is None:
            raise _not_downloaded(ref, str(entry.repo), entry.files, entry.revision)
        return Located(found, "hub", entry, entry.sha256)

    def file_of(self, entry: CatalogEntry) -> Path | None:
        """The (first) file of an entry that has a repository, if it is here."""
        pin = self._pin_of(entry)
        return pins.place(pin, self.environment) if pin else self._cached(entry)

    def _cached(self, entry: CatalogEntry) -> Path | None:
        """The file in the hub's cache of an entry that was never pulled: of its revision, or of any with its bytes."""
        root, repo = hub_cache.directory(self.environment), str(entry.repo)
        for snapshot in hub_cache.snapshots(root, repo, entry.revision) if entry.revision else ():
            if found := hub_cache.held(snapshot, entry.files):
                return found
        if entry.revision and not entry.sha256:
            return None
        others = hub_cache.snapshots(root, repo, None)
        return next(filter(None, (hub_cache.held(other, entry.files, entry.sha256) for other in others)), None)

    def _pinned(self, ref: ModelRef, pin: Pin, entry: CatalogEntry | None = None) -> Located:
        """The very file that was pulled under this name. Raises NotDownloaded: no other file is what the name means."""
        if path := pins.place(pin, self.environment):
            return Located(path, "hub", entry, pin.sha256 or (entry.sha256 if entry else ()))
        raise _not_downloaded(ref, pin.repo, pin.files, pin.commit)

    def _in_hub(self, ref: ModelRef) -> Located:
        """The file that was pulled under this name; of a name that never was, one in the hub's cache, or llama.cpp's.

        Raises NotDownloaded.
        """
        if pin := self.pin(ref):
            return self._pinned(ref, pin)
        for snapshot in hub_cache.snapshots(hub_cache.directory(self.environment), ref.name, ref.revision):
            name = ref.file or hub_cache.choose(snapshot, hub_cache.models(snapshot), ref.quant)
            if name is not None and os.path.isfile(snapshot / name):  # noqa: PTH113 (Path.is_file raises where we may not enter)
                return Located(snapshot / name, "hub")
        if ref.revision is None:
            from infer.models import llamacpp  # a run of a model that is here does without these rooms

            if other := llamacpp.find(ref.name, ref.file, ref.quant, self.environment):
                return Located(Path(other.paths[0]), "llama.cpp")
        files = (ref.file,) if ref.file else ()
        raise _not_downloaded(ref, ref.name, files, ref.revision)

    def _foreign(self, ref: ModelRef) -> Located:
        """The file of a model of Ollama or LM Studio.

        Raises ModelNotFound, FileUnreadable (there is no file), UsageError (it needs an adapter beside it).
        """
        from infer.models import lmstudio, ollama

        room = ollama if ref.kind == "ollama" else lmstudio
        found = room.find(ref.name, self.environment)
        if found is None:
            raise _not_in_tool(ref, room.models(self.environment), room.roots(self.environment))
        if not found.paths or not os.path.isfile(found.paths[0]):  # noqa: PTH113
            raise FileUnreadable(path=str(ref), why=found.problem)
        if found.adapter:
            hint = f"infer run {found.paths[0]} --lora {found.adapter}"
            raise UsageError(what=f"{ref} is a model with an adapter, which has to be named", hint=hint)
        origin: Origin = "ollama" if ref.kind == "ollama" else "lmstudio"
        return Located(Path(found.paths[0]), origin, None, (found.sha256,) if found.sha256 else ())


def _not_in_tool(ref: ModelRef, models: "Iterable[Foreign]", roots: list[Path]) -> ModelNotFound:
    """The error that says what Ollama or LM Studio have, or that they are not here."""
    import difflib

    tool = _TOOLS["ollama" if ref.kind == "ollama" else "lmstudio"]
    if not roots:
        return ModelNotFound(name=str(ref), hint=f"{tool} has no models on this machine")
    names = [model.name for model in models if not model.problem]
    near = difflib.get_close_matches(str(ref), names, 3, 0.5) or names[:3]
    return ModelNotFound(name=str(ref), near=near, hint=f"{tool} has no models on this machine")


def _is_of(pin: Pin, entry: CatalogEntry) -> bool:
    return (pin.repo, pin.files) == (entry.repo, entry.files)


def embedded_path() -> Path:
    """The file of `tiny`. Raises IntegrityError when the installation has none."""
    path = Path(__file__).parent.parent / "data" / "tiny.gguf"
    if not path.is_file():
        what = f"the embedded model is missing from this installation ({path})"
        raise IntegrityError(what=what, hint="install infer again")
    return path


def _existing(name: str) -> Path:
    """The absolute path of a file as it was typed. Raises FileUnreadable with near names of its directory."""
    try:
        path = Path(name).expanduser().absolute()
        if not path.is_symlink() and not path.exists():
            raise FileUnreadable(path=name, why="no such file", near=_near(name, path))
    except (RuntimeError, ValueError) as error:  # ~nobody/m.gguf; a NUL
        raise FileUnreadable(path=name, why="no such file") from error
    except OSError as error:
        raise FileUnreadable(path=name, why=(error.strerror or str(error)).lower()) from error
    return path


def _near(typed: str, path: Path) -> list[str]:
    import difflib
    import itertools

    try:
        names = [found.name for found in itertools.islice(path.parent.iterdir(), NEIGHBOURS)]
    except OSError:
        return []
    near = difflib.get_close_matches(path.name, names, 3, 0.6)
    return [str(Path(typed).with_name(name)) for name in near]


def _not_downloaded(ref: ModelRef, repo: str, files: tuple[str, ...], revision: str | None) -> NotDownloaded:
    """The error that names what to fetch, and how."""
    what = f"its {ref.quant or 'best fitting'} file"
    if files:
        what = files[0] if len(files) == 1 else f"{files[0]} and the {len(files) - 1} files after it"
    at = f" (revision {revision})" if revision else ""
    return NotDownloaded(name=str(ref), hint=f"infer pull {ref} downloads {what} of {repo}{at}")
