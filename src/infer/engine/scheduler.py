"""Who is computed next: which sequences enter, prefill and decode. Pure: it holds no tensor and no device.

Each step's batch has one row for every decoding sequence, in the order they entered, then chunks of the prompts that
are still being prefilled, up to the size of a batch. A sequence occupies one place (its llama.cpp sequence id) and
enters when there is room for what it is expected to need. Answers that become longer may fill the memory: then the
youngest goes back to the head of the queue, and is computed again later. One alone always has room.

A sequence that begins like one which is still being computed waits in its place for that one (`leader`): the common
part is computed once.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean
from typing import NamedTuple

from infer.engine.prefix.keys import BLOCK
from infer.types import FinishReason


class State(Enum):
    """Where a sequence stands."""

    WAITING = "waiting"
    PREFILL = "prefill"
    DECODE = "decode"
    FINISHED = "finished"


@dataclass(slots=True, eq=False)
class Sequence:
    """One request inside the engine.

    tokens      the prompt, then what was generated; grows by one a step
    prompt      how many of them are the prompt
    limit       tokens it may have at most (prompt and answer)
    expected    positions it will probably need: it enters when there is room for these
    computed    how many of `tokens` are in the KV memory
    stops       positions of the prompt that end a chunk, because the state there is worth keeping
    goes_on     another prompt will begin with all of this
    keeps       how many of `tokens` are worth storing, because others begin with them too; None: all
    cached      how many tokens of the prompt were not computed but restored
    leader      a running sequence that is computing the first `shared` tokens of this one too
    *_seconds   time spent for it: restoring, prefill, decode
    place       llama.cpp's sequence id, -1 while it waits
    """

    id: int
    tokens: list[int]
    limit: int
    expected: int
    stops: tuple[int, ...] = ()
    goes_on: bool = False
    keeps: int | None = None
    cached: int = 0
    restore_seconds: float = 0.0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0
    prompt: int = field(init=False)
    computed: int = 0
    place: int = -1
    leader: "Sequence | None" = None
    shared: int = 0
    state: State = State.WAITING
    finish_reason: FinishReason | None = None

    def __post_init__(self) -> None:
        self.prompt = len(self.tokens)

    @property
    def pending(self) -> int:
        """Tokens that are known but not yet computed."""
        return len(self.tokens) - self.computed

    @property
    def wanted(self) -> int:
        """Positions it is expected to need, as far as one can tell now."""
        return max(self.expected, len(self.tokens) + 1)

    @property
    def storable(self) -> int:
        """How many of its tokens are in the KV memory and worth storing."""
        return self.computed if self.keeps is None else min(self.computed, self.keeps)

    def restart(self) -> None:
        """Have everything computed again: nothing of it is in the KV memory any more."""
        self.computed = self.cached = self.shared = 0
        self.leader = None
        self.state = State.PREFILL


class Chunk(NamedTuple):
    """`size` tokens of a sequence, from its first uncomputed one; `last` when they are all that is pending.

    `decode`: it is one token of an answer, not a piece of a prompt.
    """

    sequence: Sequence
    size: int
    last: bool
    decode: bool


class Scheduler:
    """Admits waiting sequences in the order they came, and makes each step's batch.

    places: sequences at once; batch: rows a step; capacity: positions that all sequences together may have.
    """

    def __init__(self, places: int, batch: int, capacity: int) -> None:
        assert batch >= places, "every decoding sequence needs a row in each batch"
        self._batch = batch
        self._capacity = capacity
        self._free = list(range(places - 1, -1, -1))
        self._waiting: deque[Sequence] = deque()
        self.running: list[Sequence] = []

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence. Its limit must not exceed the capacity, or it could never enter."""
        assert sequence.prompt < sequence.limit <= self._capacity
        self._waiting.append(sequence)

    @property
    def has_work(self) -> bool:
        """Whether anybody waits or runs."""
        return bool(self._waiting or self.running)

    @property
    def queued(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    @property
    def longest_waiting(self) -> int:
        """Positions that the one in the queue needs which needs most; 0 where nobody waits."""
        return max((sequence.wanted for sequence in self._waiting), default=0)

    @property
    def typical(self) -> float:
        """Positions that one needs on average, of those that run and those that wait; there must be one."""
        return fmean(sequence.wanted for sequence in (*self.running, *self._waiting))

    @property
    def next_waiting(self) -> Sequence | None:
        """Who enters next."""
        return self._waiting[0] if self._waiting else None

    def admit(self, most: int | None = None) -> list[Sequence]:
        """Give places to those at the head of the queue that fit; strictly in order, so nobody starves.

        most: sequences that may run, None: as many as there are places.
        """
        entered = []
        wanted = sum(sequence.wanted for sequence in self.running)
        while self._waiting and self._free and (most is None or len(self.running) < most):
            sequence = self._waiting[0]
            wanted += sequence.wanted
            if self.running and wanted > self._capacity:
                break
            self._waiting.popleft()
            sequence.place = min(self._free)
            self._free.remove(sequence.place)
            sequence.state = State.PREFILL
            self.running.append(sequence)
            entered.append(sequence)
        return entered

    def put_back(self) -> list[tuple[Sequence, int]]:
        """Send the youngest back to the head of the queue until all others have room for one token more.

        Returns them with the places they had, whose positions are to be forgotten.
        """
        gone = []
        while len(self.running) > 1 and sum(len(s.tokens) + 1 for s in self.running) > self._capacity:
            sequence = self.running.pop()
            gone.append((sequence, sequence.place))
            self._free.append(sequence.place)
            self._waiting.appendleft(sequence)
            sequence.restart()
            sequence.place, sequence.state = -1, State.WAITING
        for sequence in self.running:
            if sequence.leader in [one for one, _ in gone]:
                sequence.leader = None
        return gone

    def schedule(self, *, everybody: bool = False) -> list[Chunk]:
        """The next batch: decoding rows first, then prompt chunks, at most `batch` rows together.

        everybody: each prompt has a row at least, and all are in the order of their places.
        """
        chunks = [Chunk(s, 1, last=True, decode=True) for s in self.running if s.state is State.DECODE]
        room = self._batch - len(chunks)
        prompts = [s for s in self.running if s.state is State.PREFILL and s.leader is None]
        for index, sequence in enumerate(prompts, 1):
            mine = room - (len(prompts) - index if everybody else 0)
            if mine > 0:
                count = _chunk_size(sequence, mine)
                chunks.append(Chunk(sequence, count, last=count == sequence.pending, decode=False))
                room -= count
        return sorted(chunks, key=lambda chunk: chunk.sequence.place) if everybody else chunks

    def close_ranks(self) -> list[tuple[Sequence, int]]:
        """Give the lowest free places to the sequences with the highest ones; them, with the places they had."""
        moved = []
        for sequence in sorted(self.running, key=lambda one: -one.place):
            lowest = min(self._free, default=sequence.place)
            if lowest >= sequence.place:
                break
            moved.append((sequence, sequence.place))
            self._free.remove(lowest)
            self._free.append(sequence.place)
            sequence.place = lowest
        return moved

    def computed(self, chunk: Chunk) -> None:
        """Note that a chunk is in the KV memory."""
        chunk.sequence.computed += chunk.size
        if chunk.last:
            chunk.sequence.state = State.DECODE

    def finish(self, sequence: Sequence, reason: FinishReason) -> None:
        """Take a sequence out, wherever it stands; its place is free at the next step. One that has ended stays so."""
        if sequence.state is State.FINISHED:
            return
        if sequence.state is State.WAITING:
            self._waiting.remove(sequence)
        else:
            self.running.remove(sequence)
            self._free.append(sequence.place)
        sequence.state = State.FINISHED
        sequence.finish_reason = reason


def _chunk_size(sequence: Sequence, room: int) -> int:
    """How much of a prompt to compute now: up to a stop, and where it does not end, up to the end of a block.

    So a block of the prompt cache is computed in the same chunks whatever came before it, and has the same bits.
    """
    end = sequence.computed + min(room, sequence.pending)
    if end < len(sequence.tokens):
        aligned = end // BLOCK * BLOCK
        end = aligned if aligned > sequence.computed else end
    return min([end, *(stop for stop in sequence.stops if stop > sequence.computed)]) - sequence.computed
