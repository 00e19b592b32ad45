"""`infer doctor`: what this machine and this installation can do, and what to do about what is wrong."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from infer.cli import options
from infer.cli.session import Session
from infer.errors import InferError

if TYPE_CHECKING:
    from infer.jobs.doctor.check import Check
    from infer.types import Build


def doctor(context: typer.Context, json_: options.Json = False) -> int:
    """Say what is fine and what is not, with the way to mend it. Exit code 1 when there is a problem."""
    from infer.jobs.doctor.examination import examine

    session: Session = context.obj

    def ask_build(seconds: float) -> "Build | InferError | None":
        try:
            return session.worker().build(seconds)
        except InferError as error:
            if error.code == "interrupted":
                raise
            return error

    checks = examine(os.environ, ask_build, terminal=session.output.stdout_tty)
    if json_:
        session.output.json(
            json.dumps({"checks": [asdict(one) for one in checks]}, ensure_ascii=False, indent=1) + "\n"
        )
    else:
        session.output.data("\n".join([*_lines(checks), "", _summary(checks)]) + "\n")
    return int(any(check.level == "problem" for check in checks))


def _lines(checks: "Sequence[Check]") -> list[str]:
    """A line a check; what to do about it below, the command on a line of its own, to be copied."""
    width = max(len(check.name) for check in checks)
    indent = " " * (9 + width + 2)
    lines = []
    for check in checks:
        lines.append(f"{check.level:<9}{check.name:<{width}}  {_one_line(check.text)}")
        if check.fix:
            lines.append(f"{indent}fix: {_one_line(check.fix)}" + (":" if check.command else ""))
        if check.command:
            lines.append(f"{indent}$ {_one_line(check.command)}")
    return lines


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _summary(checks: "Sequence[Check]") -> str:
    counts = Counter(check.level for check in checks)
    words = [_counted(counts["problem"], "problem"), _counted(counts["warning"], "warning")]
    return ", ".join(words)


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count or 'no'} {what}s"
