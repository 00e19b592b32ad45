"""One answer in the chat, as it arrives: drawn, stopped by Ctrl-C, and what came of it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from signal import SIGINT

from infer.cli.live import Live, terminal_size
from infer.cli.markdown import MarkdownStream, prepare
from infer.cli.model import Opened
from infer.cli.output import Output, ReaderGone, visible
from infer.cli.session import Session
from infer.errors import InferError, Interrupted
from infer.schema.answer import AnswerCheck
from infer.types import Completion, Failed, Finished, Progress, Request, TextDelta

_TICK = 0.05  # seconds between looks at the clock while nothing arrives
_SILENCE = 1.0  # seconds of silence before a person is told what is going on
_PATIENCE = 1.0  # seconds a worker has to stop; a decode on a GPU cannot be interrupted
_SETTLES = 0.3  # seconds; tmux tells a program of a new size up to 0.25 s after the lines were folded
_MOVING = 26  # columns of the thought that is shown while it moves: a window made narrower must not fold that line
_QUIETEST, _SHARE = 0.03, 60  # seconds between two draws, at least; and so many times what the last one took
_LONGEST = 0.5  # seconds between two draws, at most: the first one of a language's code takes long, once


@dataclass(slots=True)
class View:
    """How answers are shown. markdown: rendered; thinking: the reasoning in full instead of one line that moves."""

    markdown: bool
    thinking: bool = False


def show_answer(text: str, output: Output, view: View) -> None:
    """An answer that is there already."""
    if view.markdown:
        stream = MarkdownStream(terminal_size()[0], color=output.color)
        output.paint("".join(line + "\n" for line in [*stream.feed(text), *stream.finish()]))
    else:
        output.answer(text)
        output.end_answer()


@dataclass(slots=True)
class Turn:
    """One answer. After `stream` the fields say what came: all of it, or what came before it was stopped.

    take_keys            called now and then: takes what is typed out of the terminal
    first_token, total   seconds since it was asked
    stopped              Ctrl-C ended it
    error                why there is no more of it: the worker died, the prompt does not fit
    worker_gone          the worker did not stop in time and was ended
    leaving              a signal other than Ctrl-C ended it: the program has to end
    """

    opened: Opened
    session: Session
    view: View
    take_keys: Callable[[], None]
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    completion: Completion | None = None
    first_token: float | None = None
    total: float = 0.0
    stopped: bool = False
    error: InferError | None = None
    leaving: Interrupted | None = None
    worker_gone: bool = False
    _id: int = 0
    _started: float = 0.0
    _thought: float = 0.0
    _folded: bool = False
    _markdown: MarkdownStream = field(default_factory=lambda: MarkdownStream(80))
    _live: Live | None = None
    _unfed: list[str] = field(default_factory=list)
    _next_draw: float = 0.0
    _next_look: float = 0.0
    _size: tuple[int, int] | None = None

    def stream(self, request: Request) -> None:
        """Ask and show, until it has ended, failed or been stopped."""
        output = self.session.output
        self._started = time.monotonic()
        self._markdown = MarkdownStream(terminal_size()[0], color=output.color)
        markdown = self.view.markdown and request.constraint is None  # JSON has its own meaning of * and _
        self._live = Live(output.paint) if markdown else None
        with self.session.signals.held():
            try:
                self._id = self.opened.worker.submit(request)
                if self._live is not None:
                    prepare()  # while the worker is busy with the prompt
                self._listen(None)
            except Interrupted as signal:
                self.stopped = True
                self.leaving = signal if signal.facts["signal"] != SIGINT else None
                self._stop()
            except InferError as error:
                self.error = error
            self.total = time.monotonic() - self._started
            self._end()

    def unmet(self, request: Request) -> InferError | None:
        """What is wrong with an answer that came to its end, under the constraint of its request."""
        if request.constraint is None or self.completion is None or self.stopped:
            return None
        return AnswerCheck().problem(request.constraint, "".join(self.text), self.completion)

    def _listen(self, deadline: float | None) -> None:
        for event in self.opened.worker.events(_TICK):
            now = time.monotonic()
            match event:
                case TextDelta(id, delta) if id == self._id:
                    self._take(delta.content, delta.reasoning, now)
                case Progress(id, done, total) if id == self._id:
                    self._progress(done, total, now)
                case Failed(id, error) if id == self._id:
                    raise error
                case Finished(id, completion) if id == self._id:
                    self.completion = completion
                    return
                case None:
                    self._wait(now)
            if now >= self._next_look:
                self._next_look = now + _TICK
                self.take_keys()
            if self._unfed and now >= self._next_draw:
                self._draw()
            if deadline is not None and now > deadline:
                return

    def _stop(self) -> None:
        """After Ctrl-C: the worker hands over what it has. One that does not in time, or a second Ctrl-C, ends it."""
        signals = self.session.signals
        signals.forgive()
        with suppress(InferError, ReaderGone):
            self.opened.worker.abort(self._id)
            self._listen(time.monotonic() + _PATIENCE)
        signals.forgive()
        if self.completion is None and self.opened.worker.loaded:  # one that loads hears the abort when it has
            self.session.renew()
            self.worker_gone = True

    def _take(self, content: str, reasoning: str, now: float) -> None:
        if self.first_token is None:
            self.first_token = now - self._started
            self.session.output.clear_progress()
        if reasoning:
            self.reasoning.append(reasoning)
            self._thought = now - self._started
            self._think(reasoning)
        if content:
            self._fold()
            self.text.append(content)
            if self._live is None:
                self.session.output.answer(content)
            else:
                self._unfed.append(content)

    def _think(self, text: str) -> None:
        """Reasoning: dim and in full, or its last words in one line that goes away."""
        from rich.cells import cell_len

        output = self.session.output
        if self.view.thinking:
            output.reasoning(text)
            return
        self._folded = True
        now = time.monotonic()
        if now < self._next_draw:
            return
        self._next_draw = now + _TICK
        words = " ".join("".join(self.reasoning[-64:]).split())
        room = _MOVING if cell_len(words[-_MOVING:]) <= _MOVING else _MOVING // 2  # every character may be a wide one
        output.progress(f"thinking … {words[-room:]}", dim=True)

    def _fold(self) -> None:
        if self._folded:
            self._folded = False
            self.session.output.aside(f"▸ thought for {self._thought:.1f} s (/think shows it)")

    def _draw(self) -> None:
        """Show what came. The next draw waits so long that drawing takes a small share of a core, whatever it costs."""
        assert self._live is not None
        started = time.thread_time()
        before, self._size = self._size, terminal_size()
        if before not in (None, self._size):  # a window that is being dragged: wait until it has its size
            self._stand()
            self._next_draw = time.monotonic() + _SETTLES
            return
        self._markdown.width = self._size[0]
        finished = self._markdown.feed("".join(self._unfed))
        self._unfed.clear()
        self._live.draw(finished, self._markdown.tail())
        if self._live.is_large:
            self._stand()
        pause = min(_LONGEST, max(_QUIETEST, _SHARE * (time.thread_time() - started)))
        self._next_draw = time.monotonic() + pause
        time.sleep(min(pause, _TICK))  # what comes meanwhile is taken in one go, and wakes nobody token by token

    def _stand(self) -> None:
        """Touch nothing that is on the screen any more."""
        assert self._live is not None
        self._live.stand(goes_on=self._markdown.stand())

    def _end(self) -> None:
        """Show the rest. Whatever signal comes now, and if the terminal is gone: what came is kept all the same."""
        try:
            self._show_rest()
        except Interrupted as signal:
            self.session.signals.forgive()
            self.leaving = signal if signal.facts["signal"] != SIGINT else self.leaving
        except ReaderGone:
            if self.leaving is None:
                raise

    def _show_rest(self) -> None:
        self.session.output.clear_progress()
        self._fold()
        if self._live is not None:
            if self._size not in (None, terminal_size()):
                self._stand()
            finished = self._markdown.feed("".join(self._unfed))
            self._live.draw([*finished, *self._markdown.finish()], [])
        self.session.output.end_answer()

    def _wait(self, now: float) -> None:
        if now - self._started >= _SILENCE and not self.opened.worker.loaded:
            self.session.output.progress(f"loading {visible(self.opened.model.ref)} …")

    def _progress(self, done: int, total: int, now: float) -> None:
        waited = now - self._started
        if self.first_token is None and waited >= _SILENCE:
            self.session.output.progress(f"prefill {done:,}/{total:,} ({100 * done / total:.0f} %)")
