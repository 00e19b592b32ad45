"""Which ids a batch has seen, and what their lines said: 11 to 22 bytes a line, twice that where lines are noted too.

Parallel tables with open addressing (linear probing, at most three quarters full): the 64-bit digest of an id, and the
64-bit digest of its line. A Python set of as many ids would take four times the memory. That two of a million ids have
one digest has a probability of 3e-8 (n^2 / 2^65); the second would be refused as a duplicate, never answered wrongly.
"""

from array import array
from hashlib import blake2b

_FIRST_SLOTS = 1 << 10


def digest(data: bytes) -> int:
    """64 bits of BLAKE2b, never 0: that marks an empty slot."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little") or 1


class Ledger:
    """Digests of ids, each with a digest of its line (0: not known). The table of lines is made when one is noted."""

    def __init__(self) -> None:
        self._ids = array("Q", bytes(8 * _FIRST_SLOTS))
        self._lines: array[int] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """Bytes of the tables."""
        return 8 * (len(self._ids) + len(self._lines or ()))

    def get(self, key: int) -> int | None:
        """The digest of an id's line; None for an id that has not been seen."""
        slot = self._slot(key)
        if not self._ids[slot]:
            return None
        return self._lines[slot] if self._lines else 0

    def put(self, key: int, line: int = 0) -> None:
        """Note an id and its line, over what was noted before."""
        slot = self._slot(key)
        if not self._ids[slot]:
            self._count += 1
        self._ids[slot] = key
        if line and self._lines is None:
            self._lines = array("Q", bytes(8 * len(self._ids)))
        if self._lines:
            self._lines[slot] = line
        if 4 * self._count >= 3 * len(self._ids):
            self._double()

    def _slot(self, key: int) -> int:
        """Where an id stands, or would."""
        mask = len(self._ids) - 1
        slot = key & mask
        while self._ids[slot] not in (0, key):
            slot = (slot + 1) & mask
        return slot

    def _double(self) -> None:
        ids, lines = self._ids, self._lines
        self._ids = array("Q", bytes(2 * 8 * len(ids)))
        self._lines = array("Q", bytes(2 * 8 * len(ids))) if lines else None
        for index, key in enumerate(ids):
            if key:
                slot = self._slot(key)
                self._ids[slot] = key
                if lines and self._lines:
                    self._lines[slot] = lines[index]


class Names:
    """The ids of an input, so that each stands once in the output."""

    def __init__(self) -> None:
        self._seen = Ledger()

    def once(self, wanted: str, suffix: str) -> str:
        """The id that is wanted, or with the suffix, as often as it takes to be new: ids may look like such ones."""
        while self._seen.get(digest(wanted.encode())) is not None:
            wanted += suffix
        self._seen.put(digest(wanted.encode()))
        return wanted
