"""Settings: the highest layer that sets a key wins and is named; what cannot be used is an error that says where."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infer.errors import ConfigError, InferError
from infer.settings import SETTINGS, Setting, Settings, cache_dir, config_path, parse, parse_toml, resolve
from infer.types import SamplingParams

BY_KEY = {setting.key: setting for setting in SETTINGS}
FLAG, VARIABLE, CONFIG, MODEL, CATALOG, DEFAULT = (
    "flag",
    "variable",
    "config",
    "the model's file",
    "models.toml",
    "default",
)


def good_values(setting: Setting) -> st.SearchStrategy[Any]:
    """Values that a setting takes, as TOML has them."""
    low = 0 if setting.minimum is None else setting.minimum
    high = 1000 if setting.maximum is None else min(setting.maximum, 2**40)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(int(low), int(high)),
        "int-or-choice": st.integers(int(low), int(high)) | st.sampled_from(setting.choices or ("",)),
        "float": st.floats(low, high),
        "bool": st.booleans(),
        "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        "texts": st.lists(st.text("abc", min_size=1), max_size=1).map(tuple),
        "choice": st.sampled_from(setting.choices or ("",)),
    }
    return kinds[setting.kind]


def as_text(value: Any) -> str:
    """As one would write it on the command line or in a variable."""
    if isinstance(value, tuple):
        return str(value[0])
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    escaped = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value)
    return f'"{escaped}"'


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings") / "config.toml"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_highest_layer_that_sets_a_key_wins_and_is_named(
    setting: Setting, config: Path, data: st.DataObject
) -> None:
    layers = [FLAG, VARIABLE, CONFIG]
    values = {layer: data.draw(good_values(setting), layer) for layer in layers}
    if setting.kind == "texts":
        values = {layer: value or ("x",) for layer, value in values.items()}
    chosen = data.draw(st.sets(st.sampled_from(layers)), "set in")
    if not as_text(values[VARIABLE]):
        chosen.discard(VARIABLE)  # an empty variable says nothing
    config.write_text(f"{setting.key} = {as_toml(values[CONFIG])}\n" if CONFIG in chosen else "")
    environment = {"INFER_CONFIG": str(config)}
    if VARIABLE in chosen:
        environment[setting.variable] = as_text(values[VARIABLE])
    flags = {setting.key: as_text(values[FLAG]) if FLAG in chosen else None}
    found = resolve(flags, environment)
    winner = next((layer for layer in layers if layer in chosen), DEFAULT)
    origins = {FLAG: setting.flag, VARIABLE: setting.variable, CONFIG: str(config), DEFAULT: "default"}
    assert found.values[setting.key].origin == origins[winner]
    assert found[setting.key] == (setting.default if winner == DEFAULT else values[winner])
    others = {key: value.origin for key, value in found.values.items() if key != setting.key}
    assert set(others.values()) == {"default"}, "nothing else has moved"
    assert others.keys() | {setting.key} == BY_KEY.keys()


@given(st.sets(st.sampled_from([CONFIG, MODEL, CATALOG])))
def test_the_models_own_values_stand_between_the_user_and_the_default(chosen: set[str]) -> None:
    values = {CONFIG: 0.25, MODEL: 0.5, CATALOG: 0.75}
    environment = {"INFER_CONFIG": "/dev/null"} | ({"INFER_TEMPERATURE": "0.25"} if CONFIG in chosen else {})
    found = resolve({}, environment)
    for origin in (MODEL, CATALOG):
        found = found.under({"temperature": values[origin]} if origin in chosen else {}, origin)
    winner = next((layer for layer in (CONFIG, MODEL, CATALOG) if layer in chosen), None)
    assert found["temperature"] == (values[winner] if winner else 0.8)
    assert found.values["temperature"].origin == {CONFIG: "INFER_TEMPERATURE", None: "default"}.get(winner, winner)


def test_the_defaults_are_those_of_the_contract() -> None:
    found = resolve({}, {"INFER_CONFIG": "/dev/null"})
    assert found.sampling() == SamplingParams(temperature=0.8, top_k=40, top_p=0.95, min_p=0.05, seed=None)
    assert (found["max_tokens"], found["ctx"], found["overflow"], found["gpu_layers"]) == (None, None, "error", "auto")
    assert (found.warnings, dict(found.models)) == ((), {})


def test_every_default_is_a_value_the_setting_takes() -> None:
    for setting in SETTINGS:
        if setting.default is not None:
            assert parse(setting, setting.default, "here") == setting.default


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)


@given(st.sampled_from(SETTINGS), ANYTHING)
@example(BY_KEY["seed"], "9" * 5000)
@example(BY_KEY["seed"], 1e400)
@example(BY_KEY["temperature"], 10**400)
@example(BY_KEY["temperature"], "1_0")
@example(BY_KEY["ctx"], True)
@example(BY_KEY["stop"], ["a", ""])
@example(BY_KEY["stop"], [1])
def test_a_value_is_taken_within_its_bounds_or_refused_with_its_place(setting: Setting, raw: Any) -> None:
    try:
        value = parse(setting, raw, "somewhere")
    except ConfigError as error:
        assert str(error).startswith("somewhere: ")
        assert len(str(error)) < 250
        return
    if isinstance(value, bool) or value in setting.choices:
        return
    if isinstance(value, int | float):
        assert math.isfinite(value)
        assert setting.minimum is None or value >= setting.minimum
        assert setting.maximum is None or value <= setting.maximum
        assert setting.kind == "float" or isinstance(value, int)
    else:
        assert isinstance(value, str if setting.kind == "text" else tuple)


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.minimum is not None], ids=lambda s: s.key)
def test_bounds_belong_to_the_range_and_what_is_beyond_them_does_not(setting: Setting) -> None:
    step = 1 if setting.kind in ("int", "int-or-choice") else 1e-6
    for bound, sign in ((setting.minimum, -1), (setting.maximum, 1)):
        if bound is None:
            continue
        assert parse(setting, bound, "x") == bound
        assert parse(setting, repr(bound), "x") == bound
        for beyond in (bound + sign * step, sign * math.inf, math.nan):
            with pytest.raises(ConfigError, match=r"is out of range|is not a whole number|is not a number"):
                parse(setting, beyond, "x")


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("YES", True), ("on", True), ("0", False), ("False", False), ("", False)]
)
def test_switches_are_written_as_people_write_them(text: str, value: bool) -> None:
    found = resolve({}, {"INFER_CONFIG": "/dev/null", "INFER_OFFLINE": text})
    assert found["offline"] is value
    with pytest.raises(ConfigError, match="'perhaps' is not true or false"):
        resolve({}, {"INFER_CONFIG": "/dev/null", "INFER_OFFLINE": "perhaps"})


# text of the file -> what the error says after the file's name
MALFORMED: dict[str, tuple[bytes, str]] = {
    "no value": (b"seed =\n", ":1: "),
    "no key": (b"= 3\n", ":1: "),
    "third line": (b"seed = 1\n\ntop_k == 2\n", ":3: "),
    "open string": (b'system = "abc\n', ":1: "),
    "open multi-line string": (b'system = """abc\n\n', ":3: "),
    "open array": (b"stop = ['a',\n", ":2: "),
    "open table": (b"[models\n", ":1: "),
    "key twice": (b"seed = 1\nseed = 1\n", ":2: "),
    "table twice": (b"[models]\n[models]\n", ":2: "),
    "bad escape": (b'system = "\\q"\n', ":1: "),
    "control character": (b'system = "\x1b[31m"\n', ":1: "),
    "no utf-8": (b"seed = 1\n# \xff\n", ":2: not valid UTF-8"),
    "utf-16": ("seed = 1\n".encode("utf-16"), ":1: not valid UTF-8"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", ":1: not valid UTF-8"),
    "unknown key": (b"ctx_size = 1\n", ": unknown key 'ctx_size'"),
    "flag as key": (b'"--seed" = 1\n', ": unknown key '--seed'"),
    "dash": (b"top-k = 1\n", ": unknown key 'top-k'"),
    "upper case": (b"Seed = 1\n", ": unknown key 'Seed'"),
    "dotted": (b"seed.value = 1\n", ": seed: {'value': 1} is not a whole number"),
    "huge number": (b"seed = " + b"9" * 4000 + b"\n", ": seed: "),
    "number too long for python": (b"seed = " + b"9" * 5000 + b"\n", ": a number in it has too many digits"),
    "models as list": (b"models = []\n", ": models: must be a table of models"),
    "deep arrays": (b"stop = " + b"[" * 3000 + b"]" * 3000, ""),
    "deep tables": (b"stop = " + b"{a=" * 3000 + b"1" + b"}" * 3000, ""),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_an_error_with_its_place(tmp_path: Path, name: str) -> None:
    data, place = MALFORMED[name]
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as error:
        resolve({}, {"INFER_CONFIG": str(path)})
    assert str(error.value).startswith(f"{path}{place}")
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
    assert path.read_bytes() == data


GOOD = b"""# all kinds
system = "Be brief."
max_tokens = 100
temperature = 0.5
stop = ["END", "\\u00fc"]
gpu_layers = "auto"
offline = true
[models.mine]
path = "/models/mine.gguf"
sampling = { temperature = 0.1, thinking = { top_k = 3 } }
"""


@settings(max_examples=300)
@given(st.data())
def test_whatever_is_in_the_file_only_our_own_errors_come_out(data: st.DataObject) -> None:
    """GOOD with pieces cut out, doubled, replaced by bytes."""
    text = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 12)))
        text[start:end] = data.draw(st.binary(max_size=4) | st.just(bytes(text[start:end]) * 2))
    try:
        tables = parse_toml(bytes(text), "config.toml")
    except InferError as error:
        assert isinstance(error, ConfigError)
        assert str(error).startswith("config.toml:")
    else:
        assert isinstance(tables, dict)


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(GOOD)
    found = resolve({}, {"INFER_CONFIG": str(path)})
    assert (found["stop"], found["offline"], found["max_tokens"]) == (("END", "ü"), True, 100)
    assert found.models["mine"]["path"] == "/models/mine.gguf"
    path.write_bytes(b"")
    assert resolve({}, {"INFER_CONFIG": str(path)}).values == resolve({}, {"INFER_CONFIG": "/dev/null"}).values


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="INFER_CONFIG names it"):
        resolve({}, {"INFER_CONFIG": str(tmp_path / "none.toml")})
    with pytest.raises(InferError):
        resolve({}, {"INFER_CONFIG": str(tmp_path)})


def test_a_file_that_nobody_named_may_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert config_path({}) == tmp_path / "config" / "infer" / "config.toml"
    assert isinstance(resolve({}, {}), Settings)


def test_places_follow_their_variables(tmp_path: Path) -> None:
    assert cache_dir({"INFER_CACHE_DIR": str(tmp_path)}) == tmp_path
    assert config_path({"INFER_CONFIG": "/a/b.toml"}) == Path("/a/b.toml")


def test_unknown_variables_are_warned_about_with_the_nearest_name() -> None:
    environment = {"INFER_CONFIG": "/dev/null", "INFER_TOPK": "3", "INFER_DEBUG": "1", "INFERNO": "hot"}
    (warning,) = resolve({}, environment).warnings
    assert warning == "INFER_TOPK is set but is no setting of infer; did you mean INFER_TOP_K?"
