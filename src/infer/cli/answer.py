"""One answer as it arrives: text to stdout at once, signs of life, last words after a signal."""

from contextlib import suppress
from dataclasses import dataclass, field

from infer.cli.constraint import Check
from infer.cli.extract import Extraction
from infer.cli.model import Opened, unused_gpu
from infer.cli.output import ReaderGone
from infer.cli.report import Result, called, record, remarks
from infer.cli.session import Session
from infer.errors import ConstraintUnmet, InferError, Interrupted
from infer.types import Completion, Failed, Finished, Progress, Request, TextDelta, ToolCall

_TICK = 0.25  # seconds between looks at the clock while nothing arrives
_SILENCE = 1.0  # seconds of silence before a terminal is told what is going on
_LAST_WORDS = 0.2  # seconds the worker has after a signal to hand over what it has


@dataclass(slots=True)
class Answer:
    """One answer as it arrives, and what there is to say about it afterwards.

    check       raises ConstraintUnmet; with it the text is held until all of it is there and fits
    extraction  what to write instead of the text: its code
    """

    opened: Opened
    session: Session
    as_json: bool
    show_reasoning: bool
    check: Check | None = None
    extraction: Extraction | None = None
    calls: list[ToolCall] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    completion: Completion | None = None
    first_token: float | None = None
    total: float = 0.0
    _silent_since: float = 0.0
    _id: int = 0

    def stream(self, request: Request) -> None:
        """Ask, and write the answer as it comes. Raises the request's error, and Interrupted after last words."""
        self._silent_since = self.session.seconds()
        self._id = self.opened.worker.submit(request)
        with self.session.signals.held():
            try:
                self._listen(None)
            except Interrupted:
                with suppress(ReaderGone, InferError):  # whatever else goes wrong now, we were interrupted
                    self._last_words()
                raise
            self._end(request)

    def _listen(self, deadline: float | None) -> None:
        """Take events until the answer has ended, or until `deadline` (seconds of this process)."""
        for event in self.opened.worker.events(_TICK if deadline is None else _LAST_WORDS / 4):
            match event:
                case TextDelta(_, delta):
                    self.calls += delta.tool_calls
                    self._write(delta.content, delta.reasoning)
                case Progress(_, done, total):
                    self._progress(done, total)
                case Failed(_, error):
                    raise error
                case Finished(_, completion):
                    self.completion = completion
                    return
                case None:
                    self._tick()
            if deadline is not None and self.session.seconds() > deadline:
                return

    def _write(self, content: str, reasoning: str) -> None:
        if self.first_token is None:
            self.first_token = self.session.seconds()
            if note := unused_gpu(self.opened):
                self.session.output.note(f"note: {note}")
        self.reasoning.append(reasoning)
        self.text.append(content)
        if reasoning and self.show_reasoning:
            self.session.output.reasoning(reasoning)
        if content and self.check:
            self.session.output.progress(f"answer: {sum(map(len, self.text)):,} characters")
        shown = self.extraction.feed(content) if self.extraction else content
        if shown and not self.as_json and not self.check:
            self.session.output.answer(shown)
        else:
            self.session.output.check_reader()

    def _tick(self) -> None:
        """Nothing has come for a while."""
        self.session.output.check_reader()
        if self._waited() >= _SILENCE and not self.opened.worker.loaded:
            self.session.output.progress(f"loading {self.opened.model.ref} …")

    def _progress(self, done: int, total: int) -> None:
        """A sign of life on a terminal once there has been no text for a second."""
        self.session.output.check_reader()
        waited = self._waited()
        if self.first_token is None and waited >= _SILENCE:
            share, rate = 100 * done / total, done / waited
            self.session.output.progress(f"prefill {done:,}/{total:,} ({share:.0f} %) {rate:,.0f} tok/s")

    def _waited(self) -> float:
        return self.session.seconds() - self._silent_since

    def _last_words(self) -> None:
        """After a signal: what was generated so far goes out, then the worker goes."""
        self.session.output.clear_progress()
        if self.first_token is None:
            return
        self.session.output.patience = _LAST_WORDS
        self.opened.worker.abort(self._id)
        self._listen(self.session.seconds() + _LAST_WORDS)
        self.total = self.session.seconds()
        if self.check:
            self._show_rest()
        else:
            self._end_extraction()
            if self.as_json and self.completion is not None:
                self.session.output.json(record(self.opened, self.result()))
        self.session.output.end_answer()

    def _end(self, request: Request) -> None:
        completion, output = self.completion, self.session.output
        assert completion is not None
        self.total = self.session.seconds()
        if self.check:
            self._hand_over(self.check, completion)
        if self.extraction:
            self._check_extraction(self.extraction, completion)
        if self.as_json:
            output.json(record(self.opened, self.result()))
        output.end_answer()
        for note in [*remarks(completion, request), *([] if self.as_json else map(called, self.calls))]:
            output.note(note)

    def _hand_over(self, check: Check, completion: Completion) -> None:
        """Write the held text if it is what was asked for; else show what there was on stderr, and raise."""
        text = "".join(self.text)
        try:
            check(text, completion)
        except ConstraintUnmet:
            self._show_rest()
            raise
        if not self.as_json:
            self.session.output.answer(text)

    def _check_extraction(self, extraction: Extraction, completion: Completion) -> None:
        """Write the end of the code; without any, show what there was on stderr, and raise."""
        self._end_extraction()
        try:
            extraction.check(completion)
        except ConstraintUnmet:
            self.session.output.end_answer()
            if not extraction.text:
                self._show_rest()
            raise

    def _end_extraction(self) -> None:
        if self.extraction and (rest := self.extraction.finish()) and not self.as_json:
            self.session.output.answer(rest)

    def _show_rest(self) -> None:
        """What there is of an answer that must not go to stdout."""
        if text := "".join(self.text):
            self.session.output.block(text)

    def result(self) -> Result:
        """What there is to report, once the answer has ended."""
        assert self.completion is not None
        text = self.extraction.text if self.extraction else "".join(self.text)
        reasoning, calls = "".join(self.reasoning), tuple(self.calls)
        return Result(text, reasoning, calls, self.completion, self.first_token, self.total)
