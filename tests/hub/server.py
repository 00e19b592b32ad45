"""A Hugging Face Hub on the loopback interface, as the real huggingface_hub client and our downloads use it.

    with HubServer() as hub:
        hub.add("org/repo", {"m-Q4_K_M.gguf": data})         -> the commit
        command.environment |= hub.environment

Two servers: the Hub (`endpoint`: facts, search, `resolve`) and the host its large files are redirected to (`cdn`).
What they were asked is in `requests`, what of the files left them in `served` (bytes). `faults` are switches, each a
list or a number that is used up; `cuts` for example closes the connection after so many bytes of a body.
"""

import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "canary" * 5
SMALL = 512  # bytes: what is below lies in git itself, not in LFS


@dataclass(frozen=True)
class Request:
    """What was asked. `host`: "hub" or "cdn"; headers in lower case."""

    host: str
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass
class Faults:
    """What goes wrong. A list holds one entry for each body that is sent; 0, None and "" mean: nothing."""

    cuts: list[int] = field(default_factory=list)  # close after so many bytes of the body
    stalls: list[float] = field(default_factory=list)  # seconds of silence after half of the body, then close
    statuses: list[int] = field(default_factory=list)  # answer with this instead
    no_ranges: bool = False  # 200 with everything, whatever was asked
    total: int = 0  # bytes of the whole file by Content-Range, instead of the truth
    wrong_range: bool = False  # 206 with another Content-Range
    gzip: bool = False  # Content-Encoding: gzip
    long: int = 0  # bytes after the end (and no Content-Length)
    no_length: bool = False  # no Content-Length
    short: int = 0  # bytes missing from Content-Length and body
    html: bool = False  # a proxy's page instead of the file
    flip: bool = False  # one bit is wrong
    etags: list[str] = field(default_factory=list)  # the ETag of the next bodies, in turn
    no_etag: bool = False
    no_if_range: bool = False  # 206 whatever If-Range says
    redirect: str = ""  # where `resolve` redirects to, instead of the CDN
    names: list[str] = field(default_factory=list)  # further (hostile) file names in the facts
    sizes: dict[str, int] = field(default_factory=dict)  # what the facts say about a file's size
    facts: str = ""  # the Hub answers this text instead of facts
    facts_status: int = 0
    rate: float = 0.0  # bytes a second; 0: as fast as it goes


@dataclass
class Repo:
    """A repository: commits (newest last), each with its files."""

    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    gated: bool = False
    private: bool = False
    downloads: int = 10

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1]
        return next((commit for commit in self.commits if commit[0] == revision), None)


class HubServer:
    """See the module. `token` is the one that opens what is gated or private."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.faults = Faults()
        self.requests: list[Request] = []
        self.served = 0
        self._lock = threading.Lock()
        self._servers = {name: _listen(self, name) for name in ("hub", "cdn")}

    def __enter__(self) -> "HubServer":
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    @property
    def endpoint(self) -> str:
        return _address(self._servers["hub"])

    @property
    def cdn(self) -> str:
        return _address(self._servers["cdn"])

    @property
    def environment(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.endpoint, "HF_HUB_DOWNLOAD_TIMEOUT": "2"}

    def add(self, name: str, files: Mapping[str, bytes], **about: Any) -> str:
        """A repository, or a new commit of one: its commit."""
        repo = self.repos.setdefault(name, Repo())
        for key, value in about.items():
            setattr(repo, key, value)
        text = json.dumps([name, len(repo.commits), sorted(files)])
        commit = hashlib.sha1(text.encode()).hexdigest()
        repo.commits.append((commit, dict(files)))
        return commit

    def count(self, data: int) -> None:
        with self._lock:
            self.served += data

    def next(self, values: list[Any]) -> Any:
        """Use up an entry of a fault's list."""
        with self._lock:
            return values.pop(0) if values else None

    def bodies(self) -> list[Request]:
        """The requests for files' bytes."""
        return [request for request in self.requests if request.host == "cdn" or "/raw/" in request.path]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: HubServer
    name: str

    def server_bind(self) -> None:
        # What is still in the kernel when a client dies counts as served: keep it small.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is none."""


def _listen(hub: HubServer, name: str) -> _Server:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub, server.name = hub, name
    return server


def _address(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    @property
    def hub(self) -> HubServer:
        return self.server.hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.hub.requests.append(Request(self.server.name, self.command, self.path, headers))
        path = unquote(urlsplit(self.path).path)
        if self.server.name == "cdn":
            digest = path.rsplit("/", 1)[-1]
            commits = (commit for repo in self.hub.repos.values() for commit in repo.commits)
            data = next((d for _, files in commits for d in files.values() if sha256(d) == digest), None)
            return self._body(data) if data is not None else self._say(404, b"")
        if path == "/api/models":
            return self._search()
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            return self._facts(match[1], match[2] or "main")
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)", path):
            return self._tree(match[1], match[2])
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path, re.DOTALL):
            return self._resolve(*match.groups())
        return self._say(404, b"Not Found")

    def _opened(self, name: str, *, file: bool) -> Repo | None:
        """The repository, None after a refusal was sent."""
        repo = self.hub.repos.get(name)
        allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repo is None or (repo.private and not allowed):
            self._say(401, b'{"error":"Repository not found"}', {"X-Error-Code": "RepoNotFound"})
            return None
        if file and repo.gated and not allowed:
            status = 403 if self.headers.get("Authorization") else 401
            text = "Access to this model is restricted."
            self._say(status, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": text})
            return None
        return repo

    def _facts(self, name: str, revision: str) -> None:
        if self.hub.faults.facts or self.hub.faults.facts_status:
            return self._say(self.hub.faults.facts_status or 200, self.hub.faults.facts.encode())
        if (repo := self._opened(name, file=False)) is None:
            return None
        found = repo.at(revision)
        if found is None:
            return self._say(404, b"{}", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
        siblings = [self._sibling(file, data) for file, data in found[1].items()]
        siblings += [self._sibling(file, bytes(SMALL)) for file in self.hub.faults.names]
        return self._json(self._about(name, repo) | {"sha": found[0], "siblings": siblings})

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        size = self.hub.faults.sizes.get(name, len(data))
        facts: dict[str, Any] = {"rfilename": name, "size": size, "blobId": blob_id(data)}
        if len(data) >= SMALL:
            facts["lfs"] = {"sha256": sha256(data), "size": size, "pointerSize": 134}
        return facts

    def _about(self, name: str, repo: Repo) -> dict[str, Any]:
        gguf = {"total": 1_000_000, "architecture": "llama", "context_length": 1024}
        return {
            "_id": "0" * 24, "id": name, "modelId": name, "private": repo.private,
            "gated": "auto" if repo.gated else False, "disabled": False, "downloads": repo.downloads, "likes": 3,
            "tags": ["gguf", "license:mit"], "lastModified": "2026-10-01T12:00:00.000Z", "gguf": gguf,
            "cardData": {"license": "mit"},
        }  # fmt: skip

    def _tree(self, name: str, revision: str) -> None:
        repo = self._opened(name, file=False)
        if repo is not None and (found := repo.at(revision)):
            rows = [{"type": "file", "path": file, "size": len(d), "oid": blob_id(d)} for file, d in found[1].items()]
            self._json(rows)
        elif repo is not None:
            self._say(404, b"{}", {"X-Error-Code": "RevisionNotFound"})

    def _search(self) -> None:
        if self.hub.faults.facts_status:
            return self._say(self.hub.faults.facts_status, b"")
        query = parse_qs(urlsplit(self.path).query)
        term, limit = query.get("search", [""])[0].lower(), int(query.get("limit", ["100"])[0])
        found = [(name, repo) for name, repo in self.hub.repos.items() if term in name.lower() and not repo.private]
        found.sort(key=lambda pair: -pair[1].downloads)
        return self._json([self._about(name, repo) for name, repo in found[:limit]])

    def _resolve(self, name: str, revision: str, file: str) -> None:
        if (repo := self._opened(name, file=True)) is None:
            return None
        found = repo.at(revision)
        if found is None or file not in found[1]:
            return self._say(404, b"", {"X-Error-Code": "EntryNotFound"})
        commit, data = found[0], found[1][file]
        if self.hub.faults.redirect:
            return self._say(302, b"", {"Location": self.hub.faults.redirect})
        if len(data) < SMALL:
            return self._body(data, {"X-Repo-Commit": commit})
        headers = {
            "Location": f"{self.hub.cdn}/lfs/{sha256(data)}?signature=secret", "X-Repo-Commit": commit,
            "X-Linked-Etag": f'"{sha256(data)}"', "X-Linked-Size": str(len(data)),
        }  # fmt: skip
        return self._say(302, b"", headers)

    def _body(self, data: bytes, more: Mapping[str, str] | None = None) -> None:
        faults = self.hub.faults
        if status := self.hub.next(faults.statuses):
            return self._say(status, b"")
        if faults.html:
            return self._say(200, b"<!DOCTYPE html><html>please log in</html>", {"Content-Type": "text/html"})
        etag = self.hub.next(faults.etags) or f'"{sha256(data)[:32]}"'
        status, start, end = 200, 0, len(data)
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        same = faults.no_if_range or self.headers.get("If-Range", etag) == etag
        if match and not faults.no_ranges and same:
            status, start = 206, int(match[1])
            end = min(end, int(match[2]) + 1) if match[2] else end
        if start >= len(data) and status == 206:
            return self._say(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        headers = {} if faults.no_etag else {"ETag": etag, **(more or {})}
        if status == 206:
            shown = start + 1 if faults.wrong_range else start
            headers["Content-Range"] = f"bytes {shown}-{end - 1}/{faults.total or len(data)}"
        body = data[start:end]
        if faults.flip:
            body = body[:-1] + bytes([body[-1] ^ 1])
        body = body[: len(body) - faults.short] + b"x" * faults.long
        if faults.gzip:
            headers["Content-Encoding"] = "gzip"
        return self._send(status, body, headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        faults = self.hub.faults
        cut, stall = self.hub.next(faults.cuts), self.hub.next(faults.stalls)
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Connection", "close")
        if not faults.long and not faults.no_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = True
        if self.command == "HEAD":
            return
        limit = len(body) if cut is None else min(cut, len(body))
        self._write(body[: limit // 2 if stall else limit])
        if stall:
            time.sleep(stall)

    def _write(self, body: bytes) -> None:
        rate = self.hub.faults.rate
        block = 16 << 10 if rate else 1 << 20
        begin = time.monotonic()
        for place in range(0, len(body), block):
            piece = body[place : place + block]
            self.wfile.write(piece)
            self.hub.count(len(piece))
            if rate and (early := (place + len(piece)) / rate - (time.monotonic() - begin)) > 0:
                time.sleep(early)

    def _json(self, value: object) -> None:
        self._say(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _say(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
