"""The catalogue: what an alias stands for, from models.toml and the user's own entries (schema: models.toml).

An entry is checked when it is used, so a bad one is an error for its own name only.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infer.errors import ConfigError, ModelNotFound
from infer.models.ref import is_inner_path, is_revision
from infer.settings import SAMPLING_KEYS, parse, parse_toml, setting

SCHEMA_VERSION = 1
SIZE_LIMIT = 4 << 20  # bytes of models.toml
DEPTH_LIMIT = 16  # aliases of aliases
CAPABILITIES = ("chat", "thinking", "tools", "vision", "code", "fim", "embedding", "rerank")
_TABLES = ("models", "families", "prefixes")
_LOCATION = ("embedded", "repo", "file", "files", "revision", "size", "sha256", "path", "alias")
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AS_THEY_STAND = (
    *("name", "embedded", "repo", "revision", "path", "size", "quantization"),
    *("parameters", "active_parameters", "context", "license", "source", "prefixes"),
)
# The settings that a recommendation may make.
_SAMPLING = {key: setting(key) for key in SAMPLING_KEYS if key != "seed"}

Sampling = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """What is known of a model before its file is here. None and () where it is not known.

    files     inside `repo`, in the order of the shards     size    bytes of all files together
    sha256    one for each of `files`, or ()                path    a local file instead of a repository
    context   trained, in tokens                            sampling  holds always; the other two are laid over it
    prefixes  what stands before a text that is embedded, by what the text is for
    """

    alias: str
    name: str = ""
    embedded: bool = False
    repo: str | None = None
    files: tuple[str, ...] = ()
    revision: str | None = None
    path: str | None = None
    size: int | None = None
    sha256: tuple[str, ...] = ()
    quantization: str | None = None
    parameters: str | None = None
    active_parameters: str | None = None
    context: int | None = None
    license: str | None = None
    capabilities: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=dict)
    sampling_thinking: Sampling = field(default_factory=dict)
    sampling_non_thinking: Sampling = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None

    def recommended(self, think: bool | None = None) -> dict[str, float]:
        """The recommended sampling, under the names of SamplingParams.

        `think` says whether the model will think; None: as far as it can.
        """
        if think is None:
            think = bool(self.sampling_thinking)
        return {**self.sampling, **(self.sampling_thinking if think else self.sampling_non_thinking)}


class Catalog:
    """The names people type, and what they stand for."""

    def __init__(
        self,
        shipped: Mapping[str, Any],
        overrides: Mapping[str, Any],
        families: Mapping[str, Any],
        prefixes: Mapping[str, Any] | None = None,
    ) -> None:
        self._shipped, self._overrides, self._families = shipped, overrides, families
        self._prefixes = prefixes or {}
        self._also: dict[str, str] | None = None

    @classmethod
    def load(cls, path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> "Catalog":
        """models.toml (the shipped one when `path` is None) under the user's `[models]` table.

        Raises ConfigError, with file and line, when models.toml cannot be read as a whole.
        """
        document = _read_toml(path or shipped_path())
        where = "models.toml"
        for key in document:
            if key not in {"schema_version", *_TABLES}:
                hint = _did_you_mean(key, ["schema_version", *_TABLES])
                raise ConfigError(where=where, what=f"unknown key '{key}'", hint=hint)
        version = document.get("schema_version")
        if type(version) is not int or version != SCHEMA_VERSION:
            what = f"is {version!r}, this infer reads {SCHEMA_VERSION}" if version is not None else "is missing"
            raise ConfigError(where=f"{where}: schema_version", what=what)
        tables = {key: document.get(key, {}) for key in _TABLES}
        for key, table in tables.items():
            if not isinstance(table, dict):
                raise ConfigError(where=f"{where}: {key}", what="must be a table")
        return cls(tables["models"], overrides or {}, tables["families"], tables["prefixes"])

    def names(self) -> list[str]:
        """Every name that `resolve` knows, sorted."""
        return sorted({*self._shipped, *self._overrides, *self._families, *self._other_names()})

    def resolve(self, name: str) -> CatalogEntry:
        """The entry a name stands for.

        Raises ModelNotFound with the nearest names, and ConfigError for an entry that cannot be used.
        """
        return _entry(*self._merged(name, ()))

    def entry_names(self) -> list[str]:
        """The names under which entries stand (without families and other names), sorted."""
        return sorted({*self._shipped, *self._overrides})

    def prefixes(self, name: str) -> Mapping[str, str]:
        """What embedding models whose names begin like this one want before a text, by what the text is for."""
        plain = re.sub(r"[\s_]+", "-", name.strip().lower())
        found = max((key for key in self._prefixes if plain.startswith(key)), key=len, default=None)
        if found is None:
            return {}
        _prefixes("models.toml: prefixes", found, self._prefixes[found])
        table: Mapping[str, str] = self._prefixes[found]
        return table

    def names_of(self, repos: Collection[str]) -> list[str]:
        """The names of the shipped entries whose files lie in one of these repositories."""
        return [name for name, table in self._shipped.items() if isinstance(table, dict) and table.get("repo") in repos]

    def _merged(self, name: str, trail: tuple[str, ...]) -> tuple[str, dict[str, Any], str]:
        """An entry's own name, its checked keys (the user's laid over the shipped ones), where they stand."""
        if name in trail or len(trail) > DEPTH_LIMIT:
            circle = " -> ".join((*trail, name))
            raise ConfigError(where=_where("config.toml", trail[0]), what=f"its alias goes in a circle: {circle}")
        layers = (("models.toml", self._shipped), ("config.toml", self._overrides))
        found = [(_where(file, name), table[name]) for file, table in layers if name in table]
        if not found:
            return self._merged(self._other(name), (*trail, name))
        merged: dict[str, Any] = {}
        for where, table in found:
            own = _checked(table, where)
            if "alias" in own:
                merged = self._aliased(own.pop("alias"), where, (*trail, name))
            elif own.keys() & {"path", "repo", "file", "files", "embedded"}:
                merged = {key: value for key, value in merged.items() if key not in _LOCATION}
            merged |= own
        return name, merged, found[-1][0]

    def _aliased(self, target: str, where: str, trail: tuple[str, ...]) -> dict[str, Any]:
        try:
            return self._merged(target, trail)[1]
        except ModelNotFound as error:
            raise ConfigError(where=f"{where}.alias", what=str(error), hint=error.hint) from error

    def _other(self, name: str) -> str:
        target = self._families.get(name) or self._other_names().get(name)
        if not isinstance(target, str):
            raise ModelNotFound(name=name, near=_nearest(name, self.names(), 3))
        return target

    def _other_names(self) -> dict[str, str]:
        if self._also is None:
            self._also = {}
            for name, table in (*self._overrides.items(), *self._shipped.items()):
                others = table.get("also") if isinstance(table, dict) else None
                for other in others if isinstance(others, list) else ():
                    self._also.setdefault(str(other), name)
        return self._also


def shipped_path() -> Path:
    """models.toml: inside the package in a wheel, at the top of the repository in an editable install."""
    package = Path(__file__).parent.parent
    inside = package / "data" / "models.toml"
    return inside if inside.is_file() else package.parent.parent / "models.toml"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise ConfigError(where=str(path), what=f"cannot be read: {error.strerror}") from error
    if len(raw) > SIZE_LIMIT:
        raise ConfigError(where=str(path), what=f"is larger than {SIZE_LIMIT >> 20} MiB")
    return parse_toml(raw, str(path))


def _where(file: str, name: str) -> str:
    return f'{file}: models."{name}"'


def _nearest(word: str, words: list[str], count: int) -> list[str]:
    import difflib

    return difflib.get_close_matches(word, words, count, 0.5)


def _did_you_mean(word: str, words: list[str]) -> str:
    return "".join(f"did you mean '{near}'?" for near in _nearest(word, words, 1))


def _bad(where: str, key: str, what: str) -> ConfigError:
    return ConfigError(where=f"{where}.{key}", what=what)


def _checked(table: Any, where: str) -> dict[str, Any]:
    """An entry's keys, each with a value of the right kind. Raises ConfigError with the key's path."""
    if not isinstance(table, dict):
        raise ConfigError(where=where, what="must be a table")
    for key, value in table.items():
        if key not in _CHECKS:
            raise ConfigError(where=where, what=f"unknown key '{key}'", hint=_did_you_mean(key, [*_CHECKS]))
        _CHECKS[key](where, key, value)
    return dict(table)


def _entry(name: str, table: dict[str, Any], where: str) -> CatalogEntry:
    """The entry in checked keys, once these fit together."""
    files = tuple(table.get("files") or ([table["file"]] if "file" in table else ()))
    hashes = table.get("sha256", ())
    hashes = (hashes,) if isinstance(hashes, str) else tuple(hashes)
    if not table.get("embedded") and not table.get("path") and not (table.get("repo") and files):
        raise ConfigError(where=where, what="says neither repo and file, nor path, nor alias")
    if hashes and len(hashes) != max(1, len(files)):
        raise _bad(where, "sha256", f"has {len(hashes)} entries for {len(files)} files")
    sampling = table.get("sampling", {})
    return CatalogEntry(
        alias=name,
        files=files,
        sha256=hashes,
        capabilities=tuple(table.get("capabilities", ())),
        sampling={key: value for key, value in sampling.items() if not isinstance(value, dict)},
        sampling_thinking=sampling.get("thinking", {}),
        sampling_non_thinking=sampling.get("non_thinking", {}),
        **{key: table[key] for key in _AS_THEY_STAND if key in table},
    )


def _text(where: str, key: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise _bad(where, key, "must be a text")


def _count(where: str, key: str, value: Any) -> None:
    if type(value) is not int or value <= 0:
        raise _bad(where, key, f"must be a positive whole number, not {value!r:.60}")


def _switch(where: str, key: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise _bad(where, key, "must be true or false")


def _texts(where: str, key: str, value: Any) -> None:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text for text in value):
        raise _bad(where, key, "must be a list of texts")


def _repo(where: str, key: str, value: Any) -> None:
    if not isinstance(value, str) or not _REPO.fullmatch(value) or ".." in value:
        raise _bad(where, key, "must be written org/repo")


def _revision(where: str, key: str, value: Any) -> None:
    if not isinstance(value, str) or not is_revision(value):
        raise _bad(where, key, "must be a branch, tag or commit")


def _file_name(where: str, key: str, value: Any) -> None:
    if not isinstance(value, str) or not value.endswith(".gguf") or not is_inner_path(value):
        raise _bad(where, key, "must be the path of a .gguf file inside the repository")


def _file_names(where: str, key: str, value: Any) -> None:
    _texts(where, key, value)
    for index, name in enumerate(value):
        _file_name(where, f"{key}[{index}]", name)


def _hash(where: str, key: str, value: Any) -> None:
    for text in value if isinstance(value, list) and value else [value]:
        if not isinstance(text, str) or not _SHA256.fullmatch(text):
            raise _bad(where, key, "must be 64 hexadecimal digits in lower case")


def _path(where: str, key: str, value: Any) -> None:
    _text(where, key, value)
    if not value.startswith(("/", "~/")) or "\0" in value:
        raise _bad(where, key, "must be an absolute path or begin with ~/")


def _capabilities(where: str, key: str, value: Any) -> None:
    _texts(where, key, value)
    for word in value:
        if word not in CAPABILITIES:
            hint = _did_you_mean(word, [*CAPABILITIES])
            raise ConfigError(where=f"{where}.{key}", what=f"'{word}' is no capability", hint=hint)


def _prefixes(where: str, key: str, value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise _bad(where, key, "must be a table of texts")
    if "none" in value:
        raise _bad(where, f"{key}.none", "is what --as takes for no prefix at all")


def _sampling(where: str, key: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise _bad(where, key, "must be a table")
    for name, number in value.items():
        path = f"{where}.{key}"
        if name in {"thinking", "non_thinking"} and key == "sampling":
            _sampling(where, f"{key}.{name}", number)
            continue
        if name not in _SAMPLING:
            raise ConfigError(where=path, what=f"unknown key '{name}'", hint=_did_you_mean(name, [*_SAMPLING]))
        if type(number) not in (int, float):
            raise _bad(path, name, "must be a number")
        parse(_SAMPLING[name], number, f"{path}.{name}")


_CHECKS: dict[str, Callable[[str, str, Any], None]] = {
    **dict.fromkeys(("name", "quantization", "parameters", "active_parameters"), _text),
    **dict.fromkeys(("license", "source", "alias"), _text),
    **dict.fromkeys(("size", "context"), _count),
    "embedded": _switch,
    "repo": _repo,
    "revision": _revision,
    "file": _file_name,
    "files": _file_names,
    "sha256": _hash,
    "path": _path,
    "also": _texts,
    "capabilities": _capabilities,
    "sampling": _sampling,
    "prefixes": _prefixes,
}
