"""The engine under a state machine: whatever is submitted, stepped, aborted and interrupted, in whatever order.

On the real llama.cpp with random weights. The books (which place holds how many positions) must be llama.cpp's, nothing
may be left over at the end, and every answer must be the one that its prompt gets alone.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from infer.engine.engine import Engine
from infer.engine.llama.context import AbortFlag
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.scheduler import Sequence, State
from infer.types import EngineConfig, SamplingParams

GREEDY = SamplingParams(temperature=0)
ALONE = EngineConfig(max_context=256, parallel=1, batch=64, ubatch=64)
LONGEST = 12  # tokens of an answer
BATCH_NOISE = 0.06  # see test_engine.py
LAYOUTS: list[dict[str, bool]] = [
    {},
    {"flash_attention": True, "apart": True},
    {"flash_attention": True, "apart": True, "streams": True},
]
BEGINNINGS = ([], list(range(20, 120)), [*range(20, 90), *range(150, 190)])  # the last two share 70 tokens


@pytest.fixture(scope="module")
def model(random_model: Path) -> Iterator[Model]:
    with Model(str(random_model), ALONE, Log()) as model:
        yield model


class EngineMachine(RuleBasedStateMachine):
    model: Model
    singles: dict[tuple[int, ...], list[tuple[int, float]]] = {}  # noqa: RUF012  (one for all runs of the machine)

    @initialize(parallel=st.integers(2, 4), batch=st.sampled_from([16, 64]), layout=st.sampled_from(LAYOUTS),
                positions=st.sampled_from([256, 512, 1024]))  # fmt: skip
    def begin(self, parallel: int, batch: int, positions: int, layout: dict[str, bool]) -> None:
        config = EngineConfig(max_context=256, parallel=parallel, positions=positions, batch=batch, ubatch=16, **layout)
        self.flag = AbortFlag()
        self.engine = Engine(self.model, config, self.flag)
        self.parallel = parallel
        self.open: list[Sequence] = []
        self.done: list[Sequence] = []

    @rule(beginning=st.sampled_from(BEGINNINGS), end=st.lists(st.integers(200, 205), min_size=1, max_size=5),
          answer=st.integers(1, LONGEST), expected=st.integers(0, 3))  # fmt: skip
    def submit(self, beginning: list[int], end: list[int], answer: int, expected: int) -> None:
        sequence = self.engine.submit([*beginning, *end], GREEDY, 0, answer)
        sequence.expected -= min(answer, expected)  # answers become longer than was thought
        self.open.append(sequence)

    @precondition(lambda self: self.engine.has_work)
    @rule(count=st.integers(1, 6))
    def step(self, count: int) -> None:
        for _ in range(count):
            self.engine.step()
        for sequence in [one for one in self.open if one.state is State.FINISHED]:
            self.settle(sequence)

    @precondition(lambda self: self.engine.has_work)
    @rule()
    def interrupt(self) -> None:
        """A decode that is ended in the middle brings nothing and breaks nothing."""
        self.flag.set()
        assert all(output.token is None for output in self.engine.step())
        self.flag.clear()

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        sequence = data.draw(st.sampled_from(self.open))
        self.engine.finish(sequence, "abort")
        self.settle(sequence)

    def settle(self, sequence: Sequence) -> None:
        self.open.remove(sequence)
        self.done.append(sequence)
        self.engine.release(sequence)

    @invariant()
    def the_books_are_llama_cpps(self) -> None:
        engine = getattr(self, "engine", None)
        if engine is None or engine._context is None:
            return
        context, cells = engine._context, engine._cells
        # those of the sequences, the copying one, the spare one; of streams there are only the first
        places = range(context.streams or self.parallel + 2)
        assert [context.positions(place) for place in places] == [cells.length(place) for place in places]
        assert cells.total <= context.size
        for sequence in engine._scheduler.running:
            assert cells.length(sequence.place) == sequence.computed
            assert sequence.cached <= sequence.prompt

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        while self.engine.has_work:
            self.step(1)
        assert self.engine._cells.total == 0, "nothing is left over"
        self.engine.close()
        for sequence in self.done:
            self.compare(sequence)

    def compare(self, sequence: Sequence) -> None:
        """Its tokens are those it gets alone, up to a step where two were nearly as good."""
        several = sequence.tokens[sequence.prompt :]
        for token, (alone, gap) in zip(several, self.single(sequence.tokens[: sequence.prompt]), strict=False):
            if token != alone:
                assert gap < BATCH_NOISE
                return

    def single(self, prompt: list[int]) -> list[tuple[int, float]]:
        """The tokens after a prompt, computed alone, and how much better each was than the next best."""
        if tuple(prompt) not in self.singles:
            engine = Engine(self.model, ALONE)
            sequence = engine.submit(prompt, GREEDY, 0, LONGEST)
            engine.report(sequence, 2)
            found = []
            while engine.has_work:
                for output in engine.step():
                    if output.token is not None and output.likely:
                        (_, best), (_, second) = output.likely.top
                        found.append((output.token, best - second))
            engine.close()
            self.singles[tuple(prompt)] = found
        return self.singles[tuple(prompt)]


def test_the_engine_keeps_its_books_and_its_answers(model: Model) -> None:
    EngineMachine.model = model
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    options = settings(max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=slow)
    run_state_machine_as_test(EngineMachine, settings=options)  # type: ignore[no-untyped-call]
