"""Items go to the worker, records come back: a window of requests is always on its way, and no more.

The requests of a window are handed over in the order of their prompts, so that neighbours begin alike and share what
has been computed; records come back in the order of the input, or as they are done.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from infer.errors import InferError
from infer.jobs.batch.items import Item
from infer.schema.answer import AnswerCheck
from infer.types import Completion, Failed, Finished, Request, TextDelta, ToolCall, Usage
from infer.worker.client import WorkerClient

AHEAD = 256  # requests that are with the worker, or done and wait for one before them
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
    """A request that is with the worker: its place in the input, and its text so far."""

    place: int
    item: Item
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)


class Runner:
    """Iterate once: Answered as they come, and None now and then while nothing does.

    ordered: in the order of the input. Raises what ends the worker; a request that fails is an Answered.
    """

    def __init__(
        self, worker: WorkerClient, items: Iterator[Item], *, ordered: bool = True, ahead: int = AHEAD
    ) -> None:
        self._worker, self._items = worker, items
        self._ordered, self._ahead = ordered, ahead
        self._open: dict[int, _Open] = {}
        self._ready: dict[int, Answered] = {}  # by their place in the input
        self._out: deque[Answered] = deque()
        self._taken = self._given = 0
        self._answers = AnswerCheck()

    def __iter__(self) -> Iterator[Answered | None]:
        self._refill()
        yield from self._drain()
        events = self._worker.events(_TICK)
        while self._open:
            match next(events):
                case TextDelta(identity, delta):
                    self._open[identity].text.append(delta.content)
                    self._open[identity].reasoning.append(delta.reasoning)
                    self._open[identity].tool_calls += delta.tool_calls
                    continue
                case Finished(identity, completion):
                    self._close(identity, completion, None)
                case Failed(identity, error):
                    self._close(identity, None, error)
                case None:
                    yield None
                    continue
                case _:
                    continue
            self._refill()
            yield from self._drain()

    def _refill(self) -> None:
        """Fill the window up once half of it is free, with requests whose prompts stand in order."""
        while len(self._open) + len(self._ready) <= self._ahead // 2:
            taken = list(islice(self._items, self._ahead - len(self._open) - len(self._ready)))
            if not taken:
                return
            places = range(self._taken, self._taken + len(taken))
            self._taken += len(taken)
            asked: list[tuple[Request, _Open]] = []
            for place, item in zip(places, taken, strict=True):
                if item.request is None:
                    error = {"code": "bad-line", "message": item.problem or ""}
                    self._put(place, Answered(item, error=error))
                else:
                    asked.append((item.request, _Open(place, item)))
            for request, opened in sorted(asked, key=lambda one: _begins(one[0])):
                self._open[self._worker.submit(request)] = opened
            self._out.extend(self._in_order())

    def _close(self, identity: int, completion: Completion | None, error: InferError | None) -> None:
        done = self._open.pop(identity)
        text = "".join(done.text)
        failure = {"code": error.code, "message": str(error)} if error else self._unmet(done.item, text, completion)
        said = (text, "".join(done.reasoning), tuple(done.tool_calls))
        answered = Answered(done.item, *said, completion, failure, error)
        self._put(done.place, answered)
        self._out.extend(self._in_order())

    def _unmet(self, item: Item, text: str, completion: Completion | None) -> dict[str, str] | None:
        """What is wrong with an answer under its constraint; what there is of it stands there, and nowhere else."""
        constraint = item.request.constraint if item.request else None
        if constraint is None or completion is None:
            return None
        problem = self._answers.problem(constraint, text, completion)
        return {"code": problem.code, "message": str(problem), "text": text} if problem else None

    def _put(self, place: int, answered: Answered) -> None:
        if self._ordered:
            self._ready[place] = answered
        else:
            self._out.append(answered)

    def _in_order(self) -> Iterator[Answered]:
        while (next_one := self._ready.pop(self._given, None)) is not None:
            self._given += 1
            yield next_one

    def _drain(self) -> Iterator[Answered]:
        while self._out:
            yield self._out.popleft()


def _begins(request: Request) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in request.messages]
