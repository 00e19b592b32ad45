"""The keystone: joins text (chat/) and tokens (engine/) into requests and events.

submit(Request) -> id      step() -> events that carry the id      abort(id)
"""

import os
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from time import perf_counter
from types import TracebackType
from typing import Self

from infer.chat.formats import detect
from infer.chat.syntax import call_formats
from infer.engine.engine import Engine, Likely, Output
from infer.engine.llama.context import AbortFlag
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.llama.state import MemoryKind
from infer.engine.reuse import open_reuse
from infer.engine.scheduler import Sequence, State
from infer.engine.self_test import KERNEL_NOISE, compare
from infer.errors import BadModelFile, ContextOverflow, EmptyPrompt, InferError, IntegrityError
from infer.prompt import Prompt, PromptBuilder
from infer.reasoning import plan_reasoning
from infer.stream import TextStream
from infer.types import (
    Completion,
    Constraint,
    ContextUse,
    Continuation,
    Delta,
    EngineConfig,
    Event,
    Finished,
    FinishReason,
    Pace,
    Progress,
    Request,
    SamplingParams,
    TextDelta,
    Timings,
    TokenScore,
    Usage,
)

_MOST_BRANCHES = 64  # continuations that are computed at once
_MOST_OUTPUTS = 128  # rows of one decode that have logits: 78 MB of them at 150k tokens


@dataclass(slots=True)
class _Answer:
    """A request on its way: its sequence, and the text side of its stream."""

    sequence: Sequence
    seed: int
    dropped: int
    constrained: bool
    stream: TextStream
    verified: tuple[int, float, float] | None
    scores: list[TokenScore] | None
    held: list[Delta] | None  # the text so far, where it is to come in one piece
    content: list[str] = field(default_factory=list)


class LLM:
    """One loaded model that answers requests, several at once.

    Not thread-safe but for `abort_flag`, which another thread may set to end the decode that is running.
    Raises BadModelFile when llama.cpp refuses the file.
    """

    def __init__(self, path: str, config: EngineConfig) -> None:
        started = perf_counter()
        self._path = path
        self._log = Log()
        self._config = config
        self._model = Model(path, config, self._log)
        if not self._model.generates:
            self._model.close()
            raise BadModelFile(path=path, why="it does not generate text (an encoder, or a diffusion model)")
        self.abort_flag = AbortFlag()
        self._reasoning, self._calls = detect(self._model.chat_template), call_formats(self._model.chat_template)
        self._build()
        self.load_seconds = perf_counter() - started
        self._draw = Random(0)  # of the prompts that are measured: no two are alike

    def _build(self) -> None:
        """What depends on the configuration, over the weights that are loaded."""
        model, config = self._model, self._config
        self._answers: dict[int, _Answer] = {}
        streams = config.streams and model.memory_kind is MemoryKind.FULL  # of which states cannot be cut
        self._reuse, self._no_cache = (None, None) if streams else open_reuse(model, self._path, config)
        self._engine = Engine(model, config, self.abort_flag, self._reuse)
        source = model.chat_template
        self._prompts = PromptBuilder(model.vocabulary, source, config.max_context, model.trained_context)

    def serves(self, path: str, config: EngineConfig) -> bool:
        """Whether another configuration needs no other weights than those that are loaded."""
        mine = self._config
        placed = ("gpu_layers", "tensor_split", "cpu_experts", "lora", "repack")
        same = all(getattr(config, name) == getattr(mine, name) for name in placed)
        return path == self._path and same and config.pooling is None

    def configure(self, config: EngineConfig) -> None:
        """Go on with another configuration that `serves`. No request may be running."""
        assert not self._answers, "a request would be lost"
        self._engine.close()
        self._config = config
        self._build()

    def prompt(self, request: Request) -> Prompt:
        """The prompt as text and token ids: whole, whether it fits or not, or cut where the request allows that.

        Raises BadTemplate, and ContextOverflow when even cutting does not help.
        """
        whole = request.overflow == "error"
        return self._prompts.render(request) if whole else self._prompts.build(request)

    def tokenize(self, text: str) -> list[int]:
        """Token ids of plain text, without BOS."""
        return self._model.vocabulary.tokenize(text, special=False)

    def pieces(self, tokens: list[int]) -> list[str]:
        """The text of each token; bytes that are no whole character become U+FFFD."""
        return [self._model.vocabulary.text(token) for token in tokens]

    def submit(self, request: Request) -> int:
        """Queue a request; its events come from `step`.

        Raises BadTemplate, ContextOverflow, EmptyPrompt, UsageError or ConstraintUnmet for a constraint that cannot
        be enforced, and UsageError for tools that this model cannot be offered.
        """
        prompt = self._prompts.build(request)
        if not prompt.tokens:
            raise EmptyPrompt()
        sampling = request.sampling
        seed = sampling.seed if sampling.seed is not None else _draw_seed()
        stops = self._stops(request, prompt) if self._reuse and self._reuse.needs_stops else ()
        verified = self._verify(prompt, stops) if request.verify_cache else None
        sequence = self._engine.submit(
            prompt.tokens, sampling, seed, request.max_tokens, stops, goes_on=request.goes_on, one_of_many=request.whole
        )
        stream = self._stream(request, prompt, sequence)
        constrained = request.constraint is not None
        if request.logprobs is not None:
            self._engine.report(sequence, request.logprobs)
        scores: list[TokenScore] | None = None if request.logprobs is None else []
        held: list[Delta] | None = [] if request.whole else None
        self._answers[sequence.id] = _Answer(
            sequence, seed, prompt.dropped, constrained, stream, verified, scores, held
        )
        return sequence.id

    def _stream(self, request: Request, prompt: Prompt, sequence: Sequence) -> TextStream:
        """The text side of a sequence. One whose constraint is refused leaves the engine."""
        try:
            forms, vocabulary = (self._reasoning, self._calls), self._model.vocabulary
            return TextStream(request, prompt.text, *forms, sequence, self._engine, vocabulary)
        except InferError:
            self._engine.finish(sequence, "abort")
            self._engine.release(sequence)
            raise

    def score(self, request: Request, texts: tuple[str, ...]) -> list[Continuation]:
        """How likely each text is as the continuation of a prompt; the prompt is computed once. No request may run.

        Where the model would reason first, the reasoning is closed before anything was thought. Raises BadTemplate,
        ContextOverflow, EmptyPrompt.
        """
        prompt = self._prompts.build(request)
        tokens = prompt.tokens + self._answer_opening(request, prompt)
        if not tokens:
            raise EmptyPrompt()
        vocabulary = self._model.vocabulary
        continuations = [vocabulary.tokenize_inside(text, special=False) for text in texts]
        need, room = len(tokens) + max(map(len, continuations)), self._config.max_context
        if need > room:
            raise ContextOverflow(prompt=need, context=room, trained=self._model.trained_context)
        parallel = 1 + min(len(texts), _MOST_BRANCHES)
        self.configure(replace(self._config, parallel=parallel, outputs=min(_MOST_OUTPUTS, self._config.batch)))
        stops = self._stops(request, prompt) if self._reuse and self._reuse.needs_stops else ()
        scores = self._engine.score(tokens, continuations, stops).scores
        return [
            Continuation(text, tuple(zip(self.pieces(ids), found, strict=True)))
            for text, ids, found in zip(texts, continuations, scores, strict=True)
        ]

    def measure(self, prompt: int, steps: int, parallel: int, room: int) -> Pace:
        """How long `parallel` prompts of `prompt` tokens take, and `steps` steps of their answers. No request may run.

        room: tokens that an answer may have. The configuration must have the positions for them all.
        """
        from infer.engine.pace import measure_pace

        vocabulary, how = self._model.vocabulary, {"prompt": prompt, "steps": steps, "parallel": parallel, "room": room}
        return measure_pace(self._engine, vocabulary, self._draw, **how)

    def _answer_opening(self, request: Request, prompt: Prompt) -> list[int]:
        """What stands between the prompt and an answer without reasoning."""
        tokenize = partial(self._model.vocabulary.tokenize, special=True)
        wanted = replace(request, constraint=Constraint(), think=False)
        plan = plan_reasoning(wanted, prompt.text, self._reasoning, tokenize)
        return [*plan.forced, *(plan.closing + plan.answer if plan.starts else ())]

    @property
    def has_work(self) -> bool:
        """Whether `step` has anything to do."""
        return self._engine.has_work

    def step(self) -> list[Event]:
        """Compute one batch and return what it brought."""
        events: list[Event] = []
        for output in self._engine.step():
            events += self._events(output)
        return events

    def abort(self, identity: int) -> list[Event]:
        """End a request now; what it had produced stands. No events when it has ended already."""
        self.abort_flag.clear()
        answer = self._answers.get(identity)
        return self._finish(answer, "abort") if answer else []

    def save(self, timeout: float) -> None:
        """Give the prompt cache's writer `timeout` seconds more; it is the last thing to be asked before `close`.

        Apart from `close`, because a process that ends need not free gigabytes first.
        """
        if self._reuse:
            self._reuse.close(timeout)

    def close(self) -> None:
        """Free the native memory; what the prompt cache has not written is dropped."""
        self._engine.close()
        self._model.close()

    @property
    def warning(self) -> str | None:
        """What the prompt cache could not do, None when all was well."""
        return self._reuse.warning if self._reuse else self._no_cache

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _verify(self, prompt: Prompt, stops: tuple[int, ...]) -> tuple[int, float, float] | None:
        """Compute the prompt with and without the cache and compare the logits it ends with.

        Returns tokens from the cache, the largest difference and the standard deviation of the logits; None when it
        was aborted. Raises IntegrityError when they differ by more than the order of sums explains.
        """
        cold = Engine(self._model, self._config, self.abort_flag)
        try:
            alone = _last_logits(cold, prompt.tokens, stops, self.abort_flag)
        finally:
            cold.close()
        reused = alone and _last_logits(self._engine, prompt.tokens, stops, self.abort_flag)
        if not alone or not reused:
            return None
        cached, (difference, spread) = reused[0], compare(reused[1], alone[1])
        if difference > KERNEL_NOISE * spread:
            raise IntegrityError(
                what=f"{cached:,} tokens from the prompt cache give other logits than computing them: "
                f"they differ by up to {difference:.3g}, their standard deviation is {spread:.3g}",
                hint="infer cache clear removes what is stored; please report it",
            )
        return cached, difference, spread

    def _stops(self, request: Request, prompt: Prompt) -> tuple[int, ...]:
        """Where a state is worth keeping that cannot be cut: before the question, and before the last token."""
        size = len(prompt.tokens)
        return tuple(sorted({self._prompts.question_start(request, prompt), size - 1} - {0, size}))

    def _events(self, output: Output) -> list[Event]:
        sequence = output.sequence
        answer = self._answers[sequence.id]
        if output.token is None and output.finish_reason is None:
            progress = Progress(sequence.id, sequence.computed, sequence.prompt)
            return [progress] if answer.held is None else []
        events: list[Event] = []
        if output.token is not None:
            delta = answer.stream.feed(output.token)
            if delta:
                answer.content.append(delta.content)
                if answer.held is None:
                    events.append(TextDelta(sequence.id, delta))
                else:
                    answer.held.append(delta)
            if output.likely is not None and answer.scores is not None:
                answer.scores.append(self._score_of(output.token, output.likely))
        if answer.stream.stopped:
            return events + self._finish(answer, "stop")
        return events + (self._finish(answer, output.finish_reason) if output.finish_reason else [])

    def _finish(self, answer: _Answer, reason: FinishReason) -> list[Event]:
        sequence = answer.sequence
        self._engine.finish(sequence, reason)
        rest = answer.stream.finish()
        answer.content.append(rest.content)
        if answer.held is not None:
            rest = _joined([*answer.held, rest])
        called = reason == "stop" and answer.stream.called
        completion = self._completion(answer, "tool_calls" if called else reason)
        self._engine.release(sequence)
        del self._answers[sequence.id]
        last: list[Event] = [TextDelta(sequence.id, rest)] if rest else []
        return [*last, Finished(sequence.id, completion)]

    def _completion(self, answer: _Answer, reason: FinishReason) -> Completion:
        sequence = answer.sequence
        generated = len(sequence.tokens) - sequence.prompt
        return Completion(
            finish_reason=reason,
            usage=Usage(prompt=sequence.prompt, cached=sequence.cached, completion=generated),
            timings=Timings(
                self.load_seconds, sequence.restore_seconds, sequence.prefill_seconds, sequence.decode_seconds
            ),
            context=ContextUse(self._engine.context_size, len(sequence.tokens), answer.dropped),
            seed=answer.seed,
            constraint_met=self._met(answer, reason) if answer.constrained else None,
            constraint_problem=self._engine.constraint_problem(sequence),
            logprobs=None if answer.scores is None else tuple(answer.scores),
            verified=answer.verified,
            tokens=self._content_tokens(answer),
        )

    def _content_tokens(self, answer: _Answer) -> tuple[int, ...]:
        """The last ids of what was generated, as many as spell the content; none when they spell something else."""
        content = "".join(answer.content).encode("utf-8")
        generated = answer.sequence.tokens[answer.sequence.prompt :]
        start, spelt = len(generated), 0
        while start and spelt < len(content):
            start -= 1
            spelt += len(self._model.vocabulary.piece(generated[start]))
        tokens = tuple(generated[start:])
        return tokens if self._model.vocabulary.spells(tokens, content) else ()

    def _score_of(self, token: int, likely: Likely) -> TokenScore:
        text = self._model.vocabulary.text
        return TokenScore(text(token), likely.logprob, tuple((text(other), score) for other, score in likely.top))

    def _met(self, answer: _Answer, reason: FinishReason) -> bool:
        return reason == "stop" and not answer.stream.stopped and self._engine.satisfied(answer.sequence)


def _joined(deltas: list[Delta]) -> Delta:
    return Delta(
        "".join(delta.content for delta in deltas),
        "".join(delta.reasoning for delta in deltas),
        tuple(call for delta in deltas for call in delta.tool_calls),
    )


def _last_logits(
    engine: Engine, tokens: list[int], stops: tuple[int, ...], abort: AbortFlag
) -> tuple[int, list[float]] | None:
    """How much of a prompt was cached, and the logits after it; None when it was aborted."""
    sequence = engine.submit(tokens, SamplingParams(temperature=0), 0, 1, stops)
    while sequence.state is not State.FINISHED and not abort.is_set:
        engine.step()
    aborted = sequence.state is not State.FINISHED
    engine.finish(sequence, "abort")
    engine.release(sequence)
    return None if aborted else (sequence.cached, engine.last_logits())


def _draw_seed() -> int:
    """A random seed; llama.cpp reads the largest number of 32 bits as "draw one", which nobody could repeat."""
    return int.from_bytes(os.urandom(4), "little") % 0xFFFFFFFF
