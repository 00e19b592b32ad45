"""The models on this machine: a reference -> a checked file and the sampling recommended for it."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from infer.errors import FileUnreadable, IntegrityError, ModelNotFound, NotDownloaded, UsageError
from infer.models import hub_cache, pins, stamp, web_cache
from infer.models.catalog import Catalog, CatalogEntry
from infer.models.ref import ModelRef
from infer.types import LocalModel

if TYPE_CHECKING:
    from infer.models.foreign import Foreign

Resolved = tuple[LocalModel, dict[str, float]]
Origin = Literal["embedded", "hub", "ollama", "lmstudio", "llama.cpp", "url", "file"]
NEIGHBOURS = 2000  # names of a directory that are looked at for a near one


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
        sha256 = located.promised[0] if len(located.promised) == 1 and _promise_is_kept(located) else None
        return self._local(ref, located.path, sha256), recommended

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
        raise NotDownloaded(name=str(ref), hint=f"infer pull {ref} downloads it")

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

    def _local(self, ref: ModelRef, path: Path, sha256: str | None = None) -> LocalModel:
        """A model in the file at `path`, any file of a sharded one."""
        known = stamp.read(path, self.cache_dir)
        return LocalModel(str(ref), known.files[0][0], known.metadata, sha256 or known.sha256)

    def _entry(self, ref: ModelRef, entry: CatalogEntry) -> Located:
        if entry.embedded:
            return Located(embedded_path(), "embedded", entry)
        if entry.path is not None:
            return Located(_existing(entry.path), "file", entry, entry.sha256)
        pinned = pins.find(entry.alias, self.cache_dir, self.environment)
        if pinned is not None and (pinned[0].repo, pinned[0].files) == (entry.repo, entry.files):
            return Located(pinned[1], "hub", entry, entry.sha256)
        found = self.file_of(entry)
        if found is None:
            raise _not_downloaded(ref, str(entry.repo), entry.files, entry.revision)
        return Located(found, "hub", entry, entry.sha256)

    def file_of(self, entry: CatalogEntry) -> Path | None:
        """The entry's (first) file in the hub's cache: of its revision, or of any with the same bytes."""
        root, repo = hub_cache.directory(self.environment), str(entry.repo)
        pinned = hub_cache.snapshots(root, repo, entry.revision) if entry.revision else []
        for snapshot in [*pinned, *hub_cache.snapshots(root, repo, None)]:
            paths = [snapshot / name for name in entry.files]
            if not all(map(os.path.isfile, paths)):
                continue
            hashes = tuple(hub_cache.blob_sha256(path) for path in paths)
            if snapshot in pinned or hashes == entry.sha256 or not (entry.sha256 or entry.revision):
                return paths[0]
        return None

    def _in_hub(self, ref: ModelRef) -> Located:
        """The file that was pulled under this name, else one in the hub's cache, else in llama.cpp's own.

        Raises NotDownloaded.
        """
        if pinned := pins.find(str(ref), self.cache_dir, self.environment):
            return Located(pinned[1], "hub", None, pinned[0].sha256)
        for snapshot in hub_cache.snapshots(hub_cache.directory(self.environment), ref.name, ref.revision):
            name = ref.file or hub_cache.choose(hub_cache.models(snapshot), ref.quant)
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


def _promise_is_kept(located: Located) -> bool:
    """Whether the file's own name says the sha256 that is promised: then it is known without reading the file."""
    if located.origin == "ollama":
        return located.path.name == f"sha256-{located.promised[0]}"
    return located.origin == "hub" and hub_cache.blob_sha256(located.path) == located.promised[0]


def _not_in_tool(ref: ModelRef, models: "Iterable[Foreign]", roots: list[Path]) -> ModelNotFound:
    """The error that says what Ollama or LM Studio have, or that they are not here."""
    import difflib

    tool = "Ollama" if ref.kind == "ollama" else "LM Studio"
    if not roots:
        return ModelNotFound(name=str(ref), hint=f"{tool} has no models on this machine")
    names = [model.name for model in models if not model.problem]
    near = difflib.get_close_matches(str(ref), names, 3, 0.5) or names[:3]
    return ModelNotFound(name=str(ref), near=near, hint=f"{tool} has no models on this machine")


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
