"""Texts go to the worker, vectors come back: a window of them is always on its way, and no more.

The worker packs a group into batches, and never texts of two groups, so that a text's neighbours are always the same
ones. Two groups are with it, so it need not wait for us.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import sleep
from typing import Any

from infer.errors import InferError
from infer.jobs.embed.items import TextItem
from infer.jobs.embed.vectors import as_numbers
from infer.types import Embedded, EmbedRequest, Failed
from infer.worker.client import WorkerClient

GROUP = 256  # texts that are handed over at once
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


class Runner:
    """Iterate once: Answered in the order of the input, and None now and then while nothing comes.

    items: None while the next one is not there: a group waits until it is whole, or the input has ended, so that what
    is computed together does not depend on how fast the texts come. pause: waits for more, at most so many seconds.
    Raises what ends the worker; a text that fails is an Answered.
    """

    def __init__(
        self,
        worker: WorkerClient,
        items: Iterator[TextItem | None],
        *,
        group: int = GROUP,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._worker, self._items, self._group, self._pause = worker, items, group, pause
        self._begun: list[TextItem] = []  # a group that is not whole
        self._open: dict[int, tuple[int, TextItem]] = {}  # the worker's id -> place in the input, text
        self._ready: dict[int, Answered] = {}  # by their place in the input
        self._taken = self._given = 0
        self._ended = self._dry = False  # the input has ended, or has nothing more for now

    def __iter__(self) -> Iterator[Answered | None]:
        events = self._worker.events(_TICK)
        while True:
            self._refill()
            yield from self._in_order()
            if not self._open:  # then nothing is ready either
                if self._ended:
                    return
                if self._dry:
                    self._pause(_TICK)
                    yield None
                continue
            match next(events):
                case Embedded(identity, vector, tokens):
                    place, item = self._open.pop(identity)
                    self._ready[place] = Answered(item, vector, tokens)
                case Failed(identity, error):
                    place, item = self._open.pop(identity)
                    self._ready[place] = Answered(item, error=error)
                case None:
                    yield None

    def _refill(self) -> None:
        """Hand over another group while there is less than one to do."""
        while len(self._open) + len(self._ready) <= self._group:
            taken = self._take()
            if not taken:
                return
            asked: list[tuple[int, TextItem, EmbedRequest]] = []
            for place, item in enumerate(taken, self._taken):
                if item.request is None:
                    self._ready[place] = Answered(item)
                else:
                    asked.append((place, item, item.request))
            self._taken += len(taken)
            ids = self._worker.embed([request for _, _, request in asked])
            self._open |= {identity: (place, item) for identity, (place, item, _) in zip(ids, asked, strict=True)}

    def _take(self) -> list[TextItem]:
        """The next group; nothing while it is not whole, and after the last one."""
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
