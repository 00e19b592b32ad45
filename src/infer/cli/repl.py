"""The chat: reads a message, has it answered, keeps it; and what the commands of infer.cli.commands work on."""

import time
from collections.abc import Callable, Sequence
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
from infer.cli.output import clever_terminal, visible
from infer.cli.report import Result
from infer.cli.session import Session
from infer.cli.turn import Turn, View, show_answer
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
    leaving: bool = False
    shows_status: bool = False
    _signal: Interrupted | None = None
    _take_keys: Callable[[], None] = lambda: None

    def run(self, editor: LineEditor) -> None:
        """Read and answer until the user leaves."""
        self.session.signals.patient = True
        self._take_keys = editor.take_keys
        with Keyboard(self._paint) as keyboard, self.session.signals.held():
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
            with self.session.signals.waiting():
                return editor.read("› ", default)

    def hear(self, text: str) -> None:
        """Do what was typed: a command, or a message for the model."""
        from infer.cli.commands import execute

        try:
            if text.startswith("/") and not text.startswith("//"):
                with self.session.signals.waiting():  # a command may wait for anything
                    execute(self, text)
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
        if self._signal is not None:
            raise self._signal

    def say(self, text: str) -> None:
        """A dim line about the chat itself."""
        self.session.output.aside(text)

    def attach(self, paths: Sequence[str]) -> None:
        """Attach files to the next message. Raises FileUnreadable, InvalidText; then none of them is."""
        read = [(path, read_file(path)) for path in paths]
        self.attachments += [Attachment(path, text, self._count(text)) for path, text in read]

    def reattach(self, texts: Sequence[str]) -> list[Attachment]:
        """Attachments of an earlier message, for another one."""
        return [Attachment("(attached before)", text, self._count(text)) for text in texts]

    def prompt_tokens(self) -> int:
        """Tokens of the conversation as a prompt; 0 when nothing was said."""
        messages = self.conversation.messages()
        return len(self.opened.worker.prompt(self.request(messages))[1]) if messages else 0

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

    def show_last(self) -> None:
        """The last exchange of the branch, as it was shown when it was new."""
        output = self.session.output
        turns = self.conversation.turns
        if not turns:
            self.say("nothing has been said here yet")
            return
        earlier = sum(map(len, turns[:-1]))
        if earlier:
            self.say(f"… {earlier} messages before")
        for node in turns[-1]:
            if node.message.role == "user":
                output.block("› " + node.message.content[-1].text)
            else:
                show_answer(node.message.text, output, self.view)

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
        self._signal = turn.leaving
        if turn.leaving is not None:
            return turn if turn.text else None
        if turn.error is not None:
            self._failed(turn.error)
        elif turn.worker_gone:
            self._reopen()
        if self.shows_status and turn.completion is not None:
            self.say(self.status())
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
        if key == "ctx":
            self.open(self.opened.model.ref, {key: value})
        else:
            self.settings = self.settings.changed({key: value})
            self.opened = replace(self.opened, settings=self.opened.settings.changed({key: value}))
        self.conversation.set(key, value)

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

    def open(self, name: str, changes: dict[str, Any]) -> None:
        """Go on with another model, or with other settings of this one; when that fails, with what there was.

        Raises what `open_model` raises, and what the worker says about the file.
        """
        before = self.opened
        settings = self.settings.changed(changes)
        self.opened = open_model(name, settings, self.lora, self.session)
        try:
            self.opened.worker.tokenize("x")  # waits: whether it can be loaded is known then
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

    @property
    def model_name(self) -> str:
        """The model's name; of a path its last part."""
        ref = self.opened.model.ref
        return Path(ref).name if ref.startswith(("/", ".")) else ref

    def status(self) -> str:
        """Model, context, speed and what was computed: what is known, nothing else."""
        size = self.opened.config.max_context
        parts = [visible(self.model_name)]
        completion = self.turn.completion if self.turn else None
        if completion is None:
            parts.append(f"context {size:,} tokens")
        else:
            usage, used = completion.usage, completion.context.used
            parts.append(f"{used:,}/{size:,} tokens ({100 * used / size:.0f} %)")
            rate = self.result().decode_rate
            parts += [f"{rate:,.0f} tok/s"] if rate else []
            parts.append(f"prompt {usage.cached:,} cached + {usage.prompt - usage.cached:,} computed")
        parts += ["answers are constrained"] if self.conversation.values.get("constraint") else []
        if self.file is not None:
            parts.append(f"session {self.file.name}")
        parts += [f"{len(self.attachments)} attached"] if self.attachments else []
        return " · ".join(parts)

    def result(self) -> Result:
        """The last answer, as the other commands report on one. Raises UsageError when there is none."""
        turn = self.turn
        if turn is None or turn.completion is None:
            raise UsageError(what="nothing has been answered yet")
        text, reasoning = "".join(turn.text), "".join(turn.reasoning)
        return Result(text, reasoning, (), turn.completion, turn.first_token, turn.total)

    def summarise(self, count: int) -> Message | None:
        """A summary of the oldest `count` exchanges by the model, shown as it comes; None when none came."""
        self.account.begin_again()  # the next prompt is no continuation of the last
        old = [node.message for turn in self.conversation.turns[:count] for node in turn]
        system = self.conversation.values.get("system")
        first = (said("system", system),) if system else ()
        turn = self.answer((*first, *old, said("user", SUMMARY_QUESTION)), free=True)
        if turn is None or turn.stopped or turn.error is not None:
            return None
        tokens = turn.completion.tokens if turn.completion else ()
        return Message("assistant", (TextPart("".join(turn.text)),), tokens)

    def _account(self, turn: Turn, completion: Completion, request: Request) -> None:
        """Remember and say what an answer took."""
        first, self.turn = self.turn is None, turn
        size, trained = self.opened.config.max_context, self.opened.model.metadata.context_length
        for line in self.account.take(completion, request, self.conversation.head, size, trained):
            self.session.output.note(line)
        if first and (note := unused_gpu(self.opened)):
            self.session.output.note(f"note: {note}")

    def _failed(self, error: InferError) -> None:
        if isinstance(error, WorkerDied):
            self._revive(error)
            return
        if not self.opened.worker.loaded:
            raise error
        self.session.output.error(error)
        if isinstance(error, ContextOverflow):
            size, trained = self.opened.config.max_context, self.opened.model.metadata.context_length
            self.session.output.note(ways_out(size, trained))

    def _interrupted(self, signal: Interrupted) -> None:
        """Ctrl-C while a command waited for the worker, which may still answer: that one has to go."""
        if signal.facts["signal"] != SIGINT:
            raise signal
        self.session.signals.forgive()
        self.session.renew()
        self._reopen()
        self.say("stopped")

    def _revive(self, error: InferError) -> None:
        """The worker died: say so, start another, go on."""
        self.session.output.error(error)
        self.session.renew()
        self._reopen()
        self.say("a new worker was started, the conversation goes on; /retry asks again")

    def _reopen(self) -> None:
        """A worker in the place of one that is gone."""
        self.opened = open_model(self.opened.model.ref, self.settings, self.lora, self.session)

    def _count(self, text: str) -> int:
        return len(self.opened.worker.tokenize(text))

    def _paint(self, text: str) -> None:
        """A control sequence. Not on stdout, where the wait for a slow terminal hears signals."""
        if self.session.output.stderr_tty and clever_terminal():
            self.session.output.draw(text)
