"""A run of its own process, for the tests that kill it or start eight at once. `python -m prefix.child DIR KIND SEED`.

Whatever comes out of the cache is compared byte by byte: a wrong one is a traceback. Prints nothing.
"""

import random
import sys
from pathlib import Path

from infer.engine.prefix.check import clear, prune
from infer.engine.prefix.store import PrefixStore
from prefix.caches import ROW, identity, load, random_tokens, rows

SMALL = 12 * (4096 + 256 * ROW)  # bytes
TAIL = 64  # tokens
MANY = 500 * (4096 + TAIL * ROW)  # bytes
DOCUMENT = random_tokens(600, 1)


def prompts(kind: str, seed: int) -> list[list[int]]:
    """store: a document, the same and more, a question that parts from both; mix: many that share beginnings.

    many: short ones, each of its own.
    """
    if kind == "many":
        return [random_tokens(TAIL, 1000 * seed + number) for number in range(150)]
    if kind == "store":
        return [DOCUMENT[:300], DOCUMENT[:450], [*DOCUMENT[:400], *random_tokens(200, 7)], DOCUMENT]
    generator = random.Random(seed)
    stems = [random_tokens(700, stem) for stem in range(4)]
    tails = [random_tokens(generator.randrange(1, 400), generator.randrange(3)) for _ in range(12)]
    return [[*generator.choice(stems)[: generator.randrange(700)], *tail] for tail in tails]


def run(place: Path, kind: str, seed: int) -> None:
    if kind in ("clear", "prune"):
        (clear if kind == "clear" else prune)(place)
        return
    store = PrefixStore(place, identity(), {"mix": SMALL, "evict": SMALL, "many": MANY}.get(kind, 1 << 30))
    if kind == "evict":
        store.evict(SMALL // 20)
        return
    for tokens in prompts(kind, seed):
        path = store.path(tokens)
        load(store, path, store.match(path, path.length - 1))
        for span in store.missing(path, path.length, cut=True):
            store.store(span, rows(path, span.start, span.end))
        store.flush(30)
    store.count(1, 1, 0.0)
    store.close()


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
