"""The store under an engine: what a later run can add to what an earlier one has left."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.test_reuse import CONFIG, NOISE, difference, run
from ggufs import write_gguf
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from prefix.caches import random_tokens

COMMON = random_tokens(512, 1, 250)


@pytest.mark.parametrize("arch", ["mamba", "lfm2"])
def test_a_state_that_would_help_is_stored_by_the_run_that_has_it(models_dir: Path, tmp_path: Path, arch: str) -> None:
    """Two prompts part at a block's border, where the first left no state: the second leaves one for the third."""
    path = str(write_gguf(models_dir / f"{arch}-parting.gguf", arch=arch, context=4096))
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    with Model(path, CONFIG, Log()) as model:
        found = []
        for seed in (2, 3, 4):
            prompt = [*COMMON, *random_tokens(200, seed, 250)]
            sequence, logits = run(model, path, prompt, config)
            assert difference(logits, run(model, path, prompt, CONFIG)[1]) <= NOISE
            found.append(sequence.cached)
    assert found == [0, 0, 512]


@pytest.mark.parametrize("arch", ["mamba", "lfm2"])
def test_a_state_at_least_every_2048_tokens_wherever_the_prefill_began(
    models_dir: Path, tmp_path: Path, arch: str
) -> None:
    """After 300 restored tokens chunks end at 768, 1,280, 1,792, 2,304, 2,816."""
    path = str(write_gguf(models_dir / f"{arch}-long.gguf", arch=arch, context=4096))
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    document = random_tokens(3400, 1, 250)
    with Model(path, CONFIG, Log()) as model:
        prompts = (document[:300], document, [*document[:3000], *random_tokens(100, 2, 250)])
        found = [run(model, path, prompt, config)[0].cached for prompt in prompts]
    assert found == [0, 300, 2816]
