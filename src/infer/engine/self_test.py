"""The self-test: is a restored state as good as the live one? Once for each model in each setting; what fails is tried
again in later runs, a few times.

The same next token is computed after both and the logits are compared, not the bytes: the same rows may stand in other
cells, in another order.
"""

from math import inf, isfinite
from statistics import pstdev

from infer.engine.llama.context import Context, Row
from infer.engine.llama.state import MemoryKind, StateCutter
from infer.engine.prefix.keys import BLOCK
from infer.engine.scheduler import Sequence

# Share of the standard deviation of the logits by which two right ways to compute them may differ: 0.016 was measured
# for sliding windows, 0 to 0.001 elsewhere; what is wrong is off by a half or more (docs/prompt-cache.md).
KERNEL_NOISE = 0.05
_MOST_FAILURES = 3  # runs that may fail before it is not tried again
_VERDICT, _FAILURES = "self-test", "self-test-failures"


class SelfTest:
    """The test and its verdict, which is kept in `notes`. least: tokens of a state that is worth testing."""

    def __init__(self, notes: dict[str, object], kind: MemoryKind, least: int) -> None:
        self._notes = notes
        self._kind = kind
        self._least = least

    @property
    def passed(self) -> bool:
        """Whether it has been done, in this run or another, and states can be restored."""
        return self._notes.get(_VERDICT) == "ok"

    @property
    def given_up(self) -> bool:
        """Whether it has failed too often."""
        return self._failures >= _MOST_FAILURES

    def has_room(self, context: Context, sequence: Sequence) -> bool:
        """Whether it can be done now: a state of some length, a token that comes next, cells for a copy."""
        end = self._end(sequence)
        return self._least <= end < len(sequence.tokens) and context.free >= end + 2

    def run(self, context: Context, cutter: StateCutter, sequence: Sequence) -> float | None:
        """Do it, with the sequence as it stands: the largest difference, or None when it cannot be done now.

        It overwrites the logits of the last step. Raises EngineFailure, MemoryError.
        """
        end = self._end(sequence)
        base, part = cutter.cut(sequence.place, 0, end)
        if self._kind is not MemoryKind.FULL and not part:
            return None
        row = Row(sequence.tokens[end], end, sequence.place, True)
        restored = _logits_restored(context, cutter, row, bytearray(base) + part)
        live = self._logits_live(context, cutter, row)
        if not restored or not live:
            return None  # aborted
        difference, spread = compare(restored, live)
        passed = difference <= KERNEL_NOISE * spread
        if not passed:
            self._notes[_FAILURES] = self._failures + 1
        self._notes[_VERDICT] = "ok" if passed else "failed"
        return difference

    def _end(self, sequence: Sequence) -> int:
        """Up to which position the state is tested: a block is enough where a state can be cut."""
        return min(sequence.computed, BLOCK) if self._kind is MemoryKind.FULL else sequence.computed

    def _logits_live(self, context: Context, cutter: StateCutter, row: Row) -> list[float]:
        """Computed in a copy; in place for sliding windows, where a full window has no cell for a copy."""
        if self._kind is not MemoryKind.WINDOW:
            try:
                return context.probe(row._replace(sequence=cutter.copy_beside(row.sequence, row.position)))
            finally:
                cutter.clear()
        try:
            return context.probe(row)
        finally:
            context.remove(row.sequence, row.position)

    @property
    def _failures(self) -> int:
        count = self._notes.get(_FAILURES)
        return max(0, count) if isinstance(count, int) else 0


def compare(found: list[float], expected: list[float]) -> tuple[float, float]:
    """How far two lists of logits are apart at most, and the standard deviation of the second.

    Infinitely far where one of them is no number, which `max` would pass over. Both may have the same infinities.
    """
    differences = [0.0 if a == b else abs(a - b) for a, b in zip(found, expected, strict=True)]
    finite = [value for value in expected if isfinite(value)]
    return max(differences) if all(map(isfinite, differences)) else inf, pstdev(finite) if finite else 0.0


def _logits_restored(context: Context, cutter: StateCutter, row: Row, state: bytearray) -> list[float]:
    try:
        return context.probe(row._replace(sequence=cutter.put_beside(memoryview(state))))
    finally:
        cutter.clear()
