"""One GET over HTTP(S): ranges, redirects that lose the token, errors that another attempt may mend and others."""

import http.client
import os
import re
import socket
import ssl
import urllib.error
import urllib.request
from email.message import Message
from typing import IO, Any
from urllib.parse import urlsplit

from infer.errors import Gated, InferError, IntegrityError, NetworkError, UsageError, VariantNotFound
from infer.models.ref import is_address, shown

CHUNK = 256 << 10  # bytes asked of the socket at once
STALL = 30.0  # seconds without a byte until a connection counts as dead
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Interruption(Exception):
    """The connection failed in a way that another attempt may mend.

    refused   nobody was there at all        beyond   the file ends before the range that was asked for
    """

    def __init__(self, why: str, *, refused: bool = False, beyond: bool = False) -> None:
        super().__init__(why)
        self.why, self.refused, self.beyond = why, refused, beyond


class Answer:
    """A body that has begun to arrive.

    start   offset of its first byte in the file: what was asked for, or 0 when the server sends everything
    total   bytes of the whole file, None where the server does not say
    etag    what If-Range takes: the file's strong ETag, else its date of change, else None
    """

    def __init__(self, response: Any, start: int, total: int | None) -> None:
        self._response, self.start, self.total = response, start, total
        etag = response.headers.get("ETag", "")
        self.etag: str | None = etag if etag.startswith('"') else response.headers.get("Last-Modified")

    def read(self) -> bytes:
        """Some bytes, b"" at the end of what arrives. Raises Interruption."""
        try:
            data: bytes = self._response.read1(CHUNK)
        except TimeoutError as error:
            raise Interruption("no byte arrived for some time") from error
        except (OSError, http.client.HTTPException) as error:
            raise Interruption(_reason(error)) from error
        return data

    def close(self) -> None:
        """Hang up."""
        self._response.close()


class Web:
    """Fetches URLs. `token` goes to the scheme, host and port of `home` and nowhere else, redirects included."""

    def __init__(self, token: str | None = None, home: str = "", stall: float = STALL) -> None:
        self._token, self._home, self.stall = token, origin(home) if home else None, stall
        context = ssl.create_default_context()
        handlers = [_Redirects(), urllib.request.HTTPSHandler(context=context)]
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, url: str, start: int = 0, end: int | None = None, etag: str | None = None) -> Answer:
        """Ask for the bytes from `start` (to `end`, exclusive); all of them when the file no longer has this ETag.

        Raises Interruption, and what another attempt does not mend: NetworkError, Gated, VariantNotFound,
        IntegrityError (a body that is compressed on the way).
        """
        request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "infer"})
        if start or end is not None:
            request.add_header("Range", f"bytes={start}-{'' if end is None else end - 1}")
            if etag is not None:
                request.add_header("If-Range", etag)
        if self._token and origin(url) == self._home:
            # "Unredirected": urllib leaves it behind at a redirect; _Redirects gives it to the same origin again.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            response = self._opener.open(request, timeout=self.stall)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(url, error) from error
        except urllib.error.URLError as error:
            raise _unreachable(url, error.reason) from error
        except http.client.InvalidURL as error:
            raise NetworkError(what=f"{shown(url)} is not a usable address") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _unreachable(url, error) from error
        return _answer(url, response, start)

    def _refused(self, url: str, error: urllib.error.HTTPError) -> Exception:
        where, status = shown(url), error.code
        if status in _AGAIN:
            return Interruption(f"{host(url)} answered {status}")
        if status == 416:
            return Interruption("the file there is shorter than what has arrived", beyond=True)
        if status in (401, 403):
            name = _repository(url)
            if error.headers.get("X-Error-Code") == "GatedRepo" and name:
                home, _, _ = url.partition(f"/{name}/")
                return Gated(name=name, page=f"{home}/{name}", token=self._token is not None)
            return VariantNotFound(name=where, what=f"file that may be read ({status})", hint="it needs HF_TOKEN?")
        if status == 404:
            return VariantNotFound(name=host(url), what=f"file {urlsplit(url).path}", hint="check the URL")
        return NetworkError(what=f"{where} answered {status} {error.reason}")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only, never from https to http, and takes the token only within one origin."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        check_redirect(req.full_url, newurl)
        request = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        token = req.unredirected_hdrs.get("Authorization")
        if request is not None and token and origin(req.full_url) == origin(newurl):
            request.add_unredirected_header("Authorization", token)
        return request


def check_redirect(here: str, there: str) -> None:
    """Raises NetworkError for a redirect out of http(s) or out of the encryption."""
    usable = is_address(there)
    schemes = urlsplit(here).scheme.lower(), urlsplit(there).scheme.lower() if usable else ""
    if schemes[1] not in ("http", "https"):
        raise NetworkError(what=f"{shown(here)} redirects to {shown(there)}, which is no address on the web")
    if schemes == ("https", "http"):
        what = f"{shown(here)} redirects from https to plain http ({shown(there)}): refused"
        raise NetworkError(what=what, hint="check HF_ENDPOINT and whether a proxy answers in its place")


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host, port of a URL."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme.lower())
    return parts.scheme.lower(), (parts.hostname or "").lower(), port


def host(url: str) -> str:
    """Host and port of a URL as they may stand in a message: without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2][:300]


def stall() -> float:
    """Seconds without a byte until a connection counts as dead: HF_HUB_DOWNLOAD_TIMEOUT, as for huggingface_hub."""
    text = os.environ.get("HF_HUB_DOWNLOAD_TIMEOUT", "")
    if not text:
        return STALL
    if not re.fullmatch("[0-9]{1,6}", text) or not int(text):
        raise UsageError(what=f"HF_HUB_DOWNLOAD_TIMEOUT is {text!r}, not a number of seconds", hint="unset it")
    return float(text)


def _answer(url: str, response: Any, start: int) -> Answer:
    """The body behind a response that has arrived, once its headers make sense."""
    headers = response.headers
    encoding = headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", ""):
        response.close()
        what = f"{shown(url)} arrives compressed ({encoding}), which was not asked for"
        raise IntegrityError(what=what, hint="a proxy changes the file on the way")
    length = headers.get("Content-Length", "")
    size = int(length) if length.isascii() and length.isdigit() else None
    if response.status != 206:
        return Answer(response, 0, size)
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    if match is None or int(match[1]) != start:
        response.close()
        why = f"{host(url)} sent another range than the one asked for"
        raise IntegrityError(what=why, hint="a proxy or the server is broken")
    return Answer(response, start, int(match[3]))


def _unreachable(url: str, reason: object) -> Exception:
    if isinstance(reason, InferError):
        return reason
    if isinstance(reason, ssl.SSLCertVerificationError):
        hint = "behind a company's proxy, SSL_CERT_FILE names its certificate"
        return NetworkError(what=f"{host(url)}: {reason.verify_message or reason}", hint=hint)
    nobody = isinstance(reason, ConnectionRefusedError | socket.gaierror)
    return Interruption(f"{host(url)}: {_reason(reason)}", refused=nobody)


def _repository(url: str) -> str:
    """org/repo in the URL of a file of a repository."""
    head, found, _ = urlsplit(url).path.partition("/resolve/")
    return "/".join(head.split("/")[-2:]) if found else ""


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).partition("\n")[0][:200].lower()
