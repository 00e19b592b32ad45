"""From a command line to a chat: the terminal, the session that goes on, the model, what was piped in."""

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infer.cli.constraint import Wanted, read_constraint
from infer.cli.inputs import argument, read_file, read_stdin, read_system
from infer.cli.kept import kept_settings
from infer.cli.model import open_model
from infer.cli.output import Output, clever_terminal
from infer.cli.session import Session
from infer.errors import UsageError
from infer.jobs import sessions
from infer.jobs.conversation import Conversation
from infer.jobs.sessions import SessionFile
from infer.settings import Settings, data_dir, resolve

_STDIN = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands on the command line beside the settings."""

    model: str | None
    session: str | None = None
    continues: bool = False
    history: bool = True
    plain: bool = False
    files: tuple[str, ...] = ()
    stdin: bool = True
    wanted: Wanted = field(default_factory=Wanted)
    lora: tuple[str, ...] = ()
    yes: bool = False
    quiet: bool = False


def chat(asked: Asked, flags: Mapping[str, Any], session: Session) -> int:
    """Chat until the user leaves and return the exit code; raises the InferErrors of every room."""
    output = session.output
    settings = resolve(flags)
    output.configure(color=settings["color"], quiet=asked.quiet)
    for warning in settings.warnings:
        output.note(f"warning: {warning}")
    piped = _take_keyboard(output, stdin=asked.stdin)
    if piped is None:
        return 0
    directory = data_dir(os.environ) / "sessions"
    file, conversation = _session(asked, directory)
    try:
        return _chat(asked, settings, session, piped, directory, file, conversation)
    finally:
        if file is not None:
            file.close()


def _chat(
    asked: Asked,
    settings: Settings,
    session: Session,
    piped: str,
    directory: Path,
    file: SessionFile | None,
    conversation: Conversation,
) -> int:
    name = asked.model or conversation.values.get("model")
    if not name:
        raise UsageError(what="infer chat needs a model", hint="infer chat MODEL; infer list shows what is here")
    settings = _resumed(settings, conversation)
    if settings["system"] is not None and (settings.values["system"].origin == "--system" or not conversation.nodes):
        conversation.set("system", read_system(settings["system"]) or None)
    if constraint := read_constraint(asked.wanted):
        conversation.set("constraint", asdict(constraint))
    attached = [(path, read_file(path)) for path in asked.files] + ([("stdin", piped)] if piped.strip() else [])
    opened = open_model(name, settings, asked.lora, session, yes=asked.yes)
    # The worker loads while the line editor and rich are imported.
    from infer.cli.line_editor import LineEditor
    from infer.cli.live import terminal_size
    from infer.cli.repl import Repl
    from infer.cli.repl_completion import candidates
    from infer.cli.repl_reports import status
    from infer.cli.turn import View

    plain = asked.plain or not session.output.stdout_tty or not clever_terminal()
    view = View(markdown=not plain, thinking=settings["think"] == "show")
    repl = Repl(session, settings, asked.lora, opened, view, directory, conversation, file)
    conversation.set("model", opened.model.ref)
    repl.attachments = [repl.attachment(path, text) for path, text in attached]
    if not asked.quiet:
        _greet(repl, resumed=bool(conversation.nodes))
    history = data_dir(os.environ) / "history" if asked.history else None
    toolbar = None if plain or asked.quiet else lambda: status(repl, terminal_size()[0])
    repl.shows_status = plain and not asked.quiet
    repl.run(LineEditor(candidates(repl), history, toolbar, color=session.output.color))
    repl.close()
    return 0


def _greet(repl: Any, *, resumed: bool) -> None:
    from infer.cli.commands import show_last
    from infer.cli.repl_reports import model_name

    repl.say(f"{model_name(repl)}, context {repl.opened.config.max_context:,} tokens; /help lists the commands")
    for attachment in repl.attachments:
        repl.say(f"{attachment.path}: {attachment.tokens:,} tokens, attached to the first message")
    if repl.conversation.values.get("constraint"):
        repl.say("answers are constrained: /schema shows it, /schema off ends it")
    if resumed:
        repl.say(f"session {repl.file.name} goes on: {len(repl.conversation.path)} messages")
        show_last(repl)


def _take_keyboard(output: Output, *, stdin: bool) -> str | None:
    """What was piped in, with the keyboard as stdin from here on; None when there is nobody and nothing.

    Raises UsageError when there is no terminal to type at, OSError never.
    """
    if os.isatty(_STDIN):
        return ""
    piped = read_stdin(output) if stdin else ""
    try:
        keyboard = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        if not piped.strip():
            return None
        hint = "infer run MODEL answers what is piped in"
        raise UsageError(what="infer chat needs a terminal to type at", hint=hint) from None
    os.dup2(keyboard, _STDIN)
    os.close(keyboard)
    sys.stdin = os.fdopen(_STDIN, encoding="utf-8", errors="surrogateescape", closefd=False)
    return piped.rstrip("\n")


def _session(asked: Asked, directory: Path) -> tuple[SessionFile | None, Conversation]:
    """The session that goes on or begins, and what was said in it. None: nothing is kept."""
    name = argument(asked.session, "--session") if asked.session is not None else None
    if name is None and asked.continues:
        name = next(iter(sessions.names(directory)), None) or time.strftime("chat-%Y-%m-%d-%H%M%S")
    if name is None:
        return None, Conversation()
    file = SessionFile(directory, name)
    try:
        return file, file.read()
    except BaseException:
        file.close()
        raise


def _resumed(settings: Settings, conversation: Conversation) -> Settings:
    """What was set in the session holds again, unless the command line says otherwise."""
    kept = kept_settings(conversation)
    mine = {key: value for key, value in kept.items() if not settings.values[key].origin.startswith("--")}
    return settings.changed(mine, "the session")
