"""The engine: token ids in, token ids out, many sequences at once. Synchronous: no thread, no process.

    submit -> (admit -> make room -> batch -> decode -> sample)* -> Output

The context is as large as the running sequences are expected to need and grows when an answer runs on: the states
are moved into a larger one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from time import perf_counter
from typing import NamedTuple

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
        self._constraints = Constraints(model.vocabulary)
        self._next_id = 0
        capacity = config.max_context * config.parallel
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
    ) -> Sequence:
        """Queue a prompt (at least one token, fewer than max_context); its tokens come from `step`.

        stops: positions of the prompt at which other prompts are likely to part from it.
        """
        longest = self._config.max_context
        limit = longest if max_tokens is None else min(len(tokens) + max_tokens, longest)
        expected = min(len(tokens) + (EXPECTED_ANSWER if max_tokens is None else max_tokens), longest)
        sequence = Sequence(self._next_id, list(tokens), limit, expected, stops=stops)
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
        chunks = self._scheduler.schedule()
        if not chunks:
            return []
        before, context = self._context, self._room_for(chunks)
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

    def report(self, sequence: Sequence, count: int) -> None:
        """Let outputs tell the log-probability of each token, and of the `count` likeliest ones in its place."""
        self._running[sequence.id].logprobs = count

    def satisfied(self, sequence: Sequence) -> bool:
        """Whether its constraint, if it has one, allows the answer to end where it stands."""
        return self._running[sequence.id].satisfied

    def finish(self, sequence: Sequence, reason: FinishReason) -> None:
        """End a sequence from outside: a stop string, an abort. Harmless when it has ended already."""
        if sequence.state is not State.FINISHED:
            if self._context and sequence.place >= 0:
                if self._reuse:
                    self._reuse.finish(self._context, sequence)
                self._context.remove(sequence.place)
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
        entered = self._scheduler.admit()
        if entered:
            if reuse and not self._context:
                reuse.look_ahead(entered[0])
            context = self._room(sum(max(s.computed, s.prompt) for s in self._scheduler.running))
            for sequence in entered:
                self._share(context, sequence)
                if reuse:
                    reuse.restore(context, sequence)

    def _share(self, context: Context, sequence: Sequence) -> None:
        """Take the longest common prefix over from a sequence that is being computed here; the cells are shared."""
        if self._model.memory_kind is not MemoryKind.FULL:
            return
        others = (other for other in self._scheduler.running if other is not sequence)
        length, place = max(((_common(sequence, other), other.place) for other in others), default=(0, -1))
        if length >= MIN_PROMPT:
            context.share(place, sequence.place, length)
            sequence.computed = sequence.cached = length

    def _room_for(self, chunks: list[Chunk]) -> Context:
        """A context with a free position for every row: the present one, or a larger one with its states."""
        computed = sum(sequence.computed for sequence in self._scheduler.running)
        return self._room(computed + sum(chunk.size for chunk in chunks))

    def _room(self, used: int) -> Context:
        running = self._scheduler.running
        if self._context and used <= self._context.size:
            return self._context
        expected = sum(max(sequence.expected, len(sequence.tokens)) for sequence in running)
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
        for sequence in self._scheduler.running:
            if border is not None and old.size <= border < new.size:
                sequence.restart()
            elif sequence.computed:
                new.restore(sequence.place, old.state(sequence.place))

    def _recover(self, context: Context, chunks: list[Chunk]) -> None:
        """After an aborted decode some ubatches may be in the memory: cut every sequence back to what counts.

        What cannot be cut is computed again: recurrent states, and sliding windows, where llama.cpp says that it has
        cut although rows of the window were given away (it may even leave gaps between those that are left).
        """
        cuts = self._model.memory_kind is MemoryKind.FULL
        for sequence in (chunk.sequence for chunk in chunks):
            if not (cuts and context.remove(sequence.place, sequence.computed)):
                context.remove(sequence.place)
                sequence.restart()

    def _collect(self, context: Context, chunks: list[Chunk]) -> list[Output]:
        outputs = []
        row = -1
        for chunk in chunks:
            row += chunk.size
            self._scheduler.computed(chunk)
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


def _common(sequence: Sequence, other: Sequence) -> int:
    """How many of its prompt's tokens, all but the last, another sequence has computed already."""
    pairs = zip(sequence.tokens[: sequence.prompt - 1], other.tokens[: other.computed], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _rows(chunk: Chunk) -> list[Row]:
    sequence, start = chunk.sequence, chunk.sequence.computed
    end = start + chunk.size
    place = sequence.place
    rows = [Row(token, start + i, place, False) for i, token in enumerate(sequence.tokens[start:end])]
    if chunk.last:
        rows[-1] = rows[-1]._replace(logits=True)
    return rows
