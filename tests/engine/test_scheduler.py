"""Scheduler laws, driven by a state machine that stands in for the device."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from infer.engine.scheduler import Scheduler, Sequence, State

PLACES, BATCH, CAPACITY = 3, 8, 60


class SchedulerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler(PLACES, BATCH, CAPACITY)
        self.everybody: list[Sequence] = []
        self.steps_waited = 0

    @rule(prompt=st.integers(1, 30), answer=st.integers(1, 30), share=st.floats(0, 1))
    def submit(self, prompt: int, answer: int, share: float) -> None:
        expected = prompt + round(answer * share)
        sequence = Sequence(len(self.everybody), list(range(prompt)), prompt + answer, expected)
        self.everybody.append(sequence)
        self.scheduler.add(sequence)

    @precondition(lambda self: len(self.scheduler.running) > 1)
    @rule(data=st.data())
    def follow(self, data: st.DataObject) -> None:
        """The youngest begins like one that entered before it."""
        sequence = self.scheduler.running[-1]
        leader = data.draw(st.sampled_from(self.scheduler.running[:-1]))
        shared = min(len(leader.tokens), len(sequence.tokens) - 1)
        if sequence.computed == 0 and shared:
            sequence.leader, sequence.shared = leader, shared

    def lead(self) -> None:
        """What the engine does for those that wait."""
        for sequence in self.scheduler.running:
            leader = sequence.leader
            if leader and (leader.computed >= sequence.shared or leader.state is State.FINISHED):
                sequence.leader = None
                sequence.computed = min(sequence.shared, leader.computed)

    @precondition(lambda self: self.scheduler.has_work)
    @rule()
    def step(self) -> None:
        self.lead()
        self.scheduler.admit()
        for sequence, place in self.scheduler.put_back():
            assert (sequence.state, sequence.computed, sequence.place) == (State.WAITING, 0, -1)
            assert 0 <= place < PLACES
        chunks = self.scheduler.schedule()
        assert chunks, "with work there is always something to compute"
        assert sum(chunk.size for chunk in chunks) <= BATCH
        assert len({chunk.sequence.id for chunk in chunks}) == len(chunks)
        decoding = [s.id for s in self.scheduler.running if s.state is State.DECODE]
        assert [c.sequence.id for c in chunks if c.decode] == decoding, "each decoding sequence has its row"
        for chunk in chunks:
            assert 0 < chunk.size <= chunk.sequence.pending
            assert chunk.last == (chunk.size == chunk.sequence.pending)
            self.scheduler.computed(chunk)
            assert chunk.sequence.computed <= len(chunk.sequence.tokens)
            if chunk.last:
                chunk.sequence.tokens.append(-1)
                if len(chunk.sequence.tokens) >= chunk.sequence.limit:
                    self.scheduler.finish(chunk.sequence, "length")

    @precondition(lambda self: self.everybody)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        sequence = data.draw(st.sampled_from(self.everybody))
        if sequence.state is not State.FINISHED:
            self.scheduler.finish(sequence, "abort")

    @invariant()
    def places_are_one_each_and_the_memory_suffices(self) -> None:
        places = [sequence.place for sequence in self.scheduler.running]
        assert len(set(places)) == len(places) <= PLACES
        assert all(0 <= place < PLACES for place in places)
        assert sum(sequence.computed for sequence in self.scheduler.running) <= CAPACITY

    @invariant()
    def entry_is_in_the_order_of_arrival(self) -> None:
        waiting = [s.id for s in self.everybody if s.state is State.WAITING]
        entered = [s.id for s in self.scheduler.running]
        assert all(running < waits for running in entered for waits in waiting)

    def teardown(self) -> None:
        for _ in range(20_000):
            if not self.scheduler.has_work:
                break
            self.step()
        assert not self.scheduler.has_work, "everybody comes to an end"
        assert all(sequence.state is State.FINISHED for sequence in self.everybody)
        assert sorted(self.scheduler._free) == list(range(PLACES)), "all places come back"


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_chunks_end_at_blocks_and_at_stops() -> None:
    scheduler = Scheduler(1, 600, 4000)
    sequence = Sequence(0, [1] * 1300, 2000, 2000, stops=(700, 1299))
    scheduler.add(sequence)
    scheduler.admit()
    ends = []
    while sequence.state is State.PREFILL:
        (chunk,) = scheduler.schedule()
        scheduler.computed(chunk)
        ends.append(sequence.computed)
    assert ends == [512, 700, 1299, 1300]
