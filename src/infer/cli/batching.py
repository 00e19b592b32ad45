"""A batch from the command line: the files, the model, the run, what is said about it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from infer.cli.constraint import Wanted, read_constraint
from infer.cli.inputs import system_message, text_or_file
from infer.cli.line_input import open_feed, which_file
from infer.cli.model import Opened, open_model, revived, thinking, thinking_limit, unused_gpu
from infer.cli.output import Output
from infer.cli.session import Session
from infer.cli.tool_file import read_tool_file, refuse_beside_tools
from infer.errors import ConstraintUnmet, Interrupted, UsageError
from infer.jobs.batch.feed import Feed
from infer.jobs.batch.items import Item, check_template, parse_item
from infer.jobs.batch.journal import Journal
from infer.jobs.batch.ledger import Names, digest
from infer.jobs.batch.lines import comma_separated, jsonl
from infer.jobs.batch.outlook import Outlook, look
from infer.jobs.batch.runner import Answered, Runner
from infer.models.plan import Wish
from infer.settings import Settings, resolve
from infer.types import Request, Usage

_SYNC_EVERY = 1.0  # seconds between two syncs of the output
_SHOW_EVERY = 0.1  # seconds between two looks of the progress line
_LAST_BLOCKS = 0.2  # seconds the prompt cache has to write what is still in memory
PARTIAL = 9  # exit code: some items failed


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands on the command line beside the settings. input, output: None for stdin, stdout. read: --input."""

    model: str
    input: str | None
    output: str | None
    read: str | None
    template: str | None
    ordered: bool
    wanted: Wanted
    tools: str | None
    raw: bool
    lora: tuple[str, ...]
    yes: bool
    as_json: bool
    quiet: bool
    verbose: bool


@dataclass(slots=True)
class _Tally:
    """What has been done so far."""

    started: float
    answered: int = 0
    failed: int = 0
    before: int = 0  # records of an earlier run
    usage: Usage = field(default_factory=Usage)

    def count(self, answered: Answered) -> None:
        self.answered += 1
        self.failed += answered.error is not None
        if answered.completion:
            new = answered.completion.usage
            mine = self.usage
            self.usage = Usage(mine.prompt + new.prompt, mine.cached + new.cached, mine.completion + new.completion)

    @property
    def seconds(self) -> float:
        return monotonic() - self.started


def run_batch(asked: Asked, flags: Mapping[str, Any], session: Session) -> int:
    """Answer all lines and return the exit code; raises the InferErrors of every room."""
    settings = resolve(flags)
    session.output.configure(color=settings["color"], quiet=asked.quiet)
    for warning in settings.warnings:
        session.output.note(f"warning: {warning}")
    _check(asked)
    template = _template(asked.template)
    constraint, tools = read_constraint(asked.wanted), read_tool_file(asked.tools)
    refuse_beside_tools(asked.tools, constraint, raw=asked.raw)
    outlook = _look(asked, settings, template, session)
    wish = Wish(parallel=settings["parallel"], most=outlook.lines, alike=outlook.alike)
    opened = open_model(asked.model, settings, asked.lora, session, yes=asked.yes, wish=wish)
    if note := unused_gpu(opened):
        session.output.note(f"note: {note}")
    if constraint is not None:
        opened.worker.expect(constraint)
    base = replace(_base(asked, opened.settings), constraint=constraint, tools=tools)
    with ExitStack() as stack:
        feed = stack.enter_context(_open_input(asked.input, session))
        journal = None
        if asked.output is not None:
            journal = stack.enter_context(Journal(Path(asked.output), _parameters(opened, base, template)))
        tally = _Tally(monotonic(), before=journal.done if journal else 0)
        reader = _Reader(feed, _is_table(asked), base, template, journal)
        _answer_all(asked, opened, session, reader, journal, tally)
        failed = journal.failed() if journal else tally.failed
        if journal and journal.complete:
            session.output.note(f"note: {journal.path} is complete, nothing was asked; remove it to begin again")
    return _report(asked, opened, session, tally, failed)


def _check(asked: Asked) -> None:
    if asked.as_json and asked.output is None:
        raise UsageError(what="--json prints a summary on stdout, where the records are", hint="name a file with -o")
    read, written = which_file(asked.input, 0), which_file(asked.output, 1)
    if read is not None and read == written:
        raise UsageError(what=f"{asked.output or 'stdout'} is the input as well", hint="name another file with -o")
    if asked.read not in (None, "jsonl", "csv"):
        raise UsageError(what=f"--input {asked.read} is not one of jsonl, csv", hint="")
    if _is_table(asked) and asked.template is None:
        raise UsageError(what="a CSV file needs --template", hint='--template "Summarise: {text}"')


def _is_table(asked: Asked) -> bool:
    return asked.read == "csv" or (asked.read is None and (asked.input or "").lower().endswith(".csv"))


def _look(asked: Asked, settings: Settings, template: str | None, session: Session) -> Outlook:
    """A look into the input; what comes through a pipe has still to come."""
    if asked.input is None or not Path(asked.input).is_file():
        return Outlook()
    base, read_lines = _base(asked, settings), comma_separated if _is_table(asked) else jsonl
    with _open_input(asked.input, session) as feed:
        return look(parse_item(line, base, template) for line in read_lines(feed) if line is not None)


def _answer_all(
    asked: Asked, opened: Opened, session: Session, reader: "_Reader", journal: Journal | None, tally: _Tally
) -> None:
    """Run, write, and when a signal comes: what is whole goes to the disk, nothing else."""

    revive = partial(revived, opened, session)
    synced = shown = monotonic()
    with session.signals.held():
        try:
            items, pause = reader.items(), reader.pause
            for answered in Runner(opened.worker, items, ordered=asked.ordered, revive=revive, pause=pause):
                if answered is not None:
                    _refuse_for_all(answered, reader.base)
                    tally.count(answered)
                    _write(answered, reader, journal, session.output)
                if journal and monotonic() - synced > _SYNC_EVERY:
                    journal.sync()
                    synced = monotonic()
                if journal is None:
                    session.output.check_reader()
                if monotonic() - shown > _SHOW_EVERY:
                    session.output.progress(_progress(tally, reader.share_done(tally.answered)))
                    shown = monotonic()
        except Interrupted:
            if journal:
                journal.sync()
            raise
        if journal:
            journal.finish()
    session.output.clear_progress()


def _refuse_for_all(answered: Answered, base: Request) -> None:
    """Raise what this model cannot do of the command's own --schema, --tools and the like: it would fail each line."""
    error, request = answered.unanswered, answered.item.request
    if request is None or error is None or error.code not in (UsageError.code, ConstraintUnmet.code):
        return
    ours = (request.constraint, request.tools) == (base.constraint, base.tools) != (None, ())
    if ours and not any(message.tool_calls or message.role == "tool" for message in request.messages):
        raise error


def _write(answered: Answered, reader: "_Reader", journal: Journal | None, output: Output) -> None:
    record = answered.record()
    if journal is None:
        output.json(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        journal.add(answered.item.custom_id, reader.line_of(answered.item), record)


class _Reader:
    """The items that are still to be answered, and how much of the input has been read."""

    def __init__(self, feed: Feed, table: bool, base: Request, template: str | None, journal: Journal | None) -> None:
        self._feed, self.base, self._template, self._journal = feed, base, template, journal
        self.pause = feed.wait
        self._read_lines = comma_separated if table else jsonl
        self._ids = Names()
        self._lines: dict[int, int] = {}  # digests of the lines whose answers are awaited, by their numbers
        self._given = self._skipped = 0  # lines that were handed out; bytes before the first of them

    def share_done(self, answered: int) -> float | None:
        """How much of what there was to do is done, 0 to 1; None where nobody knows how much there is.

        What has been read is ahead of what has been answered; what an earlier run did counts for nothing.
        """
        if not self._feed.size or not self._given:
            return None
        read = (self._feed.given - self._skipped) / max(1, self._feed.size - self._skipped)
        return max(0.0, min(1.0, read * answered / self._given))

    def items(self) -> Iterator[Item | None]:
        """One after the other, each with an id that stands once in the output; None while the next is not there."""
        for line in self._read_lines(self._feed):
            if line is None:
                yield None
                continue
            item = parse_item(line, self.base, self._template)
            item = _with_id(item, self._ids.once(item.custom_id, f" (line {line.number})"))
            said = digest(line.data or b"")
            if self._journal and self._journal.has(item.custom_id, said):
                continue
            if self._journal:
                self._lines[item.number] = said
            if not self._given:
                self._skipped = max(0, self._feed.given - len(line.data or b""))
            self._given += 1
            yield item

    def line_of(self, item: Item) -> int:
        """The digest of an item's line, once."""
        return self._lines.pop(item.number)


def _with_id(item: Item, custom_id: str) -> Item:
    """A second line with an id of its own is an error of that line; one that goes by its number gets another id."""
    if custom_id == item.custom_id:
        return item
    if item.numbered:
        return replace(item, custom_id=custom_id)
    problem = f"line {item.number:,} has the custom_id '{item.custom_id}' of an earlier line"
    return Item(item.number, custom_id, problem=problem)


def _template(given: str | None) -> str | None:
    if given is None:
        return None
    template = text_or_file(given, "--template")
    if problem := check_template(template):
        raise UsageError(what=f"--template: {problem}", hint='--template "Summarise: {text}"')
    return template


def _base(asked: Asked, settings: Settings) -> Request:
    return Request(
        messages=system_message(settings["system"]),
        sampling=settings.sampling(),
        raw=asked.raw,
        max_tokens=settings["max_tokens"],
        stop=settings["stop"],
        think=thinking(settings),
        think_limit=thinking_limit(settings),
        overflow=settings["overflow"],
    )


def _parameters(opened: Opened, base: Request, template: str | None) -> str:
    """Everything but the line that an answer depends on; not the path, a file may be moved."""
    metadata = opened.model.metadata
    model = [opened.model.sha256, metadata.name, metadata.file_size, metadata.tensor_bytes]
    config = [opened.config.kv_type, opened.config.lora, opened.config.context]
    return json.dumps([model, config, asdict(base), template])


def _open_input(name: str | None, session: Session) -> Feed:
    if name is None and os.isatty(0):
        raise UsageError(what="there is no input", hint="infer batch MODEL IN.jsonl -o OUT.jsonl, or pipe it in")
    return open_feed(name, session.signals.waiting)


def _progress(tally: _Tally, share: float | None) -> str:
    """One line for a terminal."""
    parts = [f"{share:.0%}"] if share is not None else []
    parts.append(f"{tally.answered:,} answered")
    if tally.answered:
        usage = tally.usage
        parts.append(f"{(usage.completion + usage.prompt - usage.cached) / tally.seconds:,.0f} tok/s")
        parts.append(f"{usage.cached / max(usage.prompt, 1):.0%} of the prompts shared or cached")
        if share and share < 1:
            parts.append(f"about {_time(tally.seconds * (1 - share) / share)} left")
    if tally.failed:
        parts.append(f"{tally.failed:,} failed")
    return " · ".join(parts)


def _time(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min" if seconds >= 90 else f"{seconds:,.0f} s"


def _report(asked: Asked, opened: Opened, session: Session, tally: _Tally, failed: int) -> int:
    warning = session.worker().finish(_LAST_BLOCKS)
    usage = tally.usage
    if asked.as_json:
        summary = {
            "answered": tally.answered,
            "failed": failed,
            "answered_before": tally.before,
            "usage": asdict(usage),
            "seconds": round(tally.seconds, 3),
            "parallel": opened.config.parallel,
            "output": asked.output,
        }
        session.output.json(json.dumps(summary, ensure_ascii=False) + "\n")
    if asked.verbose:
        rate = usage.completion / max(tally.seconds, 1e-9)
        computed = usage.prompt - usage.cached
        lines = [
            f"{tally.answered:,} answered in {tally.seconds:.1f} s, {tally.before:,} before",
            f"prompts {usage.prompt:,} tokens: {usage.cached:,} shared or cached, {computed:,} computed",
            f"answers {usage.completion:,} tokens ({rate:,.0f} tok/s in all), {opened.config.parallel} at once",
        ]
        session.output.statistics([*lines, f"warning: {warning}"] if warning else lines)
    if failed:
        where = f", see error in {asked.output}" if asked.output else ""
        session.output.note(f"note: {failed:,} of {tally.answered + tally.before:,} lines failed{where}")
    return PARTIAL if failed else 0
