"""A prompt cache for tests: a home of its own, and rows from which one can see whose they are.

The row of a position is made of the key of the prefix that ends with it, so rows of another prefix are other bytes.
"""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from infer.engine.prefix.about import Identity
from infer.engine.prefix.files import FOLDER
from infer.engine.prefix.keys import KEY
from infer.engine.prefix.keys import Path as TokenPath
from infer.engine.prefix.lookup import PrefixHit
from infer.engine.prefix.store import PrefixStore
from infer.engine.prefix.survey import Stored, survey

ROW = 4 * KEY  # bytes of a position
GENEROUS = 1 << 30  # bytes


def identity(**facts: int) -> Identity:
    return Identity("tiny", __file__, {"weights": "abc", **facts})


def open_store(cache_dir: Path, max_bytes: int = GENEROUS, **facts: int) -> PrefixStore:
    return PrefixStore(cache_dir, identity(**facts), max_bytes)


def random_tokens(count: int, seed: int, vocabulary: int = 30_000) -> list[int]:
    generator = random.Random(seed)
    return [generator.randrange(vocabulary) for _ in range(count)]


def rows(path: TokenPath, start: int, end: int, row: int = ROW) -> bytes:
    return b"".join(path.key(position + 1) * (row // KEY) for position in range(start, end))


def state(path: TokenPath, end: int) -> bytes:
    """A PART: what belongs to one position."""
    return b"state" + path.key(end)


def save(store: PrefixStore, tokens: Sequence[int] | TokenPath, end: int | None = None, *, row: int = ROW) -> None:
    """Store a prefix, as an engine with full attention does, and wait until it is on disk."""
    path = tokens if isinstance(tokens, TokenPath) else store.path(tokens)
    for span in store.missing(path, path.length if end is None else end, cut=True):
        store.store(span, rows(path, span.start, span.end, row))
    assert store.flush(30)


def load(store: PrefixStore, tokens: Sequence[int] | TokenPath, hit: PrefixHit, *, row: int = ROW) -> int:
    """Load a hit, check every byte against what belongs to these tokens, and say how far it got."""
    path = tokens if isinstance(tokens, TokenPath) else store.path(tokens)
    with store.load(hit, cut=True) as loading:
        for block in loading:
            assert len(block.data) == block.base
            assert bytes(block.data[: block.usable * row]) == rows(path, block.piece.start, block.end, row)
    return loading.end


def reach(store: PrefixStore, tokens: Sequence[int]) -> int:
    """How many tokens of a prompt come out of the cache, all of them verified."""
    return load(store, tokens, store.match(tokens))


def pieces(cache_dir: Path) -> list[Stored]:
    return sorted(survey(cache_dir), key=lambda piece: (piece.name.start, piece.name.count))


def files(cache_dir: Path) -> list[Path]:
    return [cache_dir / FOLDER / piece.place for piece in pieces(cache_dir)]


def temporary(cache_dir: Path) -> list[Path]:
    return list(cache_dir.rglob("*.tmp"))


def snapshot(place: Path) -> dict[Path, tuple[int, bytes]]:
    """Everything below a directory, with its time and content."""
    found = sorted(place.rglob("*"))
    return {path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in found}


def distinct(paths: Iterable[TokenPath]) -> int:
    """How many different prefixes these sequences have: the positions a perfect cache would keep."""
    return len({path.key(position) for path in paths for position in range(1, path.length + 1)})
