"""Every row of the issue's "Bad input gets" about downloads, through the real command, with its exit code."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.command import Command, Result
from cli.limits import Frozen, mounted_read_only, obeying
from hub.places import cache, files, leftovers, partials
from hub.server import Faults, HubServer, sha256

REPO = "org/Model-GGUF"
FILE = "m-Q4_K_M.gguf"


def refused(result: Result, code: int, *parts: str) -> None:
    """The exit code, nothing on stdout, an error with these parts in this order and perhaps a hint, no traceback."""
    assert result.code == code, result.err
    assert result.out == b""
    errors = [line for line in result.lines if line.startswith("error: ")]
    assert len(errors) == 1, result.err
    assert all(line.startswith("hint: ") for line in result.lines[result.lines.index(errors[0]) + 1 :])
    place = 0
    for part in parts:
        assert part in result.err[place:], result.err
        place = result.err.index(part, place) + len(part)


def verified(infer: Command, data: bytes) -> None:
    """The file is here under its name, whole, and nothing else is."""
    blob = next(cache(infer).glob(f"models--*/blobs/{sha256(data)}"))
    assert blob.read_bytes() == data
    assert leftovers(infer) == []


# --- what the server does wrong, and nothing is published

WRONG: dict[str, tuple[Callable[[Faults], None], int, tuple[str, ...]]] = {
    "html": (lambda f: setattr(f, "html", True), 5, ("is not a usable GGUF file: it is an HTML page", "hint: ")),
    "sha256": (lambda f: setattr(f, "flip", True), 5, ("has the sha256 ", ", promised was ", "hint: ")),
    "gzip": (lambda f: setattr(f, "gzip", True), 5, ("arrives compressed (gzip)", "hint: a proxy")),
    "short": (lambda f: setattr(f, "short", 100), 5, ("bytes there, promised were", "hint: ")),
    "long": (lambda f: setattr(f, "long", 100), 5, ("goes on after its", "hint: ")),
    "404": (lambda f: setattr(f, "statuses", [404]), 3, ("has no file",)),
    "403": (lambda f: setattr(f, "statuses", [403]), 3, ("may be read (403)",)),
    "stall": (
        lambda f: (setattr(f, "stalls", [9.0] * 9), setattr(f, "cuts", [0] * 9))[0],
        4,
        ("cannot be downloaded: no byte arrived", "hint: "),
    ),
    "503": (lambda f: setattr(f, "statuses", [503] * 9), 4, ("cannot be downloaded:", "answered 503")),
    "ftp": (lambda f: setattr(f, "redirect", "ftp://host/m.gguf"), 4, ("which is no address on the web",)),
    "no-host": (lambda f: setattr(f, "redirect", "http://[::1/x"), 4, ("cannot be downloaded", "invalid ipv6")),
    "no-port": (lambda f: setattr(f, "redirect", "http://127.0.0.1:99999/x"), 4, ("which is no address on the web",)),
    "nobody": (lambda f: setattr(f, "redirect", "http://127.0.0.1:9/x"), 4, ("connection refused",)),
}
QUICK = {"html", "sha256"}


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in WRONG])
def test_what_the_server_does_wrong_is_named_and_never_published(
    infer: Command, hub: HubServer, model: bytes, name: str
) -> None:
    break_it, code, parts = WRONG[name]
    hub.add(REPO, {FILE: model})
    break_it(hub.faults)
    result = infer.run("pull", REPO)
    refused(result, code, *parts)
    assert name != "sha256" or sha256(model) in result.err
    assert not [path for path in files(infer) if "snapshots" in path or path.endswith(sha256(model))]
    assert name == "stall" or leftovers(infer) == []
    hub.faults = Faults()
    assert infer.run("pull", REPO).code == 0
    verified(infer, model)


# --- a connection that ends early, and what the server answers to the next attempt

AGAIN: dict[str, tuple[Callable[[Faults], None], int, str]] = {
    "resumed": (lambda f: None, 0, ""),
    "200-instead-of-206": (lambda f: setattr(f, "no_ranges", True), 0, ""),
    "another-etag": (lambda f: setattr(f, "etags", ['"a"', '"b"']), 0, ""),
    "no-etag": (lambda f: setattr(f, "no_etag", True), 0, ""),
    "503": (lambda f: setattr(f, "statuses", [0, 503]), 0, ""),
    "wrong-range": (lambda f: setattr(f, "wrong_range", True), 5, "sent another range than the one asked for"),
    "other-content": (lambda f: (setattr(f, "flip", True), setattr(f, "etags", ['"a"', '"b"']))[0], 5, "promised was"),
}


@pytest.mark.parametrize("name", [n if n == "resumed" else pytest.param(n, marks=pytest.mark.slow) for n in AGAIN])
def test_after_a_cut(infer: Command, hub: HubServer, big_model: bytes, name: str) -> None:
    """Only what is missing is fetched, where the server can prove that it is still the same file."""
    break_it, code, part = AGAIN[name]
    hub.add(REPO, {FILE: big_model})
    break_it(hub.faults)
    hub.faults.cuts = [3_000_000]
    result = infer.run("pull", REPO)
    if code:
        refused(result, code, part)
        return
    assert result.code == 0, result.err
    assert "the connection ended after 3,000,000 of" in result.err
    verified(infer, big_model)
    whole = name in ("200-instead-of-206", "another-etag")
    assert hub.served == len(big_model) + (3_000_000 if whole else 0)


@pytest.mark.slow
def test_a_connection_that_stalls_is_taken_up_again(infer: Command, hub: HubServer, big_model: bytes) -> None:
    """RELIABILITY row 16: after the patience of HF_HUB_DOWNLOAD_TIMEOUT, from where it was."""
    hub.add(REPO, {FILE: big_model})
    hub.faults.stalls = [9.0]
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    assert "no byte arrived for some time" in result.err
    assert 2 < result.seconds < 8
    assert hub.served == len(big_model)
    verified(infer, big_model)


@pytest.mark.slow
def test_a_server_that_always_cuts_at_one_place_is_given_up(infer: Command, hub: HubServer, big_model: bytes) -> None:
    """It knows no ranges, so every attempt brings the same bytes again."""
    hub.add(REPO, {FILE: big_model})
    hub.faults.no_ranges = True
    hub.faults.cuts = [1_000_000] * 99
    refused(infer.run("pull", REPO), 4, "cannot be downloaded: the connection ended after 1,000,000 of")
    assert len(hub.faults.cuts) == 93


@pytest.mark.parametrize("no_if_range", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_changed_url_is_fetched_anew_and_never_mixed(
    infer: Command, hub: HubServer, big_model: bytes, no_if_range: bool
) -> None:
    """Nobody has promised a sha256 here: only the ETag tells that the second half is of another file."""
    commit = hub.add(REPO, {FILE: big_model})
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/{FILE}"
    hub.faults.cuts = [10**9, 3_000_000, 0, 0, 0, 0, 0]  # the first body is the look at the beginning
    refused(infer.run("pull", url), 4, "are kept; the same command goes on from there")
    assert [path.stat().st_size for path in partials(infer)] == [3_000_000]
    newer = big_model[:2_000_000] + bytes([big_model[2_000_000] ^ 1]) + big_model[2_000_001:-1] + b"\1"
    hub.repos[REPO].commits[-1] = (commit, {FILE: newer})
    hub.faults = Faults(no_if_range=no_if_range)
    result = infer.run("pull", url)
    assert result.code == 0, result.err
    assert Path(result.out.decode().rstrip("\n")).read_bytes() == newer
    assert leftovers(infer) == []


def test_ctrl_c_keeps_what_has_arrived(infer: Command, hub: HubServer, big_model: bytes) -> None:
    """Exit 130 at once; the next run says where it goes on, and fetches only the rest."""
    hub.add(REPO, {FILE: big_model})
    hub.faults.rate = 5e6
    running = infer.start("pull", REPO)
    running.until(lambda: any(path.stat().st_size > 1_000_000 for path in partials(infer)))
    running.signal(2)
    stopped = running.finish()
    assert (stopped.code, stopped.out) == (130, b"")
    kept = partials(infer)[0].stat().st_size
    hub.faults.rate, hub.served = 0, 0
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    assert f"{FILE}: going on after " in result.err
    assert hub.served == len(big_model) - kept
    verified(infer, big_model)


@pytest.mark.slow
def test_bad_bytes_of_an_earlier_run_cost_one_new_download(infer: Command, hub: HubServer, model: bytes) -> None:
    """What lies in the partial file is hashed too; if it is wrong, all of it is fetched once more."""
    hub.add(REPO, {FILE: model})
    blobs = cache(infer) / f"models--{REPO.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{sha256(model)}.infer.incomplete").write_bytes(b"GGUF" + bytes(5000))
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    verified(infer, model)


NOTES = {"ref": "cache/huggingface/hub/**/refs/main", "pin": "cache/infer/pins/*.json", "url": "cache/infer/urls/*/url"}


@pytest.mark.parametrize("huge", [pytest.param(True, marks=pytest.mark.slow), False])
def test_a_note_that_is_a_fifo_or_endless_counts_as_none(
    infer: Command, hub: HubServer, model: bytes, huge: bool
) -> None:
    """No command waits for it, none reads it all."""
    commit = hub.add(REPO, {FILE: model})
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/{FILE}"
    assert [infer.run("pull", name).code for name in (REPO, url)] == [0, 0]
    for pattern in NOTES.values():
        (place,) = infer.home.glob(pattern)
        place.unlink()
        if huge:
            place.touch()
            os.truncate(place, 1 << 36)
        else:
            os.mkfifo(place)
    for words in (("list",), ("show", REPO), ("run", REPO, "hi", "--max-tokens", "1"), ("pull", url), ("pull", REPO)):
        result = infer.run(*words, timeout=20)
        assert result.code == 0, result.err


def test_a_note_of_a_partial_file_that_is_a_fifo(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {FILE: model})
    blobs = cache(infer) / f"models--{REPO.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    for digest in (sha256(model), "0" * 64):
        (blobs / f"{digest}.infer.incomplete").write_bytes(model[:100])
        os.mkfifo(blobs / f"{digest}.infer.incomplete.json")
    result = infer.run("pull", REPO, timeout=20)
    assert result.code == 0, result.err


# --- names that do not exist


ABSENT: dict[str, tuple[str, ...]] = {
    f"{REPO}:Q2_K": ("has no quantisation Q2_K", "hint: it has a/m-F16.gguf, b/m-F16.gguf, Q4_K_M, Q8_0\n"),
    f"{REPO}:x.gguf": ("has no file x.gguf", "hint: it has a/m-F16.gguf, "),
    f"{REPO}:F16": ("has no single F16 file but 2", "a/m-F16.gguf, b/m-F16.gguf"),
    f"{REPO}@nope": ("has no revision 'nope'",),
    "org/nope": ("there is no repository org/nope at", "hint: infer search nope"),
    "org/None": ("org/None has no GGUF model", "hint: infer search"),
    "qwen3:4": ("no model is called 'qwen3:4'", "hint: did you mean qwen3:4b"),
}


@pytest.mark.parametrize(
    "typed", [name if name.endswith("Q2_K") else pytest.param(name, marks=pytest.mark.slow) for name in ABSENT]
)
def test_what_does_not_exist_lists_what_does(infer: Command, hub: HubServer, model: bytes, typed: str) -> None:
    """Two different files under one name are told apart by their paths."""
    names = (FILE, "m-Q8_0.gguf", "mmproj-BF16.gguf", "a/m-F16.gguf", "b/m-F16.gguf")
    hub.add(REPO, {name: model + bytes([number]) for number, name in enumerate(names)})
    hub.add("org/None", {"model.safetensors": model})
    refused(infer.run("pull", typed), 3, *ABSENT[typed])


def test_a_projector_is_never_taken_for_a_model(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {"mmproj-BF16.gguf": model})
    refused(infer.run("pull", f"{REPO}:mmproj-BF16.gguf"), 5, "mmproj-BF16.gguf", "is no model")
    assert hub.bodies() == []


HOSTILE = {
    "up": "../../../../../x.gguf",
    "absolute": "/tmp/x.gguf",
    "inner-up": "a/../../x.gguf",
    "nul": "a\0b.gguf",
    "newline": "a\nb.gguf",
    "escape": "\x1b[31mred.gguf",
    "c1": "a\x9bb.gguf",
    "bidi": "a\u202eb.gguf",
    "backslash": "..\\x.gguf",
    "long": "a" * 5000 + ".gguf",
    "deep": "/".join(["a"] * 600) + ".gguf",
    "empty-part": "a//b.gguf",
}


@pytest.mark.parametrize("name", [n if n == "up" else pytest.param(n, marks=pytest.mark.slow) for n in HOSTILE])
def test_a_hostile_file_name_is_refused_and_nothing_is_written(
    infer: Command, hub: HubServer, model: bytes, name: str
) -> None:
    hub.add(REPO, {FILE: model})
    hub.faults.names = [HOSTILE[name]]
    result = infer.run("pull", REPO)
    refused(result, 5, f"{REPO} has a file name that is refused: ", "hint: nothing was downloaded")
    assert result.err.replace("\n", "").isprintable()
    assert files(infer) == []


@pytest.mark.slow
def test_planted_links_are_not_followed(infer: Command, hub: HubServer, model: bytes) -> None:
    """At the partial file: what it points to stays as it is; at the snapshot's name, a broken one is replaced."""
    commit = hub.add(REPO, {FILE: model})
    victim = infer.home / "victim"
    victim.write_bytes(b"precious")
    home = cache(infer) / f"models--{REPO.replace('/', '--')}"
    planted = {home / "blobs" / f"{sha256(model)}.infer.incomplete": victim}
    planted |= {home / "snapshots" / commit / FILE: infer.home / "nowhere"}
    for place, target in planted.items():
        place.parent.mkdir(parents=True)
        place.symlink_to(target)
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    assert victim.read_bytes() == b"precious"
    verified(infer, model)


UNUSABLE = {
    "ipv6": "https://[x/m.gguf",
    "port": "https://host:65536/m.gguf",
    "no-port": "https://host:abc/m.gguf",
    "surrogate": "org/repo:\udcff.gguf",
    "prefixed": "hf:org/repo:\udcff.gguf",
    "revision-absolute": "org/repo@/etc/passwd",
    "revision-empty-part": "org/repo@a//b",
    "revision-dot": "org/repo@./main",
}


@pytest.mark.parametrize(
    "name", [n if n in ("ipv6", "surrogate") else pytest.param(n, marks=pytest.mark.slow) for n in UNUSABLE]
)
@pytest.mark.parametrize("command", ["pull", "run"])
def test_a_reference_that_is_none_is_a_usage_error(infer: Command, name: str, command: str) -> None:
    refused(infer.run(command, UNUSABLE[name], *(["hi"] if command == "run" else [])), 2, "does not name a model")
    assert files(infer) == []


@pytest.mark.slow
def test_a_revision_of_the_catalogue_is_no_path(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {FILE: model})
    infer.configure(f'[models."mine:1b"]\nrepo = "{REPO}"\nfile = "{FILE}"\nrevision = "../../../x"\n')
    refused(infer.run("pull", "mine:1b"), 2, "revision: must be a branch, tag or commit")
    assert hub.requests == []


# --- an endpoint that is no hub


@pytest.mark.parametrize(
    ("endpoint", "code", "part"),
    [
        ("http://127.0.0.1:9", 4, "http://127.0.0.1:9 cannot be reached: "),
        ("https://[::1", 2, "HF_ENDPOINT: 'https://[::1' is not the address of a server"),
        pytest.param("https://me:secret@host:99999", 2, "'https://host:99999' is not the", marks=pytest.mark.slow),
        pytest.param("nonsense", 2, "HF_ENDPOINT: 'nonsense' is not the address of a server", marks=pytest.mark.slow),
    ],
)
def test_an_endpoint_that_is_none(infer: Command, endpoint: str, code: int, part: str) -> None:
    refused(infer.run("pull", REPO, env={"HF_ENDPOINT": endpoint}), code, part)


@pytest.mark.slow
def test_an_endpoint_that_is_none_is_said_of_a_url_too(infer: Command) -> None:
    url = "http://127.0.0.1:9/org/repo/resolve/main/m.gguf"
    refused(infer.run("pull", url, env={"HF_ENDPOINT": "https://[::1"}), 2, "is not the address of a server")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"])
def test_a_variable_that_is_no_number(infer: Command, name: str) -> None:
    refused(infer.run("pull", REPO, env={name: "abc"}), 2, name if "DOWN" in name else "variable", "abc")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "status", "part"),
    [("<html>", 200, "did not answer as a Hugging"), ("{}", 200, "did not"), ("", 500, "answered 500"),
     ('{"sha": "../../x", "id": "a/b"}', 200, "a commit of"), ("", 429, "answered 429")],
)  # fmt: skip
def test_answers_of_something_else(infer: Command, hub: HubServer, text: str, status: int, part: str) -> None:
    hub.faults.facts, hub.faults.facts_status = text, status
    result = infer.run("pull", REPO)
    refused(result, 5 if part == "a commit of" else 4, part)
    assert files(infer) == []


# --- the disk


def test_no_room_is_said_before_the_first_byte(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {FILE: model})
    hub.faults.sizes = {FILE: 10**16}
    refused(infer.run("pull", REPO), 6, f"no room on the disk: {FILE} needs ", " is free in ", "hint: free some space")
    assert hub.bodies() == []


def test_a_disk_that_fills_up_keeps_what_it_has(infer: Command, hub: HubServer, big_model: bytes) -> None:
    """A limit on the size of files stands for the full disk: write() fails in the same way, with EFBIG."""
    hub.add(REPO, {FILE: big_model})
    full = infer.run("pull", REPO, prefix=("bash", "-c", 'ulimit -f 3000; exec "$@"', "bash"))
    refused(full, 6, f"no room on the disk: the rest of {FILE} needs ", "what is there already is kept")
    assert [path.stat().st_size for path in partials(infer)] == [3000 * 1024]
    hub.served = 0
    assert infer.run("pull", REPO).code == 0
    assert hub.served == len(big_model) - 3000 * 1024
    verified(infer, big_model)


@pytest.mark.slow
@pytest.mark.parametrize("call", ["write", "fsync", "rename,renameat,renameat2"])
def test_enospc_at_a_system_call_is_exit_6_and_the_next_run_goes_on(
    infer: Command, hub: HubServer, model: bytes, call: str
) -> None:
    hub.add(REPO, {FILE: model})
    blob = cache(infer) / f"models--{REPO.replace('/', '--')}" / "blobs" / f"{sha256(model)}.infer.incomplete"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"")
    inject = f"inject={call}:error=ENOSPC"
    strace = ("strace", "-f", "-qq", "-o", "/dev/null", "-P", str(blob), "-e", inject)
    refused(infer.run("pull", REPO, prefix=strace), 6, "no room on the disk")
    assert infer.run("pull", REPO).code == 0
    verified(infer, model)


def test_a_cache_that_cannot_be_written_is_exit_6(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {FILE: model})
    nowhere = infer.home / "file"
    nowhere.write_text("")
    result = infer.run("pull", REPO, env={"HF_HUB_CACHE": str(nowhere / "hub")})
    refused(result, 6, "cannot write to ", "hint: set HF_HUB_CACHE")


def test_a_cache_that_may_not_be_written_is_exit_6(infer: Command, hub: HubServer, model: bytes) -> None:
    """Also for root, which has given its rights away here."""
    hub.add(REPO, {FILE: model})
    cache(infer).mkdir(parents=True)
    prefix = obeying()
    with Frozen(cache(infer)):
        for words in (("pull", REPO), ("run", REPO, "hi", "-n")):
            refused(
                infer.run(*words, prefix=prefix), 6, "cannot write to ", "permission denied", "hint: set HF_HUB_CACHE"
            )
    assert list(cache(infer).iterdir()) == []
    assert hub.bodies() == []


def test_a_read_only_cache_is_exit_6(infer: Command, hub: HubServer, model: bytes) -> None:
    hub.add(REPO, {FILE: model})
    result = infer.run("pull", REPO, prefix=mounted_read_only(cache(infer)))
    refused(result, 6, "cannot write to ", "read-only file system", "hint: set HF_HUB_CACHE")
    assert list(cache(infer).iterdir()) == []


def test_a_model_in_a_read_only_cache_is_run(infer: Command, hub: HubServer, model: bytes) -> None:
    """And a pull of what is there has nothing to do."""
    hub.add(REPO, {FILE: model})
    assert infer.run("pull", REPO).code == 0
    prefix = mounted_read_only(cache(infer))
    assert infer.run("run", REPO, "hi", "-n", "--max-tokens", "2", prefix=prefix).code == 0
    assert infer.run("pull", REPO, prefix=prefix).code == 0


@pytest.mark.slow
def test_a_model_that_does_not_fit_is_refused_before_it_is_fetched(
    infer: Command, hub: HubServer, big_model: bytes
) -> None:
    """Of a large file the header is read by ranges first; `run` gives up then."""
    hub.add(REPO, {FILE: big_model})
    hub.faults.sizes = {FILE: 3 * 10**9}
    result = infer.run("run", REPO, "hi", "--ctx", "2000000000")
    refused(result, 6, "with a context of 2,000,000,000 tokens needs ", "is free")
    assert hub.served < 3 << 20


def test_a_file_of_a_url_that_does_not_fit_is_refused_before_it_is_fetched(
    infer: Command, hub: HubServer, big_model: bytes
) -> None:
    commit = hub.add(REPO, {FILE: big_model})
    hub.faults.total = 3 * 10**9
    result = infer.run("run", f"{hub.endpoint}/{REPO}/resolve/{commit}/{FILE}", "hi", "--ctx", "2000000000")
    refused(result, 6, "with a context of 2,000,000,000 tokens needs ", "is free")
    assert hub.served < 3 << 20
    assert partials(infer) == []


@pytest.mark.parametrize("place", ["", "pins"])
def test_infers_own_cache_that_may_not_be_written_is_said_before_the_first_byte(
    infer: Command, hub: HubServer, model: bytes, place: str
) -> None:
    """It is another place than the models' cache: the hint names its own variable, and nothing was downloaded."""
    commit = hub.add(REPO, {FILE: model})
    own = infer.home / "cache" / "infer" / place
    own.mkdir(parents=True)
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/{FILE}"
    prefix = obeying()
    with Frozen(own):
        for words in (("pull", REPO), ("run", REPO, "hi", "-n"), ("pull", url)):
            result = infer.run(*words, prefix=prefix)
            refused(result, 6, f"cannot write to {infer.home}/cache/infer", "permission denied", "set INFER_CACHE_DIR")
    assert hub.served == 64, "the first bytes of the URL say what it is"
    assert not cache(infer).exists()
    assert leftovers(infer) == []


def test_what_infer_keeps_is_for_the_user_alone(infer: Command, hub: HubServer, model: bytes) -> None:
    """Whatever the umask is; the shared cache of huggingface_hub is for those whom it lets in."""
    commit = hub.add(REPO, {FILE: model})
    prefix = ("sh", "-c", 'umask 0; exec "$@"', "sh")
    for name in (REPO, f"{hub.endpoint}/{REPO}/resolve/{commit}/{FILE}"):
        assert infer.run("pull", name, prefix=prefix).code == 0
    own = infer.home / "cache" / "infer"
    places = [own, *own.rglob("*")]
    assert {"pins", "urls", "metadata", "url", "lock", FILE} <= {path.name for path in places}
    assert {str(path): oct(path.stat().st_mode & 0o777) for path in places if path.stat().st_mode & 0o077} == {}
