"""Makes embeddings, many texts at once: token ids in, vectors out. Synchronous: no thread, no process.

    submit -> (take -> one batch -> vectors)* -> Vector

Texts are computed in the order they came, as many of a group together as a batch holds. Who hands texts over says what
a group is: so what is computed together, and with it every bit, does not depend on how fast anybody was.

The Scheduler is not asked: it cuts prompts into chunks and knows what comes after them, and here nothing may be cut and
nothing comes after.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from infer.engine.llama.context import AbortFlag
from infer.engine.llama.model import Model
from infer.engine.llama.pooled import PooledContext
from infer.types import EngineConfig


class Tokens(NamedTuple):
    """A text that waits: its number, its token ids, and the group that it came with."""

    id: int
    tokens: list[int]
    group: int = 0


class Vector(NamedTuple):
    """A text that is done: its number, its vector (numpy, float32), how many tokens it had."""

    id: int
    values: Any
    tokens: int


class EmbeddingEngine:
    """Computes the embeddings of one model. The model stays the caller's; the context is the engine's."""

    def __init__(self, model: Model, config: EngineConfig, abort: AbortFlag) -> None:
        self._model, self._config, self._abort = model, config, abort
        self._context: PooledContext | None = None
        self._waiting: deque[Tokens] = deque()

    @property
    def context_size(self) -> int:
        """Tokens that the present context takes at once, 0 before the first step."""
        return self._context.size if self._context else 0

    @property
    def has_work(self) -> bool:
        """Whether `step` has anything to do."""
        return bool(self._waiting)

    def submit(self, identity: int, tokens: list[int], group: int) -> None:
        """Queue a text of at least one token, and at most max_context."""
        assert 0 < len(tokens) <= self._config.max_context, "it would be cut"
        self._waiting.append(Tokens(identity, tokens, group))

    def remove(self, identity: int) -> bool:
        """Take a text out of the queue; False where it is not in it."""
        found = next((text for text in self._waiting if text.id == identity), None)
        if found:
            self._waiting.remove(found)
        return found is not None

    def step(self) -> list[Vector]:
        """Compute one batch; empty when there is no work or it was aborted: then the texts wait again."""
        texts = take(self._waiting, self._config.batch, self._config.parallel)
        if not texts:
            return []
        vectors = self._room(count(texts)).embed([text.tokens for text in texts])
        if vectors is None:
            self._waiting.extendleft(reversed(texts))
            return []
        return [Vector(text.id, vector, len(text.tokens)) for text, vector in zip(texts, vectors, strict=True)]

    def close(self) -> None:
        """Free the native memory."""
        if self._context:
            self._context.close()
            self._context = None

    def _room(self, size: int) -> PooledContext:
        """The context, made larger when these tokens do not fit; memory is taken as texts need it."""
        if self._context is None or self._context.size < size:
            self.close()
            usual = min(self._config.batch, self._config.max_context)
            needed = max(size, usual)
            self._context = PooledContext(self._model, self._config, needed, self._abort)
        return self._context


def take(waiting: deque[Tokens], room: int, most: int) -> list[Tokens]:
    """Take what is computed next from the head of the queue: at most `most` texts and `room` tokens of one group.

    A longer text is taken alone. Strictly in order, so nobody starves.
    """
    taken: list[Tokens] = []
    while waiting and len(taken) < most and (not taken or _fits(waiting[0], taken, room)):
        taken.append(waiting.popleft())
    return taken


def _fits(text: Tokens, taken: list[Tokens], room: int) -> bool:
    return text.group == taken[0].group and count(taken) + len(text.tokens) <= room


def count(texts: Iterable[Tokens]) -> int:
    """Tokens of several texts together."""
    return sum(len(text.tokens) for text in texts)
