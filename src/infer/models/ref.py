"""How a model is named: the text a person types <-> a ModelRef. Pure text; nothing is looked up.

tiny                                    the embedded model
qwen3:4b, qwen3                         alias (a bare word)
org/repo[:QUANT | :file.gguf][@REV]     hub; `hf:` may stand in front
./m.gguf  /a/b.gguf  ~/m.gguf  m.gguf   file; `file:` may stand in front of any path
https://host/m.gguf                     url
ollama:name[:tag]  lmstudio:name        what these tools have downloaded
"""

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from infer.errors import UsageError

Kind = Literal["tiny", "alias", "hub", "file", "url", "ollama", "lmstudio"]

LENGTH_LIMIT = 4096  # characters; PATH_MAX
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_ALIAS = re.compile(rf"{_WORD}(?::{_WORD})?")
_HUB = re.compile(rf"(?P<repo>{_WORD}/{_WORD})(?::(?P<variant>[^:@]+))?(?:@(?P<revision>[A-Za-z0-9._/-]+))?")
_REVISION = re.compile(r"[A-Za-z0-9._/-]{1,255}")
_OLLAMA = re.compile(rf"{_WORD}(?:/{_WORD}){{0,3}}(?::{_WORD})?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL = re.compile(r"https?://[^\s/?#]+/[^\s]+")
_PATH_BEGINS = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A reference in its parts; `str` gives the canonical text, `parse` the parts: they are inverse.

    name      "tiny", the alias, "org/repo", the path as typed, the URL, or the name inside the other tool
    quant     hub: the quantisation asked for            file    hub: the file asked for, inside the repository
    revision  hub: branch, tag or commit
    """

    kind: Kind
    name: str
    quant: str | None = None
    file: str | None = None
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ModelRef":
        """The reference a text stands for. Raises UsageError when it cannot be one."""
        if not text.strip():
            raise UsageError(what="the model's name is empty", hint="infer run tiny needs no download")
        if len(text) > LENGTH_LIMIT:
            raise UsageError(what=f"the model's name has {len(text):,} characters")
        if _CONTROL.search(text):
            _refuse(text, "it contains control characters")
        prefix, colon, rest = text.partition(":")
        if colon and prefix in _PREFIXES:
            return _PREFIXES[prefix](text, rest)
        return _unprefixed(text)

    def __str__(self) -> str:
        if self.kind == "hub":
            variant = self.quant or self.file
            plain = self.name + (f":{variant}" if variant else "")
            plain += f"@{self.revision}" if self.revision else ""
            return f"hf:{plain}" if _is_path(plain) else plain
        if self.kind == "file":
            return self.name if _is_path(self.name) else f"file:{self.name}"
        return f"{self.kind}:{self.name}" if self.kind in {"ollama", "lmstudio"} else self.name

    @property
    def shown(self) -> str:
        """The reference as messages and records show it: of a URL without password and query."""
        return shown(self.name) if self.kind == "url" else str(self)


def _refuse(text: str, why: str) -> NoReturn:
    short = text if len(text) <= 80 else text[:79] + "…"
    raise UsageError(
        what=f"{short!r} does not name a model: {why}",
        hint="a model is an alias (qwen3:4b), org/repo:QUANT, a path ending in .gguf, or a URL",
    )


def _is_path(text: str) -> bool:
    """What is a file without `file:` in front: it begins like a path, or ends in .gguf and is nothing else."""
    if text.startswith(_PATH_BEGINS) or text in {".", ".."}:
        return True
    if not text.lower().endswith(".gguf") or _SCHEME.match(text) or text.partition(":")[0] in _PREFIXES:
        return False
    match = _HUB.fullmatch(text)
    return match is None or match["variant"] is None


def _unprefixed(text: str) -> ModelRef:
    if text == "tiny":
        return ModelRef("tiny", text)
    if _is_path(text):
        return ModelRef("file", text)
    if _SCHEME.match(text):
        return _url(text)
    if "/" in text:
        return _hub(text, text)
    if not _ALIAS.fullmatch(text):
        _refuse(text, "an alias is made of letters, digits, '.', '_', '-' and one ':'")
    return ModelRef("alias", text)


def _url(text: str) -> ModelRef:
    if not text.isascii() or not _URL.fullmatch(text):
        _refuse(text, "only http and https URLs of a file can be used")
    if not is_address(text):
        _refuse(text, "its host or port is none")
    return ModelRef("url", text)


def _file(text: str, rest: str) -> ModelRef:
    if rest.startswith("//"):
        if not rest.startswith("///"):
            _refuse(text, "a file: URL names a path on this machine, as in file:///models/m.gguf")
        rest = rest[2:]
    if not rest.strip():
        _refuse(text, "the path is empty")
    return ModelRef("file", rest)


def _hub(text: str, rest: str) -> ModelRef:
    match = _HUB.fullmatch(rest)
    if match is None:
        _refuse(text, "a repository is written org/repo, org/repo:QUANT or org/repo:file.gguf, with @REVISION last")
    repo, variant, revision = match["repo"], match["variant"], match["revision"]
    if ".." in repo or "--" in repo or ".." in (revision or ""):
        _refuse(text, "'..' and '--' do not occur in the names of repositories and revisions")
    if revision is not None and not is_revision(revision):
        _refuse(text, "its revision is no branch, tag or commit")
    if variant is None or not variant.lower().endswith(".gguf"):
        if variant is not None and not re.fullmatch(_WORD, variant):
            _refuse(text, "a quantisation is made of letters, digits, '.', '_' and '-'")
        return ModelRef("hub", repo, quant=variant, revision=revision)
    if not is_inner_path(variant):
        _refuse(text, "the file's path leaves the repository")
    if not _is_unicode(variant):
        _refuse(text, "the file's name is not valid Unicode")
    return ModelRef("hub", repo, file=variant, revision=revision)


def is_address(url: str) -> bool:
    """Whether a URL has a host, and a port that is one where it has any."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # "[" without its "]", a port that is no number or too large
        return False


def shown(url: str) -> str:
    """A URL as it may stand in a message: without a password and without a query, which may hold a signature."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or not parts.netloc:
        return url.partition("?")[0].rpartition("@")[2][:300]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300]


def is_inner_path(name: str) -> bool:
    """Whether a file name of a repository stays inside the directory it is put into."""
    parts = name.split("/")
    return "\\" not in name and not _CONTROL.search(name) and all(part not in {"", ".", ".."} for part in parts)


def is_revision(name: str) -> bool:
    """Whether a text may be a branch, tag or commit: it becomes a path below refs/."""
    return _REVISION.fullmatch(name) is not None and is_inner_path(name) and ".." not in name


def _is_unicode(text: str) -> bool:
    """False where there are surrogates: bytes of a command line that are not UTF-8."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _ollama(text: str, rest: str) -> ModelRef:
    if not _OLLAMA.fullmatch(rest) or ".." in rest:
        _refuse(text, "an Ollama model is written ollama:name or ollama:name:tag")
    return ModelRef("ollama", rest)


def _lmstudio(text: str, rest: str) -> ModelRef:
    if not rest.strip() or not is_inner_path(rest):
        _refuse(text, "an LM Studio model is written lmstudio:publisher/model")
    return ModelRef("lmstudio", rest)


_PREFIXES = {"hf": _hub, "file": _file, "ollama": _ollama, "lmstudio": _lmstudio}
