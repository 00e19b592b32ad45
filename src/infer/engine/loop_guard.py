"""The loop guard: notices that an answer repeats the same few tokens for ever."""

from collections import deque

MAX_PERIOD = 64  # tokens in one turn of the cycle
MIN_REPEATED = 512  # tokens that must each equal the one a period earlier


class LoopGuard:
    """Counts, for every period up to `max_period`, how long the tokens have been repeating with that period."""

    def __init__(self, max_period: int = MAX_PERIOD, min_repeated: int = MIN_REPEATED) -> None:
        self._recent: deque[int] = deque(maxlen=max_period)
        self._runs: dict[int, int] = {}
        self._min_repeated = min_repeated

    def accept(self, token: int) -> bool:
        """Take the next token; True when the answer has been one cycle for `min_repeated` tokens."""
        runs, recent = self._runs, self._recent
        self._runs = {period: runs.get(period, 0) + 1 for period, earlier in enumerate(recent, 1) if earlier == token}
        recent.appendleft(token)
        return any(run >= self._min_repeated for run in self._runs.values())
