"""Scheduler laws, driven by a state machine that stands in for the device."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from infer.engine.scheduler import Chunk, Scheduler, Sequence, State


class SchedulerMachine(RuleBasedStateMachine):
    """The laws: no batch has more rows than n_batch, each token is scheduled once, nobody starves, places come back.

    known   by sequence: how many of its tokens are in the memory, counted here and not by the scheduler
    """

    @initialize(places=st.integers(1, 5), spare=st.integers(0, 8), capacity=st.integers(60, 200), side=st.booleans())
    def begin(self, places: int, spare: int, capacity: int, side: bool) -> None:
        self.side_by_side = side
        self.places, self.batch, self.capacity = places, places + spare, capacity
        self.scheduler = Scheduler(places, self.batch, capacity)
        self.everybody: list[Sequence] = []
        self.known: dict[int, int] = {}

    @rule(prompt=st.integers(1, 30), answer=st.integers(1, 30), share=st.floats(0, 1), stop=st.integers(0, 30))
    def submit(self, prompt: int, answer: int, share: float, stop: int) -> None:
        expected = prompt + round(answer * share)
        sequence = Sequence(len(self.everybody), list(range(prompt)), prompt + answer, expected, stops=(stop,))
        self.everybody.append(sequence)
        self.known[sequence.id] = 0
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
                self.known[sequence.id] = sequence.computed

    @precondition(lambda self: self.scheduler.has_work)
    @rule()
    def step(self) -> None:
        self.lead()
        self.scheduler.admit()
        for sequence, place in self.scheduler.put_back():
            assert (sequence.state, sequence.computed, sequence.place) == (State.WAITING, 0, -1)
            assert 0 <= place < self.places
            self.known[sequence.id] = 0
        if self.side_by_side:
            self.close_ranks()
        running = list(self.scheduler.running)
        chunks = self.scheduler.schedule(everybody=self.side_by_side)
        assert sum(chunk.size for chunk in chunks) <= self.batch, "no batch has more rows than n_batch"
        assert len({chunk.sequence.id for chunk in chunks}) == len(chunks)
        if self.side_by_side:
            places = [chunk.sequence.place for chunk in chunks]
            assert places == [one.place for one in sorted(running, key=lambda one: one.place) if one.leader is None]
        running.sort(key=lambda one: one.place if self.side_by_side else 0)
        decoding = [s.id for s in running if s.state is State.DECODE]
        assert [c.sequence.id for c in chunks if c.decode] == decoding, "nobody who decodes starves"
        assert min(running, key=lambda one: one.id) in [chunk.sequence for chunk in chunks], (
            "the oldest goes on, so everybody's turn comes"
        )
        for chunk in chunks:
            self.compute(chunk)

    def close_ranks(self) -> None:
        before = {sequence.id: sequence.place for sequence in self.scheduler.running}
        moved = self.scheduler.close_ranks()
        assert all(before[sequence.id] == place > sequence.place for sequence, place in moved)
        assert sorted(one.place for one in self.scheduler.running) == list(range(len(before)))

    def compute(self, chunk: Chunk) -> None:
        """What the device does: these tokens, which follow upon those that are known."""
        sequence = chunk.sequence
        assert 0 < chunk.size <= sequence.pending
        assert chunk.last == (chunk.size == sequence.pending)
        assert not chunk.decode or chunk.size == 1
        assert sequence.computed == self.known[sequence.id], "each token is scheduled once, in order"
        self.known[sequence.id] += chunk.size
        self.scheduler.computed(chunk)
        if chunk.last:
            sequence.tokens.append(-1)
            if len(sequence.tokens) >= sequence.limit:
                self.scheduler.finish(sequence, "length")
                assert self.known[sequence.id] == len(sequence.tokens) - 1

    @precondition(lambda self: self.everybody)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        """At any moment, whatever state it is in; harmless for one that has ended."""
        sequence = data.draw(st.sampled_from(self.everybody))
        self.scheduler.finish(sequence, "abort")
        assert sequence.state is State.FINISHED

    @invariant()
    def places_are_one_each_and_the_memory_suffices(self) -> None:
        places = [sequence.place for sequence in self.scheduler.running]
        assert len(set(places)) == len(places) <= self.places
        assert sorted([*places, *self.scheduler._free]) == list(range(self.places)), "no place is lost"
        assert sum(sequence.computed for sequence in self.scheduler.running) <= self.capacity

    @invariant()
    def entry_is_in_the_order_of_arrival(self) -> None:
        waiting = [s.id for s in self.everybody if s.state is State.WAITING]
        entered = [s.id for s in self.scheduler.running]
        assert all(running < waits for running in entered for waits in waiting)

    def teardown(self) -> None:
        left = sum(sequence.limit for sequence in self.everybody) if hasattr(self, "scheduler") else 0
        for _ in range(left * len(getattr(self, "everybody", ()))):
            if not self.scheduler.has_work:
                break
            self.step()
        if left:
            assert not self.scheduler.has_work, "everybody comes to an end"
            assert all(sequence.state is State.FINISHED for sequence in self.everybody)
            assert sorted(self.scheduler._free) == list(range(self.places)), "all places come back"


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
