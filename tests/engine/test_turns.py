"""A sequence that ends leaves what was computed to the next one: the turns of a conversation are computed once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ggufs import write_gguf
from infer.engine.engine import Engine
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.scheduler import Sequence, State
from infer.types import EngineConfig, SamplingParams

GREEDY = SamplingParams(temperature=0)
CONFIG = EngineConfig(max_context=1024, parallel=1, batch=64, ubatch=64)
PROMPT = [7 + n % 90 for n in range(60)]
# Logits of a row that was computed beside others differ by the order of sums: 0.06 was measured (test_engine.py).
NOISE = 0.1


@pytest.fixture(scope="module", params=["llama", "gemma3", "mamba", "lfm2"])
def model(request: pytest.FixtureRequest, models_dir: Path) -> Iterator[Model]:
    layers = 6 if request.param == "gemma3" else 2
    path = write_gguf(models_dir / f"turns-{request.param}.gguf", arch=request.param, layers=layers, context=1024)
    with Model(str(path), CONFIG, Log()) as model:
        yield model


@pytest.fixture
def engine(model: Model) -> Iterator[Engine]:
    engine = Engine(model, CONFIG)
    yield engine
    engine.close()


def run(engine: Engine, tokens: list[int], count: int = 6) -> Sequence:
    sequence = engine.submit(tokens, GREEDY, 0, count)
    while sequence.state is not State.FINISHED:
        engine.step()
    engine.release(sequence)
    return sequence


def cold(model: Model, tokens: list[int]) -> list[float]:
    """The logits after these tokens, computed alone."""
    engine = Engine(model, CONFIG)
    try:
        run(engine, tokens, 1)
        return engine.last_logits()
    finally:
        engine.close()


def close(one: list[float], other: list[float]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < NOISE


def test_a_turn_computes_only_what_is_new(model: Model, engine: Engine) -> None:
    first = run(engine, PROMPT)
    assert first.cached == 0
    asked = [*first.tokens, 5, 6, 7]
    second = run(engine, asked, 1)
    assert second.cached == len(first.tokens) - 1, "the last token has been drawn, but not computed"
    assert close(engine.last_logits(), cold(model, asked))


def test_a_prompt_that_parts_from_the_last_one_is_computed_from_there(model: Model, engine: Engine) -> None:
    run(engine, PROMPT)
    other = [*PROMPT[:40], 99, *PROMPT[41:]]
    sequence = run(engine, other, 1)
    assert sequence.cached == (40 if model.memory_kind.name == "FULL" else 0)
    assert close(engine.last_logits(), cold(model, other))


def test_the_same_prompt_again_computes_one_token(model: Model, engine: Engine) -> None:
    run(engine, PROMPT, 1)
    sequence = run(engine, PROMPT, 1)
    assert sequence.cached == (len(PROMPT) - 1 if model.memory_kind.name == "FULL" else 0)
    assert close(engine.last_logits(), cold(model, PROMPT))


def test_the_context_grows_with_what_was_left(model: Model, engine: Engine) -> None:
    first = run(engine, PROMPT)
    asked = [*first.tokens, *(9 + n % 70 for n in range(400))]
    second = run(engine, asked, 1)
    assert engine.context_size >= len(asked)
    assert second.cached == len(first.tokens) - 1
    assert close(engine.last_logits(), cold(model, asked))


def test_an_aborted_answer_leaves_what_it_had(model: Model, engine: Engine) -> None:
    sequence = engine.submit(PROMPT, GREEDY, 0, 100)
    while len(sequence.tokens) < len(PROMPT) + 5:
        engine.step()
    engine.finish(sequence, "abort")
    engine.release(sequence)
    asked = [*sequence.tokens, 5]
    second = run(engine, asked, 1)
    assert second.cached == sequence.computed
    assert close(engine.last_logits(), cold(model, asked))
