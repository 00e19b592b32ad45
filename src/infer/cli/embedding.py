"""Embeddings from the command line: the texts, the model, the run, what is said about it."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from infer.cli.embedding_input import Texts, open_texts
from infer.cli.embedding_output import Sink, open_sink, output_format
from infer.cli.model import Opened, open_embedder, prefixes, revived, unused_gpu
from infer.cli.session import Session
from infer.errors import Interrupted, UsageError
from infer.jobs.embed.runner import Answered, Runner
from infer.settings import resolve
from infer.types import EmbedRequest, Pooling

_SHOWN = 5  # failures that are named where the output has no place for them
PARTIAL = 9  # exit code: some texts failed
_POOLINGS: tuple[Pooling, ...] = ("mean", "cls", "last")


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands on the command line beside the settings. input, output: None for stdin, stdout."""

    model: str
    input: str | None
    files: tuple[str, ...]
    read: str | None
    output: str | None
    format: str | None
    role: str | None
    prefix: str | None
    normalized: bool
    pooling: str | None
    yes: bool
    quiet: bool
    verbose: bool


@dataclass(slots=True)
class _Tally:
    """What has been done so far."""

    started: float
    texts: int = 0
    failed: int = 0
    tokens: int = 0
    first: list[str] = field(default_factory=list)  # what went wrong, of the first that failed

    def count(self, answered: Answered) -> None:
        self.texts += 1
        self.tokens += answered.tokens
        if failure := answered.failure:
            self.failed += 1
            if len(self.first) < _SHOWN:
                self.first.append(f"{answered.item.custom_id}: {failure['message']}")

    @property
    def seconds(self) -> float:
        return monotonic() - self.started

    def line(self, share: float | None) -> str:
        """One line for a terminal."""
        parts = [f"{self.texts:,} texts" + (f", {share:.0%} of the input read" if share else "")]
        parts.append(f"{self.tokens / max(self.seconds, 1e-9):,.0f} tok/s")
        return " · ".join([*parts, f"{self.failed:,} failed"] if self.failed else parts)


def run_embed(asked: Asked, flags: Mapping[str, Any], session: Session) -> int:
    """Embed all texts and return the exit code; raises the InferErrors of every room."""
    settings = resolve(flags)
    session.output.configure(color=settings["color"], quiet=asked.quiet)
    for warning in settings.warnings:
        session.output.note(f"warning: {warning}")
    pooling = _pooling(asked.pooling)
    form = output_format(asked.format, asked.output)
    # The worker loads while stdin is read.
    opened = open_embedder(asked.model, settings, session, pooling, yes=asked.yes)
    if note := unused_gpu(opened):
        session.output.note(f"note: {note}")
    with ExitStack() as stack:
        waiting = session.signals.waiting
        texts = stack.enter_context(open_texts(asked.input, asked.files, asked.read, session.output, waiting))
        base = EmbedRequest("", _prefix(asked, opened, session), asked.normalized)
        sink = stack.enter_context(open_sink(form, asked.output, texts.single, opened, base, session.output))
        tally = _Tally(monotonic())
        revive = None if texts.single else partial(revived, opened, session)
        runner = Runner(opened.worker, texts.items(base, sink.has), revive=revive, pause=texts.pause)
        _embed_all(session, runner, texts, sink, tally)
        failed = sink.failed_before or tally.failed
    return _report(asked, opened, session, tally, failed)


def _embed_all(session: Session, runner: Runner, texts: Texts, sink: Sink, tally: _Tally) -> None:
    """Run and write. When a signal comes, what is whole is written, nothing else."""
    with session.signals.held():
        try:
            for answered in runner:
                if answered is None:
                    sink.tick()
                else:
                    if texts.single and answered.error:
                        raise answered.error
                    tally.count(answered)
                    sink.add(answered, texts.data_of(answered.item))
                session.output.progress(tally.line(texts.share))
        except Interrupted:
            sink.end(whole=False)
            raise
        sink.end(whole=True)
    session.output.clear_progress()


def _pooling(given: str | None) -> Pooling | None:
    found = next((pooling for pooling in _POOLINGS if pooling == given), None)
    if given is not None and found is None:
        raise UsageError(what=f"--pooling {given} is not one of {', '.join(_POOLINGS)}", hint="")
    return found


def _prefix(asked: Asked, opened: Opened, session: Session) -> str:
    """What stands before each text. Raises UsageError for a purpose that the model does not know."""
    if asked.prefix is not None:
        if asked.role is not None:
            raise UsageError(what="--as and --prefix both say what stands before a text", hint="give one of them")
        return asked.prefix
    if asked.role == "none":
        return ""
    known = prefixes(asked.model, opened)
    if asked.role is None:
        if known:
            names = ", ".join(f"--as {name}" for name in known)
            session.output.note(f"note: this model was trained to be told what a text is for: {names}, or --as none")
        return ""
    if asked.role not in known:
        has = ", ".join(known) or "nothing of the kind"
        what = f"--as {asked.role}: for {opened.model.ref} this is known: {has}"
        raise UsageError(what=what, hint="--prefix TEXT puts any text before each; --as none nothing")
    return known[asked.role]


def _report(asked: Asked, opened: Opened, session: Session, tally: _Tally, failed: int) -> int:
    session.worker().finish(0.1)
    if asked.verbose:
        rate = tally.tokens / max(tally.seconds, 1e-9)
        config = opened.config
        session.output.statistics(
            [
                f"{tally.texts:,} texts, {tally.tokens:,} tokens in {tally.seconds:.1f} s ({rate:,.0f} tok/s)",
                f"pooling {config.pooling}, texts of up to {config.max_context:,} tokens",
            ]
        )
    if failed:
        rows_alone = (asked.output or "").lower().endswith(".npy") or asked.format == "npy"
        where = ": rows of NaN" if rows_alone else f", see error in {asked.output}" if asked.output else ""
        session.output.note(f"note: {failed:,} of {tally.texts:,} texts failed{where}")
        for line in tally.first if rows_alone else ():
            session.output.note(f"note: {line}")
    return PARTIAL if failed else 0
