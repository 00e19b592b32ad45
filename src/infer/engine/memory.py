"""The engine's context: as large as its sequences are expected to need, and made anew when that was too little.

Unified, all sequences share one memory and cells of it. In streams each has one of its own, as long as the longest of
them is expected to need, where memory suffices for that; else they go on unified, and are computed again once.
"""

from statistics import median

from infer.engine.llama.context import AbortFlag, Context
from infer.engine.llama.model import Model
from infer.engine.llama.state import MemoryKind
from infer.engine.moving import move
from infer.engine.scheduler import Scheduler
from infer.engine.sharing import Sharing
from infer.types import EngineConfig

_GRANULE = 256  # positions; llama.cpp rounds a context up to this
_FEW = 32  # streams; more are made where half of the memory suffices for them, and where they would be half full


class Memory:
    """Owns the context of one engine. capacity: positions that all sequences together may have."""

    def __init__(
        self,
        model: Model,
        config: EngineConfig,
        abort: AbortFlag,
        scheduler: Scheduler,
        sharing: Sharing,
        capacity: int,
    ) -> None:
        self.context: Context | None = None
        self.most = config.parallel  # sequences that it has room for
        self.streams = config.streams and model.memory_kind is MemoryKind.FULL
        self._model, self._config, self._abort = model, config, abort
        self._scheduler, self._sharing, self._capacity = scheduler, sharing, capacity

    def room(self, more: int, *, beside: int = 0) -> Context:
        """A context for the running sequences with `more` free positions: the present one, or a larger one.

        beside: positions that a new one is to have beyond what they need.
        """
        if self.streams and (context := self._room_in_streams()):
            return context
        return self._unified(more, beside)

    def close(self) -> None:
        """Free the native memory."""
        if self.context:
            self.context.close()
            self.context = None

    def _unified(self, more: int, beside: int) -> Context:
        cells, present = self._sharing.cells, self.context
        if present and cells.total + more > present.size:
            self._sharing.drop(present)
        used = cells.total + more
        if present and used <= present.size and not present.streams:
            return present
        running = self._scheduler.running
        expected = self._expected()
        largest = sum(sequence.limit for sequence in running)
        doubled = min(2 * present.size, largest) if present and not present.streams else 0
        fixed = (self._config.context or 0) * self._config.parallel
        return self._renew(fixed or _rounded(max(expected, used, doubled) + beside), 0)

    def _expected(self) -> int:
        """What those that run will need, and those that will run beside them: moving states takes seconds.

        Nobody knows yet what those in the queue share, so they are taken for what most of the others are.
        """
        own = [sequence.wanted - sequence.shared for sequence in self._scheduler.running]
        coming = min(self._config.parallel - len(own), self._scheduler.queued)
        ahead = coming * int(median(own)) if own else 0
        return sum(own) + max(0, min(ahead, self._capacity // 2 - sum(own)))

    def _room_in_streams(self) -> Context | None:
        """None where memory does not suffice for a stream for each.

        Their number stays: a state can only be moved between contexts that have equally many.
        """
        running, present = self._scheduler.running, self.context
        need = max(len(sequence.tokens) for sequence in running)
        if present and need <= present.each:
            return present
        wanted = max(sequence.wanted for sequence in running)
        if present:
            wanted = max(wanted, min(2 * present.each, max(sequence.limit for sequence in running)))
        coming = self._scheduler.longest_waiting
        if coming * min(self.most, _FEW) <= self._capacity // 2:  # else one that is so long shall not cost the others
            wanted = max(wanted, coming)
        allowed = self._capacity // 2 // wanted if 2 * self._scheduler.typical >= wanted else 0
        while self._config.adapts and self.most > max(_FEW, allowed):
            if present or self.most // 2 < len(running):
                break
            self.most //= 2
        each = min(_rounded(wanted), self._capacity // self.most // _GRANULE * _GRANULE)
        if each < need:
            self.streams, self.most = False, self._config.parallel
            return None
        return self._renew(each * self.most, self.most)

    def _renew(self, size: int, streams: int) -> Context:
        old = self.context
        if old and (bool(old.streams) != bool(streams) or (streams and old.size + size > self._capacity)):
            self._forget()  # states of the other layout are of no use, or there is no room for both at once
        larger = Context(self._model, self._config, size, self._abort, streams=streams)
        if self.context:
            self._move(self.context, larger)
            self.context.close()
        self.context = larger
        return larger

    def _forget(self) -> None:
        """Give the context back; everything is computed again."""
        for sequence in self._scheduler.running:
            sequence.restart()
            self._sharing.cells.set(sequence.place, 0)
        self._sharing.unsettled.clear()
        self.close()

    def _move(self, old: Context, new: Context) -> None:
        """Take the states of all sequences over, or have them computed again where they would be other ones."""
        border = self._model.rotation_border
        turns = border is not None and old.each <= border < new.each
        for sequence in self._scheduler.running:
            if turns or sequence in self._sharing.unsettled:
                sequence.restart()
                self._sharing.cells.set(sequence.place, 0)
        self._sharing.unsettled.clear()
        move(old, new, self._scheduler.running, self._sharing.cells)


def _rounded(positions: int) -> int:
    return -(-positions // _GRANULE) * _GRANULE
