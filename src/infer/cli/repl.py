"""The chat: reads a message, has it answered, keeps it; and what the commands of infer.cli.commands work on."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGINT
from typing import Any

from infer.cli.account import Account, ways_out
from infer.cli.constraint import kept_constraint
from infer.cli.inputs import read_file
from infer.cli.keyboard import Keyboard
from infer.cli.line_editor import LineEditor
from infer.cli.model import Opened, open_model, thinking, thinking_limit, unused_gpu
from infer.cli.output import clever_terminal
from infer.cli.repl_reports import status
from infer.cli.session import Session
from infer.cli.turn import Turn, View
from infer.errors import (
    ContextOverflow,
    InferError,
    Interrupted,
    ModelNotFound,
    OutputUnwritable,
    UsageError,
    WorkerDied,
)
from infer.jobs.conversation import SUMMARY_QUESTION, Conversation, said
from infer.jobs.sessions import SessionFile
from infer.settings import Settings
from infer.types import Completion, Message, Request, TextPart
from infer.worker.client import WorkerClient

_LAST_BLOCKS = 0.5  # seconds the prompt cache has to write what is still in memory


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file for the next message. `tokens` without the template around it."""

    path: str
    text: str
    tokens: int


@dataclass(slots=True)
class Repl:
    """One chat.

    settings    as they were given; the model's own stand in `opened.settings`
    file        the session's file, None: nothing is kept
    default     what the next prompt begins with
    turn        the last answer
    used        tokens of the conversation in the context, None: they have not been counted
    shows_status  the status line follows each answer, because it does not stand below the prompt
    """

    session: Session
    settings: Settings
    lora: Sequence[str]
    opened: Opened
    view: View
    sessions: Path
    conversation: Conversation
    file: SessionFile | None = None
    attachments: list[Attachment] = field(default_factory=list)
    account: Account = field(default_factory=Account)
    default: str = ""
    turn: Turn | None = None
    used: int | None = None
    leaving: bool = False
    shows_status: bool = False
    _end: InferError | None = None
    _take_keys: Callable[[], None] = lambda: None
    _shell: Callable[[], AbstractContextManager[None]] = nullcontext

    def run(self, editor: LineEditor) -> None:
        """Read and answer until the user leaves."""
        self.session.signals.patient = True
        self._take_keys = editor.take_keys
        with Keyboard(self._paint) as keyboard, self.session.signals.held():
            self._shell = keyboard.shell
            warned = False
            while not self.leaving:
                try:
                    text = self._read(editor, keyboard)
                except EOFError:
                    break
                except KeyboardInterrupt:
                    if warned:
                        break
                    warned = True
                    self.say("Ctrl-C once more leaves, so does Ctrl-D")
                    continue
                warned = False
                self.hear(text)

    def _read(self, editor: LineEditor, keyboard: Keyboard) -> str:
        """A message. Ctrl-C that came after the answer, and before it became a key, was meant for the answer."""
        default, self.default = self.default, ""
        with keyboard.typing():
            self.session.signals.settle()
            text = editor.read("› ", default, self.session.signals)
        if clever_terminal():  # the line editor shows as much as fits on the screen, and leaves nothing behind
            self.session.output.echo("› ", text)
        return text

    def hear(self, text: str) -> None:
        """Do what was typed: a command, or a message for the model."""
        from infer.cli.commands import execute

        try:
            if text.startswith("/") and not text.startswith("//"):
                with self.session.signals.waiting():  # a command may wait for anything
                    before = self._place()
                    execute(self, text)
                    self._recount(before)
            elif text.strip() or self.attachments:
                self.ask(text.removeprefix("/") if text.startswith("//") else text)
        except OutputUnwritable:
            raise
        except Interrupted as signal:
            self._interrupted(signal)
        except WorkerDied as error:
            self._revive(error)
        except InferError as error:
            if not self.opened.worker.loaded and not isinstance(error, UsageError | ModelNotFound):
                raise  # the model cannot be loaded: there is nothing to talk with
            self.session.output.error(error)
        self.keep()
        if self._end is not None:
            raise self._end

    def _place(self) -> tuple[Any, ...]:
        """What decides how many tokens the conversation takes."""
        return self.conversation, self.conversation.head, self.conversation.values.get("system"), self.opened.model.ref

    def _recount(self, before: tuple[Any, ...]) -> None:
        """After a command that went somewhere else: what the last answer took is not what the next one takes."""
        if self._place() != before:
            self.used = None
            if self.opened.worker.loaded and not self.leaving:
                self.used = self.prompt_tokens()

    def say(self, text: str) -> None:
        """A dim line about the chat itself."""
        self.session.output.aside(text)

    def attach(self, paths: Sequence[str]) -> None:
        """Attach files to the next message. Raises FileUnreadable, InvalidText; then none of them is."""
        read = [(path, read_file(path)) for path in paths]
        self.attachments += [self.attachment(path, text) for path, text in read]

    def attachment(self, path: str, text: str) -> Attachment:
        """A text for the next message, counted."""
        return Attachment(path, text, self.count(text))

    def reattach(self, texts: Sequence[str]) -> list[Attachment]:
        """Attachments of an earlier message, for another one."""
        return [self.attachment("(attached before)", text) for text in texts]

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return len(self._loaded().tokenize(text))

    def prompt_tokens(self) -> int:
        """Tokens of the conversation as a prompt; 0 when nothing was said."""
        messages = self.conversation.messages()
        return len(self._loaded().prompt(self.request(messages))[1]) if messages else 0

    def use(self, file: SessionFile, conversation: Conversation, *, new: bool) -> None:
        """Go on in another session's file. new: what was said so far is written into it first."""
        self.keep()
        try:
            if new:
                file.append(conversation.records(), time=time.time())
        except OSError as error:
            file.close()
            raise UsageError(what=f"cannot write {file.path}: {(error.strerror or str(error)).lower()}") from error
        if self.file is not None:
            self.file.close()
        self.file, self.conversation = file, conversation
        self.account.begin_again()

    def ask(self, text: str) -> bool:
        """Put a question with what is attached before it, and keep the exchange. Whether there is one."""
        texts = [attachment.text.rstrip("\n") for attachment in self.attachments] + [text]
        question = said("user", *(one for one in texts if one.strip()))
        with self.session.signals.held():  # an answer that has been shown is kept
            turn = self.answer(self.conversation.messages(question))
            if turn is None:
                self.default = text  # nothing came: the question is there to be changed
                return False
            self.attachments.clear()
            self.conversation.add(question, time=time.time())
            self.add_answer(turn)
        return True

    def again(self) -> None:
        """Another answer to the last question, beside the one that is there."""
        node = self.conversation.question()
        head = self.conversation.head
        self.conversation.move(node.id)
        with self.session.signals.held():
            try:
                turn = self.answer(self.conversation.messages())
            except BaseException:
                self.conversation.move(head)
                raise
            if turn is None:
                self.conversation.move(head)
            else:
                self.add_answer(turn)

    def answer(self, messages: tuple[Message, ...], *, free: bool = False) -> Turn | None:
        """Have messages answered and show it; `free`: under no schema. None when nothing came of it, which is said."""
        turn = Turn(self.opened, self.session, self.view, self._take_keys)
        request = replace(self.request(messages), constraint=None) if free else self.request(messages)
        turn.stream(request)
        if turn.completion is not None:
            self._account(turn, turn.completion, request)
        self._end = turn.leaving
        if turn.leaving is not None:
            return turn if turn.text else None
        if turn.error is not None:
            self._failed(turn.error, kept=bool(turn.text))
        elif turn.worker_gone:
            self._reopen()
        if self.shows_status and turn.completion is not None:
            self.say(status(self))
        if turn.stopped:
            self.say("stopped" if turn.text else "stopped before anything came")
        elif not turn.text and turn.completion is not None:
            self.say("the answer is empty")
        if problem := turn.unmet(request):
            self.session.output.error(problem)
        return turn if turn.text else None

    def request(self, messages: tuple[Message, ...]) -> Request:
        """The request that the settings make of messages."""
        settings = self.opened.settings
        return Request(
            messages=messages,
            sampling=settings.sampling(),
            max_tokens=settings["max_tokens"],
            stop=tuple(settings["stop"]),
            think=thinking(settings),
            think_limit=thinking_limit(settings),
            constraint=kept_constraint(self.conversation.values.get("constraint")),
            overflow=settings["overflow"],
            goes_on=True,
        )

    def set(self, key: str, value: Any) -> None:
        """Let a setting hold from here on, in this chat and when its session is resumed."""
        self.adopt({key: value}, "/set")
        self.conversation.set(key, value)

    def adopt(self, values: dict[str, Any], origin: str) -> None:
        """Let settings hold in this chat. Another context means that the model is opened again."""
        if values.get("ctx", self.settings["ctx"]) != self.settings["ctx"]:
            self.open(self.opened.model.ref, values, origin)
        else:
            self.settings = self.settings.changed(values, origin)
            self.opened = replace(self.opened, settings=self.opened.settings.changed(values, origin))
        self.view.thinking = self.settings["think"] == "show"

    def add_answer(self, turn: Turn) -> None:
        """Keep an answer after the head."""
        completion = turn.completion
        tokens = completion.tokens if completion else ()
        message = Message("assistant", (TextPart("".join(turn.text)),), tokens, "".join(turn.reasoning))
        self.conversation.add(
            message,
            time=time.time(),
            model=self.opened.model.ref,
            ended=completion.finish_reason if completion else "abort",
            usage=completion.usage if completion else None,
        )
        self.account.ends_at(self.conversation.head, completion)

    def keep(self) -> None:
        """Append what has happened to the session's file, if there is one."""
        records = self.conversation.take()
        if self.file is None or not records:
            return
        try:
            self.file.append(records, time=time.time())
        except OSError as error:
            self.session.output.note(f"warning: the session is no longer kept: {error.strerror or error}")
            self.file = None

    def open(self, name: str, changes: dict[str, Any], origin: str = "/set") -> None:
        """Go on with another model, or with other settings of this one; when that fails, with what there was.

        Raises what `open_model` raises, and what the worker says about the file.
        """
        before = self.opened
        settings = self.settings.changed(changes, origin)
        with self._shell():  # a question about a large download may be asked
            self.opened = open_model(name, settings, self.lora, self.session)
        try:
            self.count("x")  # waits: whether it can be loaded is known then
        except InferError:
            self.session.renew()
            self.opened = open_model(before.model.ref, self.settings, self.lora, self.session)
            raise
        self.settings = settings
        self.turn = None
        self.account.begin_again()
        self.conversation.set("model", self.opened.model.ref)

    def close(self) -> None:
        """Let the prompt cache write what is in memory, and give the session back."""
        try:
            failed = self.opened.worker.finish(_LAST_BLOCKS)
        except InferError as error:
            failed = str(error)
        if failed and self.opened.config.cache_dir is not None:
            self.say(f"prompt cache: {failed}")
        if self.file is not None:
            self.file.close()

    def summarise(self, count: int) -> Message | None:
        """A summary of the oldest `count` exchanges by the model, shown as it comes; None when none came."""
        used = self.used
        self.account.begin_again()  # the next prompt is no continuation of the last
        old = [node.message for turn in self.conversation.turns[:count] for node in turn]
        system = self.conversation.values.get("system")
        first = (said("system", system),) if system else ()
        turn = self.answer((*first, *old, said("user", SUMMARY_QUESTION)), free=True)
        self.used = used
        if turn is None or turn.stopped or turn.error is not None:
            return None
        tokens = turn.completion.tokens if turn.completion else ()
        return Message("assistant", (TextPart("".join(turn.text)),), tokens)

    def _account(self, turn: Turn, completion: Completion, request: Request) -> None:
        """Remember and say what an answer took."""
        first, self.turn = self.turn is None, turn
        self.used = completion.context.used if turn.text else self.used
        size, trained = self.opened.config.max_context, self.opened.model.metadata.context_length
        for line in self.account.take(completion, request, self.conversation.head, size, trained):
            self.session.output.note(line)
        if first and (note := unused_gpu(self.opened)):
            self.session.output.note(f"note: {note}")

    def _failed(self, error: InferError, *, kept: bool) -> None:
        """Say why there is no more of an answer. kept: what came of it is."""
        if isinstance(error, WorkerDied):
            self._revive(error, "; /retry asks again" if kept else "")
            return
        if not self.opened.worker.loaded:
            raise error
        self.session.output.error(error)
        if isinstance(error, ContextOverflow):
            size, trained = self.opened.config.max_context, self.opened.model.metadata.context_length
            self.session.output.note(ways_out(size, trained))

    def _interrupted(self, signal: Interrupted) -> None:
        """Ctrl-C while a command did something. A worker that may still answer has to go."""
        if signal.facts["signal"] != SIGINT:
            raise signal
        self.session.signals.forgive()
        if self.opened.worker.owes:
            self.session.renew()
            self._reopen()
        self.say("stopped")

    def _revive(self, error: InferError, more: str = "") -> None:
        """The worker died: say so, start another, go on."""
        self.session.output.error(error)
        self.session.renew()
        if self._reopen():
            self.say(f"a new worker was started, the conversation goes on{more}")

    def _reopen(self) -> bool:
        """A worker in the place of one that is gone. Where none can be had the chat ends, once what came is kept."""
        try:
            self.opened = open_model(self.opened.model.ref, self.settings, self.lora, self.session)
        except InferError as error:
            self._end = error
        return self._end is None

    def _loaded(self) -> WorkerClient:
        """The worker, for something that waits until it has loaded: which is said."""
        if not self.opened.worker.loaded:
            self.session.output.progress(f"loading {self.opened.model.ref} …")
        return self.opened.worker

    def _paint(self, text: str) -> None:
        """A control sequence. Not on stdout, where the wait for a slow terminal hears signals."""
        if self.session.output.stderr_tty and clever_terminal():
            self.session.output.draw(text)
