"""The engine: token ids in, token ids out, many sequences at once. Synchronous: no thread, no process.

    submit -> (admit -> make room -> batch -> decode -> sample)* -> Output

The context is as large as the running sequences are expected to need and grows when an answer runs on: the states
are moved into a larger one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from infer.engine.cells import Cells
from infer.engine.constraint import Constraints
from infer.engine.llama.context import AbortFlag, Context, Row
from infer.engine.llama.model import Model
from infer.engine.llama.sampler import Sampler
from infer.engine.llama.state import MemoryKind
from infer.engine.loop_guard import LoopGuard
from infer.engine.reuse import MIN_PROMPT, Reuse
from infer.engine.running import Running
from infer.engine.scheduler import Chunk, Scheduler, Sequence, State
from infer.types import Constraint, EngineConfig, FinishReason, SamplingParams

_GRANULE = 256  # positions; llama.cpp rounds a context up to this
EXPECTED_ANSWER = 1024  # tokens a context is sized for when no --max-tokens is given


class Likely(NamedTuple):
    """The log-probability of a token, and those of the likeliest tokens in its place, the likeliest first."""

    logprob: float
    top: list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Output:
    """What a step brought for one sequence: a token, or an end, or both; neither while it prefills.

    likely   log-probabilities: of the token, and of the likeliest ones in its place, where that was asked for
    """

    sequence: Sequence
    token: int | None = None
    finish_reason: FinishReason | None = None
    likely: Likely | None = None


class Scored(NamedTuple):
    """The finished sequence of a prompt, and the log-probabilities of its continuations' tokens."""

    sequence: Sequence
    scores: list[list[float]]


class Engine:
    """Computes sequences of one model. The model stays the caller's; the context is the engine's."""

    def __init__(
        self, model: Model, config: EngineConfig, abort: AbortFlag | None = None, reuse: Reuse | None = None
    ) -> None:
        self._model = model
        self._reuse = reuse
        self._config = config
        self._abort = abort or AbortFlag()
        self._context: Context | None = None
        self._running: dict[int, Running] = {}
        self._left: list[int] = []
        self._cells = Cells()
        self._constraints = Constraints(model.vocabulary, many=config.parallel > 1)
        self._next_id = 0
        capacity = config.positions or config.max_context * config.parallel
        self._scheduler = Scheduler(config.parallel, config.batch, capacity)

    @property
    def context_size(self) -> int:
        """Positions of the present context, 0 before the first step."""
        return self._context.size if self._context else 0

    @property
    def has_work(self) -> bool:
        """Whether `step` has anything to do."""
        return self._scheduler.has_work

    def submit(
        self,
        tokens: list[int],
        sampling: SamplingParams,
        seed: int,
        max_tokens: int | None,
        stops: tuple[int, ...] = (),
        *,
        goes_on: bool = False,
    ) -> Sequence:
        """Queue a prompt (at least one token, fewer than max_context); its tokens come from `step`.

        stops: positions of the prompt at which other prompts are likely to part from it. goes_on: another prompt will
        begin with this one and its answer.
        """
        longest = self._config.max_context
        limit = longest if max_tokens is None else min(len(tokens) + max_tokens, longest)
        expected = min(len(tokens) + (EXPECTED_ANSWER if max_tokens is None else max_tokens), longest)
        sequence = Sequence(self._next_id, list(tokens), limit, expected, stops=stops, goes_on=goes_on)
        self._next_id += 1
        sampler = Sampler(sampling, seed, self._model.vocabulary)
        if sampler.keeps_history:
            for token in tokens:
                sampler.accept(token)
        self._running[sequence.id] = Running(sampler, LoopGuard() if max_tokens is None else None)
        self._scheduler.add(sequence)
        return sequence

    def step(self) -> list[Output]:
        """Compute one batch and sample; an empty list when there is no work or the batch was aborted."""
        self._keep_and_restore(self._reuse)
        self._put_back()
        chunks = self._scheduler.schedule()
        if not chunks:
            return []
        before, context = self._context, self._room(sum(chunk.size for chunk in chunks))
        if context is not before:
            chunks = self._scheduler.schedule()  # a larger context may have sent sequences back
        started = perf_counter()
        rows = [row for chunk in chunks for row in _rows(chunk)]
        if not context.decode(rows):
            self._recover(context, chunks)
            return []
        elapsed = perf_counter() - started
        outputs = self._collect(context, chunks)
        for chunk in chunks:
            self._account(chunk, elapsed)
        return outputs

    def constrain(
        self, sequence: Sequence, constraint: Constraint, *, opener: int | None = None, after_reasoning: bool = False
    ) -> None:
        """Let a constraint count from the next token that is drawn, while it is not held.

        opener: a token that may come in front of all, and is not part of it; after_reasoning: newlines may as well.
        Raises UsageError when it cannot be enforced, ConstraintUnmet when nothing can satisfy it.
        """
        matcher = self._constraints.matcher(constraint, opener=opener, after_reasoning=after_reasoning)
        self._running[sequence.id].constrain(matcher, self._constraints.candidates)

    def score(self, tokens: list[int], continuations: list[list[int]], stops: tuple[int, ...] = ()) -> Scored:
        """The log-probability of each token of several continuations (none empty) of one prompt.

        The configuration's `parallel` and `outputs` say how many are computed at once. Nothing else may be running.
        """
        from infer.engine.branches import Branches

        assert not self.has_work, "its steps would be taken here"
        sequence = self.submit(tokens, SamplingParams(temperature=0), 0, 1 + sum(map(len, continuations)), stops)
        self.force(sequence, tokens[-1:])  # the prompt alone counts, and it may not end here
        while sequence.computed < sequence.prompt:
            self.step()
        assert self._context is not None
        places = [place for place in range(self._config.parallel) if place != sequence.place]
        rows = min(self._config.batch, self._config.outputs)
        size = self._model.vocabulary.size
        branches = Branches(self._context, sequence.place, sequence.prompt, places, rows, size)
        scores = branches.scores(continuations)
        self.finish(sequence, "stop")
        self.release(sequence)
        return Scored(sequence, scores)

    def hold_constraint(self, sequence: Sequence, held: bool) -> None:
        """Let the constraint count no more for now, or again where it stood."""
        self._running[sequence.id].held = held

    def force(self, sequence: Sequence, tokens: Iterable[int]) -> None:
        """Let these be the next tokens, whatever the model thinks of them."""
        self._running[sequence.id].force(tokens)

    def replace_last(self, sequence: Sequence, tokens: list[int]) -> None:
        """Put other tokens in the place of the last one of an answer; it has not been computed yet."""
        assert tokens
        assert sequence.computed < len(sequence.tokens) > sequence.prompt
        sequence.tokens[-1] = tokens[0]
        self.force(sequence, tokens[1:])

    def force_at_end(self, sequence: Sequence, tokens: tuple[int, ...]) -> None:
        """When the model wants to end, let it go on with these tokens instead, once. Empty: let it end."""
        self._running[sequence.id].instead_of_end = tokens

    def never_end(self, sequence: Sequence) -> None:
        """Let only its limit end it: what the model wants to say is of no interest, how fast it says it is."""
        self._running[sequence.id].endless = True

    def report(self, sequence: Sequence, count: int) -> None:
        """Let outputs tell the log-probability of each token, and of the `count` likeliest ones in its place."""
        self._running[sequence.id].logprobs = count

    def satisfied(self, sequence: Sequence) -> bool:
        """Whether its constraint, if it has one, allows the answer to end where it stands."""
        return self._running[sequence.id].satisfied

    def constraint_problem(self, sequence: Sequence) -> str:
        """Why nothing could follow under its constraint, where that is known; else empty."""
        return self._running[sequence.id].problem

    def finish(self, sequence: Sequence, reason: FinishReason) -> None:
        """End a sequence from outside: a stop string, an abort. Harmless when it has ended already."""
        if sequence.state is not State.FINISHED:
            if self._context and sequence.place >= 0:
                if self._reuse:
                    self._reuse.finish(self._context, sequence)
                self._leave(self._context, sequence)
            self._scheduler.finish(sequence, reason)

    def last_logits(self) -> list[float]:
        """The logits of the last row that was computed, one for each token of the vocabulary."""
        assert self._context is not None, "nothing has been computed"
        return list(self._context.logits(-1, self._model.vocabulary.size))

    def release(self, sequence: Sequence) -> None:
        """Free what a finished sequence still holds (its sampler)."""
        assert sequence.state is State.FINISHED
        self._running.pop(sequence.id).close()

    def close(self, timeout: float = 0.0) -> None:
        """Free the native memory of contexts and samplers; the prompt cache's writer has `timeout` seconds more."""
        if self._reuse:
            self._reuse.close(timeout)
        for running in self._running.values():
            running.close()
        self._running.clear()
        if self._context:
            self._context.close()
            self._context = None

    def _keep_and_restore(self, reuse: Reuse | None) -> None:
        """Store what the last step brought, now that its tokens are out; share or restore for those that enter."""
        if self._context and reuse:
            for sequence in self._scheduler.running:
                reuse.keep(self._context, sequence)
        for leader in {one.leader for one in self._scheduler.running if one.leader}:
            assert self._context, "a leader is computed in one"
            self._lead(self._context, leader)
        entered = self._scheduler.admit()
        if not entered:
            return
        self._take_over(entered[0])
        if reuse and not self._context:
            reuse.look_ahead(entered[0])
        for sequence in entered:
            self._follow(sequence)
        context = self._room(sum(len(s.tokens) - max(s.computed, s.shared) for s in entered))
        for sequence in entered:
            if sequence.leader is None:
                self._restore(context, sequence)
            elif sequence.leader.computed >= sequence.shared:
                self._lead(context, sequence.leader)

    def _leave(self, context: Context, sequence: Sequence) -> None:
        """A sequence that ends leaves its rows to the next one, when there is one place and so one next."""
        if self._config.parallel == 1:
            self._left = sequence.tokens[: sequence.computed]
        else:
            self._lead(context, sequence, ends=True)
            self._forget(context, sequence.place)

    def _take_over(self, sequence: Sequence) -> None:
        """Go on where the last sequence ended: the turns of a conversation are computed once.

        Only a plain KV memory can be cut where the two part; others serve when nothing has to be cut.
        """
        left, self._left = self._left, []
        if self._context is None or not left:
            return
        known = min(_common(sequence.tokens, left), sequence.prompt - 1)
        if known < len(left) and self._model.memory_kind is not MemoryKind.FULL:
            known = 0
        if not known or not self._context.remove(sequence.place, known):
            self._context.remove(sequence.place)
            known = 0
        self._cells.set(sequence.place, known)
        sequence.computed = sequence.cached = known

    def _follow(self, sequence: Sequence) -> None:
        """Find the running sequence that has, or computes, most of what this one begins with."""
        if self._model.memory_kind is not MemoryKind.FULL:
            return
        for other in self._scheduler.running:
            if other is sequence:
                break  # those after it have entered after it
            settled = other.tokens[: max(other.prompt, other.computed)]  # its newest token may still be replaced
            length = _common(sequence.tokens[: len(sequence.tokens) - 1], settled)
            if length >= max(MIN_PROMPT, sequence.shared + 1):
                sequence.leader, sequence.shared = other, length

    def _followers(self, leader: Sequence) -> list[Sequence]:
        return [sequence for sequence in self._scheduler.running if sequence.leader is leader]

    def _lead(self, context: Context, leader: Sequence, *, ends: bool = False) -> None:
        """Give what is computed to those that wait for it; who waits for more goes on, unless the leader ends."""
        for follower in self._followers(leader):
            length = min(follower.shared, leader.computed)
            if length < follower.shared and not ends:
                continue
            follower.leader = None
            if length >= MIN_PROMPT:
                context.share(leader.place, follower.place, length)
                self._cells.share(leader.place, follower.place, length)
                follower.computed = follower.cached = length
            self._restore(context, follower)

    def _restore(self, context: Context, sequence: Sequence) -> None:
        if self._reuse:
            self._reuse.restore(context, sequence)
            if sequence.computed != self._cells.length(sequence.place):
                self._cells.set(sequence.place, 0)  # what it shared was given up for more from the disk
                self._cells.set(sequence.place, sequence.computed)

    def _forget(self, context: Context, place: int) -> None:
        context.remove(place)
        self._cells.set(place, 0)

    def _put_back(self) -> None:
        for sequence, place in self._scheduler.put_back():
            if self._context:
                self._forget(self._context, place)
            if self._reuse:
                self._reuse.forget(sequence)

    def _room(self, more: int) -> Context:
        """A context with so many free positions: the present one, or a larger one with its states."""
        used = self._cells.total + more
        if self._context and used <= self._context.size:
            return self._context
        running = self._scheduler.running
        expected = sum(sequence.wanted - sequence.shared for sequence in running)
        largest = sum(sequence.limit for sequence in running)
        doubled = min(2 * self._context.size, largest) if self._context else 0
        return self._grow(max(expected, used, doubled))

    def _grow(self, positions: int) -> Context:
        fixed = (self._config.context or 0) * self._config.parallel
        if self._reuse and self._reuse.needs_room:
            positions += self._config.batch + 2
        size = fixed or -(-positions // _GRANULE) * _GRANULE
        larger = Context(self._model, self._config, size, self._abort)
        if self._context:
            self._move(self._context, larger)
            self._context.close()
        self._context = larger
        return larger

    def _move(self, old: Context, new: Context) -> None:
        """Take the states of all sequences over, or have them computed again where they would be other ones."""
        border = self._model.rotation_border
        if border is not None and old.size <= border < new.size:
            for sequence in self._scheduler.running:
                sequence.restart()
                self._cells.set(sequence.place, 0)
            return
        moved: list[Sequence] = []
        for sequence in self._scheduler.running:
            if sequence.computed:
                self._move_one(old, new, sequence, moved)
                moved.append(sequence)

    def _move_one(self, old: Context, new: Context, sequence: Sequence, moved: list[Sequence]) -> None:
        """What it shares with one that has been moved is shared again, only the rest is copied."""
        pairs = ((self._cells.common(other.place, sequence.place), other.place) for other in moved)
        shared, source = max(pairs, default=(0, -1))
        if not shared:
            new.restore(sequence.place, old.state(sequence.place))
            return
        new.share(source, sequence.place, shared)
        if shared < sequence.computed:
            rest, _ = old.cutter(MemoryKind.FULL).cut(sequence.place, shared, sequence.computed)
            new.cutter(MemoryKind.FULL).paste(sequence.place, rest)

    def _recover(self, context: Context, chunks: list[Chunk]) -> None:
        """After an aborted decode some ubatches may be in the memory: cut every sequence back to what counts.

        What cannot be cut is computed again: recurrent states, and sliding windows, where llama.cpp says that it has
        cut although rows of the window were given away (it may even leave gaps between those that are left).
        """
        cuts = self._model.memory_kind is MemoryKind.FULL
        for sequence in (chunk.sequence for chunk in chunks):
            if not (cuts and context.remove(sequence.place, sequence.computed)):
                self._forget(context, sequence.place)
                sequence.restart()

    def _collect(self, context: Context, chunks: list[Chunk]) -> list[Output]:
        outputs = []
        row = -1
        for chunk in chunks:
            row += chunk.size
            self._scheduler.computed(chunk)
            self._cells.set(chunk.sequence.place, chunk.sequence.computed)
            if chunk.last:
                outputs.append(self._sample(context, chunk.sequence, row))
            else:
                outputs.append(Output(chunk.sequence))
        return outputs

    def _sample(self, context: Context, sequence: Sequence, row: int) -> Output:
        running = self._running[sequence.id]
        token = running.next_token(context, row, self._model.vocabulary)
        if token is None:
            self.finish(sequence, "stop")
            return Output(sequence, None, "stop")
        likely = None if running.logprobs is None else self._likely(context, row, token, running.logprobs)
        sequence.tokens.append(token)
        if running.done:
            self.finish(sequence, "stop")
        elif running.loop_guard and running.loop_guard.accept(token):
            self.finish(sequence, "loop")
        elif len(sequence.tokens) >= sequence.limit:
            self.finish(sequence, "length")
        return Output(sequence, token, sequence.finish_reason, likely)

    def _likely(self, context: Context, row: int, token: int, count: int) -> Likely:
        from infer.engine.llama.logits import likeliest, log_probabilities

        logits = context.logits(row, self._model.vocabulary.size)
        top = likeliest(logits, count)
        own, *others = log_probabilities(logits, [token, *top])
        return Likely(own, list(zip(top, others, strict=True)))

    @staticmethod
    def _account(chunk: Chunk, elapsed: float) -> None:
        if chunk.decode:
            chunk.sequence.decode_seconds += elapsed
        else:
            chunk.sequence.prefill_seconds += elapsed


def _common(tokens: list[int], others: list[int]) -> int:
    """How many tokens two sequences begin with alike; slices are compared, not tokens."""
    low, high = 0, min(len(tokens), len(others))
    if tokens[:high] == others[:high]:
        return high
    while high - low > 1:  # alike up to `low`, not up to `high`
        middle = (low + high) // 2
        low, high = (middle, high) if tokens[low:middle] == others[low:middle] else (low, middle)
    return low


def _rows(chunk: Chunk) -> list[Row]:
    sequence, start = chunk.sequence, chunk.sequence.computed
    end = start + chunk.size
    place = sequence.place
    rows = [Row(token, start + i, place, False) for i, token in enumerate(sequence.tokens[start:end])]
    if chunk.last:
        rows[-1] = rows[-1]._replace(logits=True)
    return rows
