"""Names: the key of a prefix, and the file name of a piece of it. Pure.

A prompt is cut into windows of 256 tokens. The key of a prefix depends on its tokens and the fingerprint only, not on
the pieces in which it was stored:

    boundary_0 = H(root, fingerprint)            the empty prefix
    boundary_i = H(boundary_(i-1), window i-1)   whole windows: a chain, so an equal window elsewhere has another key
    key        = H(boundary_i, tokens since)     a prefix that ends inside a window

A piece holds the rows of positions [start, end) of one prefix and never crosses a window's border. A piece that is a
whole window is a block, any other a tail. Its file name says where it hangs:

    <boundary>.<parent>.<start>.<count>.<opening>.<key>.kv      in the directory named by the boundary's first byte

boundary: key at the window's border; parent: key at `start`; key: key at the end; opening: hash of the first eight
tokens, so that a piece which shares fewer with a prompt is never opened. All pieces of a window stand in one directory.
"""

import json
import re
import struct
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

BLOCK = 256  # tokens of a window
TOKEN = 4  # bytes: int32, little endian
MIN_SHARED = 8  # tokens; a piece that shares fewer with a prompt is not worth a read
KEY = 16  # bytes
_OPENING = 4  # bytes

Fact = str | int | float | bool | None | Sequence["Fact"]

SUFFIX = ".kv"

_bytes = bytes.fromhex
_PATTERN = re.compile(
    r"([0-9a-f]{32})\.([0-9a-f]{32})\.(0|[1-9][0-9]{0,9})\.([1-9][0-9]{0,2})\.([0-9a-f]{8})\.([0-9a-f]{32})\.kv"
)


@dataclass(frozen=True, slots=True)
class Name:
    """What the name of a piece says. start: position of its first row; count: its rows, one a token."""

    boundary: bytes
    parent: bytes
    start: int
    count: int
    opening: bytes
    key: bytes

    @property
    def end(self) -> int:
        """The position after its last row."""
        return self.start + self.count

    @property
    def lead(self) -> int:
        """Positions between the window's border and `start`."""
        return self.start % BLOCK

    @property
    def shard(self) -> str:
        """The directory it stands in, below that of its fingerprint."""
        return self.boundary[:1].hex()

    @property
    def text(self) -> str:
        """The file name."""
        hashes = (self.boundary.hex(), self.parent.hex(), self.opening.hex(), self.key.hex())
        return f"{hashes[0]}.{hashes[1]}.{self.start}.{self.count}.{hashes[2]}.{hashes[3]}.kv"


def parse_name(text: str) -> Name | None:
    """The name of a piece; None for any other file name."""
    found = _PATTERN.fullmatch(text)
    if not found:
        return None
    boundary, parent, start, count, opening, key = found.groups()
    name = Name(_bytes(boundary), _bytes(parent), int(start), int(count), _bytes(opening), _bytes(key))
    return name if name.lead + name.count <= BLOCK else None


def parent_in(text: str) -> str:
    """The parent's key in a file name, in hex; without parsing it, since a window may have thousands."""
    return text[33:65]


def key_in(text: str) -> str:
    """The piece's own key in a file name, in hex."""
    return text[-35:-3]


def opening_in(text: str) -> str:
    """The opening in a file name, in hex."""
    return text[-44:-36]


def is_fingerprint(text: str) -> bool:
    """Whether a text is a fingerprint in hex, as directories are named."""
    return len(text) == 2 * KEY and not text.strip("0123456789abcdef")


def fingerprint(facts: Mapping[str, Fact]) -> bytes:
    """The hash of everything that changes KV values. Raises ValueError for what JSON cannot hold exactly."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake2b(text.encode(), digest_size=KEY, person=b"infer-facts").digest()


def root(fingerprint: bytes) -> bytes:
    """The key of the empty prefix."""
    return blake2b(fingerprint, digest_size=KEY, person=b"infer-root").digest()


def key_after(boundary: bytes, tokens: bytes) -> bytes:
    """The key of the prefix that ends `tokens` (packed, at most a window) after a boundary."""
    return blake2b(boundary + tokens, digest_size=KEY, person=b"infer-key").digest() if tokens else boundary


def pack(tokens: Sequence[int]) -> bytes:
    """Token ids as int32, little endian. Raises OverflowError for an id that does not fit."""
    packed = array("i", tokens)
    assert packed.itemsize == TOKEN
    if struct.pack("=i", 1) != struct.pack("<i", 1):
        packed.byteswap()
    return packed.tobytes()


def shared(one: bytes, other: bytes) -> int:
    """How many tokens two packed sequences have in common at their beginning."""
    low, high = 0, min(len(one), len(other)) // TOKEN
    while low < high:
        middle = (low + high + 1) // 2
        if one[: middle * TOKEN] == other[: middle * TOKEN]:
            low = middle
        else:
            high = middle - 1
    return low


def pieces_in(texts: Iterable[str], boundary: bytes, window: bytes) -> list[Name]:
    """Which of the file names of a window are those of parts of `window`, the packed tokens since the boundary."""
    keys = [key_after(boundary, window[:end]) for end in range(0, len(window) + TOKEN, TOKEN)]
    ends = {key.hex() for key in keys[1:]}
    names = [name for text in texts if key_in(text) in ends and (name := parse_name(text))]
    return [
        name
        for name in names
        if name.lead + name.count < len(keys)
        and (keys[name.lead], keys[name.lead + name.count]) == (name.parent, name.key)
    ]


def name_piece(boundary: bytes, start: int, window: bytes) -> Name:
    """The name of the piece from `start` to the end of `window`, the packed tokens since the boundary."""
    lead = start % BLOCK * TOKEN
    own = window[lead:]
    first = own[: MIN_SHARED * TOKEN]
    opening = blake2b(first, digest_size=_OPENING).digest() if len(first) == MIN_SHARED * TOKEN else bytes(_OPENING)
    parent, key = key_after(boundary, window[:lead]), key_after(boundary, window)
    return Name(boundary, parent, start, len(own) // TOKEN, opening, key)


class Path:
    """One token sequence and the keys of all its prefixes; whole windows are hashed once, when they are reached."""

    def __init__(self, fingerprint: bytes, tokens: Sequence[int]) -> None:
        self._packed = bytearray(pack(tokens))
        self._boundaries = [root(fingerprint)]
        self._keys: dict[int, bytes] = {}
        self.length = len(tokens)

    def boundary(self, position: int) -> bytes:
        """The key at the border of the window that `position` is in."""
        index = position // BLOCK
        while len(self._boundaries) <= index:
            border = len(self._boundaries) * BLOCK
            self._boundaries.append(key_after(self._boundaries[-1], self.window(border - BLOCK, border)))
        return self._boundaries[index]

    def window(self, position: int, end: int) -> bytes:
        """The packed tokens from the border of the window that `position` is in, to `end`."""
        return bytes(self._packed[position // BLOCK * BLOCK * TOKEN : end * TOKEN])

    def extend(self, tokens: Sequence[int]) -> None:
        """More tokens at the end."""
        self._packed += pack(tokens)
        self.length += len(tokens)

    def key(self, position: int) -> bytes:
        """The key of the first `position` tokens."""
        known = self._keys.get(position)
        if known is None:
            known = key_after(self.boundary(position), self.window(position, position))
            self._keys[position] = known
        return known

    def pieces(self, texts: Iterable[str], border: int, end: int) -> list[Name]:
        """Which of the file names of a window are those of parts of this sequence that end by `end`."""
        return pieces_in(texts, self.boundary(border), self.window(border, end))

    def name(self, start: int, end: int) -> Name:
        """The name of the piece [start, end), which is not empty and inside one window."""
        assert start < end <= self.length
        assert end <= start // BLOCK * BLOCK + BLOCK, "a piece does not cross a window's border"
        return name_piece(self.boundary(start), start, self.window(start, end))
