"""How long a lookup takes when there is much to find."""

import random
import time
from pathlib import Path
from statistics import median

import pytest

from infer.engine.prefix.keys import root
from prefix.caches import open_store, random_tokens, save

LIMIT = 0.005  # seconds of this thread, so that a busy machine is no failure


@pytest.mark.slow
def test_among_ten_thousand_pieces(tmp_path: Path) -> None:
    """Documents of many sizes, half of them behind one system message."""
    store = open_store(tmp_path)
    generator = random.Random(1)
    system, documents, count = random_tokens(600, 1), [], 0
    while count < 10_000:
        stem = system if generator.random() < 0.5 else []
        path = store.path([*stem, *random_tokens(generator.randrange(64, 6000), count)])
        documents.append(path)
        for span in store.missing(path, path.length, cut=True):
            count += store.store(span, b"x" * span.name.count)
        store.flush(30)
    seconds = []
    for document in generator.sample(documents, 50):
        tokens = memoryview(document.window(0, 256)).cast("i").tolist()
        for border in range(256, min(document.length, 4096), 256):
            tokens += memoryview(document.window(border, min(border + 256, document.length))).cast("i").tolist()
        started = time.thread_time()
        hit = store.match([*tokens, 1, 2, 3], len(tokens))
        seconds.append(time.thread_time() - started)
        assert hit.reach == len(tokens)
    print(f"median {median(seconds) * 1e3:.2f} ms")
    assert median(seconds) <= LIMIT


@pytest.mark.slow
def test_among_thousands_that_begin_alike(tmp_path: Path) -> None:
    """A batch of short prompts behind one template: all of them in one directory, most of them never opened."""
    store = open_store(tmp_path)
    template = random_tokens(40, 1)
    save(store, [*template, *random_tokens(60, 2)])
    boundary = root(store.fingerprint)
    shard = tmp_path / "prefix-v1" / store.fingerprint.hex() / boundary[:1].hex()
    for seed in range(2000):
        (shard / store.path([*template, *random_tokens(60, seed + 10)]).name(0, 100).text).touch()
    prompt = [*template, *random_tokens(60, 2), *random_tokens(60, 3)]
    seconds = []
    for _ in range(20):
        started = time.thread_time()
        assert store.match(prompt).length == 100
        seconds.append(time.thread_time() - started)
    print(f"median {median(seconds) * 1e3:.2f} ms")
    assert median(seconds) <= LIMIT
