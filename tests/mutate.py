"""A structure-aware mutator of GGUF files: damage where a parser looks, not where the weights lie.

mutate(data, rng) -> bytes      15 % random bit flips in the header, 10 % truncations, the rest one structural
                                field set to an extreme value, or a token made equal to another
"""

import random
import struct
from collections import defaultdict
from typing import NamedTuple

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
TEXT, ARRAY = 8, 9
EXTREMES = (0, 1, 2, 3, 31, 33, 63, 64, 255, 256, 511, 512, 513, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**32)
EXTREMES += (2**40, 2**61, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
SEMANTIC = ("block_count", "head_count", "context_length", "embedding_length", "alignment", "key_length", "split")


class Field(NamedTuple):
    """A number (or text) of the header: where it lies, how many bytes it has, what it is."""

    start: int
    size: int
    role: str


class _Walk:
    """Collects the fields of a well-formed header."""

    def __init__(self, data: bytes) -> None:
        self.data, self.pos, self.fields = data, 4, list[Field]()

    def number(self, size: int, role: str) -> int:
        self.fields.append(Field(self.pos, size, role))
        value = int.from_bytes(self.data[self.pos : self.pos + size], "little")
        self.pos += size
        return value

    def text(self, role: str) -> bytes:
        length = self.number(8, f"{role} length")
        self.fields.append(Field(self.pos, length, f"{role} text"))
        self.pos += length
        return self.data[self.pos - length : self.pos]

    def value(self, kind: int, role: str) -> None:
        if kind == TEXT:
            self.text(role)
        elif kind == ARRAY:
            inner, count = self.number(4, "array type"), self.number(8, "array count")
            for _ in range(count):
                if inner == TEXT:
                    self.text("token" if role.endswith("ggml.tokens") else "element")
                else:
                    self.number(SIZES[inner], "element value")
        else:
            self.number(SIZES[kind], f"value of {role}" if any(word in role for word in SEMANTIC) else "value")

    def walk(self) -> list[Field]:
        self.number(4, "version")
        tensors, pairs = self.number(8, "tensor count"), self.number(8, "pair count")
        for _ in range(pairs):
            key = self.text("key").decode()
            self.value(self.number(4, "value type"), key)
        for _ in range(tensors):
            self.text("tensor name")
            for _ in range(self.number(4, "dimension count")):
                self.number(8, "dimension")
            self.number(4, "tensor type")
            self.number(8, "tensor offset")
        return self.fields


_walked: dict[int, tuple[bytes, dict[str, list[Field]]]] = {}


def fields(data: bytes) -> dict[str, list[Field]]:
    """The header's fields by what they are; remembered, since one file is mutated many times."""
    if _walked.get(hash(data), (b"",))[0] != data:
        by_role: dict[str, list[Field]] = defaultdict(list)
        for field in _Walk(data).walk():
            by_role[field.role].append(field)
        _walked[hash(data)] = (data, dict(by_role))
    return _walked[hash(data)][1]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One damaged copy of a well-formed GGUF file; the same for the same state of `rng`."""
    by_role = fields(data)
    end = max(field.start + field.size for some in by_role.values() for field in some)
    draw = rng.random()
    if draw < 0.15:
        return _flip(data, end, rng)
    if draw < 0.25:
        return data[: rng.randrange(end if rng.random() < 0.7 else len(data))]
    if draw < 0.33 and len(by_role.get("token text", ())) > 1:
        return _equal_tokens(data, by_role["token text"], rng)
    role = rng.choice(sorted(by_role))
    return _extreme(data, rng.choice(by_role[role]), rng)


def _flip(data: bytes, end: int, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8, 64))):
        damaged[rng.randrange(4 if rng.random() < 0.95 else 0, end)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def _equal_tokens(data: bytes, tokens: list[Field], rng: random.Random) -> bytes:
    one, other = rng.sample(tokens, 2)
    text = data[one.start : one.start + one.size]
    length = struct.pack("<Q", one.size)
    return data[: other.start - 8] + length + text + data[other.start + other.size :]


def _extreme(data: bytes, field: Field, rng: random.Random) -> bytes:
    if field.role.endswith("text"):
        value = bytes(rng.choice((0x00, 0xFF, 0x1B, 0xC3, 0x41)) for _ in range(field.size))
    else:
        near = int.from_bytes(data[field.start : field.start + field.size], "little") + rng.choice((-1, 1))
        wanted = rng.choice((*EXTREMES, near, near, rng.getrandbits(64)))
        value = (wanted % (1 << 8 * field.size)).to_bytes(field.size, "little")
    return data[: field.start] + value + data[field.start + field.size :]
