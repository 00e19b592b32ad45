"""The commands of the chat: a table, and one small function for each."""

import re
import textwrap
from collections.abc import Callable
from dataclasses import asdict, dataclass
from difflib import get_close_matches

from infer.cli import clipboard
from infer.cli.constraint import described, kept_constraint, schema_constraint
from infer.cli.kept import kept_settings
from infer.cli.line_editor import edit
from infer.cli.live import terminal_size
from infer.cli.paths import expanded, meant
from infer.cli.repl import Repl
from infer.cli.repl_reports import cache_lines, context_lines, params_lines, stats_lines
from infer.cli.turn import show_answer
from infer.errors import UsageError
from infer.jobs import sessions
from infer.jobs.sessions import SessionFile
from infer.jobs.transcript import code_blocks, export
from infer.settings import SAMPLING_KEYS, parse, setting

SETTABLE = (*SAMPLING_KEYS, "max_tokens", "stop", "ctx")
_KEEP = 2  # exchanges that /compact leaves as they are


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, the form of its argument, what it does in one line, and the function that does it."""

    name: str
    form: str
    about: str
    run: Callable[[Repl, str], None]


def execute(repl: Repl, line: str) -> None:
    """Carry out a line that begins with a slash. Raises UsageError when there is no such command."""
    name, *more = re.split(r"\s", line[1:], maxsplit=1)
    command = BY_NAME.get(name)
    if command is None:
        repl.default = line  # it may be a long text that happens to begin with a slash
        near = get_close_matches(name, BY_NAME, 1)
        hint = f"did you mean /{near[0]}?" if near else "/help lists the commands; // sends a line that begins with /"
        raise UsageError(what=f"no such command: /{name}", hint=hint)
    command.run(repl, "".join(more).strip())


def show_last(repl: Repl) -> None:
    """The last exchange of the branch, as it was shown when it was new."""
    output, turns = repl.session.output, repl.conversation.turns
    if not turns:
        repl.say("nothing has been said here yet")
        return
    if earlier := sum(map(len, turns[:-1])):
        repl.say(f"… {earlier} messages before")
    for node in turns[-1]:
        if node.message.role == "user":
            output.block("› " + node.message.content[-1].text)
        else:
            show_answer(node.message.text, output, repl.view)


def _help(repl: Repl, argument: str) -> None:
    columns, width = terminal_size()[0], max(len(f"/{c.name} {c.form}") for c in COMMANDS)
    if columns < width + 40:  # a narrow window: what they do stands close behind them
        width = 0
    lines = [f"{f'/{c.name} {c.form}'.strip():<{width}}  {c.about}" for c in COMMANDS]
    keys = [
        "",
        "Enter sends; Alt-Enter or a \\ at the end goes on in a new line; a pasted text is one message.",
        "Ctrl-G opens $EDITOR, Ctrl-R searches the history, Tab completes, // sends a line that begins with /.",
        "Ctrl-C stops an answer and keeps what came; at an empty prompt twice it leaves, Ctrl-D leaves at once.",
    ]
    indent = " " * (width + 2 if width else 4)
    folded = [textwrap.fill(line, columns, subsequent_indent=indent) for line in lines]
    repl.session.output.block("\n".join([*folded, *(textwrap.fill(line, columns) for line in keys)]))


def _exit(repl: Repl, argument: str) -> None:
    repl.leaving = True


def _clear(repl: Repl, argument: str) -> None:
    repl.conversation.clear()
    repl.attachments.clear()
    repl.say("a new conversation; /branch lists what was said before")


def _system(repl: Repl, argument: str) -> None:
    if argument:
        repl.conversation.set("system", None if argument == "-" else argument)
    system = repl.conversation.values.get("system")
    repl.session.output.block(
        str(system) if system else "no system message (/system TEXT sets one, /system - takes it away)"
    )


def _model(repl: Repl, argument: str) -> None:
    if argument:
        repl.open(argument, {})
    model = repl.opened.model
    metadata = model.metadata
    size = f"{metadata.parameter_count / 1e6:,.1f} M parameters, {metadata.quantization}"
    repl.say(f"{model.ref}: {metadata.architecture}, {size}, context {repl.opened.config.max_context:,} tokens")


def _file(repl: Repl, argument: str) -> None:
    if argument == "-":
        repl.attachments.clear()
    elif argument:
        repl.attach(meant(argument))
    if not repl.attachments:
        repl.say("no file is attached")
    for attachment in repl.attachments:
        repl.say(f"{attachment.path}: {attachment.tokens:,} tokens, attached to the next message")


def _image(repl: Repl, argument: str) -> None:
    raise UsageError(what="this version of infer takes no images, whatever the model could do with them")


def _schema(repl: Repl, argument: str) -> None:
    if argument in ("off", "-"):
        repl.conversation.set("constraint", None)
    elif argument:
        given = str(expanded(argument)) if argument.startswith("~") else argument
        repl.conversation.set("constraint", asdict(schema_constraint(given)))
    repl.say(described(kept_constraint(repl.conversation.values.get("constraint"))))


def _set(repl: Repl, argument: str) -> None:
    key, _, raw = argument.replace("=", " ", 1).partition(" ")
    key = key.lstrip("-").replace("-", "_")
    if key not in SETTABLE:
        near = get_close_matches(key, SETTABLE, 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else "one of " + ", ".join(SETTABLE)
        raise UsageError(what=f"no setting of the chat is called '{key}'" if key else "/set needs a key", hint=hint)
    if raw.strip():
        repl.set(key, parse(setting(key), raw.strip(), f"/set {key}"))
    repl.say(f"{key} = {repl.opened.settings[key]}")


def _params(repl: Repl, argument: str) -> None:
    repl.session.output.block("\n".join(params_lines(repl, SETTABLE)))


def _retry(repl: Repl, argument: str) -> None:
    repl.again()


def _undo(repl: Repl, argument: str) -> None:
    *before, last = repl.conversation.undo().message.content
    repl.default, repl.attachments = last.text, repl.reattach([part.text for part in before]) + repl.attachments
    repl.say("undone: the last question is in the prompt again, its answer is kept as a branch")


def _edit(repl: Repl, argument: str) -> None:
    node = repl.conversation.question()
    *before, last = node.message.content
    with repl.session.signals.held():  # a Ctrl-C in the editor is the editor's
        changed = edit(last.text)
    repl.session.signals.settle()
    if changed is None:
        _undo(repl, "")
        repl.say("change it in the prompt ($EDITOR is not set, or it failed)")
    elif not changed.strip() or changed == last.text:
        repl.say("nothing was changed")
    else:
        head = repl.conversation.head
        repl.conversation.undo()
        kept, repl.attachments = repl.attachments, repl.reattach([part.text for part in before])
        asked = False
        try:
            asked = repl.ask(changed)
        finally:
            repl.attachments = kept
            if not asked:
                repl.conversation.move(head)


def _branch(repl: Repl, argument: str) -> None:
    if argument:
        repl.conversation.name(argument)
    lines = []
    for branch in repl.conversation.branches():
        name = f" [{branch.name}]" if branch.name else ""
        mark = "*" if branch.current else " "
        text = " ".join(branch.node.message.text.split())[:60]
        lines.append(f"{mark}{branch.number:>3}{name}  {branch.messages} messages, ends: {text}")
    repl.session.output.block("\n".join(lines) or "nothing has been said yet")


def _switch(repl: Repl, argument: str) -> None:
    if not argument:
        raise UsageError(what="/switch needs the number or the name of a branch", hint="/branch lists them")
    repl.conversation.switch(argument)
    show_last(repl)


def _save(repl: Repl, argument: str) -> None:
    if not argument and repl.file is not None:
        repl.say(f"session {repl.file.name} is kept in {repl.file.path}, turn by turn")
        return
    if not argument:
        raise UsageError(what="/save needs a name", hint="/save NAME")
    if argument in sessions.names(repl.sessions):
        raise UsageError(what=f"session {argument} exists", hint="another name, or infer sessions rm")
    repl.use(SessionFile(repl.sessions, argument), repl.conversation, new=True)
    repl.say(f"session {argument} is kept from here on: infer chat --session '{argument}' goes on with it")


def _load(repl: Repl, argument: str) -> None:
    if not argument:
        names = ", ".join(sessions.names(repl.sessions)) or "there are none yet"
        raise UsageError(what="/load needs the name of a session", hint=names)
    if repl.file is not None and repl.file.name == argument:
        repl.say(f"session {argument} is the one that is open")
        return
    kept_settings(sessions.read(repl.sessions, argument))  # says what is wrong before anything is given up
    file = SessionFile(repl.sessions, argument)
    repl.use(file, file.read(), new=False)
    repl.adopt(kept_settings(repl.conversation), "the session")
    model = repl.conversation.values.get("model")
    if model and model != repl.opened.model.ref:
        repl.say(f"it was held with {model}, and goes on with {repl.opened.model.ref} (/model {model} switches)")
    repl.conversation.set("model", repl.opened.model.ref)
    show_last(repl)


def _export(repl: Repl, argument: str) -> None:
    form, _, place = argument.partition(" ")
    title = repl.file.name if repl.file else "chat"
    text = export(repl.conversation, form or "md", title)
    path = expanded(place.strip() or f"{title}.{form or 'md'}")
    try:
        with open(path, "x", encoding="utf-8", opener=clipboard.private) as file:
            file.write(text)
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(what=f"cannot write {path}: {why}", hint="/export md PATH") from error
    repl.say(f"written to {path}")


def _copy(repl: Repl, argument: str) -> None:
    node = repl.conversation.last("assistant")
    if node is None:
        raise UsageError(what="nothing has been answered yet")
    text = node.message.text
    if argument:
        word, _, number = argument.partition(" ")
        blocks = code_blocks(text)
        at = int(number) if number.strip().isdigit() else len(blocks)
        if word != "code" or not 1 <= at <= len(blocks):
            raise UsageError(
                what=f"the last answer has {len(blocks)} code blocks", hint="/copy, /copy code, /copy code N"
            )
        text = blocks[at - 1]
    repl.say(clipboard.copy(text, repl.session.output))


def _tokens(repl: Repl, argument: str) -> None:
    if argument:
        repl.say(f"{len(repl.opened.worker.tokenize(argument)):,} tokens")
    else:
        repl.say(f"{repl.prompt_tokens():,} tokens as a prompt, of {repl.opened.config.max_context:,}")


def _context(repl: Repl, argument: str) -> None:
    repl.session.output.block("\n".join(context_lines(repl)))


def _cache(repl: Repl, argument: str) -> None:
    repl.session.output.block("\n".join(cache_lines(repl)))


def _think(repl: Repl, argument: str) -> None:
    if argument:
        repl.set("think", parse(setting("think"), argument, "/think"))
        repl.say(f"think = {argument}")
        return
    node = repl.conversation.last("assistant")
    if node is None or not node.message.reasoning:
        repl.say("the last answer came without reasoning")
    else:
        repl.session.output.reasoning(node.message.reasoning.strip())
        repl.session.output.end_answer()


def _forget(repl: Repl, argument: str) -> None:
    gone = repl.conversation.forget(_count(argument or "1", "/forget"))
    repl.say(f"{len(gone)} messages are left out from here on; /branch lists what was said before")


def _compact(repl: Repl, argument: str) -> None:
    keep = _count(argument, "/compact") if argument else _KEEP
    count = len(repl.conversation.turns) - keep
    if count < 1:
        raise UsageError(
            what=f"exchanges so far: {len(repl.conversation.turns)}, and the last {keep} stay as they are",
            hint="/compact 0 summarises all of them",
        )
    before = repl.prompt_tokens()
    repl.say(f"the model summarises the oldest {count} exchanges:")
    summary = repl.summarise(count)
    if summary is None:
        repl.say("nothing was changed")
        return
    repl.conversation.compact(count, summary, model=repl.opened.model.ref)
    repl.say(
        f"they are replaced by this summary: {before:,} tokens before, {repl.prompt_tokens():,} now; /branch lists both"
    )


def _stats(repl: Repl, argument: str) -> None:
    repl.session.output.block("\n".join(stats_lines(repl)))


def _count(text: str, command: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise UsageError(what=f"{command} needs a number of exchanges, not '{text}'")
    return int(text)


COMMANDS = (
    Command("help", "", "this list", _help),
    Command("exit", "", "leave (so does Ctrl-D)", _exit),
    Command("clear", "", "begin a new conversation; the old one stays a branch", _clear),
    Command("system", "[TEXT|-]", "show or set the system message; - takes it away", _system),
    Command("model", "[NAME]", "show or switch the model, keeping the conversation", _model),
    Command("file", "[PATH|-]", "attach files to the next message (a pattern means all that match); - detaches", _file),
    Command("image", "PATH", "not in this version: models get no images from infer yet", _image),
    Command("schema", "[JSON|FIELDS|FILE|off]", "hold answers to a JSON Schema; off: let them be free", _schema),
    Command("set", "KEY [VALUE]", f"show or set one of {', '.join(SETTABLE)}", _set),
    Command("params", "", "every parameter, its value and where it came from", _params),
    Command("retry", "", "another answer to the last question; the first is kept as a branch", _retry),
    Command("undo", "", "take the last exchange back; the question is in the prompt again", _undo),
    Command("edit", "", "change the last question in $EDITOR and ask it again", _edit),
    Command("branch", "[NAME]", "list the branches of the conversation, or name this one", _branch),
    Command("switch", "NUMBER|NAME", "go to another branch", _switch),
    Command("save", "[NAME]", "keep this chat as a session from here on", _save),
    Command("load", "NAME", "go on with a session", _load),
    Command("export", "md|json|html [PATH]", "write the conversation to a file", _export),
    Command("copy", "[code [N]]", "copy the last answer, or its last (Nth) code block, to the clipboard", _copy),
    Command("tokens", "[TEXT]", "count the tokens of a text, or of the conversation", _tokens),
    Command("context", "", "what fills the context", _context),
    Command("cache", "", "what the last prompt took from the prompt cache", _cache),
    Command("think", "[on|off|show|N]", "reasoning: on (one line), off, in full, N tokens; alone: the last", _think),
    Command("compact", "[KEEP]", "the model summarises all but the last KEEP (2) exchanges", _compact),
    Command("forget", "[N]", "leave the oldest N (1) exchanges out from here on", _forget),
    Command("stats", "", "speed and tokens of the last answer and of this chat", _stats),
)  # fmt: skip
BY_NAME = {command.name: command for command in COMMANDS} | {"quit": COMMANDS[1]}
