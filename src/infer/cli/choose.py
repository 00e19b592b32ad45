"""`infer choose`: which of these continuations, with probabilities."""

import json
from math import exp
from typing import TYPE_CHECKING, Annotated

import typer

from infer.cli import options
from infer.cli.session import Session

if TYPE_CHECKING:
    from infer.types import Continuation

_LAST_BLOCKS = 0.2  # seconds the prompt cache has to write what is still in memory
Question = Annotated[str, typer.Argument(metavar="PROMPT", help="what to ask")]
Choices = Annotated[list[str], typer.Argument(metavar="CHOICE...", help="what the model may go on with")]
Tokens = Annotated[bool, typer.Option("--tokens", help="each token of each choice, with its probability")]


def choose(
    context: typer.Context,
    model: options.Model,
    prompt: Question,
    choices: Choices,
    system: options.System = None,
    file: options.Files = None,
    no_stdin: options.NoStdin = False,
    raw: options.Raw = False,
    ctx: options.Ctx = None,
    gpu_layers: options.GpuLayers = None,
    threads: options.Threads = None,
    kv_type: options.KvType = None,
    lora: options.Lora = None,
    no_cache: options.NoCache = False,
    tokens: Tokens = False,
    yes: options.Yes = False,
    json_: options.JsonArray = False,
    quiet: options.Quiet = False,
    offline: options.Offline = False,
) -> int:
    """Say how likely each of these is as the answer: infer choose MODEL "prompt" yes no."""
    from infer.cli.inputs import argument, read_messages
    from infer.cli.model import open_model, unused_gpu
    from infer.errors import UsageError
    from infer.settings import resolve
    from infer.types import Request

    session: Session = context.obj
    choices = [argument(choice, f"choice {number}") for number, choice in enumerate(choices, 1)]
    if not all(choices) or len(set(choices)) < len(choices):
        raise UsageError(what="a choice is empty or given twice", hint='infer choose MODEL "prompt" yes no')
    given = {
        "system": system, "ctx": ctx, "gpu_layers": gpu_layers, "threads": threads, "kv_type": kv_type,
        "no_cache": no_cache or None, "offline": offline or None,
    }  # fmt: skip
    settings = resolve(given)
    session.output.configure(color=settings["color"], quiet=quiet)
    for warning in settings.warnings:
        session.output.note(f"warning: {warning}")
    opened = open_model(model, settings, lora or [], session, yes=yes)
    messages = read_messages(prompt, file or [], settings["system"], stdin=not no_stdin, raw=raw, output=session.output)
    found = opened.worker.score(Request(messages, raw=raw, think=False), tuple(choices))
    if note := unused_gpu(opened):
        session.output.note(f"note: {note}")
    rows = _rows(found, tokens=tokens)
    if json_:
        session.output.json(json.dumps(rows, ensure_ascii=False) + "\n")
    else:
        session.output.data("\n".join(_table(rows)) + "\n")
    opened.worker.finish(_LAST_BLOCKS)
    return 0


def _rows(found: "list[Continuation]", *, tokens: bool) -> list[dict[str, object]]:
    """What --json prints, the likeliest first. probability: among the choices, so they sum up to 1."""
    ordered = sorted(found, key=lambda one: -one.logprob)
    weights = [exp(one.logprob - ordered[0].logprob) for one in ordered]
    return [
        {
            "text": one.text,
            "probability": weight / sum(weights),
            "logprob": one.logprob,
            "logprob_per_token": one.logprob / len(one.tokens),
            **({"tokens": [{"text": text, "logprob": score} for text, score in one.tokens]} if tokens else {}),
        }
        for one, weight in zip(ordered, weights, strict=True)
    ]


def _table(rows: list[dict[str, object]]) -> list[str]:
    from infer.cli.table import table

    lines = [
        (repr(row["text"]), f"{row['probability']:.4f}", f"{row['logprob']:.4f}", f"{row['logprob_per_token']:.4f}")
        for row in rows
    ]
    shown = table(("choice", "probability", "logprob", "a token"), lines)
    for row in rows:
        parts = row.get("tokens")
        if isinstance(parts, list):
            shown += ["", repr(row["text"])]
            shown += [f"  {part['logprob']:9.4f}  {part['text']!r}" for part in parts]
    return shown
