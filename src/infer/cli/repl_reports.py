"""What /context, /cache, /params and /stats say: numbers that were measured or counted, and nothing else."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from infer.cli.report import statistics
from infer.cli.table import table
from infer.settings import cache_dir

if TYPE_CHECKING:
    from infer.cli.repl import Repl

_LONGEST = 50  # characters of a message in a table


def context_lines(repl: "Repl") -> list[str]:
    """What fills the context: each message's tokens, the template's around them, and what is free."""
    total, size = repl.prompt_tokens(), repl.opened.config.max_context
    rows: list[tuple[str, str, str]] = []
    spelt = 0
    for message in repl.conversation.messages():
        count = len(repl.opened.worker.tokenize(message.text))
        spelt += count
        rows.append((message.role, f"{count:,}", " ".join(message.text.split())[:_LONGEST]))
    if rows:
        rows.append(("template", f"{total - spelt:,}", "around the messages"))
    rows.append(("in use", f"{total:,}", f"{100 * total / size:.0f} % of {size:,}"))
    rows.append(("free", f"{size - total:,}", ""))
    return table(("what", "tokens", ""), rows, right={1})


def cache_lines(repl: "Repl") -> list[str]:
    """What the last prompt took from the cache, and what the chat has."""
    completion, totals = repl.result().completion, repl.account.totals
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
    result, totals = repl.result(), repl.account.totals
    computed = totals.prompt - totals.cached
    rates = [
        f"prefill {computed / totals.prefill:,.0f} tok/s" if totals.prefill else "",
        f"decode {totals.completion / totals.decode:,.0f} tok/s" if totals.decode else "",
    ]
    sums = f"this chat: {totals.answers} answers, {totals.completion:,} tokens; prompts {totals.prompt:,} tokens, "
    return [
        *statistics(repl.opened, result),
        sums + ", ".join([f"{totals.cached:,} cached", *filter(None, rates)]),
    ]
