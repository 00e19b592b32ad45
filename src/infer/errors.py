"""The error tree: what went wrong, the facts, the exit code and the way out.

    InferError                  code                exit code
    ├── InternalError           internal            1
    ├── EngineFailure           engine              1
    │   └── WorkerDied          worker-died         1 (6 when the system killed it)
    ├── UsageError              usage               2
    │   ├── EmptyPrompt         empty-prompt        2
    │   ├── InvalidText         invalid-text        2
    │   ├── ConfigError         config              2
    │   └── SessionDamaged      session-damaged     2
    ├── ModelNotFound           model-not-found     3
    │   ├── NotDownloaded       not-downloaded      3
    │   ├── FileUnreadable      file-unreadable     3
    │   ├── RepositoryNotFound  no-repository       3
    │   ├── VariantNotFound     no-variant          3
    │   └── Gated               gated               3
    ├── NetworkError            network             4
    │   └── Offline             offline             4
    ├── IntegrityError          integrity           5
    │   ├── BadModelFile        bad-model-file      5
    │   └── BadTemplate         bad-template        5
    ├── DoesNotFit              does-not-fit        6
    │   ├── DeviceMissing       no-device           6
    │   ├── DiskFull            disk-full           6
    │   ├── CacheUnwritable     cache-unwritable    6
    │   └── OutputUnwritable    output-unwritable   6
    ├── ContextOverflow         context-overflow    7
    │   └── TextTooLong         text-too-long       7
    ├── ConstraintUnmet         constraint-unmet    8
    └── Interrupted             interrupted         130 (129, 143 for the other signals)

An error is raised with facts, `ContextOverflow(prompt=9412, context=8192)`, never with prose. The facts cross
the wire between worker and parent as JSON (`to_wire`, `from_wire`), so they are strings, numbers, booleans,
None or lists of these.
"""

from typing import ClassVar

Fact = str | int | float | bool | None | list[str]


class InferError(Exception):
    """Something the user has to know about, with the facts that explain it."""

    code: ClassVar[str] = "error"
    exit_code: int = 1
    text: ClassVar[str] = "{what}"
    hint_text: ClassVar[str] = ""

    def __init__(self, **facts: Fact) -> None:
        super().__init__(facts)
        self.facts = facts

    def __str__(self) -> str:
        return self.text.format(**self.facts)

    @property
    def hint(self) -> str:
        """What to do about it: one line, or empty when there is nothing to say."""
        return self.hint_text.format(**self.facts) or str(self.facts.get("hint") or "")

    def to_wire(self) -> dict[str, object]:
        """The error as a JSON object: {code, facts}."""
        return {"code": self.code, "facts": self.facts}


class InternalError(InferError):
    """A bug in infer. Facts: what."""

    code = "internal"
    text = "internal error: {what}"
    hint_text = "INFER_DEBUG=1 shows where; please report it"


class EngineFailure(InferError):
    """llama.cpp could not do its work. Facts: what."""

    code = "engine"


class WorkerDied(EngineFailure):
    """The worker process ended by a signal or without a word. Facts: cause, detail, exit_code."""

    code = "worker-died"
    text = "the worker process {cause}{detail}"

    def __init__(self, **facts: Fact) -> None:
        super().__init__(**facts)
        self.exit_code = int(facts.get("exit_code") or 1)  # type: ignore[arg-type]


class UsageError(InferError):
    """The command line cannot be carried out as it stands. Facts: what, hint (may be absent)."""

    code = "usage"
    exit_code = 2


class EmptyPrompt(UsageError):
    """There is nothing to answer. Facts: none."""

    code = "empty-prompt"
    text = "the prompt is empty"
    hint_text = "give text as an argument, pipe it in, or attach a file with -f"


class InvalidText(UsageError):
    """Input that is not UTF-8. Facts: source, offset (bytes, from 0)."""

    code = "invalid-text"
    text = "{source} is not valid UTF-8: invalid byte at offset {offset}"
    hint_text = "convert it first, for example: iconv -f LATIN1 -t UTF-8"


class ConfigError(UsageError):
    """A setting that cannot be used. Facts: where (a file and line, key or variable), what, hint."""

    code = "config"
    text = "{where}: {what}"


class SessionDamaged(UsageError):
    """A session's file holds what no session holds. Facts: path, line, why."""

    code = "session-damaged"
    text = "{path}: line {line} is no record of a session: {why}"
    hint_text = "infer sessions rm removes it, an editor can repair it"


class ModelNotFound(InferError):
    """No model has this name. Facts: name, near (nearest names), hint."""

    code = "model-not-found"
    exit_code = 3
    text = "no model is called '{name}'"

    @property
    def hint(self) -> str:
        """The nearest names, when there are any."""
        near = self.facts.get("near")
        if isinstance(near, list) and near:
            return "did you mean " + ", ".join(near) + "?"
        return super().hint


class NotDownloaded(ModelNotFound):
    """A model that is known by name and has no file on this machine. Facts: name, hint."""

    code = "not-downloaded"
    text = "{name} is not on this machine"


class FileUnreadable(ModelNotFound):
    """A file that is absent or may not be read. Facts: path, why, hint."""

    code = "file-unreadable"
    text = "cannot read {path}: {why}"


class RepositoryNotFound(ModelNotFound):
    """The Hub knows no such repository, or does not show it to us. Facts: name, endpoint, token (was one sent)."""

    code = "no-repository"
    text = "there is no repository {name} at {endpoint}, or it is private"

    @property
    def hint(self) -> str:
        """How to find the right one, or to be let in."""
        word = str(self.facts["name"]).rpartition("/")[2]
        private = "the token does not open it" if self.facts.get("token") else "a private one needs HF_TOKEN"
        return f"infer search {word} finds repositories; {private}"


class VariantNotFound(ModelNotFound):
    """The repository is there, what is asked of it is not. Facts: name, what, has (names of what is there)."""

    code = "no-variant"
    text = "{name} has no {what}"

    @property
    def hint(self) -> str:
        """What there is instead."""
        has = self.facts.get("has")
        if not isinstance(has, list) or not has:
            return str(self.facts.get("hint") or "infer search TERM finds repositories of GGUF models")
        more = f" and {len(has) - 24} more" if len(has) > 24 else ""
        return "it has " + ", ".join(has[:24]) + more


class Gated(ModelNotFound):
    """The repository's owner wants its conditions accepted first. Facts: name, page, token (was one sent)."""

    code = "gated"
    text = "{name} is gated: its owner asks everybody to accept its conditions first"

    @property
    def hint(self) -> str:
        """Where to accept them, and the token that proves it."""
        page, token = self.facts["page"], self.facts.get("token")
        if token:
            return f"accept them at {page} with the account of your token"
        return f"accept them at {page}, make a token in the settings of your account, and set HF_TOKEN to it"


class NetworkError(InferError):
    """The network is needed and did not answer, or may not be used. Facts: what, hint."""

    code = "network"
    exit_code = 4


class Offline(NetworkError):
    """A model is not here and the network may not be used. Facts: name, why (the switch that is on)."""

    code = "offline"
    text = "{name} is not on this machine, and {why} forbids the network"
    hint_text = "once, with the network: infer pull {name}"


class IntegrityError(InferError):
    """The bytes are not what was promised. Facts: what, hint."""

    code = "integrity"
    exit_code = 5


class BadModelFile(IntegrityError):
    """The file is not a usable GGUF. Facts: path, why, hint."""

    code = "bad-model-file"
    text = "{path} is not a usable GGUF file: {why}"


class BadTemplate(IntegrityError):
    """The model's chat template cannot be rendered. Facts: why."""

    code = "bad-template"
    text = "the model's chat template cannot be used: {why}"
    hint_text = "--raw sends the prompt without a template"


class DoesNotFit(InferError):
    """Not enough memory or disk. Facts: what, need, have (bytes; None where only the attempt failed), hint."""

    code = "does-not-fit"
    exit_code = 6
    text = "{what} needs {need_text}, {have_text} is free"

    def __str__(self) -> str:
        need, have = self.facts.get("need"), self.facts.get("have")
        if need is None:
            return f"{self.facts.get('what')} does not fit into memory"
        return self.text.format(**self.facts, need_text=_bytes(need), have_text=_bytes(have))


class DiskFull(DoesNotFit):
    """The file system has no room. Facts: what, need, have (bytes), path."""

    code = "disk-full"
    hint_text = "free some space in {path}, or set HF_HUB_CACHE to a larger disk; what is there already is kept"

    def __str__(self) -> str:
        need, have = _bytes(self.facts.get("need")), _bytes(self.facts.get("have"))
        return f"no room on the disk: {self.facts.get('what')} needs {need}, {have} is free in {self.facts.get('path')}"


class CacheUnwritable(DoesNotFit):
    """The models' cache cannot be written. Facts: path, why, hint (where another cache would not help)."""

    code = "cache-unwritable"
    hint_text = "set HF_HUB_CACHE to a directory that can be written"

    @property
    def hint(self) -> str:
        """What to do about it."""
        return str(self.facts.get("hint") or self.hint_text)

    def __str__(self) -> str:
        return f"cannot write to {self.facts.get('path')}: {self.facts.get('why')}"


class DeviceMissing(DoesNotFit):
    """A GPU was asked for and this build of llama.cpp has none to offer. Facts: asked."""

    code = "no-device"
    text = "{asked} asks for a GPU, but this llama-cpp-python finds none"
    hint_text = "infer doctor says how to get a build that uses one; or leave the option out"

    def __str__(self) -> str:
        return InferError.__str__(self)


class OutputUnwritable(DoesNotFit):
    """stdout or a file of the output cannot be written. Facts: why, path (absent: stdout)."""

    code = "output-unwritable"

    def __str__(self) -> str:
        return f"cannot write to {self.facts.get('path', 'stdout')}: {self.facts['why']}"


class ContextOverflow(InferError):
    """The prompt does not fit. Facts: prompt, context, trained (tokens), estimated (may be absent)."""

    code = "context-overflow"
    exit_code = 7
    text = "the prompt has {about}{prompt:,} tokens, the context holds {context:,}"

    def __str__(self) -> str:
        return self.text.format(**self.facts, about="about " if self.facts.get("estimated") else "")

    @property
    def hint(self) -> str:
        """The context that would do, or the ways to shorten the prompt."""
        need = int(self.facts["prompt"]) + 1  # type: ignore[arg-type]
        if need <= int(self.facts["trained"]):  # type: ignore[arg-type]
            return f"--ctx {-(-need // 256) * 256} makes room for it"
        shorter = "shorten it, or let infer cut it: --overflow drop-oldest or --overflow drop-middle"
        return f"{shorter} (the model was trained for {self.facts['trained']:,} tokens)"


class TextTooLong(ContextOverflow):
    """A text to embed does not fit, and is not cut. Facts: prompt, context, trained (tokens)."""

    code = "text-too-long"
    text = "the text has {prompt:,} tokens, {context:,} are possible"

    @property
    def hint(self) -> str:
        """Whether another setting would help, or only shorter texts."""
        prompt, trained = self.facts["prompt"], self.facts["trained"]
        if int(prompt) <= int(trained):  # type: ignore[arg-type]
            return "a larger --ctx makes room for it where the memory does"
        return f"split it: the model was trained for {trained:,} tokens"


class ConstraintUnmet(InferError):
    """Constrained output could not be completed. Facts: what, hint."""

    code = "constraint-unmet"
    exit_code = 8


class Interrupted(InferError):
    """A signal asked us to stop. Facts: signal (its number)."""

    code = "interrupted"
    text = "interrupted"

    def __init__(self, **facts: Fact) -> None:
        super().__init__(**facts)
        self.exit_code = 128 + int(facts["signal"])  # type: ignore[arg-type]


def _tree(root: type[InferError]) -> dict[str, type[InferError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


def from_wire(message: dict[str, object]) -> InferError:
    """Rebuild an error from `to_wire`'s object; an unknown code becomes an InternalError."""
    facts = message.get("facts")
    cls = _tree(InferError).get(str(message.get("code")))
    if cls is None or not isinstance(facts, dict):
        return InternalError(what=f"unreadable error message: {message}")
    return cls(**facts)


def _bytes(value: Fact) -> str:
    if not isinstance(value, int | float):
        return "an unknown amount"
    amount = float(value)
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} GiB"
