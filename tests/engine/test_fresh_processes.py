"""Trees of conversations through the prompt cache, every run a process of its own, against uncached processes."""

import json
import os
import random
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from engine.test_reuse import CONFIG, KINDS, RUNS, allowed, conversations, difference
from ggufs import write_gguf
from infer.engine.llama.state import MemoryKind
from infer.types import EngineConfig

TINY = Path(__file__).parents[2] / "src" / "infer" / "data" / "tiny.gguf"
ONE_RUN = str(Path(__file__).with_name("one_run.py"))


def run(path: Path, tokens: list[int], config: EngineConfig) -> tuple[int, list[float]]:
    """A prompt in a fresh process: how many of its tokens came from the cache, and the last logits."""
    job = {"model": str(path), "config": asdict(config), "tokens": tokens}
    done = subprocess.run(
        [sys.executable, ONE_RUN],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "GGML_NO_BACKTRACE": "1"},
    )
    said = json.loads(done.stdout)
    return said["cached"], [float.fromhex(text) for text in said["logits"]]


@pytest.mark.slow
@pytest.mark.parametrize("arch", [*KINDS, "tiny"])
def test_trees_of_conversations_in_fresh_processes(arch: str, models_dir: Path, tmp_path: Path) -> None:
    extra = {"window": 128} if arch == "gemma3" else {}
    path = TINY if arch == "tiny" else write_gguf(models_dir / f"{arch}-fresh.gguf", arch=arch, context=4096, **extra)
    cold = replace(CONFIG, max_context=1024) if arch == "tiny" else CONFIG
    warm = replace(cold, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    kind = KINDS.get(arch, MemoryKind.FULL)
    reused = asked = exact = 0
    earlier: list[list[int]] = []
    for prompt in conversations(random.Random(11)):
        if len(prompt) >= cold.max_context:
            continue
        cached, logits = run(path, prompt, warm)
        noise = allowed(kind, prompt, cached, earlier)
        assert difference(logits, run(path, prompt, cold)[1]) <= noise, (len(prompt), cached)
        reused, asked, exact = reused + cached, asked + len(prompt), exact + (cached > 0 and noise == 0)
        earlier.append(prompt)
        if len(earlier) == RUNS:
            break
    print(f"{arch}: {RUNS} runs, {reused:,} of {asked:,} tokens from the cache, {exact} compared bit by bit")
    assert kind is not MemoryKind.FULL or exact > 5
    assert reused > asked / 4, "the cache was of use"
