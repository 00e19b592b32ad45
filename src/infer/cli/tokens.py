"""`infer tokens`: how many tokens a text is, and which."""

import json
from typing import Annotated

import typer

from infer.cli import options
from infer.cli.session import Session

Chat = Annotated[bool, typer.Option("--chat", help="as a user's message, with the chat template around it")]
List = Annotated[bool, typer.Option("--list", help="each token's id and text, one a line")]


def tokens(
    context: typer.Context,
    model: options.Model,
    text: options.Text = None,
    chat: Chat = False,
    list_: List = False,
    system: options.System = None,
    file: options.Files = None,
    no_stdin: options.NoStdin = False,
    json_: options.Json = False,
    offline: options.Offline = False,
) -> int:
    """Count or list the tokens of a text; with --chat, of the prompt made of it."""
    from infer.cli.inputs import read_messages
    from infer.cli.model import open_tokenizer
    from infer.errors import UsageError
    from infer.settings import resolve
    from infer.types import Request

    session: Session = context.obj
    if system is not None and not chat:
        raise UsageError(what="--system counts only with --chat", hint="infer tokens MODEL --chat --system TEXT [TEXT]")
    settings = resolve({"system": system, "offline": offline or None})
    for warning in settings.warnings:
        session.output.note(f"warning: {warning}")
    opened = open_tokenizer(model, settings, session, chat=chat)
    wanted = settings["system"] if chat else None
    messages = read_messages(text, file or [], wanted, stdin=not no_stdin, raw=not chat, output=session.output)
    worker = opened.worker
    pairs = worker.prompt(Request(messages))[1] if chat else worker.tokenize(messages[-1].text)
    if json_:
        rows = [{"id": token, "text": piece} for token, piece in pairs]
        session.output.json(json.dumps({"count": len(rows), "tokens": rows}, ensure_ascii=False) + "\n")
    elif list_:
        session.output.data("".join(f"{token}\t{piece!r}\n" for token, piece in pairs))
    else:
        session.output.data(f"{len(pairs)}\n")
    return 0
