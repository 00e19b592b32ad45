"""Every setting, where its value came from, resolved once.

flag > INFER_* > config.toml > the model's own metadata > models.toml > default
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from infer.errors import ConfigError
from infer.tuned import Tuned, parse_tables
from infer.types import SamplingParams

Kind = Literal["int", "float", "bool", "text", "texts", "choice", "int-or-choice"]
DEFAULT = "default"
_NEWLINE = b"\n"
# Variables that are no settings but say where things are, or help to debug.
_OTHER_VARIABLES = ("INFER_CONFIG", "INFER_CACHE_DIR", "INFER_DATA_DIR", "INFER_DEBUG")
SAMPLING_KEYS = tuple(SamplingParams.__slots__)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its key in config.toml, its type and bounds. The flag is --key, the variable INFER_KEY."""

    key: str
    kind: Kind
    default: Any
    about: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "INFER_" + self.key.upper().replace(".", "_")

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return "--" + self.key.replace("_", "-")


SETTINGS: tuple[Setting, ...] = (
    Setting("system", "text", None, "system message of every conversation"),
    Setting("max_tokens", "int", None, "longest answer, in tokens; none: until the model ends", 1),
    Setting("temperature", "float", 0.8, "0 is greedy, higher is more varied", 0, 100),
    Setting("top_k", "int", 40, "draw from the K likeliest tokens; 0 is off", 0, 2**31 - 1),
    Setting("top_p", "float", 0.95, "draw from the likeliest tokens that sum up to P; 1 is off", 0, 1),
    Setting("min_p", "float", 0.05, "drop tokens less likely than P times the likeliest; 0 is off", 0, 1),
    Setting("repeat_penalty", "float", 1.0, "divide the logits of recent tokens; 1 is off", 0.01, 10),
    Setting("presence_penalty", "float", 0.0, "subtract from the logits of recent tokens; 0 is off", -10, 10),
    Setting("frequency_penalty", "float", 0.0, "the same for each occurrence; 0 is off", -10, 10),
    Setting("seed", "int", None, "seed of the draw; none: a new one each time", 0, 2**32 - 2),
    Setting("stop", "texts", (), "texts that end the answer"),
    Setting("ctx", "int", None, "size of the context, in tokens; none: sized to the request", 1, 2**31 - 1),
    Setting(
        "overflow",
        "choice",
        "error",
        "prompt larger than the context",
        None,
        None,
        ("error", "drop-oldest", "drop-middle"),
    ),
    Setting(
        "gpu_layers",
        "int-or-choice",
        "auto",
        "layers on the GPU: a number, auto or all",
        0,
        2**31 - 1,
        choices=("auto", "all"),
    ),
    Setting("threads", "int", None, "CPU threads; none: as many as there are cores", 1, 512),
    Setting("kv_type", "choice", "f16", "type of the KV cache", None, None, ("f16", "q8_0", "q4_0")),
    Setting(
        "ubatch", "int", None, "tokens of a prompt in one compute graph; none: 256 on a CPU, 512 on a GPU", 32, 4096
    ),
    Setting(
        "flash_attention",
        "choice",
        "auto",
        "auto: where the KV cache is quantised",
        None,
        None,
        ("auto", "on", "off"),
    ),
    Setting("repack", "bool", False, "weights in another order for this CPU: slower to load, no mapped file"),
    Setting(
        "think",
        "int-or-choice",
        None,
        "reasoning of thinking models; a number: at most so many tokens of it",
        1,
        2**31 - 1,
        choices=("on", "off", "show"),
    ),
    Setting("parallel", "int", None, "prompts of a batch computed together; none: as many as pay", 1, 254),
    Setting("no_cache", "bool", False, "no disk reads or writes of the prompt cache"),
    Setting("cache.max_bytes", "int", None, "the prompt cache's budget; none: 10 % of free disk, at most 20 GB", 0),
    Setting("gpu_hint", "bool", True, "say on every run that a GPU is there and not used"),
    Setting("offline", "bool", False, "never use the network"),
    Setting("color", "choice", "auto", "colour on a terminal", None, None, ("auto", "always", "never")),
)
_BY_KEY = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and the place it came from."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings with their origins, the user's models, what was odd about the environment, what has been tuned."""

    values: Mapping[str, Value]
    models: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    tuned: tuple[Tuned, ...] = ()

    def __getitem__(self, key: str) -> Any:
        return self.values[key].value

    def under(self, values: Mapping[str, float], origin: str) -> "Settings":
        """The same, with `values` wherever the user and earlier layers said nothing."""
        new = {
            key: Value(parse(_BY_KEY[key], value, f"{origin}: {key}"), origin)
            for key, value in values.items()
            if self.values[key].origin == DEFAULT
        }
        return replace(self, values={**self.values, **new})

    def tuned_for(self, model: Callable[[], str], machine: Callable[[], str]) -> "Settings":
        """The same with what was tuned for this model on this machine, wherever no flag and no variable says more.

        Both names are asked for only where something has been tuned.
        """
        wanted = (model(), machine()) if self.tuned else None
        found = next((one for one in self.tuned if (one.model, one.machine) == wanted), None)
        if found is None:
            return self
        origin = f"config.toml: tuned for {found.model}"
        new = {
            key: Value(parse(_BY_KEY[key], value, f"{origin}: {key}"), origin) for key, value in found.values.items()
        }
        said = {key: value for key, value in new.items() if not self.is_given(key)}
        return replace(self, values={**self.values, **said})

    def is_given(self, key: str) -> bool:
        """Whether a flag or a variable sets it."""
        return self.values[key].origin in (_BY_KEY[key].flag, _BY_KEY[key].variable)

    def changed(self, values: Mapping[str, Any], origin: str = "/set") -> "Settings":
        """The same with other values, which have been parsed."""
        new = {key: Value(value, origin) for key, value in values.items()}
        return replace(self, values={**self.values, **new})

    def sampling(self) -> SamplingParams:
        """The sampling settings as the engine takes them."""
        return SamplingParams(**{key: self[key] for key in SAMPLING_KEYS})


def resolve(flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from flags (None: not given), the environment and config.toml.

    Raises ConfigError for a value that cannot be used, an unknown key in config.toml, a file that cannot be read.
    """
    environment = os.environ if environment is None else environment
    path = config_path(environment)
    tables = _read_config(path, required=bool(environment.get("INFER_CONFIG")))
    models, tuned = _models(tables, path), _tuned(tables, path)
    values = {setting.key: Value(setting.default, DEFAULT) for setting in SETTINGS}
    for key, raw in _flat(tables).items():
        values[key] = _of_file(key, raw, path)
    for setting in _set_by_variables(environment):
        values[setting.key] = _of_variable(setting, environment)
    for key, raw in flags.items():
        if raw is not None:
            setting = _BY_KEY[key]
            values[key] = Value(parse(setting, raw, setting.flag), setting.flag)
    unknown = unknown_variables(environment)
    warnings = tuple(f"{name} is set but is no setting of infer; {hint}" for name, hint in unknown)
    return Settings(values, models, warnings, tuned)


def faults(environment: Mapping[str, str]) -> tuple[list[ConfigError], Settings]:
    """Everything that `resolve` would refuse, not only the first, and the settings without that."""
    found = list[ConfigError]()
    path, values = config_path(environment), {setting.key: Value(setting.default, DEFAULT) for setting in SETTINGS}
    tables, models = dict[str, Any](), dict[str, Any]()
    try:
        tables = _read_config(path, required=bool(environment.get("INFER_CONFIG")))
        models = _models(tables, path)
        _tuned(tables, path)
    except ConfigError as error:
        found.append(error)
    for key, raw in _flat(tables).items():
        try:
            values[key] = _of_file(key, raw, path)
        except ConfigError as error:
            found.append(error)
    for setting in _set_by_variables(environment):
        try:
            values[setting.key] = _of_variable(setting, environment)
        except ConfigError as error:
            found.append(error)
    return found, Settings(values, models)


def _models(tables: dict[str, Any], path: Path) -> dict[str, Any]:
    """The user's models, taken out of config.toml's tables."""
    models = tables.pop("models", {})
    if not isinstance(models, dict):
        raise ConfigError(where=f"{path}: models", what="must be a table of models")
    return models


def _tuned(tables: dict[str, Any], path: Path) -> tuple[Tuned, ...]:
    """What `infer bench --tune` has written, taken out of config.toml's tables."""
    return parse_tables(tables.pop("tuned", []), str(path))


def _of_file(key: str, raw: Any, path: Path) -> Value:
    return Value(parse(_known(key, str(path)), raw, f"{path}: {key}"), str(path))


def _set_by_variables(environment: Mapping[str, str]) -> list[Setting]:
    """The settings whose variables say something; an empty system message does: it overrides another."""
    return [one for one in SETTINGS if environment.get(one.variable) or _is_empty_text(one, environment)]


def _is_empty_text(setting: Setting, environment: Mapping[str, str]) -> bool:
    return setting.kind == "text" and setting.variable in environment


def _of_variable(setting: Setting, environment: Mapping[str, str]) -> Value:
    return Value(parse(setting, environment[setting.variable], setting.variable), setting.variable)


def setting(key: str) -> Setting:
    """The setting of a key that is known to exist."""
    return _BY_KEY[key]


def config_path(environment: Mapping[str, str]) -> Path:
    """Where config.toml is: INFER_CONFIG, else the platform's place for configuration."""
    if named := environment.get("INFER_CONFIG"):
        return Path(named)
    import platformdirs

    return platformdirs.user_config_path("infer") / "config.toml"


def cache_dir(environment: Mapping[str, str]) -> Path:
    """Where infer keeps what it can make again: INFER_CACHE_DIR, else the platform's place for caches."""
    if named := environment.get("INFER_CACHE_DIR"):
        return Path(named)
    import platformdirs

    return platformdirs.user_cache_path("infer")


def data_dir(environment: Mapping[str, str]) -> Path:
    """Where infer keeps what only its user can make again (sessions, history): INFER_DATA_DIR, else the platform's."""
    if named := environment.get("INFER_DATA_DIR"):
        return Path(named)
    import platformdirs

    return platformdirs.user_data_path("infer")


def parse(setting: Setting, raw: Any, where: str) -> Any:
    """A value from text or TOML, checked. Raises ConfigError that says what is allowed."""
    value = _convert(setting, raw)
    if value is None:
        raise ConfigError(where=where, what=f"{_shown(raw)} is not {_expected(setting)}")
    if isinstance(value, int | float) and not isinstance(value, bool) and not _in_bounds(setting, value):
        raise ConfigError(where=where, what=f"{_shown(raw)} is out of range, it must be {_expected(setting)}")
    return value


def _convert(setting: Setting, raw: Any) -> Any:
    return raw if raw in setting.choices else _CONVERTERS[setting.kind](raw)


_BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
    "": False,
}


def _integer(raw: Any) -> int | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        return int(raw) if not isinstance(raw, float) or raw.is_integer() else None
    except (ValueError, OverflowError):
        return None


def _number(raw: Any) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    try:
        return float(raw)
    except (ValueError, OverflowError):
        return None


def _texts(raw: Any) -> tuple[str, ...] | None:
    texts = (raw,) if isinstance(raw, str) else raw
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) and text for text in texts):
        return None
    return tuple(texts)


def _boolean(raw: Any) -> bool | None:
    return raw if isinstance(raw, bool) else _BOOLEANS.get(str(raw).lower())


def _text(raw: Any) -> str | None:
    return raw if isinstance(raw, str) else None


def _no_choice(raw: Any) -> None:
    return None


_CONVERTERS: Mapping[Kind, Callable[[Any], Any]] = {
    "int": _integer,
    "float": _number,
    "bool": _boolean,
    "text": _text,
    "texts": _texts,
    "choice": _no_choice,
    "int-or-choice": _integer,
}


def _in_bounds(setting: Setting, value: float) -> bool:
    low = -float("inf") if setting.minimum is None else setting.minimum
    high = float("inf") if setting.maximum is None else setting.maximum
    return low <= value <= high  # False for NaN


def _expected(setting: Setting) -> str:
    names = {"int": "a whole number", "float": "a number", "bool": "true or false", "text": "a text"}
    if setting.choices and setting.kind == "choice":
        return "one of " + ", ".join(setting.choices)
    if setting.kind == "int-or-choice":
        words = f"{', '.join(setting.choices[:-1])} or {setting.choices[-1]}"
        return f"a number of at least {setting.minimum or 0:.0f}, {words}"
    text = names.get(setting.kind, "a list of texts")
    if setting.minimum is not None and setting.maximum is not None:
        return f"{text} from {setting.minimum:,} to {setting.maximum:,}"
    return f"{text} of at least {setting.minimum:,}" if setting.minimum is not None else text


def _shown(raw: Any) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def _flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Keys with their table's name in front: [cache] max_bytes is cache.max_bytes."""
    flat: dict[str, Any] = {}
    for key, value in tables.items():
        if isinstance(value, dict) and any(known.startswith(f"{key}.") for known in _BY_KEY):
            flat |= {f"{key}.{name}": item for name, item in value.items()}
        else:
            flat[key] = value
    return flat


def _known(key: str, where: str) -> Setting:
    if key not in _BY_KEY:
        raise ConfigError(where=where, what=f"unknown key '{key}'", hint=_nearest(key, [*_BY_KEY, "models", "tuned"]))
    return _BY_KEY[key]


def _nearest(word: str, words: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, words, 1, 0.5)
    return f"did you mean {near[0]}?" if near else "infer config lists the settings"


def unknown_variables(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that begin like ours and are none, each with the nearest that is one."""
    known = {setting.variable for setting in SETTINGS} | set(_OTHER_VARIABLES)
    unknown = sorted(name for name in environment if name.startswith("INFER_") and name not in known)
    return [(name, _nearest(name, sorted(known))) for name in unknown]


def _read_config(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if required:
            raise ConfigError(where=str(path), what="INFER_CONFIG names it, but there is no such file") from None
        return {}
    except OSError as error:
        raise ConfigError(where=str(path), what=(error.strerror or str(error)).lower()) from error
    return parse_toml(data, str(path))


def parse_toml(data: bytes, where: str) -> dict[str, Any]:
    """A TOML document. Raises ConfigError with file and line."""
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(where=f"{where}:{line}", what="not valid UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).rpartition(" (at ")
        number = place.removeprefix("line ").partition(",")[0]
        at = f"{where}:{number if number.isdigit() else data.count(_NEWLINE) + 1}"  # or: at its end
        raise ConfigError(where=at, what=what or str(error)) from error
    except ValueError as error:  # Python's own limit, from inside tomllib
        raise ConfigError(where=where, what="a number in it has too many digits") from error
    except RecursionError as error:
        raise ConfigError(where=where, what="nested too deeply") from error
