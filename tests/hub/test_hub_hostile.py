"""What a hostile hub calls its files and says about them: decided name by name; nothing outside the cache changes."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

import pytest

from cli.command import Command, Result
from hub.places import cache, files, leftovers
from hub.server import TOKEN, HubServer, sha256

REPO = "org/Model-GGUF"
FILE = "m-Q4_K_M.gguf"
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

# A path that leaves the repository on some system, a name that no file system holds, or one that a terminal executes.
REFUSED = {
    "up": "../x.gguf",
    "up-from-inside": "a/../../../../../../../x.gguf",
    "absolute": "{home}/x.gguf",
    "only-slashes": "//x.gguf",
    "dot": "./x.gguf",
    "drive-absolute": "C:\\x.gguf",
    "drive-relative": "C:x.gguf",
    "drive-inside": "a/C:x.gguf",
    "drive-slash": "c:/x.gguf",
    "unc": "\\\\host\\share\\x.gguf",
    "unc-slashes": "//host/share/x.gguf",
    "device-path": "\\\\.\\NUL.gguf",
    "backslash-up": "..\\..\\x.gguf",
    "nul": "a\0b.gguf",
    "newline": "a\nb.gguf",
    "return": "a\rb.gguf",
    "red": "\x1b[31mred.gguf",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07.gguf",
    "title": "\x1b]0;evil\x1b\\.gguf",
    "c1": "\x9b31m.gguf",
    "bidi": "a\u202egpj.gguf",
    "zero-width": "a\u200bb.gguf",
    "line-separator": "a\u2028b.gguf",
    "surrogate": "a\ud800.gguf",
    "long": "a" * 5000 + ".gguf",
    "long-part": "a" * 251 + ".gguf",
    "long-part-in-bytes": "ä" * 126 + ".gguf",
    "deep": "/".join(["a"] * 600) + ".gguf",
}
# No GGUF files by their name, or hidden ones that no listing would show: nothing is made of them.
IGNORED = [
    "CON",
    "NUL",
    "aux.txt",
    "m.gguf.",
    "m.gguf ",
    "m.gguf. . ",
    "../../README.md",
    "\x1b[31m",
    "m.gguf\n",
    ".x.gguf",
    ".git/x.gguf",
    "...gguf",
    ".../x.gguf",
]
# Strange, but names inside the repository, here and for huggingface_hub: the files lie under exactly these names.
ORDINARY = [
    "CON.gguf",
    "NUL.gguf",
    "aux/com1.gguf",
    "dots./x.gguf",
    "space /x.gguf",
    " x.gguf",
    "~/x.gguf",
    "-rf.gguf",
    "$(touch evil).gguf",
    "%2e%2e%2fx.gguf",
    "a?b#c.gguf",
    "ab:stream.gguf",
    "é\u0301 模型.gguf",
    "a" * 250 + ".gguf",
]
QUICK = {"drive-relative", "clipboard", "m.gguf ", "NUL.gguf"}


def cases(names: "dict[str, str] | list[str]") -> list[object]:
    """As parameters, the ones that are not quick marked as slow."""
    return [
        pytest.param(
            name, id=name[:30].encode("ascii", "replace").decode(), marks=[] if name in QUICK else [pytest.mark.slow]
        )
        for name in names
    ]


def harmless(result: Result) -> None:
    """Nothing that a terminal would execute, on either stream."""
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", result.err), result.err
    assert b"\x1b" not in result.out


def refused(result: Result, code: int, *parts: str) -> None:
    assert (result.code, result.out) == (code, b""), result.err
    errors = [line for line in result.lines if line.startswith("error: ")]
    assert len(errors) == 1, result.err
    assert len(errors[0]) < 400
    harmless(result)
    for part in parts:
        assert part in result.err


@pytest.mark.parametrize("name", cases(REFUSED))
def test_a_name_that_leaves_the_repository_is_refused(infer: Command, hub: HubServer, model: bytes, name: str) -> None:
    """By every command that asks the hub; no file is made, in the cache or outside it."""
    infer.home = infer.home / "home/of/somebody"
    infer.home.mkdir(parents=True)
    outside = infer.home.parents[2]
    infer.environment |= {"HOME": str(infer.home), "XDG_CACHE_HOME": str(infer.home / "cache")}
    infer.environment["INFER_CACHE_DIR"] = str(infer.home / "cache" / "infer")
    hub.add(REPO, {FILE: model})
    hub.faults.names = [REFUSED[name].format(home=infer.home) if "{" in REFUSED[name] else REFUSED[name]]
    before = sorted(outside.rglob("*"))
    commands = (("pull", REPO), ("run", REPO, "hi", "-n"), ("show", REPO), ("pull", f"{REPO}:{FILE}"))
    for command in commands if name in ("clipboard", "up", "long") else commands[:1]:
        result = infer.run(*command)
        refused(result, 5, f"error: {REPO} has a file name that is refused: ", "hint: nothing was downloaded")
        made = [path for path in sorted(outside.rglob("*")) if path not in before and not path.is_dir()]
        assert made == []
    terminal = infer.run("pull", REPO, stderr="tty")
    assert terminal.code == 5
    assert "\x1b]" not in terminal.err
    assert "\x9b" not in terminal.err
    assert hub.bodies() == []


@pytest.mark.parametrize("name", cases(IGNORED))
def test_a_name_that_is_no_gguf_is_ignored(infer: Command, hub: HubServer, model: bytes, name: str) -> None:
    commit = hub.add(REPO, {FILE: model})
    hub.faults.names = [name]
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    harmless(result)
    home = f"cache/huggingface/hub/models--{REPO.replace('/', '--')}"
    wanted = [f"{home}/blobs/{sha256(model)}", f"{home}/refs/main", f"{home}/snapshots/{commit}/{FILE}"]
    assert [path for path in files(infer) if "/infer/" not in path] == wanted


@pytest.mark.parametrize("name", cases(ORDINARY))
def test_a_strange_name_inside_is_a_name(infer: Command, hub: HubServer, model: bytes, name: str) -> None:
    """Pulled, listed, shown, run by its path, removed: under exactly this name, and nowhere else."""
    commit = hub.add(REPO, {name: model})
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    harmless(result)
    place = cache(infer) / f"models--{REPO.replace('/', '--')}"
    path = place / "snapshots" / commit / name
    assert Path(result.out.decode().rstrip("\n")) == path
    assert path.read_bytes() == model
    links = [found for found in infer.home.rglob("*") if found.is_symlink()]
    assert links == [path]
    assert {str(found.relative_to(infer.home)).split("/")[0] for found in infer.home.rglob("*")} == {"cache"}
    rows = [row for row in infer.run("list", "--json").json if row["name"] != "tiny"]
    assert [row["path"] for row in rows] == [str(path)]
    assert infer.run("show", path, "--json").json["path"] == str(path)
    removed = infer.run("rm", "--yes", "--", rows[0]["name"])
    assert removed.code == 0, removed.err
    assert [found for found in files(infer) if "/hub/" in found] == []


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("name", cases(["up", "$(touch evil).gguf", "~/x.gguf"]))
def test_the_kernel_sees_no_write_outside_the_home(infer: Command, hub: HubServer, model: bytes, name: str) -> None:
    """Every file that is opened to be written, made, renamed or linked, whatever its name."""
    hub.add(REPO, {FILE: model} if name in REFUSED else {name: model})
    hub.faults.names = [REFUSED[name]] if name in REFUSED else []
    trace = infer.home / "trace"
    calls = (
        "trace=openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat"
    )
    strace = ("strace", "-f", "-qq", "-y", "-s", "4096", "-o", str(trace), "-e", calls)
    result = infer.run("pull", REPO, prefix=strace, env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert result.code == (5 if name in REFUSED else 0), result.err
    lines = [line for line in trace.read_text().splitlines() if " = -1 " not in line]
    writes = [line for line in lines if "open" not in line or re.search("O_WRONLY|O_RDWR|O_CREAT", line)]
    wrong = [line for line in writes if str(infer.home) not in line and not re.search('"/dev/(null|tty)|/proc/', line)]
    assert wrong == []
    assert (name in REFUSED) == (not [line for line in writes if "/blobs/" in line])


# --- what a hub says beside names

LIES = {
    "sha256-path": {"rfilename": FILE, "size": 600, "lfs": {"sha256": "../../../../x", "size": 600, "pointerSize": 9}},
    "sha256-absolute": {"rfilename": FILE, "size": 600, "lfs": {"sha256": "/tmp/x", "size": 600, "pointerSize": 9}},
    "sha256-short": {"rfilename": FILE, "size": 600, "lfs": {"sha256": "ab", "size": 600, "pointerSize": 9}},
    "sha256-newline": {"rfilename": FILE, "size": 1, "lfs": {"sha256": "a" * 64 + "\n", "size": 1, "pointerSize": 9}},
    "blob-path": {"rfilename": FILE, "size": 100, "blobId": "../../../../../../x"},
    "blob-none": {"rfilename": FILE, "size": 100},
    "size-negative": {"rfilename": FILE, "size": -1, "blobId": "a" * 40},
    "size-text": {"rfilename": FILE, "size": "\x1b[31m", "blobId": "a" * 40},
    "name-number": {"rfilename": 7, "size": 100, "blobId": "a" * 40},
    "name-none": {"size": 100, "blobId": "a" * 40},
}


@pytest.mark.parametrize("lie", [n if n == "sha256-path" else pytest.param(n, marks=pytest.mark.slow) for n in LIES])
def test_facts_that_are_none_are_an_error(infer: Command, hub: HubServer, lie: str) -> None:
    """A digest becomes the name of a blob: one that is no digest is refused before anything is made of it."""
    hub.faults.facts = json.dumps({"id": REPO, "sha": "a" * 40, "siblings": [LIES[lie]]})
    result = infer.run("pull", REPO)
    refused(result, 3 if lie == "name-number" else 4)
    assert files(infer) == []


URLS = {
    "up": "%2e%2e%2f%2e%2e%2fx.gguf",
    "absolute": "%2fetc%2fx.gguf",
    "nul": "a%00b.gguf",
    "escape": "%1b%5b31mred.gguf",
    "newline": "a%0ab.gguf",
    "hidden": ".bashrc",
    "long": "a" * 3000 + ".gguf",
    "backslash": "..%5cx.gguf",
}


@pytest.mark.parametrize(
    "name", [n if n in ("up", "escape") else pytest.param(n, marks=pytest.mark.slow) for n in URLS]
)
def test_a_url_with_a_hostile_name_is_one_file_in_its_own_directory(
    infer: Command, hub: HubServer, model: bytes, name: str
) -> None:
    commit = hub.add(REPO, {unquote(URLS[name]): model})
    result = infer.run("pull", f"{hub.endpoint}/{REPO}/resolve/{commit}/{URLS[name]}")
    assert result.code == 0, result.err
    harmless(result)
    path = Path(result.out.decode().rstrip("\n"))
    assert path.parent.parent == infer.home / "cache/infer/urls"
    assert path.name.isprintable()
    assert path.read_bytes() == model
    made = {found.parent for found in infer.home.rglob("*.gguf")}
    assert made == {path.parent}


# --- locks, and tokens on plain http


def test_a_lock_that_is_a_link_or_stale(infer: Command, hub: HubServer, model: bytes) -> None:
    """A planted link is not followed, and what a dead process has left keeps nobody waiting."""
    hub.add(REPO, {FILE: model})
    victim = infer.home / "victim"
    victim.write_bytes(b"precious")
    lock = cache(infer) / ".locks" / f"models--{REPO.replace('/', '--')}" / f"{sha256(model)}.lock"
    lock.parent.mkdir(parents=True)
    lock.symlink_to(victim)
    refused(infer.run("pull", REPO), 6, f"cannot write to {lock.parent}")
    assert victim.read_bytes() == b"precious"
    lock.unlink()
    lock.write_text("4194304")
    result = infer.run("pull", REPO)
    assert result.code == 0, result.err
    assert "waiting" not in result.err
    assert leftovers(infer) == []


class Ears(BaseHTTPRequestHandler):
    """Keeps the tokens that it is sent, and knows nothing."""

    heard: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.heard.append(self.headers.get("Authorization"))
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def plain() -> Iterator[str]:
    """The address of an http server that counts as another machine: it is not 127.0.0.1."""
    Ears.heard.clear()
    try:
        server = ThreadingHTTPServer(("127.0.0.2", 0), Ears)
    except OSError as error:
        pytest.skip(f"this machine has one loopback address only: {error}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.2:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("typed", [REPO, "{endpoint}/org/repo/resolve/main/m.gguf"])
def test_no_token_goes_over_plain_http_to_another_machine(infer: Command, plain: str, typed: str) -> None:
    result = infer.run("pull", typed.format(endpoint=plain), env={"HF_ENDPOINT": plain, "HF_TOKEN": TOKEN})
    refused(result, 4 if typed == REPO else 3, "answered 404" if typed == REPO else "has no file")
    assert Ears.heard
    assert set(Ears.heard) == {None}
    assert TOKEN not in result.err


def test_a_token_that_is_none_is_not_shown(infer: Command, hub: HubServer) -> None:
    result = infer.run("pull", REPO, env={"HF_TOKEN": f"{TOKEN}\x07x"})
    refused(result, 2, "the Hugging Face token has characters that no token has")
    assert TOKEN not in result.err
    assert hub.requests == []
