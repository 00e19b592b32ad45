"""`infer sessions`: the conversations that were kept, and what one can do with them."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from infer.cli import options
from infer.cli.session import Session
from infer.cli.table import age, table
from infer.settings import data_dir

Name = Annotated[str, typer.Argument(metavar="NAME", help="the session's name")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="the sessions' names")]
Term = Annotated[str, typer.Argument(metavar="TEXT", help="what to look for, in any case")]
Form = Annotated[str, typer.Option("--format", metavar="md|json|html", help="the form of the document")]
_AROUND = 40  # characters shown on each side of what was found


def build() -> typer.Typer:
    """The sub-commands of `infer sessions`."""
    app = typer.Typer(help="The conversations that were kept: infer chat --session NAME.", no_args_is_help=True)
    app.command("list")(list_)
    app.command("show")(show)
    app.command("rm")(rm)
    app.command("search")(search)
    app.command("export")(export)
    return app


def list_(context: typer.Context, json_: options.Json = False) -> int:
    """What was kept: name, messages, model, last used, how it begins."""
    from infer.jobs import sessions

    session: Session = context.obj
    found = sessions.listed(_place())
    rows: list[dict[str, Any]] = [
        {"name": one.name, "messages": one.messages, "model": one.model, "used": int(one.used), "first": one.first,
         "path": str(one.path), "problem": one.problem or None}
        for one in found
    ]  # fmt: skip
    if json_:
        return _json(session, rows)
    texts = [(r["name"], f"{r['messages']:,}", r["model"] or "-", age(r["used"]), _begin(r)) for r in rows]
    lines = table(("name", "messages", "model", "used", "begins"), texts, right={1})
    session.output.data("\n".join(lines or ["no session was kept yet: infer chat MODEL --session NAME"]) + "\n")
    return 0


def show(context: typer.Context, name: Name, json_: options.Json = False) -> int:
    """Print a session, as the way to where it stands."""
    return _print(context.obj, name, "json" if json_ else "md")


def export(context: typer.Context, name: Name, format_: Form = "md") -> int:
    """Print a session as a document: infer sessions export NAME --format html > NAME.html."""
    return _print(context.obj, name, format_)


def rm(context: typer.Context, names: Names, json_: options.Json = False) -> int:
    """Remove sessions."""
    from infer.jobs import sessions

    session: Session = context.obj
    for name in names:
        sessions.path_of(_place(), name)
    for name in names:
        sessions.remove(_place(), name)
        if not json_:
            session.output.note(f"removed session {name}")
    return _json(session, [{"removed": name} for name in names]) if json_ else 0


def search(context: typer.Context, text: Term, json_: options.Json = False) -> int:
    """Find messages that contain a text, on every branch of every session."""
    from infer.jobs import sessions

    session: Session = context.obj
    rows = [
        {"session": name, "message": node.id, "role": node.message.role, "text": node.message.text}
        for name, node in sessions.search(_place(), text)
    ]
    if json_:
        return _json(session, rows)
    texts = [(str(r["session"]), str(r["role"]), _excerpt(str(r["text"]), text)) for r in rows]
    session.output.data("".join(line + "\n" for line in table(("session", "who", "said"), texts, right=())))
    return 0


def _print(session: Session, name: str, form: str) -> int:
    from infer.jobs import sessions, transcript

    text = transcript.export(sessions.read(_place(), name), form, name)
    (session.output.json if form == "json" else session.output.data)(text)
    return 0


def _place() -> Path:
    return data_dir(os.environ) / "sessions"


def _json(session: Session, rows: Any) -> int:
    session.output.json(json.dumps(rows, ensure_ascii=False) + "\n")
    return 0


def _begin(row: dict[str, Any]) -> str:
    return row["problem"] or " ".join(str(row["first"]).split())[:50]


def _excerpt(text: str, wanted: str) -> str:
    """What stands around the first place where it was found, on one line."""
    at = max(0, text.casefold().find(wanted.casefold()))
    start, end = max(0, at - _AROUND), at + len(wanted) + _AROUND
    return "…" * (start > 0) + " ".join(text[start:end].split()) + "…" * (end < len(text))
