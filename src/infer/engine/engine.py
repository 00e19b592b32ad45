"""The engine: token ids in, token ids out, many sequences at once. Synchronous: no thread, no process.

    submit -> (admit -> make room -> batch -> decode -> sample)* -> Output

The context is as large as the running sequences are expected to need and grows when an answer runs on: the states
are moved into a larger one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from infer.engine.constraint import Constraints
from infer.engine.llama.context import AbortFlag, Context, spare_place
from infer.engine.llama.model import Model
from infer.engine.llama.sampler import Sampler
from infer.engine.llama.state import MemoryKind
from infer.engine.loop_guard import LoopGuard
from infer.engine.memory import Memory
from infer.engine.occupancy import Occupancy
from infer.engine.reuse import Reuse
from infer.engine.rows import groups, rows_of
from infer.engine.running import Running
from infer.engine.scheduler import Chunk, Scheduler, Sequence, State
from infer.engine.sharing import Sharing, common
from infer.types import Constraint, EngineConfig, FinishReason, SamplingParams

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
        self._running: dict[int, Running] = {}
        self._left: list[int] = []
        self._constraints = Constraints(model.vocabulary, many=config.parallel > 1)
        self._next_id = 0
        capacity = config.positions or config.max_context * config.parallel
        self._scheduler = Scheduler(config.parallel, config.batch, capacity)
        self._occupancy = Occupancy(config.parallel, fixed=not config.adapts)
        self._sharing = Sharing(self._scheduler, spare_place(config))
        self._cells = self._sharing.cells
        self._memory = Memory(model, config, self._abort, self._scheduler, self._sharing, capacity)

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
        one_of_many: bool = False,
    ) -> Sequence:
        """Queue a prompt (at least one token, fewer than max_context); its tokens come from `step`.

        stops: positions of the prompt at which other prompts are likely to part from it. goes_on: another prompt will
        begin with this one and its answer. one_of_many: only what others begin with as well is worth storing; a file of
        prompts would fill the prompt cache with what nobody asks again.
        """
        longest = self._config.max_context
        limit = longest if max_tokens is None else min(len(tokens) + max_tokens, longest)
        expected = min(len(tokens) + (EXPECTED_ANSWER if max_tokens is None else max_tokens), longest)
        keeps = 0 if one_of_many and self._model.memory_kind is MemoryKind.FULL else None
        sequence = Sequence(self._next_id, list(tokens), limit, expected, stops=stops, goes_on=goes_on, keeps=keeps)
        self._next_id += 1
        sampler = Sampler(sampling, seed, self._model.vocabulary)
        if sampler.keeps_history:
            for token in tokens:
                sampler.accept(token)
        guard = LoopGuard() if max_tokens is None else None
        self._running[sequence.id] = Running(sampler, guard, many=self._config.parallel > 1)
        self._scheduler.add(sequence)
        return sequence

    def step(self) -> list[Output]:
        """Compute one batch and sample; an empty list when there is no work or the batch was aborted."""
        self._keep_and_restore(self._reuse)
        self._put_back()
        chunks = self._scheduler.schedule(everybody=self._memory.streams)
        if not chunks:
            return []
        before = self._context
        if (context := self._room(sum(chunk.size for chunk in chunks))) is not before:
            # a larger context may have sent sequences back
            chunks = self._scheduler.schedule(everybody=self._memory.streams)
        outputs: list[Output] = []
        answering, answers = 0.0, sum(chunk.decode for chunk in chunks)
        apart = self._config.apart and not context.streams
        for group in groups(chunks, apart=apart):
            started = perf_counter()
            if not context.decode(rows_of(group)):
                self._recover(context, group)
                return outputs
            elapsed = perf_counter() - started
            self._sharing.unsettled.clear()
            answering += elapsed if group[0].decode else 0.0
            outputs += self._collect(context, group, elapsed)
        if answers and (apart or answers == len(chunks)):
            self._occupancy.note(answers, answering)
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
            if self._context and self._scheduler.next_waiting is None:
                self._sharing.drop(self._context)

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
        self._memory.close()

    def _keep_and_restore(self, reuse: Reuse | None) -> None:
        """Store what the last step brought, now that its tokens are out; share or restore for those that enter."""
        if self._context and reuse:
            for sequence in self._scheduler.running:
                reuse.keep(self._context, sequence)
        for leader in self._sharing.ready():
            assert self._context, "a leader is computed in one"
            self._lead(self._context, leader)
        entered = self._scheduler.admit(min(self._occupancy.limit, self._memory.most))
        if self._context and self._context.streams:
            self._sharing.close_ranks(self._context)
        if not entered:
            return
        self._take_over(entered[0])
        if reuse and not self._context:
            reuse.look_ahead(entered[0])
        if self._model.memory_kind is MemoryKind.FULL:
            for sequence in entered:
                self._sharing.follow(self._context, sequence)
        context = self._room(sum(len(s.tokens) - max(s.computed, s.shared) for s in entered))
        for sequence in entered:
            if sequence.leader is None:
                self._restore(context, sequence)
        for leader in self._sharing.ready():
            self._lead(context, leader)

    def _leave(self, context: Context, sequence: Sequence) -> None:
        """A sequence that ends leaves its rows to the next one, when there is one place and so one next."""
        if self._config.parallel == 1:
            self._left = sequence.tokens[: sequence.computed]
            return
        self._lead(context, sequence, ends=True)
        if self._model.memory_kind is MemoryKind.FULL:
            self._sharing.keep(context, sequence)
        self._sharing.forget(context, sequence.place)

    def _take_over(self, sequence: Sequence) -> None:
        """Go on where the last sequence ended: the turns of a conversation are computed once.

        Only a plain KV memory can be cut where the two part; others serve when nothing has to be cut.
        """
        left, self._left = self._left, []
        if self._context is None or not left:
            return
        known = min(common(sequence.tokens, left), sequence.prompt - 1)
        if known < len(left) and self._model.memory_kind is not MemoryKind.FULL:
            known = 0
        if not known or not self._context.remove(sequence.place, known):
            self._context.remove(sequence.place)
            known = 0
        self._cells.set(sequence.place, known)
        sequence.computed = sequence.cached = known

    def _lead(self, context: Context, leader: Sequence, *, ends: bool = False) -> None:
        for follower in self._sharing.lead(context, leader, ends=ends):
            self._restore(context, follower)

    def _restore(self, context: Context, sequence: Sequence) -> None:
        if self._reuse:
            self._reuse.restore(context, sequence)
            if sequence.computed != self._cells.length(sequence.place):
                self._cells.set(sequence.place, 0)  # what it shared was given up for more from the disk
                self._cells.set(sequence.place, sequence.computed)

    def _put_back(self) -> None:
        for sequence, place in self._scheduler.put_back():
            if self._context:
                self._sharing.forget(self._context, place)
            if self._reuse:
                self._reuse.forget(sequence)

    @property
    def _context(self) -> Context | None:
        return self._memory.context

    def _room(self, more: int) -> Context:
        """A context with so many free positions."""
        beside = self._config.batch + 2 if self._reuse and self._reuse.needs_room else 0
        return self._memory.room(more, beside=beside)

    def _recover(self, context: Context, chunks: list[Chunk]) -> None:
        """After an aborted decode some ubatches may be in the memory: cut every sequence back to what counts.

        What cannot be cut is computed again: recurrent states, and sliding windows, where llama.cpp says that it has
        cut although rows of the window were given away (it may even leave gaps between those that are left).
        """
        cuts = self._model.memory_kind is MemoryKind.FULL
        for sequence in (chunk.sequence for chunk in chunks):
            if not (cuts and context.remove(sequence.place, sequence.computed)):
                self._sharing.forget(context, sequence.place)
                sequence.restart()

    def _collect(self, context: Context, chunks: list[Chunk], elapsed: float) -> list[Output]:
        outputs = []
        row = -1
        for chunk in chunks:
            row += chunk.size
            if chunk.decode:
                chunk.sequence.decode_seconds += elapsed
            else:
                chunk.sequence.prefill_seconds += elapsed
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
