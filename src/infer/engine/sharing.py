"""What sequences begin with alike is computed once: who follows whom, and what is kept for the next one.

A sequence that begins like a running one takes the cells that this one has computed, or waits until it has (its
leader). When a sequence ends, what the next one in the queue begins with as well is kept in a place that nobody
computes in: answers of one token would otherwise all end in one step and take the beginning with them. Nothing is
copied: places hold the same cells. Only for memories that can be cut anywhere.
"""

from infer.engine.cells import Cells
from infer.engine.llama.context import Context
from infer.engine.reuse import MIN_PROMPT
from infer.engine.scheduler import Scheduler, Sequence


class Sharing:
    """Cells of one engine's places, and who shares them. spare: the place of the beginning that is kept."""

    def __init__(self, scheduler: Scheduler, spare: int) -> None:
        self.cells = Cells()
        self._scheduler = scheduler
        self._spare = spare
        self._kept: list[int] = []  # the tokens whose cells the spare place holds
        self.unsettled: list[Sequence] = []  # have been given copies that are made with the next decode

    def follow(self, context: Context | None, sequence: Sequence) -> None:
        """Find who has, or computes, most of what a sequence begins with, and take what is there already."""
        for other in self._scheduler.running:
            if other is sequence:
                break  # those after it have entered after it
            settled = other.tokens[: max(other.prompt, other.computed)]  # its newest token may still be replaced
            length = common(sequence.tokens[:-1], settled)
            if length >= max(MIN_PROMPT, sequence.shared + 1):
                sequence.leader, sequence.shared = other, length
                if other.keeps is not None:
                    other.keeps = max(other.keeps, length)
        kept = common(sequence.tokens[:-1], self._kept)
        if context and kept >= max(MIN_PROMPT, sequence.shared):
            sequence.leader, sequence.shared = None, kept
            self._take(context, self._spare, sequence)

    def ready(self) -> list[Sequence]:
        """The leaders that have computed what somebody waits for."""
        leaders = {one.leader for one in self._scheduler.running if one.leader and one.leader.computed >= one.shared}
        return sorted(leaders, key=lambda leader: leader.id)

    def lead(self, context: Context, leader: Sequence, *, ends: bool = False) -> list[Sequence]:
        """Give what is computed to those that wait for it; who waits for more goes on, unless the leader ends.

        Returns those that wait no more.
        """
        freed = []
        for follower in self._scheduler.running:
            if follower.leader is leader and (leader.computed >= follower.shared or ends):
                follower.leader = None
                follower.shared = min(follower.shared, leader.computed)
                if follower.shared >= MIN_PROMPT:
                    self._take(context, leader.place, follower)
                freed.append(follower)
        return freed

    def keep(self, context: Context, sequence: Sequence) -> None:
        """A sequence ends: keep what the next one in the queue begins with too, if nobody else has as much of it."""
        following = self._scheduler.next_waiting
        if following is None or context.streams:
            return
        wanted = following.tokens[:-1]
        others = [one.tokens[: one.computed] for one in self._scheduler.running if one is not sequence]
        mine = common(wanted, sequence.tokens[: sequence.computed])
        elsewhere = max((common(wanted, tokens) for tokens in [*others, self._kept]), default=0)
        if mine >= max(MIN_PROMPT, elsewhere + 1):
            self.drop(context)
            context.share(sequence.place, self._spare, mine)
            self.cells.share(sequence.place, self._spare, mine)
            self._kept = wanted[:mine]

    def close_ranks(self, context: Context) -> None:
        """Let the running sequences lie side by side: only those are computed together, where each has a stream."""
        for sequence, place in self._scheduler.close_ranks():
            if sequence.computed:
                context.share(place, sequence.place, sequence.computed)
                self.cells.set(sequence.place, sequence.computed)
                self.unsettled.append(sequence)
                self.forget(context, place)

    def drop(self, context: Context) -> None:
        """Give the cells of the beginning that is kept back."""
        if self._kept:
            self._kept = []
            self.forget(context, self._spare)

    def forget(self, context: Context, place: int) -> None:
        """A place holds nothing any more."""
        context.remove(place)
        self.cells.set(place, 0)

    def _take(self, context: Context, place: int, sequence: Sequence) -> None:
        context.share(place, sequence.place, sequence.shared)
        if context.streams:
            self.cells.set(sequence.place, sequence.shared)
            self.unsettled.append(sequence)
        else:
            self.cells.share(place, sequence.place, sequence.shared)
        sequence.computed = sequence.shared
        sequence.cached = min(sequence.shared, sequence.prompt)  # one that was put back has an answer as well


def common(tokens: list[int], others: list[int]) -> int:
    """How many tokens two sequences begin with alike; slices are compared, not tokens."""
    low, high = 0, min(len(tokens), len(others))
    if tokens[:high] == others[:high]:
        return high
    while high - low > 1:  # alike up to `low`, not up to `high`
        middle = (low + high) // 2
        low, high = (middle, high) if tokens[low:middle] == others[low:middle] else (low, middle)
    return low
