"""The catalogue: every shipped entry is good, the user's are laid over them, a bad one harms only itself."""

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import ConfigError, InferError, ModelNotFound
from infer.models.catalog import Catalog, shipped_path
from infer.models.metadata import shard_paths
from infer.models.ref import ModelRef, is_inner_path

SHIPPED = Catalog.load()


def catalog(text: str, directory: Path, overrides: Mapping[str, Any] | None = None) -> Catalog:
    path = directory / "models.toml"
    path.write_text(text, encoding="utf-8")
    return Catalog.load(path, overrides)


@pytest.mark.parametrize("name", SHIPPED.entry_names())
def test_every_shipped_entry_is_good(name: str) -> None:
    entry = SHIPPED.resolve(name)
    assert ModelRef.parse(name).kind == ("tiny" if name == "tiny" else "alias")
    assert entry.name
    assert entry.source
    assert entry.capabilities
    if not entry.embedded:
        assert ModelRef.parse(f"{entry.repo}:{entry.files[0]}").kind == "hub"
        assert re.fullmatch(r"[0-9a-f]{40}", entry.revision or "0" * 40)
        assert re.fullmatch(r"[\d.]+[MB]", entry.parameters or "1B")
        assert entry.size is None or entry.size > 10_000_000
    assert entry.recommended(True).keys() <= {"temperature", "top_k", "top_p", "min_p"} | {
        "repeat_penalty",
        "presence_penalty",
    }


def test_the_catalogue_is_large_and_every_name_leads_somewhere() -> None:
    assert len(SHIPPED.entry_names()) >= 66
    for name in SHIPPED.names():
        assert SHIPPED.resolve(name).name


def test_shipped_files_are_whole_and_named_once() -> None:
    """Of a sharded model every file, in order; no two entries claim one name."""
    claimed: dict[str, str] = {}
    for name in SHIPPED.entry_names():
        entry = SHIPPED.resolve(name)
        assert all(is_inner_path(file) for file in entry.files)
        assert not entry.files or shard_paths(entry.files[0]) == entry.files
        assert len(entry.sha256) in (0, len(entry.files))
        assert entry.embedded or all(claimed.setdefault(file, name) == name for file in entry.sha256)
    for family in set(SHIPPED.names()) - set(SHIPPED.entry_names()):
        assert SHIPPED.resolve(family).alias in SHIPPED.entry_names()


def test_a_family_has_a_default_and_entries_have_other_names() -> None:
    assert SHIPPED.resolve("qwen3").alias == "qwen3:4b" == SHIPPED.resolve("qwen3:4b").alias
    assert SHIPPED.resolve("qwen3.5:35b-a3b") == SHIPPED.resolve("qwen3.5:35b")


def test_figures_are_those_of_the_research() -> None:
    entry = SHIPPED.resolve("qwen3-coder-next:80b")
    assert (len(entry.files), len(entry.sha256), entry.size) == (4, 4, 48_410_992_032)
    assert (entry.parameters, entry.active_parameters, entry.context) == ("80B", "3B", 262_144)
    tiny = SHIPPED.resolve("tiny")
    assert (tiny.embedded, tiny.files, tiny.recommended()) == (True, (), {})


def test_thinking_has_its_own_recommendation() -> None:
    entry = SHIPPED.resolve("qwen3.5:4b")
    assert entry.recommended(True)["temperature"] == 1.0
    assert entry.recommended(False)["temperature"] == 0.7
    assert entry.recommended() == entry.recommended(True)
    assert SHIPPED.resolve("gpt-oss:20b").recommended(False) == SHIPPED.resolve("gpt-oss:20b").recommended(True)


@pytest.mark.parametrize(("name", "near"), [("qwen3:4", "qwen3:4b"), ("lama3.2", "llama3.2"), ("tinny", "tiny")])
def test_an_unknown_name_lists_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ModelNotFound) as unknown:
        SHIPPED.resolve(name)
    found = unknown.value.facts["near"]
    assert isinstance(found, list)
    assert near in found
    assert len(found) <= 3
    assert near in unknown.value.hint
    assert unknown.value.exit_code == 3


def test_nothing_near_is_no_hint() -> None:
    with pytest.raises(ModelNotFound) as unknown:
        SHIPPED.resolve("zzzzzzzzzzzz")
    assert unknown.value.facts["near"] == []


FILE = {"path": "/models/a.gguf"}


def test_a_users_entries_are_added() -> None:
    found = Catalog.load(overrides={"mine": {**FILE, "sampling": {"temperature": 0.1}, "also": ["other"]}})
    assert found.resolve("mine").path == "/models/a.gguf"
    assert found.resolve("other").recommended() == {"temperature": 0.1}
    assert "mine" in found.names()


def test_a_user_changes_single_keys() -> None:
    entry = Catalog.load(overrides={"qwen3:4b": {"sampling": {"temperature": 0}, "context": 512}}).resolve("qwen3:4b")
    assert entry.repo == "Qwen/Qwen3-4B-GGUF"
    assert (entry.context, entry.recommended()) == (512, {"temperature": 0})


def test_another_place_takes_the_old_ones_figures_away() -> None:
    """A size or hash of the shipped file says nothing about the user's."""
    entry = Catalog.load(overrides={"qwen3:4b": FILE}).resolve("qwen3:4b")
    assert (entry.repo, entry.files, entry.size, entry.sha256, entry.revision) == (None, (), None, (), None)
    assert entry.name == SHIPPED.resolve("qwen3:4b").name


def test_an_alias_may_point_to_an_alias() -> None:
    overrides = {"a": {"alias": "b", "context": 9}, "b": {"alias": "qwen3"}, "qwen3:8b": {"alias": "gemma3:4b"}}
    found = Catalog.load(overrides=overrides)
    assert found.resolve("a").repo == "Qwen/Qwen3-4B-GGUF"
    assert (found.resolve("a").alias, found.resolve("a").context) == ("a", 9)
    assert found.resolve("qwen3:8b").repo == "ggml-org/gemma-3-4b-it-GGUF"


BAD: list[tuple[Any, str, str]] = [
    (5, 'config.toml: models."x"', "must be a table"),
    ({}, 'config.toml: models."x"', "says neither repo and file, nor path, nor alias"),
    ({"repo": "a/b"}, 'config.toml: models."x"', "says neither"),
    ({"fil": "m.gguf"}, 'config.toml: models."x"', "unknown key 'fil'"),
    ({**FILE, "size": "4 GB"}, 'config.toml: models."x".size', "must be a positive whole number, not '4 GB'"),
    ({**FILE, "size": True}, 'config.toml: models."x".size', "must be a positive whole number"),
    ({**FILE, "context": 0}, 'config.toml: models."x".context', "must be a positive whole number"),
    ({**FILE, "name": 3}, 'config.toml: models."x".name', "must be a text"),
    ({**FILE, "sha256": "ABC"}, 'config.toml: models."x".sha256', "64 hexadecimal digits"),
    ({**FILE, "sha256": []}, 'config.toml: models."x".sha256', "64 hexadecimal digits"),
    ({**FILE, "sha256": ["0" * 64] * 2}, 'config.toml: models."x".sha256', "has 2 entries for 0 files"),
    ({**FILE, "capabilities": "chat"}, 'config.toml: models."x".capabilities', "must be a list of texts"),
    ({**FILE, "capabilities": ["chatt"]}, 'config.toml: models."x".capabilities', "'chatt' is no capability"),
    ({**FILE, "embedded": 1}, 'config.toml: models."x".embedded', "must be true or false"),
    ({"path": "m.gguf"}, 'config.toml: models."x".path', "absolute path"),
    ({"path": ""}, 'config.toml: models."x".path', "must be a text"),
    ({"repo": "b", "file": "m.gguf"}, 'config.toml: models."x".repo', "org/repo"),
    ({"repo": "../b", "file": "m.gguf"}, 'config.toml: models."x".repo', "org/repo"),
    ({"repo": "a/b", "file": "../m.gguf"}, 'config.toml: models."x".file', "inside the repository"),
    ({"repo": "a/b", "file": "m.bin"}, 'config.toml: models."x".file', "path of a .gguf file"),
    ({"repo": "a/b", "files": ["a.gguf", "/b.gguf"]}, 'config.toml: models."x".files[1]', "inside the repository"),
    ({"repo": "a/b", "files": []}, 'config.toml: models."x".files', "must be a list of texts"),
    ({**FILE, "sampling": 1}, 'config.toml: models."x".sampling', "must be a table"),
    ({**FILE, "sampling": {"temp": 1}}, 'config.toml: models."x".sampling', "unknown key 'temp'"),
    ({**FILE, "sampling": {"top_p": 2}}, 'config.toml: models."x".sampling.top_p', "must be a number from 0 to 1"),
    ({**FILE, "sampling": {"top_k": 0.5}}, 'config.toml: models."x".sampling.top_k', "not a whole number"),
    ({**FILE, "sampling": {"min_p": float("nan")}}, 'config.toml: models."x".sampling.min_p', "must be a number"),
    (
        {**FILE, "sampling": {"thinking": {"top_p": "a"}}},
        'config.toml: models."x".sampling.thinking.top_p',
        "must be a number",
    ),
    (
        {**FILE, "sampling": {"thinking": {"thinking": {}}}},
        'config.toml: models."x".sampling.thinking',
        "unknown key 'thinking'",
    ),
    ({"alias": "nobody"}, 'config.toml: models."x".alias', "no model is called 'nobody'"),
    ({"alias": "x"}, 'config.toml: models."x"', "its alias goes in a circle: x -> x"),
]


@pytest.mark.parametrize(("table", "where", "what"), BAD, ids=[f"{where[19:]} {what}" for _, where, what in BAD])
def test_a_bad_entry_is_named_and_harms_only_itself(table: Any, where: str, what: str) -> None:
    found = Catalog.load(overrides={"x": table})
    with pytest.raises(ConfigError) as bad:
        found.resolve("x")
    assert bad.value.facts["where"] == where
    assert what in str(bad.value.facts["what"])
    assert bad.value.exit_code == 2
    assert found.resolve("qwen3").alias == "qwen3:4b"
    assert "x" in found.names()


def test_unknown_keys_suggest_the_nearest() -> None:
    with pytest.raises(ConfigError) as bad:
        Catalog.load(overrides={"x": {"contxt": 1}}).resolve("x")
    assert bad.value.hint == "did you mean 'context'?"


@pytest.mark.parametrize("length", [2, 3, 40])
def test_circles_of_aliases_are_found(length: int) -> None:
    found = Catalog.load(overrides={f"m{n}": {"alias": f"m{(n + 1) % length}"} for n in range(length)})
    with pytest.raises(ConfigError, match="goes in a circle: m0 -> m1"):
        found.resolve("m0")


def test_a_bad_shipped_entry_is_named_with_its_file(tmp_path: Path) -> None:
    text = 'schema_version = 1\n[models."bad"]\nrepo = 3\n[models."good"]\nrepo = "a/b"\nfile = "m.gguf"\n'
    found = catalog(text, tmp_path)
    assert found.resolve("good").files == ("m.gguf",)
    with pytest.raises(ConfigError) as bad:
        found.resolve("bad")
    assert bad.value.facts["where"] == 'models.toml: models."bad".repo'


@pytest.mark.parametrize(
    ("raw", "where", "what"),
    [
        (b"schema_version = 1\n[models\n", "models.toml:2", "Expected"),
        (b"schema_version = 1\nx = ", "models.toml:2", "Invalid value"),
        (b"schema_version = 1\na = 1\na = 2\n", "models.toml:3", "overwrite"),
        (b"schema_version = 1\n# \xff\n", "models.toml:2", "not valid UTF-8"),
        (b"\x00\x01\x02", "models.toml:1", ""),
        (b"x = " + b"[" * 100_000, "models.toml", "nested too deeply"),
        (b"#" * (5 << 20), "models.toml", "is larger than 4 MiB"),
        (b"", "models.toml: schema_version", "is missing"),
        (b"schema_version = 2", "models.toml: schema_version", "is 2, this infer reads 1"),
        (b"schema_version = 1\nmodels = 3", "models.toml: models", "must be a table"),
        (b"schema_version = 1\nmodel = 3", "models.toml", "unknown key 'model'"),
    ],
)
def test_a_malformed_catalogue_is_a_config_error_with_its_line(
    raw: bytes, where: str, what: str, tmp_path: Path
) -> None:
    path = tmp_path / "models.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as bad:
        Catalog.load(path)
    assert str(bad.value.facts["where"]).endswith(where)
    assert what in str(bad.value.facts["what"])
    assert path.read_bytes() == raw


def test_any_damage_to_the_catalogue_is_a_config_error(tmp_path: Path) -> None:
    """500 mutations of bytes: the file is refused with its line, or each entry on its own, or it is good."""
    text = shipped_path().read_bytes()
    first, end = text.index(b'[models."qwen3.5:4b"]'), text.index(b'[models."qwen3.5:35b"]')
    sample = b'schema_version = 1\n[families]\n"qwen3.5" = "qwen3.5:4b"\n' + text[first:end]
    rng = random.Random(5)
    path = tmp_path / "models.toml"
    outcomes = set()
    for _ in range(500):
        raw = bytearray(sample)
        for _ in range(rng.choice((1, 1, 4))):
            raw[rng.randrange(len(raw))] = rng.choice(b'"[]{}=.,#\n\0\xff019azA-_')
        path.write_bytes(bytes(raw))
        try:
            found = Catalog.load(path)
            for name in found.names():
                found.resolve(name)
            outcomes.add("good")
        except (ConfigError, ModelNotFound) as error:
            outcomes.add(error.code)
        assert path.read_bytes() == raw
    assert outcomes >= {"good", "config"}


def test_a_missing_catalogue_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Catalog.load(tmp_path / "none.toml")


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
KEYS = st.sampled_from(["path", "alias", "repo", "file", "files", "sha256", "sampling", "also", "size", "x"])


@given(st.dictionaries(st.sampled_from(["a", "b", "qwen3:4b"]), st.one_of(VALUES, st.dictionaries(KEYS, VALUES))))
def test_any_table_of_the_user_is_an_entry_or_a_config_error(overrides: dict[str, Any]) -> None:
    found = Catalog(SHIPPED._shipped, overrides, SHIPPED._families)
    for name in [*overrides, "qwen3"]:
        try:
            found.resolve(name)
        except ConfigError:
            pass
        except InferError as error:
            raise AssertionError(f"{name}: {error!r}") from error
    found.names()


def test_the_shipped_file_is_where_both_kinds_of_installation_look() -> None:
    assert shipped_path().is_file()


@pytest.mark.parametrize(
    ("name", "query", "passage"),
    [
        ("nomic-embed-text-v1.5", "search_query: ", "search_document: "),
        ("Nomic Embed Text v1.5", "search_query: ", "search_document: "),
        ("Qwen3 Embedding 0.6B", "Instruct: Given a web search query", ""),
        ("embeddinggemma-300M", "task: search result | query: ", "title: none | text: "),
        ("bge-small-en-v1.5", "Represent this sentence for searching relevant passages: ", ""),
        ("multilingual-e5-large", "query: ", "passage: "),
        ("multilingual-e5-large-instruct", "Instruct: Given a web search query", ""),
    ],
)
def test_prefixes_by_the_beginning_of_a_name(name: str, query: str, passage: str) -> None:
    found = SHIPPED.prefixes(name)
    assert found["query"].startswith(query)
    assert found["passage"] == passage
    assert "none" not in found


@pytest.mark.parametrize("name", ["", "bge-m3", "all-MiniLM-L6-v2", "qwen3", "my-nomic-embed-text"])
def test_no_prefixes_for_other_names(name: str) -> None:
    assert SHIPPED.prefixes(name) == {}


@pytest.mark.parametrize("table", ["1", "{ query = 1 }", '{ none = "x" }', '"x"'])
def test_prefixes_that_are_none(table: str, tmp_path: Path) -> None:
    broken = catalog(f"schema_version = 1\n[prefixes]\nthing = {table}\n", tmp_path)
    with pytest.raises(ConfigError):
        broken.prefixes("thing-v2")
    own = {"mine": {"path": "/m.gguf", "prefixes": {"none": "x"}}}
    with pytest.raises(ConfigError, match=r"prefixes\.none"):
        catalog("schema_version = 1\n", tmp_path, own).resolve("mine")
