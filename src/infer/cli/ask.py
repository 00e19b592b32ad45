"""One question from the command line: settings, model, inputs, answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infer.cli.answer import Answer
from infer.cli.constraint import Wanted, checked, read_constraint
from infer.cli.inputs import read_messages
from infer.cli.model import open_model, thinking
from infer.cli.report import statistics
from infer.cli.session import Session
from infer.settings import Settings, resolve
from infer.types import Constraint, Message, Request

_LAST_BLOCKS = 0.2  # seconds the prompt cache has to write what is still in memory


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands on the command line beside the settings."""

    model: str
    prompt: str | None
    files: tuple[str, ...]
    stdin: bool
    wanted: Wanted
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
    constraint = read_constraint(asked.wanted)
    # The worker loads while stdin is read.
    opened = open_model(asked.model, settings, asked.lora, session, yes=asked.yes)
    messages = read_messages(
        asked.prompt, asked.files, settings["system"], stdin=asked.stdin, raw=asked.raw, output=output
    )
    request = _request(messages, opened.settings, asked, constraint)
    if asked.show_prompt:
        output.block(opened.worker.prompt(request)[0])
    show_reasoning = settings["think"] == "show" or (output.stderr_tty and not asked.quiet)
    check = checked(constraint) if constraint else None
    answer = Answer(opened, session, as_json=asked.as_json, show_reasoning=show_reasoning, check=check)
    answer.stream(request)
    if asked.verbose:
        output.statistics(statistics(opened, answer.result()))
    failed = opened.worker.finish(_LAST_BLOCKS)
    if failed and asked.verbose:
        output.note(f"warning: {failed}")
    return 0


def _request(messages: tuple[Message, ...], settings: Settings, asked: Asked, constraint: Constraint | None) -> Request:
    return Request(
        messages=messages,
        sampling=settings.sampling(),
        raw=asked.raw,
        verify_cache=asked.cache_verify,
        max_tokens=settings["max_tokens"],
        stop=settings["stop"],
        think=thinking(settings),
        think_limit=settings["think"] if isinstance(settings["think"], int) else None,
        constraint=constraint,
        overflow=settings["overflow"],
    )
