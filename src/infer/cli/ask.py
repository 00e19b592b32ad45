"""One question from the command line: settings, model, inputs, answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infer.cli.answer import Answer
from infer.cli.constraint import Wanted, checked, read_constraint
from infer.cli.extract import Extraction
from infer.cli.inputs import read_messages
from infer.cli.model import open_model, thinking, thinking_limit
from infer.cli.report import statistics
from infer.cli.session import Session
from infer.cli.tool_file import excluded, read_tool_file, refuse_beside_tools
from infer.errors import UsageError
from infer.settings import Settings, resolve
from infer.types import Constraint, Message, Request, Tool

_LAST_BLOCKS = 0.2  # seconds the prompt cache has to write what is still in memory


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands on the command line beside the settings."""

    model: str
    prompt: str | None
    files: tuple[str, ...]
    stdin: bool
    wanted: Wanted
    logprobs: int | None
    tools: str | None
    extraction: Extraction | None
    raw: bool
    lora: tuple[str, ...]
    yes: bool
    as_json: bool
    quiet: bool
    verbose: bool
    show_prompt: bool
    cache_verify: bool


def ask(asked: Asked, flags: Mapping[str, Any], session: Session) -> int:
    """Answer it and return the exit code; raises the InferErrors of every room."""
    output = session.output
    settings = resolve(flags)
    output.configure(color=settings["color"], quiet=asked.quiet)
    for warning in settings.warnings:
        output.note(f"warning: {warning}")
    constraint, tools = read_constraint(asked.wanted), read_tool_file(asked.tools)
    _refuse_together(asked, constraint)
    # The worker loads while stdin is read.
    opened = open_model(asked.model, settings, asked.lora, session, yes=asked.yes)
    if constraint is not None:
        opened.worker.expect(constraint)
    messages = read_messages(
        asked.prompt, asked.files, settings["system"], stdin=asked.stdin, raw=asked.raw, output=output
    )
    request = _request(messages, opened.settings, asked, constraint, tools)
    if asked.show_prompt:
        output.block(opened.worker.prompt(request)[0])
    show_reasoning = settings["think"] == "show" or (output.stderr_tty and not asked.quiet)
    check = checked(constraint) if constraint else None
    answer = Answer(opened, session, asked.as_json, show_reasoning, check, asked.extraction)
    answer.stream(request)
    if asked.verbose:
        output.statistics(statistics(opened, answer.result()))
    failed = opened.worker.finish(_LAST_BLOCKS)
    if failed and asked.verbose:
        output.note(f"warning: {failed}")
    return 0


def _refuse_together(asked: Asked, constraint: Constraint | None) -> None:
    """Raise UsageError for options that ask for answers of two kinds."""
    if asked.logprobs is not None and not asked.as_json:
        raise UsageError(what="--logprobs has nowhere to go without --json", hint="add --json")
    refuse_beside_tools(asked.tools, constraint, raw=asked.raw)
    if constraint is not None and asked.extraction is not None:
        raise excluded("-x")


def _request(
    messages: tuple[Message, ...],
    settings: Settings,
    asked: Asked,
    constraint: Constraint | None,
    tools: tuple[Tool, ...],
) -> Request:
    return Request(
        messages=messages,
        sampling=settings.sampling(),
        raw=asked.raw,
        verify_cache=asked.cache_verify,
        max_tokens=settings["max_tokens"],
        stop=settings["stop"],
        think=thinking(settings),
        think_limit=thinking_limit(settings),
        constraint=constraint,
        logprobs=asked.logprobs,
        tools=tools,
        overflow=settings["overflow"],
    )
