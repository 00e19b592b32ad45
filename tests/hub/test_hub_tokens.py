"""Where a token goes: to the Hub that was configured, over https, and nowhere a redirect points to."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.command import Command
from hub.server import TOKEN, HubServer

REPO = "org/Model-GGUF"
FILE = "m-Q4_K_M.gguf"


class Secure(ThreadingHTTPServer):
    """A server that redirects everything to `there` and keeps the tokens it was sent; https with a certificate."""

    def __init__(self, certificate: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), _Redirect)
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.there, self.tokens = "", list[str | None]()

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us hangs up."""


class _Redirect(BaseHTTPRequestHandler):
    server: Secure

    def do_GET(self) -> None:
        self.server.tokens.append(self.headers.get("Authorization"))
        self.send_response(302)
        self.send_header("Location", self.server.there + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of 127.0.0.1, in one file, signed by itself."""
    home = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", home / "key", "-out", home / "cert"], check=True, capture_output=True)
    both = home / "both.pem"
    both.write_bytes((home / "key").read_bytes() + (home / "cert").read_bytes())
    return both


@pytest.fixture
def secure(certificate: Path) -> Iterator[Secure]:
    yield from _serving(certificate)


@pytest.fixture
def plain() -> Iterator[Secure]:
    """The same over http."""
    yield from _serving(None)


def _serving(certificate: Path | None) -> Iterator[Secure]:
    with Secure(certificate) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.slow
def test_a_redirect_from_https_to_http_is_refused(
    infer: Command, hub: HubServer, model: bytes, secure: Secure, certificate: Path
) -> None:
    """The https server is the configured Hub and gets the token; the http one is not even asked."""
    commit = hub.add(REPO, {FILE: model})
    secure.there = hub.endpoint
    variables = {"HF_ENDPOINT": secure.address, "HF_TOKEN": TOKEN, "SSL_CERT_FILE": str(certificate)}
    result = infer.run("pull", f"{secure.address}/{REPO}/resolve/{commit}/{FILE}", env=variables)
    assert (result.code, result.out) == (4, b""), result.err
    assert "redirects from https to plain http" in result.err
    assert secure.tokens == [f"Bearer {TOKEN}"]
    assert hub.requests == []


def test_facts_behind_a_redirect_from_https_to_http_are_refused(
    infer: Command, hub: HubServer, model: bytes, secure: Secure, certificate: Path
) -> None:
    """What huggingface_hub asks as well: the commit and the sha256 would come from anybody."""
    hub.add(REPO, {FILE: model})
    secure.there = hub.endpoint
    variables = {"HF_ENDPOINT": secure.address, "HF_TOKEN": TOKEN, "SSL_CERT_FILE": str(certificate)}
    for words in (("pull", REPO), ("search", "Model"), ("show", REPO)):
        result = infer.run(*words, env=variables)
        assert (result.code, result.out) == (4, b""), result.err
        assert "redirects from https to plain http" in result.err
    assert hub.requests == []


def test_facts_from_another_host_are_said_to_be_from_there(
    infer: Command, hub: HubServer, model: bytes, plain: Secure
) -> None:
    """A mirror may send its callers on; they are told, and the token does not go along."""
    hub.add(REPO, {FILE: model})
    plain.there = hub.endpoint
    result = infer.run("pull", REPO, env={"HF_ENDPOINT": plain.address, "HF_TOKEN": TOKEN})
    assert result.code == 0, result.err
    host = hub.endpoint.removeprefix("http://")
    assert f"note: {plain.address} lets {host} say what {REPO} is" in result.lines
    assert {request.headers.get("authorization") for request in hub.requests} == {None}


@pytest.mark.slow
def test_a_certificate_that_nobody_has_signed_is_refused(infer: Command, secure: Secure) -> None:
    result = infer.run("pull", f"{secure.address}/m.gguf")
    assert (result.code, result.out) == (4, b""), result.err
    assert "error: 127.0.0.1:" in result.err
    assert "certificate" in result.err
    assert "hint: behind a company's proxy, SSL_CERT_FILE" in result.err


@pytest.mark.slow
def test_another_host_gets_no_token(infer: Command, hub: HubServer, model: bytes) -> None:
    """A URL that looks like one of a repository, on a host that is not the configured Hub."""
    commit = hub.add(REPO, {FILE: model})
    url = f"{hub.endpoint}/{REPO}/resolve/{commit}/{FILE}"
    result = infer.run("pull", url, env={"HF_TOKEN": TOKEN, "HF_ENDPOINT": hub.cdn})
    assert result.code == 0, result.err
    assert [request.headers.get("authorization") for request in hub.requests] == [None] * len(hub.requests)


SECRETS = {
    "signed": ("https://127.0.0.1:9/m.gguf?X-Signature=secret", 4),
    "user": ("https://me:secret@127.0.0.1:9/m.gguf", 4),
    "resolve": ("http://me:secret@127.0.0.1:9/org/repo/resolve/main/m.gguf?a=secret", 4),
    "refused": ("https://me:secret@host:99999/m.gguf?a=secret", 2),
}


@pytest.mark.parametrize("name", [n if n == "signed" else pytest.param(n, marks=pytest.mark.slow) for n in SECRETS])
@pytest.mark.parametrize("words", [("pull",), ("run", "--offline"), ("show", "--offline")])
def test_no_message_shows_what_a_url_keeps_secret(infer: Command, name: str, words: tuple[str, ...]) -> None:
    url, code = SECRETS[name]
    result = infer.run(words[0], url, *words[1:], *(["hi"] if words[0] == "run" else []))
    assert result.code in (code, 3), result.err
    assert "error: " in result.err
    assert "secret" not in result.err + result.out.decode()


@pytest.mark.slow
def test_no_message_shows_the_password_of_an_endpoint(infer: Command) -> None:
    result = infer.run("pull", REPO, env={"HF_ENDPOINT": "http://me:secret@127.0.0.1:9"})
    assert (result.code, result.out) == (4, b""), result.err
    assert "secret" not in result.err
