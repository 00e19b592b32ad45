"""A name never silently changes the file it means: not when that file is gone, not whatever else is here or there."""

import shutil
from pathlib import Path

import huggingface_hub
import pytest

from cli.command import Command, Result
from ggufs import write_gguf
from hub.places import cache
from hub.server import HubServer, sha256
from infer.models import pins

REPO = "org/Model-GGUF"
RUN = ("hi", "-n", "--max-tokens", "2", "--json")


def pulled(infer: Command, name: str) -> Path:
    result = infer.run("pull", name)
    assert result.code == 0, result.err
    return Path(result.out.decode().rstrip("\n"))


def lose(path: Path) -> None:
    """Take a model's file and its snapshot away, as other programs do that clean up the shared cache."""
    path.resolve().unlink()
    shutil.rmtree(path.parent)


def refused_offline(infer: Command, hub: HubServer, name: str, commit: str) -> Result:
    asked = len(hub.requests)
    result = infer.run("run", name, *RUN, "--offline")
    assert (result.code, result.out) == (4, b""), result.err
    assert result.lines == [
        f"note: {name} was pulled as m-Q4_K_M.gguf of {REPO} at {commit[:8]}",
        f"error: {name} is not on this machine, and --offline forbids the network",
        f"hint: once, with the network: infer pull {name}",
    ]
    assert len(hub.requests) == asked
    return result


@pytest.fixture
def lost(infer: Command, hub: HubServer, model: bytes) -> tuple[str, Path]:
    """`REPO` was pulled as its Q4_K_M file, which is gone; here are another quantisation, and a newer revision."""
    old = hub.add(REPO, {"m-Q4_K_M.gguf": model, "m-Q8_0.gguf": model + b"8"})
    path = pulled(infer, REPO)
    pulled(infer, f"{REPO}:Q8_0@{old}")
    hub.add(REPO, {"m-Q4_K_M.gguf": model + b"new", "m-Q8_0.gguf": model + b"8"})
    huggingface_hub.hf_hub_download(REPO, "m-Q4_K_M.gguf", cache_dir=cache(infer), endpoint=hub.endpoint)
    path.resolve().unlink()
    path.unlink()
    return old, path


def test_a_run_fetches_the_pulled_file_again_and_no_other(
    infer: Command, hub: HubServer, model: bytes, lost: tuple[str, Path]
) -> None:
    old, path = lost
    refused_offline(infer, hub, REPO, old)
    result = infer.run("run", REPO, *RUN)
    assert result.code == 0, result.err
    assert (result.json["model"]["file"], result.json["model"]["sha256"]) == (str(path), sha256(model))


def test_a_pull_fetches_the_pulled_file_again_and_no_other(
    infer: Command, hub: HubServer, model: bytes, lost: tuple[str, Path]
) -> None:
    old, path = lost
    result = infer.run("pull", REPO, "--json")
    assert result.code == 0, result.err
    record = result.json
    assert (record["path"], record["commit"], record["sha256"]) == (str(path), old, sha256(model))
    assert record["fetched"] == len(model)


def test_show_and_list_speak_of_the_pulled_file(
    infer: Command, hub: HubServer, model: bytes, lost: tuple[str, Path]
) -> None:
    """Of the remote one, since it is not here; nothing else is listed under its name."""
    old, _ = lost
    shown = infer.run("show", REPO, "--json").json
    assert (shown["installed"], shown["commit"], shown["sha256"]) == (False, old, [sha256(model)])
    names = {name for row in infer.run("list", "--json").json for name in (row["name"], *row["also"])}
    assert REPO not in names


@pytest.mark.parametrize("name", ["mine:1b", f"{REPO}:Q4_K_M"])
def test_an_alias_and_a_quantisation_are_pinned_as_well(
    infer: Command, hub: HubServer, model: bytes, name: str
) -> None:
    """Another revision's file, here by now, is not what was pulled; its bytes in another snapshot are."""
    infer.configure(f'[models."mine:1b"]\nrepo = "{REPO}"\nfile = "m-Q4_K_M.gguf"\n')
    old = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    path = pulled(infer, name)
    hub.add(REPO, {"m-Q4_K_M.gguf": model + b"new"})
    other = huggingface_hub.hf_hub_download(REPO, "m-Q4_K_M.gguf", cache_dir=cache(infer), endpoint=hub.endpoint)
    blob = path.resolve()
    kept = blob.read_bytes()
    lose(path)
    refused_offline(infer, hub, name, old)
    blob.write_bytes(kept)
    Path(other).unlink()
    Path(other).symlink_to(f"../../blobs/{blob.name}")
    assert infer.run("run", name, *RUN, "--offline").json["model"]["file"] == other
    lose(Path(other))
    assert pulled(infer, name) == path
    assert path.read_bytes() == model


def test_a_revision_that_the_hub_has_no_more_is_an_error_and_update_moves_the_name(
    infer: Command, hub: HubServer, model: bytes
) -> None:
    old = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    lose(pulled(infer, REPO))
    new = hub.add(REPO, {"m-Q4_K_M.gguf": model + b"new"})
    del hub.repos[REPO].commits[0]
    for command in (("run", REPO, *RUN), ("pull", REPO)):
        gone = infer.run(*command)
        assert (gone.code, gone.out) == (3, b"")
        assert gone.lines[-2:] == [
            f"error: {REPO} has no revision '{old}'",
            f"hint: {REPO} was pulled as m-Q4_K_M.gguf of it; infer update {REPO} moves it to what is there now",
        ]
    assert infer.run("update", "--json").json == [], "what is not here is not fetched unasked"
    moved = infer.run("update", REPO)
    assert moved.code == 0, moved.err
    assert moved.out.decode().startswith(f"{REPO}: newer, {old[:8]} -> {new[:8]}, ")
    assert infer.run("pull", REPO, "--json").json["commit"] == new


def test_update_says_that_what_is_up_to_date_is_not_here(infer: Command, hub: HubServer, model: bytes) -> None:
    commit = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    lose(pulled(infer, REPO))
    result = infer.run("update", REPO)
    wanted = f"{REPO}: up to date ({commit[:8]}), but not here: infer pull {REPO} downloads it\n"
    assert (result.code, result.out.decode()) == (0, wanted)
    (row,) = infer.run("update", REPO, "--json").json
    assert (row["state"], row["here"]) == ("same", False)


def test_other_bytes_under_the_pulled_commit_are_refused(infer: Command, hub: HubServer, model: bytes) -> None:
    """A mirror that cannot be trusted: nothing is fetched from it."""
    commit = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    lose(pulled(infer, REPO))
    evil = model[:-1] + b"\1"
    hub.repos[REPO].commits = [(commit, {"m-Q4_K_M.gguf": evil})]
    asked = len(hub.bodies())
    result = infer.run("pull", REPO)
    assert (result.code, result.out) == (5, b""), result.err
    wrong = f"error: {REPO} has the sha256 {sha256(evil)} for m-Q4_K_M.gguf, what was pulled {sha256(model)}"
    assert wrong in result.lines
    assert len(hub.bodies()) == asked


def test_a_shard_that_is_gone_is_fetched_again(infer: Command, hub: HubServer, models_dir: Path) -> None:
    """By infer pull, to which the others point: that file alone."""
    parts = []
    for number in (0, 1):
        extra = {"split.no": number, "split.count": 2, "split.tensors.count": 42}
        parts.append(write_gguf(models_dir / f"p-{number}.gguf", extra=extra, seed=number + 5).read_bytes())
    names = [f"big-Q4_K_M-0000{number}-of-00002.gguf" for number in (1, 2)]
    hub.add(REPO, dict(zip(names, parts, strict=True)))
    path = pulled(infer, REPO)
    (path.parent / names[1]).resolve().unlink()
    hub.served = 0
    for command in ("run", REPO, *RUN), ("verify", REPO):
        assert infer.run(*command).code == 5
    assert infer.run("run", REPO, *RUN).lines[-1] == f"hint: infer pull {REPO} downloads what is missing"
    assert infer.run("pull", REPO, "--json").json["fetched"] == len(parts[1])
    assert hub.served == len(parts[1])


# --- what is said of a URL that holds a secret


def test_records_of_a_url_have_no_secret(infer: Command, hub: HubServer, model: bytes) -> None:
    commit = hub.add(REPO, {"m.gguf": model})
    plain = f"{hub.endpoint}/{REPO}/resolve/{commit}/m.gguf"
    url = f"{plain}?X-Signature=canary"
    for command in (
        ("pull", url, "--json"),
        ("show", url, "--json"),
        ("show", url),
        ("verify", url),
        ("run", url, *RUN),
    ):
        result = infer.run(*command)
        assert result.code == 0, result.err
        assert "canary" not in result.err + result.out.decode()
    assert infer.run("pull", url, "--json").json["model"] == plain
    assert infer.run("show", url, "--json").json["name"] == plain
    absent = infer.run("show", f"{url}-2", "--json", "--offline")
    assert absent.code == 4
    assert "canary" not in absent.err


def theirs(infer: Command, hub: HubServer, file: str = "m-Q4_K_M.gguf") -> Path:
    """What `main` means now, as another tool fetches it."""
    place = huggingface_hub.hf_hub_download(REPO, file, cache_dir=cache(infer), endpoint=hub.endpoint)
    return Path(place)


def pin_of(infer: Command, name: str) -> pins.Pin | None:
    return pins.load(name, infer.home / "cache" / "infer")


@pytest.mark.parametrize("name", [REPO, f"{REPO}:Q4_K_M", "mine:1b"])
def test_a_pull_of_what_another_tool_has_fetched_pins_its_name(
    infer: Command, hub: HubServer, model: bytes, name: str
) -> None:
    """From then on `main` may move: the name means the old file."""
    commit = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    old = theirs(infer, hub)
    entry = f'[models."mine:1b"]\nrepo = "{REPO}"\nfile = "m-Q4_K_M.gguf"\n'
    infer.configure(entry + f'revision = "{commit}"\n' if name == "mine:1b" else entry)
    assert pulled(infer, name) == old
    pin = pin_of(infer, name)
    assert pin is not None
    assert (pin.repo, pin.commit, pin.files, pin.sha256) == (REPO, commit, (old.name,), (sha256(model),))
    assert pin.revision == (commit if name == "mine:1b" else "main"), "what infer update follows"
    assert [one.name for one in pins.every(infer.home / "cache" / "infer")] == [name]
    hub.add(REPO, {"m-Q4_K_M.gguf": model + b"new"})
    assert theirs(infer, hub) != old
    result = infer.run("run", name, *RUN, "--offline")
    assert (result.code, result.json["model"]["file"]) == (0, str(old)), result.err


def test_a_blob_behind_which_is_a_store_is_pinned_by_its_own_name(infer: Command, hub: HubServer, model: bytes) -> None:
    """People link blobs to other disks: what lies there has any name."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    blob = theirs(infer, hub).resolve()
    blob.rename(infer.home / "stored")
    blob.symlink_to(infer.home / "stored")
    pulled(infer, REPO)
    pin = pin_of(infer, REPO)
    assert pin is not None
    assert (pin.sha256, pin.sizes) == ((sha256(model),), (len(model),))


def test_the_sha256_is_what_infer_has_computed(infer: Command, hub: HubServer, model: bytes) -> None:
    """A run does not claim what only a blob's name says; a pull reads the file once, and remembers it."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    place = theirs(infer, hub)
    assert infer.run("run", REPO, *RUN).json["model"]["sha256"] is None
    assert infer.run("pull", REPO, "--json").json["sha256"] == sha256(model)
    assert infer.run("run", REPO, *RUN).json["model"]["sha256"] == sha256(model)
    stamps = {path: path.stat().st_mtime_ns for path in (infer.home / "cache/infer/metadata").glob("*.json")}
    assert infer.run("pull", REPO, "--json").json["sha256"] == sha256(model)
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps, "it was not read again"
    place.resolve().write_bytes(model[:-1] + b"\1")
    damaged = infer.run("pull", REPO)
    assert (damaged.code, damaged.out) == (5, b"")
    assert f"hint: infer rm {REPO}, then infer pull {REPO}" in damaged.lines


def test_a_damaged_file_of_another_tool_is_not_pinned(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    theirs(infer, hub).resolve().write_bytes(model[:-1] + b"\1")
    result = infer.run("pull", REPO)
    assert (result.code, result.out) == (5, b"")
    assert f"the Hugging Face cache says {sha256(model)}" in result.err
    assert pin_of(infer, REPO) is None


def test_a_pin_goes_with_the_last_file_that_has_its_bytes(infer: Command, hub: HubServer, model: bytes) -> None:
    """The pulled snapshot has gone, another one has the same bytes: `rm` takes these, and the name means nothing."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    path = pulled(infer, REPO)
    hub.add(REPO, {"m-Q4_K_M.gguf": model, "other.txt": b""})
    other = theirs(infer, hub)
    assert other != path
    path.unlink()
    removed = infer.run("rm", "--yes", REPO)
    assert removed.code == 0, removed.err
    assert not other.is_symlink()
    assert pin_of(infer, REPO) is None
    new = hub.add(REPO, {"m-Q4_K_M.gguf": model + b"new"})
    assert infer.run("pull", REPO, "--json").json["commit"] == new


def test_a_name_whose_bytes_are_still_here_is_kept(infer: Command, hub: HubServer, model: bytes) -> None:
    """Another snapshot's file is removed by its commit: the pulled one is what the name means, as before."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    path = pulled(infer, REPO)
    new = hub.add(REPO, {"m-Q4_K_M.gguf": model, "other.txt": b""})
    theirs(infer, hub)
    assert infer.run("rm", "--yes", f"{REPO}:Q4_K_M@{new}").code == 0
    assert pin_of(infer, REPO) is not None
    assert pulled(infer, REPO) == path
