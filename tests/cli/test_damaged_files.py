"""Damaged model files: the command never dies by a signal and never prints a traceback, whatever is in the file."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli.command import Command, Result
from ggufs import write_gguf, write_spm_gguf
from mutate import mutate

CODES = {0, 1, 2, 3, 5, 6, 7}
KINDS = ("bpe", "spm", "qwen3")


@pytest.fixture(scope="module")
def originals(models_dir: Path) -> dict[str, bytes]:
    small = {"layers": 1, "width": 32, "heads": 2, "kv_heads": 1, "ffn": 64}
    paths = {
        "bpe": write_gguf(models_dir / "mutant-bpe.gguf", **small),  # type: ignore[arg-type]
        "spm": write_spm_gguf(models_dir / "mutant-spm.gguf", **small),
        "qwen3": write_gguf(models_dir / "mutant-qwen3.gguf", arch="qwen3", **small),  # type: ignore[arg-type]
    }
    return {kind: path.read_bytes() for kind, path in paths.items()}


@pytest.fixture
def try_mutant(infer: Command, originals: dict[str, bytes], tmp_path: Path) -> Callable[[int], Result]:
    """Run the mutant with this number: the same file each time."""

    def run(number: int) -> Result:
        path = tmp_path / f"mutant-{number}.gguf"
        path.write_bytes(mutate(originals[KINDS[number % len(KINDS)]], random.Random(number)))
        chat = () if number % 2 else ("--raw",)
        result = infer.run("run", path, "hello", "-n", "-t", "0", "--max-tokens", "3", *chat, timeout=60)
        path.unlink()
        return result

    return run


def judge(number: int, result: Result) -> None:
    facts = f"mutant {number}: exit code {result.code}: {result.err}"
    assert result.code in CODES, facts
    assert "Traceback" not in result.err, facts
    assert "internal error" not in result.err, facts
    assert (result.code == 0) == (not result.err.startswith("error: ")), facts
    assert len(result.lines) <= 2, facts


def test_twenty_five_damaged_files(try_mutant: Callable[[int], Result]) -> None:
    with ThreadPoolExecutor(2) as pool:
        for number, result in zip(range(25), pool.map(try_mutant, range(25)), strict=True):
            judge(number, result)


@pytest.mark.slow
def test_five_hundred_damaged_files(try_mutant: Callable[[int], Result]) -> None:
    codes: Counter[int] = Counter()
    deaths = []
    with ThreadPoolExecutor(3) as pool:
        for number, result in zip(range(1000, 1500), pool.map(try_mutant, range(1000, 1500)), strict=True):
            judge(number, result)
            codes[result.code] += 1
            if "worker process" in result.err:
                deaths.append((number, result.err))
    print(f"\nexit codes {dict(codes)}, deaths of the worker {deaths}")
    assert codes[0] > 20, "some damage is harmless, or the files are not what they should be"
    assert codes[5] > 200, "most of it is refused"
    assert not deaths, "what llama.cpp aborts on should be refused before"
