"""Where a plan's layers go, in llama.cpp's parameters. No GPU: what llama.cpp makes of them is not seen here."""

import pytest

from infer.engine.llama.library import bindings
from infer.engine.llama.placement import Placement
from infer.types import EngineConfig


def test_without_a_wish_everything_stays_as_llama_cpp_has_it() -> None:
    params, usual = bindings.llama_model_default_params(), bindings.llama_model_default_params()
    Placement(EngineConfig()).put_into(params)
    assert (params.split_mode, params.main_gpu) == (usual.split_mode, usual.main_gpu)
    assert not params.tensor_split
    assert not params.tensor_buft_overrides


@pytest.mark.parametrize(("split", "card"), [((1.0, 0.0), 0), ((0.0, 0.0, 1.0), 2)])
def test_one_card_of_several_is_opened_alone(split: tuple[float, ...], card: int) -> None:
    params = bindings.llama_model_default_params()
    Placement(EngineConfig(tensor_split=split)).put_into(params)
    assert (params.split_mode, params.main_gpu) == (bindings.LLAMA_SPLIT_MODE_NONE, card)


def test_parts_for_several_cards_and_experts_that_stay() -> None:
    params = bindings.llama_model_default_params()
    placement = Placement(EngineConfig(tensor_split=(0.25, 0.75), cpu_experts=3))
    placement.put_into(params)
    assert params.split_mode == bindings.LLAMA_SPLIT_MODE_LAYER
    assert [params.tensor_split[index] for index in range(3)] == [0.25, 0.75, 0.0]
    assert params.tensor_buft_overrides
