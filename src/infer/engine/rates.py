"""How fast a model computes and how fast its pieces are read, as earlier runs have measured it; is reading worth it?

The notes are a file: any number may stand there.
"""

_SECOND_CHANCE = 1.2  # how much faster a disk is taken for after each hit that was not worth reading
_LEARNING = 0.3  # weight of the newest measurement
_LEAST, _MOST = 1e-3, 1e15  # tokens or bytes a second; anything else was not measured
_PREFILL, _RESTORE = "prefill", "restore"


class Rates:
    """Tokens computed and bytes read a second, kept in `notes`, beside what others note there."""

    def __init__(self, notes: dict[str, object], least: int) -> None:
        """least: tokens or bytes; a measurement of fewer says nothing."""
        self._notes = notes
        self._least = least
        self.changed = False

    def pays(self, size: int, tokens: int) -> bool:
        """Whether reading `size` bytes is faster than computing these tokens; yes while that is not known."""
        read, computed = self._rate(_RESTORE), self._rate(_PREFILL)
        if not read or not computed or size / read < tokens / computed:
            return True
        self._note(
            _RESTORE, read * _SECOND_CHANCE
        )  # the disk may have been busy, and what is never read is never measured
        return False

    def seconds_to_compute(self, tokens: int) -> float:
        """How long computing these tokens takes; 0 while that is not known."""
        computed = self._rate(_PREFILL)
        return tokens / computed if computed else 0.0

    def computed(self, tokens: int, seconds: float) -> None:
        """Learn from tokens that were computed in this time."""
        self._learn(_PREFILL, tokens, seconds)

    def read(self, size: int, seconds: float) -> None:
        """Learn from bytes that were read in this time."""
        self._learn(_RESTORE, size, seconds)

    def _rate(self, name: str) -> float:
        rate = self._notes.get(name)
        return float(rate) if isinstance(rate, int | float) and rate is not True and _LEAST <= rate <= _MOST else 0.0

    def _learn(self, name: str, amount: int, seconds: float) -> None:
        if amount >= self._least and seconds > 0:
            newest = amount / seconds
            self._note(name, newest * _LEARNING + (self._rate(name) or newest) * (1 - _LEARNING))

    def _note(self, name: str, rate: float) -> None:
        self._notes[name] = round(rate, 1)
        self.changed = True
