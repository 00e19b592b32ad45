"""Items go to the worker, records come back: a window of requests is always on its way, and no more.

The requests of a window are handed over in the order of their prompts, so that neighbours begin alike and share what
has been computed; records come back in the order of the input, or as they are done.

A worker that dies takes the requests with it that it had. They are asked once more together, then each alone, so that
one that always ends it costs nobody else's answer.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from time import sleep
from typing import Any

from infer.errors import DoesNotFit, EngineFailure, InferError, InternalError, WorkerDied
from infer.jobs.batch.items import Item
from infer.schema.answer import AnswerCheck
from infer.types import Completion, Event, Failed, Finished, TextDelta, ToolCall, Usage
from infer.worker.client import WorkerClient

AHEAD = 256  # requests that are with the worker
_AHEAD_TEXT = 16_000_000  # characters of their prompts: when there are as many no more are read, however few they are
_BEHIND = 4096  # records that may wait for one before them; they are small
_TOGETHER = 2  # times a request is asked beside others, when the worker dies of one of them; then alone, once
_MOST_DEATHS = 6  # of workers, one after the other without a single answer: it is no request's fault
_TICK = 0.25  # seconds after which a caller hears that nothing has come


@dataclass(frozen=True, slots=True)
class Answered:
    """An item and what came of it.

    error      None, or {"code", "message"}; of an answer that does not meet its constraint also its "text"
    unanswered what kept a request from being computed at all
    """

    item: Item
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    completion: Completion | None = None
    error: dict[str, str] | None = None
    unanswered: InferError | None = None

    def record(self) -> dict[str, Any]:
        """The line of the output. What does not meet its constraint is no text."""
        done = self.completion
        usage = done.usage if done else Usage()
        text = self.text if done and self.error is None else None
        found: dict[str, Any] = {"custom_id": self.item.custom_id, "text": text}
        if self.reasoning:
            found["reasoning"] = self.reasoning
        if self.tool_calls:
            found["tool_calls"] = [asdict(call) for call in self.tool_calls]
        found["finish_reason"] = done.finish_reason if done else None
        found["usage"] = {"prompt": usage.prompt, "cached": usage.cached, "completion": usage.completion}
        return found | {"error": self.error}


@dataclass(slots=True)
class _Open:
    """A request that is with the worker: its place in the input, its size, and its text so far.

    deaths: of workers that had it
    """

    place: int
    item: Item
    size: int
    deaths: int = 0
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)


class Runner:
    """Iterate once: Answered as they come, and None now and then while nothing does.

    items: None while the next one is not there. ordered: in the order of the input. revive: makes another worker of the
    same model, None: there is none. pause: waits for more of the input, at most so many seconds.
    Raises what no request is to blame for; a request that fails is an Answered.
    """

    def __init__(
        self,
        worker: WorkerClient,
        items: Iterator[Item | None],
        *,
        ordered: bool = True,
        ahead: int = AHEAD,
        revive: Callable[[], WorkerClient] | None = None,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._worker, self._items, self._revive = worker, items, revive
        self._pause = pause
        self._ordered, self._ahead = ordered, ahead
        self._open: dict[int, _Open] = {}
        self._queue: deque[_Open] = deque()  # what is to be asked next
        self._deaths = 0  # of workers, since the last answer
        self._doubtful = False  # whether the worker has failed, and may be about to end
        self._size = 0  # characters of the open prompts
        self._ready: dict[int, Answered] = {}  # by their place in the input
        self._out: deque[Answered] = deque()
        self._taken = self._given = 0
        self._ended = self._dry = False  # the input has ended, or has nothing more for now
        self._answers = AnswerCheck()

    def __iter__(self) -> Iterator[Answered | None]:
        while True:
            waited = False
            try:
                self._refill()
                if self._open:
                    event = next(self._worker.events(_TICK))
                    waited = event is None
                    self._hear(event)
                elif self._dry and not self._out:
                    self._pause(_TICK)
                    waited = True
            except WorkerDied as death:
                self._mourn(death)
            yield from self._drain()
            if waited:
                yield None
            if self._ended and not self._open and not self._queue:
                return

    def _hear(self, event: Event | None) -> None:
        match event:
            case TextDelta(identity, delta):
                self._open[identity].text.append(delta.content)
                self._open[identity].reasoning.append(delta.reasoning)
                self._open[identity].tool_calls += delta.tool_calls
            case Finished(identity, completion):
                self._deaths = 0
                done = self._open.pop(identity)
                said = "".join(done.text), "".join(done.reasoning), tuple(done.tool_calls)
                failure = self._unmet(done.item, said[0], completion)
                self._close(done, Answered(done.item, *said, completion, failure))
            case Failed(identity, error):
                self._fail(self._open.pop(identity), error)

    def _fail(self, failed: _Open, error: InferError) -> None:
        """A request that is wrong has its record; one that stood beside what ended the worker is asked again."""
        if isinstance(error, EngineFailure | InternalError | DoesNotFit):
            failed.deaths += 1
            self._doubtful = True
        if self._revive and 0 < failed.deaths <= _TOGETHER:
            failed.text, failed.reasoning, failed.tool_calls = [], [], []
            self._queue.append(failed)
        else:
            failure = {"code": error.code, "message": str(error)}
            self._close(failed, Answered(failed.item, error=failure, unanswered=error))

    def _mourn(self, death: WorkerDied) -> None:
        """Another worker, and what the dead one had is asked again."""
        self._deaths += 1
        if self._revive is None or not self._worker.loaded or self._deaths > _MOST_DEATHS:
            raise death
        for failed in self._open.values():
            self._fail(failed, death)
        self._open.clear()
        self._worker, self._doubtful = self._revive(), False

    def _refill(self) -> None:
        """Ask what there is to ask, once half of the window is free; requests whose prompts stand in order."""
        if not self._queue and len(self._open) <= self._ahead // 2 and self._size <= _AHEAD_TEXT // 2:
            self._queue.extend(sorted(self._read(), key=_begins))
        if self._doubtful and self._revive and not self._open:
            self._worker, self._doubtful = self._revive(), False
        if self._doubtful or not (asked := self._next_ones()):
            return
        requests = [replace(one.item.request, whole=True) for one in asked if one.item.request is not None]
        for identity, one in zip(self._worker.submit_all(requests), asked, strict=True):
            self._open[identity] = one
            self._queue.popleft()

    def _next_ones(self) -> list[_Open]:
        """Those of the queue that may be asked now: one that is to be answered alone waits until nobody is left."""
        asked: list[_Open] = []
        beside = list(self._open.values())
        for one in self._queue:
            alone = any(each.deaths >= _TOGETHER for each in (one, *beside))
            if alone and beside:
                break
            asked.append(one)
            beside.append(one)
        return asked

    def _read(self) -> list[_Open]:
        """The next requests, as many as the window has room for; what is none has its record."""
        asked: list[_Open] = []
        self._dry = False
        while len(self._ready) < _BEHIND and len(self._open) + len(asked) < self._ahead and self._size < _AHEAD_TEXT:
            try:
                item = next(self._items)
            except StopIteration:
                self._ended = True
                break
            if item is None:
                self._dry = True
                break
            place = self._taken
            self._taken += 1
            if item.request is not None:
                asked.append(_Open(place, item, sum(len(message.text) for message in item.request.messages)))
                self._size += asked[-1].size
                continue
            self._put(place, Answered(item, error={"code": "bad-line", "message": item.problem or ""}))
            if len(self._out) >= self._ahead:
                break  # a file may have nothing but bad lines
        return asked

    def _close(self, done: _Open, answered: Answered) -> None:
        self._size -= done.size
        self._put(done.place, answered)

    def _unmet(self, item: Item, text: str, completion: Completion | None) -> dict[str, str] | None:
        """What is wrong with an answer under its constraint; what there is of it stands there, and nowhere else."""
        constraint = item.request.constraint if item.request else None
        if constraint is None or completion is None:
            return None
        problem = self._answers.problem(constraint, text, completion)
        return {"code": problem.code, "message": str(problem), "text": text} if problem else None

    def _put(self, place: int, answered: Answered) -> None:
        if not self._ordered:
            self._out.append(answered)
            return
        self._ready[place] = answered
        while (next_one := self._ready.pop(self._given, None)) is not None:
            self._given += 1
            self._out.append(next_one)

    def _drain(self) -> Iterator[Answered]:
        while self._out:
            yield self._out.popleft()


def _begins(asked: _Open) -> list[tuple[str, str]]:
    assert asked.item.request is not None
    return [(message.role, message.text) for message in asked.item.request.messages]
