"""Which ids a batch has seen, and what their lines said: 32 bytes a line at most, whatever the lines hold.

Two parallel tables with open addressing (linear probing, at most half full): the 64-bit digest of an id, and the 64-bit
digest of its line. A Python set of as many ids would take four times the memory. That two of a million ids have one
digest has a probability of 3e-8 (n^2 / 2^65); the second would be refused as a duplicate, never answered wrongly.
"""

from array import array
from hashlib import blake2b

_FIRST_SLOTS = 1 << 10


def digest(data: bytes) -> int:
    """64 bits of BLAKE2b, never 0: that marks an empty slot."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little") or 1


class Ledger:
    """Digests of ids, each with a digest of its line (0: not known)."""

    def __init__(self) -> None:
        self._ids = array("Q", bytes(8 * _FIRST_SLOTS))
        self._lines = array("Q", bytes(8 * _FIRST_SLOTS))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: int) -> int | None:
        """The digest of an id's line; None for an id that has not been seen."""
        slot = self._slot(key)
        return self._lines[slot] if self._ids[slot] else None

    def put(self, key: int, line: int = 0) -> None:
        """Note an id and its line, over what was noted before."""
        slot = self._slot(key)
        if not self._ids[slot]:
            self._count += 1
        self._ids[slot], self._lines[slot] = key, line
        if 2 * self._count >= len(self._ids):
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
        self._ids, self._lines = (array("Q", bytes(2 * 8 * len(ids))) for _ in range(2))
        for key, line in zip(ids, lines, strict=True):
            if key:
                slot = self._slot(key)
                self._ids[slot], self._lines[slot] = key, line
