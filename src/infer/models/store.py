"""The models on this machine: a reference -> a checked file and the sampling recommended for it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infer.errors import FileUnreadable, IntegrityError, NotDownloaded
from infer.models import hub_cache, stamp
from infer.models.catalog import Catalog, CatalogEntry
from infer.models.ref import ModelRef
from infer.types import LocalModel

Resolved = tuple[LocalModel, dict[str, float]]
NEIGHBOURS = 2000  # names of a directory that are looked at for a near one


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
        self._cache_dir, self._models, self._catalog_path = cache_dir, models or {}, catalog
        self._environment = os.environ if environment is None else environment
        self._catalog: Catalog | None = None

    @property
    def catalog(self) -> Catalog:
        """models.toml under the user's entries; read when it is first needed (never for `tiny` and files)."""
        if self._catalog is None:
            self._catalog = Catalog.load(self._catalog_path, self._models)
        return self._catalog

    def resolve(self, ref: ModelRef, think: bool | None = None) -> Resolved:
        """The local model a reference stands for, and the recommended sampling of models.toml (may be empty).

        `think` picks the recommendation of models that have one for thinking and another for not thinking.
        Raises ModelNotFound (nearest names), NotDownloaded (what to fetch), FileUnreadable, BadModelFile,
        IntegrityError (no embedded model in this installation), ConfigError (a bad entry).
        """
        if ref.kind == "tiny" and "tiny" not in self._models:
            return self._local(ref, embedded_path()), {}
        if ref.kind == "file":
            return self._local(ref, _existing(ref.name)), {}
        if ref.kind in ("alias", "tiny"):
            entry = self.catalog.resolve(ref.name)
            return self._entry(ref, entry), entry.recommended(think)
        if ref.kind == "hub":
            return self._local(ref, self._in_hub(ref)), {}
        where = {"url": "URLs", "ollama": "models of Ollama", "lmstudio": "models of LM Studio"}[ref.kind]
        hint = f"{where} come in a later version; infer run ./FILE.gguf runs a file that is here"
        raise NotDownloaded(name=str(ref), hint=hint)

    def _local(self, ref: ModelRef, path: Path, sha256: str | None = None) -> LocalModel:
        """A model in the file at `path`, any file of a sharded one."""
        known = stamp.read(path, self._cache_dir)
        return LocalModel(str(ref), known.files[0][0], known.metadata, sha256 or known.sha256)

    def _entry(self, ref: ModelRef, entry: CatalogEntry) -> LocalModel:
        if entry.embedded:
            return self._local(ref, embedded_path())
        if entry.path is not None:
            return self._local(ref, _existing(entry.path))
        found = self._of_entry(entry)
        if found is None:
            raise _not_downloaded(ref, str(entry.repo), entry.files, entry.revision)
        sha256 = hub_cache.blob_sha256(found) if len(entry.sha256) == 1 else None
        return self._local(ref, found, sha256 if sha256 in entry.sha256 else None)

    def _of_entry(self, entry: CatalogEntry) -> Path | None:
        """The entry's (first) file in the hub's cache: of its revision, or of any with the same bytes."""
        root, repo = hub_cache.directory(self._environment), str(entry.repo)
        pinned = hub_cache.snapshots(root, repo, entry.revision) if entry.revision else []
        for snapshot in [*pinned, *hub_cache.snapshots(root, repo, None)]:
            paths = [snapshot / name for name in entry.files]
            if not all(path.is_file() for path in paths):
                continue
            hashes = tuple(hub_cache.blob_sha256(path) for path in paths)
            if snapshot in pinned or hashes == entry.sha256 or not (entry.sha256 or entry.revision):
                return paths[0]
        return None

    def _in_hub(self, ref: ModelRef) -> Path:
        """The file of a `hub` reference in the hub's cache. Raises NotDownloaded."""
        for snapshot in hub_cache.snapshots(hub_cache.directory(self._environment), ref.name, ref.revision):
            name = ref.file or hub_cache.choose(hub_cache.models(snapshot), ref.quant)
            if name is not None and (snapshot / name).is_file():
                return snapshot / name
        files = (ref.file,) if ref.file else ()
        raise _not_downloaded(ref, ref.name, files, ref.revision)


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
    """The error that names what to fetch by hand, and the command that runs it then."""
    what = f"its {ref.quant or 'Q4_K_M'} file"
    if files:
        what = files[0] if len(files) == 1 else f"{files[0]} and the {len(files) - 1} files after it"
    at = f" (revision {revision})" if revision else ""
    name = files[0].rpartition("/")[2] if files else "FILE.gguf"
    hint = f"fetch {what} from the Hugging Face repository {repo}{at}, then: infer run ./{name}"
    return NotDownloaded(name=str(ref), hint=hint)
