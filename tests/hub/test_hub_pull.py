"""From a reference to a verified file, through the real command and the real huggingface_hub client."""

import json
import os
import re
import socket
from pathlib import Path

import huggingface_hub
import pytest

from cli.command import Command
from ggufs import write_gguf
from hub.places import cache, files, leftovers
from hub.server import TOKEN, HubServer, sha256

REPO = "org/Model-GGUF"


def test_a_run_downloads_verifies_and_answers_and_the_second_asks_nobody(
    infer: Command, hub: HubServer, model: bytes
) -> None:
    """Done-when 1: the answer alone is on stdout; later runs make no request and do not import huggingface_hub."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    arguments = ("run", f"{REPO}:Q4_K_M", "hi", "--seed", "1", "--max-tokens", "4", "--json")
    first = infer.run(*arguments)
    assert first.code == 0, first.err
    assert first.err.startswith(f"downloading {REPO}/m-Q4_K_M.gguf (")
    assert first.json["model"]["sha256"] == sha256(model)
    asked = len(hub.requests)
    second = infer.run(*arguments, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert second.json["text"] == first.json["text"]
    assert len(hub.requests) == asked
    assert "infer.models.store" in second.err
    assert "huggingface_hub" not in second.err
    assert leftovers(infer) == []


def test_the_files_lie_as_huggingface_hub_lays_them(infer: Command, hub: HubServer, model: bytes) -> None:
    """Its own functions find the file, and see a cache without warnings."""
    commit = hub.add(REPO, {"sub/m-Q4_K_M.gguf": model, "README.md": b"hello"})
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    path = Path(result.out.decode().rstrip("\n"))
    found = huggingface_hub.try_to_load_from_cache(REPO, "sub/m-Q4_K_M.gguf", cache_dir=cache(infer))
    assert found == str(path)
    assert path == cache(infer) / f"models--{REPO.replace('/', '--')}" / "snapshots" / commit / "sub" / "m-Q4_K_M.gguf"
    assert path.readlink() == Path(f"../../../blobs/{sha256(model)}")
    scanned = huggingface_hub.scan_cache_dir(cache(infer))
    assert not scanned.warnings
    assert [(repo.repo_id, [*repo.refs]) for repo in scanned.repos] == [(REPO, ["main"])]
    assert path.read_bytes() == model


@pytest.mark.parametrize(
    ("names", "typed", "chosen"),
    [
        (["a-F16", "a-Q8_0", "a-Q4_K_M", "mmproj-a-Q4_K_M", "a-Q4_K_M-imatrix"], "", "a-Q4_K_M"),
        pytest.param(["a-Q8_0", "a-Q5_K_S", "a-Q2_K"], "", "a-Q5_K_S", marks=pytest.mark.slow),
        pytest.param(["a-Q8_0", "UD-a/a-UD-Q4_K_XL", "a-Q4_K_M"], ":q8_0", "a-Q8_0", marks=pytest.mark.slow),
        pytest.param(["only"], "", "only", marks=pytest.mark.slow),
        pytest.param(["a-Q4_K_M", "sub/a"], ":sub/a.gguf", "sub/a", marks=pytest.mark.slow),
    ],
)
def test_the_quantisation_is_the_one_that_was_meant(
    infer: Command, hub: HubServer, model: bytes, names: list[str], typed: str, chosen: str
) -> None:
    hub.add(REPO, {f"{name}.gguf": model for name in names})
    result = infer.run("pull", f"{REPO}{typed}")
    assert result.code == 0, result.err
    assert result.out.decode().rstrip("\n").endswith(f"/{chosen}.gguf")


def test_a_sharded_model_is_one_model(infer: Command, hub: HubServer, models_dir: Path) -> None:
    """All its files are fetched; it cannot be seen before the last of them is here."""
    parts = []
    for number in (0, 1):
        extra = {"split.no": number, "split.count": 2, "split.tensors.count": 42}
        path = write_gguf(models_dir / f"s-{number}.gguf", extra=extra, seed=number)
        parts.append(path.read_bytes())
    names = [f"big-Q4_K_M-0000{number}-of-00002.gguf" for number in (1, 2)]
    hub.add(REPO, dict(zip(names, parts, strict=True)))
    hub.faults.statuses = [0, 404]
    cut = infer.run("pull", REPO)
    assert cut.code == 3, cut.err
    assert not [name for name in files(infer) if "snapshots" in name]
    result = infer.run("pull", REPO, "--json")
    assert result.code == 0, result.err
    assert result.json["files"] == names
    assert result.json["fetched"] == len(parts[1]), "the first part is not fetched again"


def test_what_another_tool_has_fetched_in_part_is_completed(infer: Command, hub: HubServer, models_dir: Path) -> None:
    parts = []
    for number in (0, 1):
        extra = {"split.no": number, "split.count": 2, "split.tensors.count": 42}
        path = write_gguf(models_dir / f"s-{number}.gguf", extra=extra, seed=number)
        parts.append(path.read_bytes())
    names = [f"big-Q4_K_M-0000{number}-of-00002.gguf" for number in (1, 2)]
    hub.add(REPO, dict(zip(names, parts, strict=True)))
    huggingface_hub.hf_hub_download(REPO, names[0], cache_dir=cache(infer), endpoint=hub.endpoint)
    offline = infer.run("pull", REPO, "--offline")
    assert offline.code in (3, 5), offline.err
    result = infer.run("pull", REPO, "--json")
    assert result.code == 0, result.err
    assert (result.json["files"], result.json["fetched"]) == (names, len(parts[1]))


def test_a_file_that_was_cut_afterwards_is_fetched_again(infer: Command, hub: HubServer, model: bytes) -> None:
    """The one that was pulled, although the name means another by now."""
    commit = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    first = infer.run("pull", REPO)
    path = Path(first.out.decode().rstrip("\n"))
    with path.resolve().open("r+b") as file:
        file.truncate(len(model) - 1000)
    hub.add(REPO, {"m-Q4_K_M.gguf": model[:-1] + b"\1"})
    result = infer.run("pull", REPO, "--json")
    assert (result.code, result.json["commit"], result.json["path"]) == (0, commit, str(path)), result.err
    assert path.read_bytes() == model
    assert infer.run("update", "--list").out.startswith(f"{REPO}: newer".encode())
    assert leftovers(infer) == []


@pytest.mark.slow
def test_an_alias_is_fetched_at_its_commit_and_checked_against_the_catalogue(
    infer: Command, hub: HubServer, model: bytes
) -> None:
    old = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    hub.add(REPO, {"m-Q4_K_M.gguf": model[:-1] + b"\1"})
    entry = f'[models."mine:1b"]\nrepo = "{REPO}"\nfile = "m-Q4_K_M.gguf"\nrevision = "{old}"\nsha256 = "%s"\n'
    infer.configure(entry % sha256(b"other"))
    wrong = infer.run("pull", "mine:1b")
    assert wrong.code == 5
    assert (
        f"error: {REPO} has the sha256 {sha256(model)} for m-Q4_K_M.gguf, the catalogue {sha256(b'other')}" in wrong.err
    )
    assert hub.bodies() == []
    infer.configure(entry % sha256(model))
    result = infer.run("pull", "mine:1b", "--json")
    assert (result.code, result.json["commit"], result.json["sha256"]) == (0, old, sha256(model)), result.err


def test_a_name_means_the_same_file_until_update_moves_it(infer: Command, hub: HubServer, model: bytes) -> None:
    """Not even another tool that moves `main` in the shared cache changes what a name means."""
    old = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    first = infer.run("pull", REPO)
    newer = model[:-1] + b"\1"
    new = hub.add(REPO, {"m-Q4_K_M.gguf": newer})
    huggingface_hub.hf_hub_download(REPO, "m-Q4_K_M.gguf", cache_dir=cache(infer), endpoint=hub.endpoint)
    assert infer.run("pull", REPO).out == first.out
    listed = infer.run("update", "--list")
    assert listed.code == 0, listed.err
    assert listed.out.decode().startswith(f"{REPO}: newer, {old[:8]} -> {new[:8]}, m-Q4_K_M.gguf, ")
    assert infer.run("pull", REPO).out == first.out, "--list only says it"
    assert infer.run("update").code == 0
    moved = infer.run("pull", REPO, "--json").json
    assert (moved["commit"], moved["sha256"]) == (new, sha256(newer))
    again = infer.run("update", REPO, "--json").json
    assert [row["state"] for row in again] == ["same"]


def test_update_wants_yes_above_10_gb_and_goes_on_after_an_error(infer: Command, hub: HubServer, model: bytes) -> None:
    """Its exit code is that of the worst."""
    for name in ("org/a", "org/b", "org/c"):
        hub.add(name, {f"{name[-1]}-Q4_K_M.gguf": model})
        assert infer.run("pull", name).code == 0
        hub.add(name, {f"{name[-1]}-Q4_K_M.gguf": model[:-1] + name[-1:].encode()})
    hub.faults.sizes = {"a-Q4_K_M.gguf": 11 * 10**9}
    hub.faults.statuses = [404]
    result = infer.run("update", "--json")
    assert (result.code, [row["state"] for row in result.json]) == (3, ["failed", "failed", "newer"]), result.err
    assert "hint: infer update --yes org/a downloads it" in result.lines
    assert len(hub.bodies()) == 5
    again = infer.run("update")
    assert again.code == 2, again.err
    assert [line.split(",")[0].split(" (")[0] for line in again.out.decode().splitlines()] == [
        "org/a: newer",
        "org/b: newer",
        "org/c: up to date",
    ]


@pytest.mark.slow
def test_update_keeps_what_is_gone(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    path = infer.run("pull", REPO).out
    hub.repos[REPO].private = True
    result = infer.run("update")
    assert result.code == 0, result.err
    assert f"{REPO}: gone (there is no repository {REPO}" in result.out.decode()
    assert infer.run("pull", REPO).out == path
    unknown = infer.run("update", "org/never")
    assert (unknown.code, unknown.out) == (3, b"")


@pytest.mark.slow
def test_what_another_tool_has_fetched_is_not_fetched_again(infer: Command, hub: HubServer, model: bytes) -> None:
    commit = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    theirs = huggingface_hub.hf_hub_download(REPO, "m-Q4_K_M.gguf", cache_dir=cache(infer), endpoint=hub.endpoint)
    asked = len(hub.requests)
    result = infer.run("pull", REPO, "--json")
    assert (result.json["path"], result.json["commit"], result.json["fetched"]) == (theirs, commit, 0)
    assert len(hub.requests) == asked


def test_a_url_is_a_file_in_our_own_cache(infer: Command, hub: HubServer, model: bytes) -> None:
    commit = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/m-Q4_K_M.gguf"
    result = infer.run("run", url, "hi", "--max-tokens", "2", "--json")
    assert result.code == 0, result.err
    assert result.json["model"]["sha256"] == sha256(model)
    assert str(infer.home / "cache" / "infer" / "urls") in result.json["model"]["file"]
    asked = len(hub.requests)
    assert infer.run("run", url, "hi", "--max-tokens", "2", "--offline").code == 0
    assert len(hub.requests) == asked


@pytest.mark.parametrize("cut", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_url_of_what_cannot_be_used_is_not_kept(infer: Command, hub: HubServer, model: bytes, cut: bool) -> None:
    """Without a digest and without a length the header alone tells that something is missing or wrong."""
    data = model[:-1000] if cut else model[:8] + b"\xff" * 600
    commit = hub.add(REPO, {"m.gguf": data})
    hub.faults.no_length = cut
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/m.gguf"
    result = infer.run("pull", url)
    assert (result.code, result.out) == (5, b""), result.err
    assert "is not a usable GGUF file" in result.err
    assert [name for name in files(infer) if "urls/" in name] == []
    hub.repos[REPO].commits[-1] = (commit, {"m.gguf": model})
    assert infer.run("pull", url).code == 0


@pytest.mark.slow
def test_search_lists_repositories_with_sizes_and_what_fits(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add("org/Small-GGUF", {"m.gguf": model}, downloads=5)
    hub.add("org/Smaller-GGUF", {"m.gguf": model}, downloads=50, gated=True)
    lines = infer.run("search", "small").out.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["repository", "org/Smaller-GGUF", "org/Small-GGUF"]
    assert "(gated)" in lines[1]
    rows = infer.run("search", "small", "--limit", "1", "--json").json
    assert [(row["name"], row["fits"]) for row in rows] == [("org/Smaller-GGUF", "fits")]
    assert infer.run("search", "nothing-like-it", "--json").json == []


# --- the network may not be used


@pytest.mark.parametrize(
    ("option", "environment", "why"),
    [
        (["--offline"], {}, "--offline"),
        ([], {"INFER_OFFLINE": "1"}, "INFER_OFFLINE"),
        ([], {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
    ],
)
@pytest.mark.parametrize("command", ["run", pytest.param("pull", marks=pytest.mark.slow)])
def test_offline_is_exit_4_and_names_the_switch(
    infer: Command, hub: HubServer, command: str, option: list[str], environment: dict[str, str], why: str
) -> None:
    words = ["hi"] if command == "run" else []
    result = infer.run(command, REPO, *words, *option, env=environment)
    assert (result.code, result.out) == (4, b"")
    assert result.lines == [
        f"error: {REPO} is not on this machine, and {why} forbids the network",
        f"hint: once, with the network: infer pull {REPO}",
    ]
    assert hub.requests == []


@pytest.mark.parametrize("offline", [[], pytest.param(["--offline"], marks=pytest.mark.slow)])
def test_with_the_model_present_nothing_touches_the_network(
    infer: Command, hub: HubServer, model: bytes, offline: list[str]
) -> None:
    """A socket records connections, and strace sees no internet socket at all, whatever the process."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    assert infer.run("pull", f"{REPO}:Q4_K_M").code == 0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        trace = infer.home / "trace"
        strace = ("strace", "-f", "-qq", "-e", "trace=socket,connect,sendto", "-o", str(trace))
        variables = {"HF_ENDPOINT": endpoint, "https_proxy": endpoint, "http_proxy": endpoint}
        result = infer.run("run", f"{REPO}:Q4_K_M", "hi", "--max-tokens", "2", *offline, env=variables, prefix=strace)
        assert result.code == 0, result.err
        with pytest.raises(TimeoutError):
            listener.accept()
    assert not re.search("AF_INET", trace.read_text())


# --- tokens


def test_a_gated_repository_wants_a_token_which_no_other_host_sees(
    infer: Command, hub: HubServer, model: bytes
) -> None:
    hub.add(REPO, {"m-Q4_K_M.gguf": model}, gated=True)
    refused = infer.run("pull", REPO)
    assert (refused.code, refused.out) == (3, b"")
    assert refused.lines[-2] == f"error: {REPO} is gated: its owner asks everybody to accept its conditions first"
    assert f"hint: accept them at {hub.endpoint}/{REPO}, make a token" in refused.lines[-1]
    assert leftovers(infer) == []
    wrong = infer.run("pull", REPO, env={"HF_TOKEN": "hf_wrong"})
    assert wrong.code == 3
    assert "with the account of your token" in wrong.err
    result = infer.run("pull", REPO, env={"HF_TOKEN": TOKEN})
    assert result.code == 0, result.err
    with_token = {request.host for request in hub.requests if "authorization" in request.headers}
    assert with_token == {"hub"}
    assert TOKEN not in result.err + result.out.decode()


@pytest.mark.slow
def test_a_token_file_opens_a_private_repository(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {"m-Q4_K_M.gguf": model}, private=True)
    refused = infer.run("pull", REPO)
    assert (refused.code, refused.lines[0]) == (
        3,
        f"error: there is no repository {REPO} at {hub.endpoint}, or it is private",
    )
    token = infer.home / "cache" / "huggingface" / "token"
    token.parent.mkdir(parents=True, exist_ok=True)
    token.write_text(TOKEN)
    assert infer.run("pull", REPO).code == 0


# --- how it is shown


@pytest.mark.slow
def test_a_terminal_shows_a_bar_and_a_log_shows_lines(infer: Command, hub: HubServer, big_model: bytes) -> None:
    hub.add(REPO, {"m-Q4_K_M.gguf": big_model})
    hub.faults.rate = 20e6
    shown = infer.run("pull", REPO, stderr="tty")
    assert shown.code == 0
    assert "m-Q4_K_M.gguf" in shown.err
    assert "MB/s" in shown.err
    assert "━" in shown.err
    quiet = infer.run("pull", REPO, "-q", env={"HF_HUB_CACHE": str(infer.home / "other")})
    assert (quiet.code, quiet.err) == (0, "")


def test_above_10_gb_a_run_asks_or_wants_yes(infer: Command, hub: HubServer, model: bytes) -> None:
    """Before any byte of the file; without a terminal there is nobody to ask."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    hub.faults.sizes = {"m-Q4_K_M.gguf": 11 * 10**9}
    result = infer.run("run", REPO, "hi")
    assert (result.code, result.out) == (2, b"")
    assert result.lines[-1] == f"hint: infer pull {REPO} downloads it; so does --yes"
    running = infer.start("run", REPO, "hi", stdin="tty", stderr="tty")
    running.until(lambda: "has 11.0 GB. Download it? [y/N]" in running.err)
    os.write(running._keep[-1], b"n\n")
    assert running.finish().code == 2
    assert hub.bodies() == []


@pytest.mark.slow
def test_the_json_of_pull(infer: Command, hub: HubServer, model: bytes) -> None:
    commit = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    record = json.loads(infer.run("pull", REPO, "--json").out)
    assert record["path"].endswith("m-Q4_K_M.gguf")
    assert record | {"path": ""} == {
        "model": REPO, "path": "", "sha256": sha256(model), "bytes": len(model), "fetched": len(model),
        "repository": REPO, "commit": commit, "files": ["m-Q4_K_M.gguf"],
    }  # fmt: skip
