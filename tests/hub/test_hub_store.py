"""What was pulled, in the commands that look after it: list, show, verify, update's new file, rm."""

from pathlib import Path

import pytest

from cli.command import Command
from hub.places import cache, files
from hub.server import HubServer, sha256

REPO = "org/Model-GGUF"
NAME = f"{REPO}:Q4_K_M"


def names(infer: Command) -> list[str]:
    return [row["name"] for row in infer.run("list", "--json").json]


def test_show_of_a_repository_says_what_it_offers(infer: Command, hub: HubServer, model: bytes) -> None:
    """The header by ranges, all models of the repository; nothing is kept of it."""
    commit = hub.add(REPO, {"m-Q4_K_M.gguf": model, "m-Q8_0.gguf": model + b"x", "mmproj-F16.gguf": b"GGUF"})
    shown = infer.run("show", NAME, "--json")
    assert shown.code == 0, shown.err
    facts = shown.json
    assert (facts["installed"], facts["commit"], facts["sha256"]) == (False, commit, [sha256(model)])
    assert (facts["architecture"], facts["context"], facts["size"]) == ("llama", 1024, len(model))
    assert [row["name"] for row in facts["variants"]] == ["Q4_K_M", "Q8_0"]
    assert {row["fits"] for row in facts["variants"]} == {"fits"}
    text = infer.run("show", REPO).out.decode()
    assert "not on this machine; infer pull org/Model-GGUF downloads it" in text
    assert "memory at 1,024" in text
    assert infer.run("show", REPO, "--template").out.startswith(b"{% for message")
    assert not cache(infer).exists()


@pytest.mark.slow
def test_show_of_what_a_hub_does_not_have(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    hub.add("org/gated", {"m.gguf": model}, gated=True)
    for name, word in (("org/none", "no repository"), (f"{REPO}:Q2_K", "has no"), ("org/gated", "gated")):
        result = infer.run("show", name)
        assert result.code == 3
        assert word in result.err


def test_from_pull_to_rm(infer: Command, hub: HubServer, model: bytes) -> None:
    """Nothing but infer's own empty directories is left behind."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model, "m-Q8_0.gguf": model + b"x"})
    assert infer.run("pull", NAME).code == 0
    asked = len(hub.requests)
    assert set(names(infer)) == {"tiny", NAME}
    (row,) = infer.run("verify", NAME, "--json").json
    assert row["status"] == "ok"
    assert infer.run("show", NAME, "--json").json["sha256"] == sha256(model)
    removed = infer.run("rm", "--yes", NAME)
    assert removed.code == 0, removed.err
    assert len(hub.requests) == asked
    assert names(infer) == ["tiny"]
    assert [name for name in files(infer) if not name.endswith("listing-v1.json")] == []


@pytest.mark.slow
def test_a_newer_file_stands_beside_the_pulled_one(infer: Command, hub: HubServer, model: bytes) -> None:
    """The name means what was pulled until `infer update` moves it; what is old then can be removed by its commit."""
    old = hub.add(REPO, {"m-Q4_K_M.gguf": model})
    infer.run("pull", NAME)
    hub.add(REPO, {"m-Q4_K_M.gguf": model + b"new"})
    assert infer.run("update", NAME, "--yes").code == 0
    assert set(names(infer)) == {"tiny", NAME, f"{NAME}@{old}"}
    assert infer.run("rm", "--yes", f"{NAME}@{old}").out.startswith(f"removed {NAME}@{old}: ".encode())
    path = infer.run("show", NAME, "--json").json["path"]
    assert Path(path).stat().st_size == len(model) + 3


def test_a_url_is_listed_and_removed(infer: Command, hub: HubServer, model: bytes) -> None:
    commit = hub.add(REPO, {"m.gguf": model})
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/m.gguf"
    assert infer.run("pull", url).code == 0
    (row,) = [row for row in infer.run("list", "--json").json if row["origin"] == "url"]
    assert (row["name"], row["size"]) == (url, len(model))
    assert infer.run("run", url, "fox", "-n", "--max-tokens", "2").code == 0
    removed = infer.run("rm", "--yes", url)
    assert removed.out.startswith(f"removed {url}: ".encode())
    assert names(infer) == ["tiny"]
    assert not any("urls/" in name for name in files(infer))


@pytest.mark.slow
def test_a_damaged_download_is_found_removed_and_fetched_again(infer: Command, hub: HubServer, model: bytes) -> None:
    """The two commands that `verify` names."""
    hub.add(REPO, {"m-Q4_K_M.gguf": model})
    path = Path(infer.run("pull", NAME).out.decode().strip())
    with path.resolve().open("r+b") as file:
        file.seek(-9, 2)
        file.write(b"\0" * 9)
    damaged = infer.run("verify", NAME)
    assert damaged.code == 5
    assert f"hint: infer rm {NAME}, then infer pull {NAME}" in damaged.lines
    assert infer.run("rm", "--yes", NAME).code == 0
    assert infer.run("pull", NAME).code == 0
    assert infer.run("verify", NAME).code == 0


def test_show_of_a_url_reads_its_header_and_says_what_fits(infer: Command, hub: HubServer, model: bytes) -> None:
    """By ranges, as of a repository; nothing is kept, and without the network that is exit 4."""
    commit = hub.add(REPO, {"m.gguf": model})
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/m.gguf"
    facts = infer.run("show", url, "--ctx", "512", "--json").json
    assert (facts["name"], facts["installed"], facts["architecture"]) == (url, False, "llama")
    assert (facts["size"], facts["context"]) == (len(model), 1024)
    assert [(row["context"], row["fit"]) for row in facts["memory"]] == [(512, "fits"), (1024, "fits")]
    text = infer.run("show", url)
    assert text.code == 0, text.err
    assert "not on this machine" in text.out.decode()
    assert "of free memory" in text.out.decode()
    assert infer.run("show", url, "--template").out.startswith(b"{% for message")
    assert infer.run("show", url, "--offline").code == 4
    assert infer.run("show", f"{url}x").code == 3
    assert not any("urls/" in name for name in files(infer))
