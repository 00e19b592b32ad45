"""What the status line, /context, /cache, /params and /stats say: numbers that were measured or counted, no others."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infer.cli.output import visible
from infer.cli.report import Result, statistics
from infer.cli.table import table
from infer.errors import UsageError
from infer.settings import cache_dir

if TYPE_CHECKING:
    from infer.cli.repl import Repl

_LONGEST = 50  # characters of a message in a table


def model_name(repl: "Repl") -> str:
    """The model's name; of a path its last part."""
    ref = repl.opened.model.ref
    return Path(ref).name if ref.startswith(("/", ".")) else ref


def result(repl: "Repl") -> Result:
    """The last answer, as the other commands report on one. Raises UsageError when there is none."""
    turn = repl.turn
    if turn is None or turn.completion is None:
        raise UsageError(what="nothing has been answered yet")
    text, reasoning = "".join(turn.text), "".join(turn.reasoning)
    return Result(text, reasoning, (), turn.completion, turn.first_token, turn.total)


def status(repl: "Repl", columns: int | None = None) -> str:
    """Model, context, speed and what was computed: what is known; as much as fits into so many columns."""
    size, used = repl.opened.config.max_context, repl.used
    parts = [visible(model_name(repl))]
    parts.append(
        f"context {size:,} tokens" if used is None else f"{used:,}/{size:,} tokens ({100 * used / size:.0f} %)"
    )
    parts += [f"{len(repl.attachments)} attached"] if repl.attachments else []
    if repl.turn is not None and repl.turn.completion is not None:
        usage, rate = repl.turn.completion.usage, result(repl).decode_rate
        parts += [f"{rate:,.0f} tok/s"] if rate else []
        parts.append(f"{usage.cached:,} cached + {usage.prompt - usage.cached:,} computed")
    parts += ["answers are constrained"] if repl.conversation.values.get("constraint") else []
    if repl.file is not None:
        parts.append(f"session {repl.file.name}")
    return " · ".join(parts if columns is None else _fitting(parts, columns))


def _fitting(parts: list[str], columns: int) -> list[str]:
    """As many parts as fit, the first two in any case: of a long name then its beginning."""
    parts = list(parts)
    while len(parts) > 2 and len(" · ".join(parts)) > columns:
        parts.pop()
    over = len(" · ".join(parts)) - columns
    if over > 0:
        parts[0] = parts[0][: max(1, len(parts[0]) - over - 1)] + "…"
    return parts


def context_lines(repl: "Repl") -> list[str]:
    """What fills the context: each message's tokens, the template's around them, and what is free."""
    total, size = repl.prompt_tokens(), repl.opened.config.max_context
    rows: list[tuple[str, str, str]] = []
    spelt = 0
    for message in repl.conversation.messages():
        count = len(message.token_ids or repl.opened.worker.tokenize(message.text))
        spelt += count
        rows.append((message.role, f"{count:,}", " ".join(message.text.split())[:_LONGEST]))
    if rows:
        rows.append(("template", f"{total - spelt:,}", "around the messages"))
    rows.append(("in use", f"{total:,}", f"{100 * total / size:.0f} % of {size:,}"))
    rows.append(("free", f"{size - total:,}", ""))
    return table(("what", "tokens", ""), rows, right={1})


def cache_lines(repl: "Repl") -> list[str]:
    """What the last prompt took from the cache, and what the chat has."""
    completion, totals = result(repl).completion, repl.account.totals
    usage = completion.usage
    lines = [
        f"last prompt: {usage.prompt:,} tokens, {usage.cached:,} cached, {usage.prompt - usage.cached:,} computed",
        f"all prompts: {totals.prompt:,} tokens, {totals.cached:,} cached, {totals.prompt - totals.cached:,} computed",
    ]
    if totals.restore:
        lines.append(f"read from disk in {totals.restore * 1000:,.0f} ms")
    if repl.account.repeated:
        lines.append(
            f"computed again: {repl.account.repeated:,} tokens that the chat template wrote differently than before"
        )
    place = repl.opened.config.cache_dir
    return [*lines, f"on disk: {cache_dir(os.environ)} (infer cache stats)" if place else "on disk: off (--no-cache)"]


def params_lines(repl: "Repl", keys: Sequence[str]) -> list[str]:
    """Every parameter, its value and where it came from."""
    values = repl.opened.settings.values
    rows = [
        (key, "-" if values[key].value in (None, ()) else str(values[key].value), values[key].origin) for key in keys
    ]
    return table(("key", "value", "from"), rows, right=())


def stats_lines(repl: "Repl") -> list[str]:
    """The last answer as --verbose tells of it, and the sums of the chat."""
    last, totals = result(repl), repl.account.totals
    computed = totals.prompt - totals.cached
    rates = [
        f"prefill {computed / totals.prefill:,.0f} tok/s" if totals.prefill else "",
        f"decode {totals.completion / totals.decode:,.0f} tok/s" if totals.decode else "",
    ]
    sums = f"this chat: {totals.answers} answers, {totals.completion:,} tokens; prompts {totals.prompt:,} tokens, "
    return [
        *statistics(repl.opened, last),
        sums + ", ".join([f"{totals.cached:,} cached", *filter(None, rates)]),
    ]
