"""How many streams a batch gets: each is as long as the longest sequence, so short ones must not pay for a long one."""

from pathlib import Path

import pytest

from infer.engine.engine import Engine
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.types import EngineConfig, SamplingParams

GREEDY = SamplingParams(temperature=0)
CONFIG = EngineConfig(
    parallel=64, adapts=True, apart=True, streams=True, positions=65_536, threads=2, flash_attention=True, gpu_layers=0
)


def streams(model: Path, lengths: list[int]) -> int | None:
    """Streams of the first context for prompts of these many tokens."""
    with Model(str(model), CONFIG, Log()) as loaded:
        engine = Engine(loaded, CONFIG)
        for length in lengths:
            engine.submit([1, *[5] * (length - 1)], GREEDY, 0, 8)
        engine.step()
        found = context.streams if (context := engine._context) else None
        engine.close()
        return found


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([200] * 64, 64),
        ([500, *[20] * 63], 32),  # 64 as long as the longest would be nearly empty
        ([250] * 63 + [500], 64),
        ([900] * 64, 32),  # 64 would take more than half of the memory
    ],
)
def test_streams_are_few_where_many_would_be_empty(random_model: Path, lengths: list[int], expected: int) -> None:
    assert streams(random_model, lengths) == expected
