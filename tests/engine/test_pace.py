"""Measuring an engine: what is asked for is what is computed, and nothing of it stays."""

from pathlib import Path
from random import Random

import pytest

from ggufs import ASSISTANT
from infer.engine.engine import Engine
from infer.engine.llama.limits import copies, multiplications
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.pace import measure_pace, random_tokens
from infer.errors import EngineFailure
from infer.types import EngineConfig, SamplingParams
from scripted import write_scripted

CONFIG = EngineConfig(max_context=1024, parallel=4, threads=1, batch=64, ubatch=64)


@pytest.mark.parametrize(("prompt", "parallel"), [(1, 1), (100, 1), (200, 1), (50, 4), (100, 3)])
def test_every_step_brings_every_sequence_a_token(random_model: Path, prompt: int, parallel: int) -> None:
    """Also where prompts are computed in many pieces beside answers that have begun; the engine is empty afterwards."""
    with Model(str(random_model), CONFIG, Log()) as model:
        engine = Engine(model, CONFIG)
        for _ in range(2):
            how = {"prompt": prompt, "steps": 5, "parallel": parallel, "room": 64}
            pace = measure_pace(engine, model.vocabulary, Random(0), **how)
            assert pace.steps == 5
            assert pace.prefill > 0
            assert pace.decode > 0
            assert not engine.has_work
        engine.close()


def test_a_sequence_that_never_ends_goes_on_behind_its_end(models_dir: Path) -> None:
    """The script is one token, then the end: without the switch it ends there, with it at its limit."""
    path = write_scripted(models_dir / "ends.gguf", ["story"])
    with Model(str(path), CONFIG, Log()) as model:
        engine = Engine(model, CONFIG)
        prompt = model.vocabulary.tokenize(ASSISTANT, special=True)
        ends = []
        for endless in (False, True):
            sequence = engine.submit(prompt, SamplingParams(temperature=0), 0, 10)
            if endless:
                engine.never_end(sequence)
            while engine.has_work:
                engine.step()
            ends.append((sequence.finish_reason, len(sequence.tokens) - sequence.prompt))
            engine.release(sequence)
        assert ends == [("stop", 1), ("length", 10)]
        engine.close()


def test_measured_prompts_are_ordinary_tokens(random_model: Path) -> None:
    with Model(str(random_model), CONFIG, Log()) as model:
        tokens = random_tokens(model.vocabulary, Random(1), 5000)
        assert len(tokens) == 5000
        assert not model.vocabulary.control_tokens(tokens)


def test_a_device_has_limits() -> None:
    """Products of matrices of 4-bit weights and of f32 ones, and copies: figures that a CPU can have."""
    for kind in (0, 2):
        assert 1e7 < multiplications("cpu", 1, kind) < 1e16
    assert 1e7 < copies("cpu", 1) < 1e14
    with pytest.raises(EngineFailure, match="no device"):
        copies("meta", 1)
