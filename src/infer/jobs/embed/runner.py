"""Texts go to the worker, vectors come back: a window of them is always on its way, and no more.

The worker packs a group into batches, and never texts of two groups, so that a text's neighbours are always the same
ones. Two groups are with it, so it need not wait for us. When it dies, another one is asked for each text that it had,
one by one, so that a text that always ends it costs nobody else's vector.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import sleep
from typing import Any

from infer.errors import InferError, WorkerDied
from infer.jobs.embed.items import TextItem
from infer.jobs.embed.vectors import as_numbers
from infer.types import Embedded, Event, Failed
from infer.worker.client import WorkerClient

GROUP = 256  # texts that are handed over at once
_MOST_DEATHS = 6  # of workers, one after the other without a single vector: it is no text's fault
_TICK = 0.25  # seconds after which a caller hears that nothing has come


@dataclass(frozen=True, slots=True)
class Answered:
    """A text and what came of it: a vector (float32, little endian) and its tokens, or an error."""

    item: TextItem
    vector: bytes | None = None
    tokens: int = 0
    error: InferError | None = None

    @property
    def failure(self) -> dict[str, str] | None:
        """What a record says of an error: {"code", "message"}."""
        if self.item.problem is not None:
            return {"code": "bad-line", "message": self.item.problem}
        return {"code": self.error.code, "message": str(self.error)} if self.error else None

    def record(self) -> dict[str, Any]:
        """The line of the output."""
        return {
            "custom_id": self.item.custom_id,
            "index": self.item.index,
            "embedding": None if self.vector is None else as_numbers(self.vector),
            "usage": {"prompt": self.tokens},
            "error": self.failure,
        }


@dataclass(frozen=True, slots=True)
class _Group:
    """Texts that are handed over together, each with its place in the input. alone: one, with no other beside it."""

    texts: list[tuple[int, TextItem]]
    alone: bool = False


class Runner:
    """Iterate once: Answered in the order of the input, and None now and then while nothing comes.

    items: None while the next one is not there: a group waits until it is whole, or the input has ended, so that what
    is computed together does not depend on how fast the texts come. pause: waits for more, at most so many seconds.
    revive: makes another worker of the same model, None: there is none.
    Raises what no text is to blame for; a text that fails is an Answered.
    """

    def __init__(
        self,
        worker: WorkerClient,
        items: Iterator[TextItem | None],
        *,
        group: int = GROUP,
        revive: Callable[[], WorkerClient] | None = None,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._worker, self._items, self._group = worker, items, group
        self._revive, self._pause = revive, pause
        self._begun: list[TextItem] = []  # a group that is not whole
        self._queue: deque[_Group] = deque()  # what is to be asked next
        self._open: dict[int, tuple[int, TextItem]] = {}  # the worker's id -> place in the input, text
        self._alone = False  # whether what is open is one text that is asked alone
        self._deaths = 0  # of workers, since the last vector
        self._ready: dict[int, Answered] = {}  # by their place in the input
        self._taken = self._given = 0
        self._ended = self._dry = False  # the input has ended, or has nothing more for now

    def __iter__(self) -> Iterator[Answered | None]:
        while True:
            waited = False
            try:
                self._refill()
                if self._open:
                    waited = not self._hear(next(self._worker.events(_TICK)))
                elif self._dry and not self._ready:
                    self._pause(_TICK)
                    waited = True
            except WorkerDied as death:
                self._mourn(death)
            yield from self._in_order()
            if waited:
                yield None
            if self._ended and not self._open and not self._queue:
                return

    def _hear(self, event: Event | None) -> bool:
        """Note what came; whether anything did."""
        match event:
            case Embedded(identity, vector, tokens):
                self._deaths = 0
                place, item = self._open.pop(identity)
                self._ready[place] = Answered(item, vector, tokens)
            case Failed(identity, error):
                place, item = self._open.pop(identity)
                self._ready[place] = Answered(item, error=error)
        return event is not None

    def _mourn(self, death: WorkerDied) -> None:
        """Another worker. What the dead one had is asked again, each alone: one text may always end it."""
        self._deaths += 1
        if self._revive is None or not self._worker.loaded or self._deaths > _MOST_DEATHS:
            raise death
        for place, item in self._open.values():
            if self._alone:
                self._ready[place] = Answered(item, error=death)
            else:
                self._queue.append(_Group([(place, item)], alone=True))
        self._open.clear()
        self._worker = self._revive()

    def _refill(self) -> None:
        """Hand over another group while there is less than one to do."""
        while self._queue or len(self._open) + len(self._ready) <= self._group:
            if not self._queue and not self._read():
                return
            group = self._queue[0]
            if self._open and (self._alone or group.alone):
                return
            ids = self._worker.embed([item.request for _, item in group.texts if item.request])
            self._open |= dict(zip(ids, group.texts, strict=True))
            self._alone = group.alone
            self._queue.popleft()

    def _read(self) -> bool:
        """Queue the next group; not while it is not whole, nor after the last one."""
        taken = self._take()
        texts = list(enumerate(taken, self._taken))
        self._taken += len(taken)
        self._ready |= {place: Answered(item) for place, item in texts if item.request is None}
        if taken:
            self._queue.append(_Group([(place, item) for place, item in texts if item.request]))
        return bool(taken)

    def _take(self) -> list[TextItem]:
        """The next group as it stands in the input."""
        self._dry = False
        for item in self._items:
            if item is None:
                self._dry = True
                return []
            self._begun.append(item)
            if len(self._begun) == self._group:
                break
        else:
            self._ended = True
        taken, self._begun = self._begun, []
        return taken

    def _in_order(self) -> Iterator[Answered]:
        while (next_one := self._ready.pop(self._given, None)) is not None:
            self._given += 1
            yield next_one
