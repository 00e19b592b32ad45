"""2,000 damaged files: each is refused as what it is, or read; nothing else, and at once."""

import contextlib
import random
import time
import tracemalloc
from pathlib import Path

import pytest

import ggufs
from infer.errors import BadModelFile
from infer.models.stamp import read_metadata
from infer.types import Metadata
from mutate import mutate


@pytest.mark.parametrize(("write", "seed"), [(ggufs.write_gguf, 1), (ggufs.write_spm_gguf, 2)])
def test_a_mutant_is_refused_or_read(write: object, seed: int, tmp_path: Path) -> None:
    """Only BadModelFile (exit 5) comes out, in printable words; 0.5 s and 64 MiB are never needed."""
    data = write(tmp_path / "m.gguf", layers=1, width=32, ffn=32).read_bytes()  # type: ignore[operator]
    rng = random.Random(seed)
    path = tmp_path / "mutant.gguf"
    refused = 0
    for _ in range(1000):
        path.write_bytes(mutate(data, rng))
        start = time.perf_counter()
        try:
            assert isinstance(read_metadata(path, None), Metadata)
        except BadModelFile as error:
            refused += 1
            assert str(error).isprintable()
        assert time.perf_counter() - start < 0.5
    assert 600 < refused < 950


def test_memory_is_bounded_by_the_file(tmp_path: Path) -> None:
    data = ggufs.write_gguf(tmp_path / "m.gguf").read_bytes()
    rng = random.Random(3)
    path = tmp_path / "mutant.gguf"
    tracemalloc.start()
    try:
        for _ in range(100):
            path.write_bytes(mutate(data, rng))
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            with contextlib.suppress(BadModelFile):
                read_metadata(path, None)
            assert tracemalloc.get_traced_memory()[1] - before < 4 << 20
    finally:
        tracemalloc.stop()
