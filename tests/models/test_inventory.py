"""The list of what is here: every name in it can be typed and means the file it stands beside."""

import os
from pathlib import Path
from typing import Any

import pytest

import ggufs
from infer.models import hub_cache, pins, stamp
from infer.models.inventory import Installed, installed
from infer.models.ref import ModelRef
from infer.models.store import Store
from models.tools import COMMIT, OTHER, hub_file, ollama_model, put

QUANTS = ("Q4_K_M", "UD-Q4_K_M", "Q8_0")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ggufs.write_gguf(tmp_path_factory.mktemp("gguf") / "m.gguf")


def a_store(home: Path, models: dict[str, Any] | None = None) -> Store:
    return Store(home / "cache", models, environment={"HOME": str(home), "HF_HUB_CACHE": str(home / "hub")})


def rows(store: Store) -> dict[str, Installed]:
    found = {row.name: row for row in installed(store)}
    for row in found.values():
        for name in (row.name, *row.also) if row.paths and not row.problem and row.name.isprintable() else ():
            located = store.locate(ModelRef.parse(name)).path
            assert located.resolve() == Path(row.paths[0]).resolve(), name
    return found


def test_every_name_means_its_file(tmp_path: Path, model: Path) -> None:
    """Quantisations where these are unique, files where they are not, commits where two snapshots differ."""
    data = model.read_bytes()
    for index, name in enumerate([*(f"m-{quant}.gguf" for quant in QUANTS), "sub/m-Q8_0.gguf", "odd name.gguf"]):
        hub_file(tmp_path / "hub", "org/repo", name, data + bytes([index]))
    hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", data, OTHER, ref=None)
    hub_file(tmp_path / "hub", "org/repo", "m-UD-Q4_K_M.gguf", data + b"\1", OTHER, ref=None)
    hub_file(tmp_path / "hub", "org/repo", "mmproj-F16.gguf", b"GGUF")
    put(model, tmp_path / ".lmstudio/models/a/b/x.gguf")
    ollama_model(tmp_path / ".ollama/models", "x/y", model, registry="hf.co/org")
    found = rows(a_store(tmp_path))
    assert found.keys() == {
        "tiny",
        "org/repo:Q4_K_M",
        f"org/repo:Q4_K_M@{OTHER}",
        "org/repo:UD-Q4_K_M",
        "org/repo:m-Q8_0.gguf",
        "org/repo:sub/m-Q8_0.gguf",
        "org/repo:odd name.gguf",
        "lmstudio:a/b",
        "ollama:hf.co/org/x:y",
    }


def test_a_name_that_was_pulled_means_what_it_meant_then(tmp_path: Path, model: Path) -> None:
    data = model.read_bytes()
    old = hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", data, OTHER, ref=None)
    new = hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", data + b"\0", COMMIT)
    for name in ("org/repo:Q4_K_M", "org/repo"):
        pin = pins.Pin(name, "org/repo", "main", OTHER, ("m-Q4_K_M.gguf",), ("0" * 64,), (1,))
        pins.save(pin, tmp_path / "cache")
    found = rows(a_store(tmp_path))
    assert found["org/repo:Q4_K_M"].paths == (str(old),)
    assert found["org/repo:Q4_K_M"].also == ("org/repo",)
    assert found[f"org/repo:Q4_K_M@{COMMIT}"].paths == (str(new),)


def test_an_entry_of_the_catalogue_gives_its_name(tmp_path: Path, model: Path) -> None:
    link = hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", model.read_bytes())
    entry = {"repo": "org/repo", "file": "m-Q4_K_M.gguf", "sha256": hub_cache.blob_sha256(link), "revision": COMMIT}
    found = rows(a_store(tmp_path, {"mine:1b": entry, "other": {"alias": "mine:1b"}}))
    assert found["mine:1b"].also == ("other", "org/repo:Q4_K_M")
    moved = rows(a_store(tmp_path, {"mine:1b": {**entry, "sha256": "0" * 64, "revision": OTHER}}))
    assert "mine:1b" not in moved
    assert moved["org/repo:Q4_K_M"].paths == (str(link),)


def test_the_same_bytes_in_two_snapshots_are_one_model(tmp_path: Path, model: Path) -> None:
    """Whichever of its names was run, its row is the one that is used."""
    hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", model.read_bytes())
    old = hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", model.read_bytes(), OTHER, ref=None)
    store = a_store(tmp_path)
    run, _ = store.resolve(ModelRef.parse(f"org/repo:Q4_K_M@{OTHER}"))
    assert run.path == str(old)
    stamp.touch(run.path, store.cache_dir)
    found = rows(store)
    assert found.keys() == {"tiny", "org/repo:Q4_K_M"}
    assert found["org/repo:Q4_K_M"].used


def test_hostile_directories_stop_nothing(tmp_path: Path, model: Path) -> None:
    """Names no reference can have are listed by path, or not at all; a link in a circle ends; nothing raises."""
    root = tmp_path / "hub"
    for repo in ("..--..", "a--\x1b[31m", "a--b--c", "only", "a--b\n", "-x--y", "a--" + "b" * 200):
        place = root / f"models--{repo}" / "snapshots" / COMMIT
        place.mkdir(parents=True)
        put(model, place / "m.gguf")
    snapshot = root / "models--org--repo/snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "circle.gguf").symlink_to("circle.gguf")
    (snapshot / "loop").symlink_to(".")
    (snapshot / "directory.gguf").mkdir()
    (snapshot / "gone.gguf").symlink_to("../../blobs/gone")
    (root / "models--file--file").write_text("x")
    (root / "models--org--empty").mkdir()
    os.mkfifo(snapshot / "fifo.gguf")
    found = rows(a_store(tmp_path))
    good = {name for name, row in found.items() if not row.problem}
    assert good == {"tiny", *(name for name in good if name.startswith(str(root)))}
    assert not any(name.startswith(("..", "a/", "-")) for name in found)
    assert found["org/repo:gone.gguf"].problem == "its file is missing"
    assert found["org/repo:fifo.gguf"].problem == "its file is missing"


def test_a_name_whose_file_is_gone_is_given_to_no_other(tmp_path: Path, model: Path) -> None:
    """What lies in another snapshot is listed by its commit; the same bytes there are what the name means."""
    data = model.read_bytes()
    link = hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", data, COMMIT)
    for name, digest in (("org/repo", "0" * 64), ("org/repo:Q4_K_M", "0" * 64)):
        pins.save(pins.Pin(name, "org/repo", "main", OTHER, ("m-Q4_K_M.gguf",), (digest,), (1,)), tmp_path / "cache")
    assert rows(a_store(tmp_path)).keys() == {"tiny", f"org/repo:Q4_K_M@{COMMIT}"}
    same = pins.Pin("org/repo", "org/repo", "main", OTHER, ("m-Q4_K_M.gguf",), (link.resolve().name,), (1,))
    pins.save(same, tmp_path / "cache")
    found = rows(a_store(tmp_path))
    assert found[f"org/repo:Q4_K_M@{COMMIT}"].also == ("org/repo",)


def test_a_pulled_name_of_bytes_that_a_newer_snapshot_shares_is_listed(tmp_path: Path, model: Path) -> None:
    data = model.read_bytes()
    old = hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", data, OTHER, ref=None)
    hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", data, COMMIT)
    for name in ("org/repo:Q4_K_M", "org/repo"):
        pin = pins.Pin(name, "org/repo", "main", OTHER, ("m-Q4_K_M.gguf",), (old.resolve().name,), (1,))
        pins.save(pin, tmp_path / "cache")
    found = rows(a_store(tmp_path))
    assert found["org/repo:Q4_K_M"].also == ("org/repo",)


def test_two_files_of_one_quantisation_in_two_snapshots_have_two_names(tmp_path: Path, model: Path) -> None:
    """A file that was renamed: the quantisation means the newer one, so the older one is listed by its commit."""
    data = model.read_bytes()
    new = hub_file(tmp_path / "hub", "org/repo", "new-Q4_K_M.gguf", data)
    old = hub_file(tmp_path / "hub", "org/repo", "old-Q4_K_M.gguf", data + b"\0", OTHER, ref=None)
    listed = installed(a_store(tmp_path))
    assert sorted(row.name for row in listed) == ["org/repo:Q4_K_M", f"org/repo:Q4_K_M@{OTHER}", "tiny"]
    found = rows(a_store(tmp_path))
    assert found["org/repo:Q4_K_M"].paths == (str(new),)
    assert found[f"org/repo:Q4_K_M@{OTHER}"].paths == (str(old),)


def test_a_quantisation_that_is_ambiguous_at_first_means_a_later_snapshots_file(tmp_path: Path, model: Path) -> None:
    """And every other row has a name of its own, also for files that are gone and the same bytes under two names."""
    data, root = model.read_bytes(), tmp_path / "hub"
    for name in ("a-Q4_0.gguf", "b-Q4_0.gguf", "c-Q4_0.gguf"):
        hub_file(root, "org/repo", name, data + name.encode())
    hub_file(root, "org/repo", "a-Q4_0.gguf", data + b"a-Q4_0.gguf", OTHER, ref=None)
    hub_file(root, "org/repo", "d-Q8_0.gguf", data, OTHER, ref=None)
    hub_file(root, "org/repo", "e-Q8_0.gguf", data, "c" * 40, ref=None)
    hub_file(root, "org/repo", "f-Q4_0.gguf", data + b"f", "d" * 40, ref=None)
    hub_file(root, "org/repo", "gone.gguf", data + b"gone").resolve().unlink()
    hub_file(root, "org/repo", "gone.gguf", data + b"here", OTHER, ref=None)
    listed = installed(a_store(tmp_path))
    names = [name for row in listed for name in (row.name, *row.also)]
    assert len(names) == len(set(names)) == 9
    assert "org/repo:Q4_0" not in rows(a_store(tmp_path)), "it means a-Q4_0.gguf, which has a name"


@pytest.mark.parametrize("entry", [None, {"repo": "org/other", "file": "m-Q4_K_M.gguf"}])
def test_an_alias_that_means_something_else_by_now_is_not_listed(
    tmp_path: Path, model: Path, entry: dict[str, Any] | None
) -> None:
    """Its entry in config.toml has gone, or names another repository since it was pulled."""
    link = hub_file(tmp_path / "hub", "org/repo", "m-Q4_K_M.gguf", model.read_bytes())
    pin = pins.Pin("mine:1b", "org/repo", "main", COMMIT, ("m-Q4_K_M.gguf",), (link.resolve().name,), (1,))
    pins.save(pin, tmp_path / "cache")
    found = rows(a_store(tmp_path, {"mine:1b": entry} if entry else None))
    assert found.keys() == {"tiny", "org/repo:Q4_K_M"}
    assert found["org/repo:Q4_K_M"].also == ()
