"""How many sequences at once pay: found out from the steps of the work itself, so that measuring costs nothing.

It begins with a few, takes twice as many, and stays there while they make clearly more tokens a second together.
"""

from statistics import median

_FIRST = 16  # sequences; so many pay on every machine that was measured
_STEPS = 6  # that are timed before anything is said about a number of sequences
_GAIN = 1.06  # less is not worth the memory, and may be noise


class Occupancy:
    """The number of sequences that may run, at most `most`. fixed: it is what was asked for, and not to be changed."""

    def __init__(self, most: int, *, fixed: bool) -> None:
        self.limit = most if fixed else min(_FIRST, most)
        self._most = most
        self._settled = fixed or self.limit == most
        self._before = 0.0  # tokens a second with half as many
        self._seconds: list[float] = []

    def note(self, sequences: int, seconds: float) -> None:
        """A step has brought a token to so many sequences, in this time."""
        if self._settled or sequences != self.limit:
            return
        self._seconds.append(seconds)
        if len(self._seconds) < _STEPS:
            return
        rate = sequences / median(self._seconds)
        self._seconds.clear()
        if rate < self._before * _GAIN:
            self.limit, self._settled = sequences // 2, True
        elif 2 * sequences > self._most:
            self._settled = True
        else:
            self._before, self.limit = rate, 2 * sequences
