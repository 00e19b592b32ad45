"""Log-probabilities of continuations: those of one prefill and shared cells are those of computing each alone."""

from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

import infer
from ggufs import write_gguf
from infer.engine.engine import Engine
from infer.engine.llama.log import Log
from infer.engine.llama.logits import log_probabilities
from infer.engine.llama.model import Model
from infer.types import EngineConfig, SamplingParams

TINY = Path(infer.__file__).parent / "data" / "tiny.gguf"
CONFIG = EngineConfig(max_context=512, parallel=6, threads=1, batch=64, ubatch=64, outputs=16)
PROMPT = list(range(40, 140))
CONTINUATIONS = [[5], [5, 6, 7], [9, 5, 6, 7, 8], [30], [31, 32], list(range(60, 80)), [5, 6, 8], [77, 78]]


def alone(model: Model, tokens: list[int]) -> Any:
    """The log-probabilities of every next token after `tokens`, from all logits, in double precision."""
    engine = Engine(model, EngineConfig(max_context=512, threads=1, batch=64, ubatch=64))
    try:
        sequence = engine.submit(tokens, SamplingParams(temperature=0), 0, 2)
        while sequence.computed < len(tokens):
            engine.step()
        logits = np.array(engine.last_logits(), dtype=np.float64)
    finally:
        engine.close()
    return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())


def scores(model: Model, continuations: list[list[int]], config: EngineConfig = CONFIG) -> list[list[float]]:
    engine = Engine(model, config)
    try:
        return engine.score(PROMPT, continuations).scores
    finally:
        engine.close()


@pytest.mark.parametrize("kind", ["tiny", "llama", "gemma3", "mamba", "lfm2"])
def test_they_are_those_of_brute_force(kind: str, tmp_path: Path) -> None:
    path = TINY if kind == "tiny" else write_gguf(tmp_path / "m.gguf", arch=kind, context=512, dtype="f32")
    with Model(str(path), CONFIG, Log()) as model:
        found = scores(model, CONTINUATIONS)
        for tokens, each in zip(CONTINUATIONS, found, strict=True):
            expected = [float(alone(model, PROMPT + tokens[:i])[token]) for i, token in enumerate(tokens)]
            assert each == pytest.approx(expected, abs=1e-4)


def test_a_row_at_a_time_they_are_those_of_decoding_bit_for_bit(random_model: Path) -> None:
    """What is left between them and brute force is llama.cpp's: it sums in another order in batches of other sizes."""
    with Model(str(random_model), CONFIG, Log()) as model:
        config = EngineConfig(max_context=512, parallel=3, threads=1, batch=64, ubatch=64)
        for tokens in CONTINUATIONS:
            engine = Engine(model, config)
            sequence = engine.submit(PROMPT, SamplingParams(temperature=0), 0, 40)
            engine.force(sequence, tokens)
            while sequence.computed < len(PROMPT):
                engine.step()
            expected = []
            for token in tokens:
                expected += log_probabilities(engine._context.logits(-1, model.vocabulary.size), [token])  # type: ignore[union-attr]
                engine.step()
            engine.close()
            assert scores(model, [tokens], config)[0] == expected


def test_more_continuations_than_places_and_rows(random_model: Path) -> None:
    """In groups of what fits: places, rows of a decode, cells of the context."""
    with Model(str(random_model), CONFIG, Log()) as model:
        many = [[number, number + 1, number + 2] for number in range(40)]
        together = scores(model, many)
        tight = EngineConfig(context=256, max_context=256, parallel=3, threads=1, batch=64, ubatch=64, outputs=4)
        few = scores(model, many, tight)
        for one, other in zip(together, few, strict=True):
            assert one == pytest.approx(other, abs=1e-2)  # other neighbours in a batch, other order of sums


def test_twenty_continuations_cost_less_than_twice_one(tmp_path: Path) -> None:
    """With a prompt of 400 tokens; the best of three, since other work may be running."""
    path = write_gguf(tmp_path / "m.gguf", layers=8, width=256, heads=4, kv_heads=4, ffn=768, context=1024)
    config = EngineConfig(max_context=1024, parallel=21, threads=1, outputs=128)
    prompt = [40 + number % 200 for number in range(400)]
    with Model(str(path), config, Log()) as model:

        def seconds(continuations: list[list[int]]) -> float:
            best = float("inf")
            for _ in range(3):
                engine = Engine(model, config)
                started = perf_counter()
                engine.score(prompt, continuations)
                best = min(best, perf_counter() - started)
                engine.close()
            return best

        twenty = [[number, number + 1, number + 2] for number in range(20)]
        assert seconds(twenty) < 2 * seconds(twenty[:1])
