"""The store: a reference becomes a checked file of this machine, or an error that says what to do."""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import ggufs
from infer.errors import BadModelFile, ConfigError, FileUnreadable, IntegrityError, ModelNotFound, NotDownloaded
from infer.models import hub_cache, stamp, store, verify, web_cache
from infer.models.ref import ModelRef
from infer.models.store import Located, Store

COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, which is also the current directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def a_store(home: Path, models: dict[str, Any] | None = None, **options: Any) -> Store:
    return Store(home / "cache", models, environment={"HF_HUB_CACHE": str(home / "hub")}, **options)


def resolve(store_: Store, text: str) -> str:
    return store_.resolve(ModelRef.parse(text))[0].path


def cached(home: Path, repo: str, file: str, commit: str = COMMIT, *, main: bool = True, seed: int = 0) -> Path:
    """A model in the layout of the hub's cache: refs, snapshot, link to a blob named by its sha256."""
    place = home / "hub" / f"models--{repo.replace('/', '--')}"
    raw = ggufs.write_gguf(home / "raw.gguf", seed=seed).read_bytes()
    blob = place / "blobs" / hashlib.sha256(raw).hexdigest()
    link = place / "snapshots" / commit / file
    for directory in (blob.parent, link.parent, place / "refs"):
        directory.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(raw)
    link.symlink_to(os.path.relpath(blob, link.parent))
    if main:
        (place / "refs" / "main").write_text(commit)
    return link


def test_files_are_run_in_place(home: Path) -> None:
    """Relative, absolute, ~ and file: name the same file; its path is absolute, the reference as it was typed."""
    path = ggufs.write_gguf(home / "m.gguf")
    found = a_store(home)
    for text in ("m.gguf", "./m.gguf", str(path), "~/m.gguf", "file:m.gguf", f"file://{path}"):
        model, recommended = found.resolve(ModelRef.parse(text))
        assert (model.path, model.ref, model.sha256) == (str(path), str(ModelRef.parse(text)), None)
        assert model.metadata.architecture == "llama"
        assert recommended == {}


def test_a_file_that_is_not_there_names_its_neighbours(home: Path) -> None:
    ggufs.write_gguf(home / "model.gguf")
    with pytest.raises(FileUnreadable, match=r"cannot read \./modle\.gguf: no such file") as absent:
        resolve(a_store(home), "./modle.gguf")
    assert absent.value.exit_code == 3
    assert absent.value.hint == "did you mean model.gguf?"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nowhere/m.gguf", "no such file"),
        ("~nobody-of-that-name/m.gguf", "no such file"),
        ("./" + "x" * 300, "too long"),
        ("./dangling.gguf", "no such file"),
        (".", "directory"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, why: str, home: Path) -> None:
    (home / "dangling.gguf").symlink_to("gone")
    with pytest.raises(FileUnreadable, match=why):
        resolve(a_store(home), text)


def test_a_bad_file_is_a_bad_model_file(home: Path) -> None:
    (home / "m.gguf").write_text("hello, this is text")
    with pytest.raises(BadModelFile, match="does not begin with 'GGUF' but with 'hell'"):
        resolve(a_store(home), "m.gguf")


def test_tiny_and_files_need_no_catalogue(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken models.toml stops neither, and is not even looked at."""
    (home / "models.toml").write_text("[[[")
    path = ggufs.write_gguf(home / "m.gguf")
    monkeypatch.setattr(store, "embedded_path", lambda: path)
    found = a_store(home, {"x": {"path": 1}}, catalog=home / "models.toml")
    assert resolve(found, "./m.gguf") == resolve(found, "tiny") == str(path)
    with pytest.raises(ConfigError, match=r"models.toml:1"):
        resolve(found, "qwen3")


def test_an_installation_without_tiny_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "__file__", "/nowhere/infer/models/store.py")
    with pytest.raises(IntegrityError, match="embedded model is missing") as missing:
        store.embedded_path()
    assert missing.value.exit_code == 5


def test_an_alias_of_the_user_points_to_a_file(home: Path) -> None:
    path = ggufs.write_gguf(home / "m.gguf")
    models = {"mine": {"path": str(path), "sampling": {"temperature": 0.1}}, "again": {"alias": "mine"}}
    for name in models:
        model, recommended = a_store(home, models).resolve(ModelRef.parse(name))
        assert (model.path, model.ref, recommended) == (str(path), name, {"temperature": 0.1})


def test_an_unknown_name_lists_the_nearest(home: Path) -> None:
    with pytest.raises(ModelNotFound, match="no model is called 'qwen3:4'") as unknown:
        resolve(a_store(home), "qwen3:4")
    assert "qwen3:4b" in unknown.value.hint


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("qwen3:4b", "infer pull qwen3:4b downloads Qwen3-4B-Q4_K_M.gguf of Qwen/Qwen3-4B-GGUF (revision a9a60"),
        ("qwen3-coder-next", "-00001-of-00004.gguf and the 3 files after it of"),
        ("org/repo:Q8_0", "infer pull org/repo:Q8_0 downloads its Q8_0 file of org/repo"),
        ("org/repo", "infer pull org/repo downloads its best fitting file of org/repo"),
        ("org/repo:m.gguf@v1", "infer pull org/repo:m.gguf@v1 downloads m.gguf of org/repo (revision v1)"),
        ("https://host/m.gguf", "infer pull https://host/m.gguf downloads it"),
    ],
)
def test_what_is_not_here_says_what_to_fetch(text: str, named: str, home: Path) -> None:
    with pytest.raises(NotDownloaded, match="is not on this machine") as absent:
        resolve(a_store(home), text)
    assert absent.value.exit_code == 3
    assert named in absent.value.hint


def test_what_other_tools_have_downloaded_is_used_in_place(home: Path) -> None:
    link = cached(home, "org/repo", "sub/m-Q4_K_M.gguf")
    found = a_store(home)
    for text in ("org/repo", "org/repo:Q4_K_M", "org/repo:q4_k_m", "org/repo:sub/m-Q4_K_M.gguf"):
        assert resolve(found, text) == str(link)
        assert resolve(found, f"{text}@main") == resolve(found, f"{text}@{COMMIT}") == str(link)
    for text in ("org/repo:Q8_0", "org/repo@v1", f"org/repo@{OTHER}", "org/repo:m-Q4_K_M.gguf", "org/other"):
        with pytest.raises(NotDownloaded):
            resolve(found, text)


def test_main_comes_before_other_snapshots(home: Path) -> None:
    main = cached(home, "org/repo", "m-Q4_0.gguf", COMMIT, main=True)
    cached(home, "org/repo", "m-Q4_0.gguf", OTHER, main=False, seed=1)
    assert resolve(a_store(home), "org/repo") == str(main)


def alias_of(link: Path, **more: Any) -> dict[str, Any]:
    return {"m": {"repo": "org/repo", "file": link.name, **more}}


def test_an_alias_uses_the_cached_file_of_its_revision(home: Path) -> None:
    """The sha256 is what infer has computed: that the blob's name is the catalogue's proves nothing about its bytes."""
    link = cached(home, "org/repo", "m-Q4_0.gguf", main=False)
    sha256 = link.resolve().name
    model, _ = a_store(home, alias_of(link, revision=COMMIT, sha256=sha256)).resolve(ModelRef.parse("m"))
    assert (model.path, model.sha256) == (str(link), None)
    model, _ = a_store(home, alias_of(link)).resolve(ModelRef.parse("m"))
    assert (model.path, model.sha256) == (str(link), None)


def test_an_alias_takes_the_same_bytes_from_another_revision_only(home: Path) -> None:
    """A name never silently changes the file it means."""
    link = cached(home, "org/repo", "m-Q4_0.gguf")
    same = alias_of(link, revision=OTHER, sha256=link.resolve().name)
    assert resolve(a_store(home, same), "m") == str(link)
    for other in (alias_of(link, revision=OTHER, sha256="0" * 64), alias_of(link, revision=OTHER)):
        with pytest.raises(NotDownloaded):
            resolve(a_store(home, other), "m")


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/a"}, "/a"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HF_HUB_CACHE": ""}, str(Path.home() / ".cache/huggingface/hub")),
    ],
)
def test_the_hub_cache_is_where_its_variables_say(environment: dict[str, str], place: str) -> None:
    assert str(hub_cache.directory(environment)) == place


def test_projectors_and_later_shards_are_no_models(home: Path) -> None:
    for name in ("m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "mmproj-F16.gguf", "imatrix.gguf", "notes.txt"):
        (home / name).write_text("")
    assert hub_cache.models(home) == ["m-00001-of-00002.gguf"]


def test_a_secret_in_a_url_is_in_no_record_and_no_error(home: Path) -> None:
    """What is stored under the URL is found by all of it; what is said of it has neither password nor query."""
    url = "https://me:canary@host/m.gguf?X-Signature=canary"
    with pytest.raises(NotDownloaded) as absent:
        resolve(a_store(home), url)
    place = web_cache.place(url, home / "cache")
    place.parent.mkdir(parents=True)
    ggufs.write_gguf(place)
    model, _ = a_store(home).resolve(ModelRef.parse(url))
    assert (model.path, model.ref) == (str(place), "https://host/m.gguf")
    assert "canary" not in f"{model} {absent.value} {absent.value.facts} {absent.value.hint}"


def test_no_network_library_is_imported(home: Path) -> None:
    link = cached(home, "org/repo", "m-Q4_0.gguf")
    cached(home, "org/repo", "m-Q8_0.gguf")
    before = set(sys.modules)
    assert resolve(a_store(home), "org/repo") == str(link)
    assert not {"huggingface_hub", "httpx", "requests", "llama_cpp"} & (set(sys.modules) - before)


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(tmp_path: Path) -> None:
    path, cache = ggufs.write_gguf(tmp_path / "m.gguf"), tmp_path / "cache"
    verify.verify(Located(path, "file"), cache, lambda count: os.utime(path, (1, 1)))
    assert stamp.load(str(path), cache) is None
    verify.verify(Located(path, "file"), cache)
    known = stamp.load(str(path), cache)
    assert known is not None
    assert known.sha256
