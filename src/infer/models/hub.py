"""What the Hugging Face Hub knows of a repository: the only door to huggingface_hub, imported when first asked."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from infer.errors import (
    ConfigError,
    Gated,
    InferError,
    IntegrityError,
    NetworkError,
    Offline,
    RepositoryNotFound,
    UsageError,
    VariantNotFound,
)
from infer.models.ref import is_address, is_inner_path, shown
from infer.models.transfer import check_redirect, host, origin, stall

FACTS_TIMEOUT = 15.0  # seconds until the Hub's answer to a question about a repository
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_YES = ("1", "ON", "YES", "TRUE")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NAME_LIMIT = 255  # bytes of one part of a file's path; what file systems can hold


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository: its path inside, its bytes, and what proves them.

    digest    sha256 (64 hexadecimal digits) of a large file, git's blob id (40) of a small one; also its blob's name
    """

    name: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit. `gated`: conditions have to be accepted; `gguf`: what the Hub read in a header."""

    name: str
    commit: str
    files: tuple[RemoteFile, ...]
    gated: bool
    tags: tuple[str, ...]
    license: str | None
    gguf: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A repository that a search found. `parameters`: their number as the Hub read it in a GGUF header, or None."""

    name: str
    downloads: int
    likes: int
    gated: bool
    parameters: int | None
    architecture: str | None
    context: int | None
    modified: str | None


def forbidden(environment: Mapping[str, str]) -> str | None:
    """The Hugging Face variable that forbids the network, None when there is none."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return next((name for name in names if environment.get(name, "").upper() in _YES), None)


def require_endpoint(endpoint: str) -> None:
    """Raises ConfigError when HF_ENDPOINT is not the address of a server."""
    if not is_address(endpoint) or urlsplit(endpoint).scheme not in ("http", "https"):
        hint = "an endpoint begins with https://"
        what = f"{shown(endpoint)!r} is not the address of a server"
        raise ConfigError(where="HF_ENDPOINT", what=what, hint=hint)


class Hub:
    """Questions to one endpoint (HF_ENDPOINT), with the user's token where there is one.

    The token comes from HF_TOKEN or the file that `hf auth login` has written. It is not sent over plain http, except
    to this machine itself.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        if named := self._environment.get("HF_ENDPOINT"):
            require_endpoint(named)
        stall()
        try:
            from huggingface_hub import HfApi, constants, get_token, set_client_factory
        except ValueError as error:  # it reads its variables when it is imported
            raise UsageError(what=f"huggingface_hub cannot use a variable (HF_...): {error}") from error

        constants.HF_HUB_DISABLE_TELEMETRY = (
            True  # else it asks the Hub for a list of agents, and tells which one we are
        )
        self.endpoint = constants.ENDPOINT
        require_endpoint(self.endpoint)
        parts = urlsplit(self.endpoint)
        token = get_token()
        if token and not (token.isascii() and token.isprintable()):
            raise UsageError(what="the Hugging Face token has characters that no token has", hint="check HF_TOKEN")
        safe = parts.scheme == "https" or parts.hostname in _LOOPBACK
        self.token = token if safe else None
        self.elsewhere: set[str] = set()  # hosts that have answered in the endpoint's place
        set_client_factory(self._client)
        self._api = HfApi(endpoint=self.endpoint, token=self.token or False)

    def repository(self, name: str, revision: str | None = None) -> Repository:
        """A repository at a branch, tag or commit (None: `main`), with sizes and digests of its files.

        Raises RepositoryNotFound, VariantNotFound (the revision), Gated, NetworkError, Offline, IntegrityError (what
        the server says cannot be used).
        """
        with self._mapped(name, revision):
            info = self._api.model_info(name, revision=revision, files_metadata=True, timeout=FACTS_TIMEOUT)
            commit = str(info.sha)
            files = tuple(filter(None, map(_remote_file, info.siblings or ())))
            card = info.card_data
            gguf = info.gguf if isinstance(info.gguf, dict) else {}
            tags = tuple(map(str, info.tags or ()))
            gated, licence = bool(info.gated), getattr(card, "license", None)
        if not _COMMIT.fullmatch(commit):
            raise IntegrityError(what=f"{shown(self.endpoint)} calls {commit[:60]!r} a commit of {name}")
        for file in files:
            _require_safe(file.name, name)
        return Repository(name, commit, files, gated, tags, licence if isinstance(licence, str) else None, gguf)

    def search(self, term: str, limit: int) -> list[Found]:
        """Repositories with GGUF files whose name contains the term, most downloaded first. Raises NetworkError."""
        wanted: Any = ["downloads", "likes", "gated", "gguf", "lastModified"]
        with self._mapped(term, None):
            models = self._api.list_models(search=term, filter="gguf", sort="downloads", limit=limit, expand=wanted)
            return [_found(model) for model in models]

    def url(self, repository: str, commit: str, file: str) -> str:
        """Where a file is fetched."""
        return f"{self.endpoint}/{repository}/resolve/{quote(commit, safe='')}/{quote(file)}"

    def page(self, repository: str) -> str:
        """The repository's page for people."""
        return f"{shown(self.endpoint)}/{repository}"

    def _client(self) -> Any:
        """huggingface_hub's own HTTP client, which follows redirects anywhere, with an eye on where they lead."""
        from huggingface_hub.utils._http import default_client_factory

        client = default_client_factory()
        client.event_hooks["response"].append(self._redirected)
        return client

    def _redirected(self, response: Any) -> None:
        """Hears of every answer before its redirect is followed. Raises NetworkError for one out of the encryption."""
        if response.has_redirect_location:
            here = str(response.url)
            there = urljoin(here, response.headers["location"])
            check_redirect(here, there)
            if origin(there) != origin(here):
                self.elsewhere.add(host(there))

    @contextmanager
    def _mapped(self, name: str, revision: str | None) -> Iterator[None]:
        """Turns what huggingface_hub raises into ours. Its own base class is that of its HTTP library's errors."""
        from huggingface_hub import errors

        parents = errors.HfHubHTTPError.__mro__
        http_error: Any = next(parent for parent in parents if parent.__module__.startswith("httpx"))
        try:
            yield
        except errors.GatedRepoError as error:
            raise Gated(name=name, page=self.page(name), token=self.token is not None) from error
        except errors.RevisionNotFoundError as error:
            raise VariantNotFound(name=name, what=f"revision '{revision}'", has=[]) from error
        except errors.RepositoryNotFoundError as error:
            found = RepositoryNotFound(name=name, endpoint=shown(self.endpoint), token=self.token is not None)
            raise found from error
        except errors.OfflineModeIsEnabled as error:
            raise Offline(name=name, why="HF_HUB_OFFLINE") from error
        except errors.HfHubHTTPError as error:
            raise self._refused(name, error.response.status_code if error.response is not None else 0) from error
        except (http_error, OSError) as error:
            what = f"{shown(self.endpoint)} cannot be reached: {_reason(error)}"
            raise NetworkError(what=what, hint="check the connection, HF_ENDPOINT and the proxy variables") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            what = f"{shown(self.endpoint)} did not answer as a Hugging Face Hub does about {name}"
            raise NetworkError(
                what=what, hint="is there a proxy or a login page in between? check HF_ENDPOINT"
            ) from error

    def _refused(self, name: str, status: int) -> InferError:
        if status in (401, 403):
            return RepositoryNotFound(name=name, endpoint=shown(self.endpoint), token=self.token is not None)
        hint = "too many requests: wait a little, or set HF_TOKEN" if status == 429 else "try again later"
        return NetworkError(what=f"{shown(self.endpoint)} answered {status or 'badly'} about {name}", hint=hint)


def _remote_file(sibling: Any) -> RemoteFile | None:
    """A GGUF file among the siblings, None for others and for hidden ones (a hostile README's name harms nobody)."""
    name = str(sibling.rfilename)
    hidden = is_inner_path(name) and any(part.startswith(".") for part in name.split("/"))
    if hidden or not name.lower().endswith(".gguf"):
        return None
    lfs = sibling.lfs
    digest, size = (lfs.sha256, lfs.size) if lfs is not None else (sibling.blob_id, sibling.size)
    known = isinstance(digest, str) and (_SHA256 if lfs is not None else _COMMIT).fullmatch(digest)
    if not known or type(size) is not int or size < 0:
        raise ValueError
    return RemoteFile(name, size, digest)


def _require_safe(name: str, repository: str) -> None:
    """Refuse a repository that tries to write outside its directory. Raises IntegrityError."""
    long = len(name) > 1024 or any(len(part.encode("utf-8", "replace")) > _NAME_LIMIT for part in name.split("/"))
    drive = re.match(r"(?:.*/)?[A-Za-z]:", name)  # no tool would take it: on another system it is no name inside
    if not is_inner_path(name) or long or drive or not name.isprintable():
        shown = repr(name if len(name) <= 60 else name[:59] + "…")
        what = f"{repository} has a file name that is refused: {shown}"
        raise IntegrityError(what=what, hint="nothing was downloaded; this repository is broken or hostile")


def _found(model: Any) -> Found:
    gguf = model.gguf if isinstance(model.gguf, dict) else {}
    total, context, architecture = gguf.get("total"), gguf.get("context_length"), gguf.get("architecture")
    return Found(
        name=str(model.id),
        downloads=int(model.downloads or 0),
        likes=int(model.likes or 0),
        gated=bool(model.gated),
        parameters=total if type(total) is int else None,
        architecture=architecture if isinstance(architecture, str) else None,
        context=context if type(context) is int else None,
        modified=model.last_modified.date().isoformat() if model.last_modified else None,
    )


def _reason(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
