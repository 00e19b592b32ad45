"""The plan that follows from a model and a machine: it fits, or it is refused with numbers before any load."""

import resource
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.command import Command
from infer.errors import DoesNotFit
from infer.machine import Gpu, Machine
from infer.models.plan import Wish, kv_bytes_per_token, memory_need, plan, plan_embedding
from infer.types import Metadata

MIB = 1 << 20
METADATA = Metadata(
    architecture="llama",
    name="seven",
    context_length=32768,
    block_count=32,
    embedding_length=4096,
    head_count=32,
    head_count_kv=(8,) * 32,
    key_length=128,
    value_length=128,
    vocab_size=32000,
    file_size=4000 * MIB,
    tensor_bytes=4000 * MIB,
    parameter_count=7_000_000_000,
    quantization="Q4_K_M",
    tokenizer="llama",
)
LARGE = Machine(cores=8, memory_free=64 << 30, gpu=None)
PER_TOKEN = 32 * 8 * 256 * 2  # layers x KV heads x (key + value) x f16


def test_a_model_that_fits_may_grow_to_its_trained_length() -> None:
    config = plan(METADATA, LARGE, Wish())
    assert (config.context, config.max_context, config.threads) == (None, 32768, 8)
    assert (config.gpu_layers, config.kv_type, config.flash_attention) == (-1, "f16", False)


def test_where_memory_is_scarce_the_context_may_grow_to_what_fits() -> None:
    free = memory_need(METADATA, 1024)
    assert free > 4000 * MIB + 1024 * PER_TOKEN
    assert plan(METADATA, replace(LARGE, memory_free=free), Wish()).max_context == 1024
    assert plan(METADATA, replace(LARGE, memory_free=free - 1), Wish()).max_context == 768, "cells come in 256"


def test_a_model_that_does_not_fit_is_refused_with_numbers() -> None:
    with pytest.raises(DoesNotFit) as error:
        plan(METADATA, replace(LARGE, memory_free=2 << 30), Wish())
    assert str(error.value) == "seven with a context of 256 tokens needs 4.0 GiB, 2.0 GiB is free"
    assert error.value.exit_code == 6
    assert error.value.hint
    with pytest.raises(DoesNotFit) as error:
        plan(METADATA, replace(LARGE, memory_free=5 << 30), Wish(context=32768))
    assert str(error.value) == "seven with a context of 32,768 tokens needs 9.0 GiB, 5.0 GiB is free"
    assert "--kv-type" in error.value.hint


def test_a_quantised_kv_cache_takes_what_its_blocks_take() -> None:
    assert kv_bytes_per_token(METADATA, "f16") == PER_TOKEN
    assert kv_bytes_per_token(METADATA, "q8_0") == PER_TOKEN * 34 / 64
    assert kv_bytes_per_token(METADATA, "q4_0") == PER_TOKEN * 18 / 64
    hybrid = replace(METADATA, head_count_kv=(8, 0, 0, 0) * 8)
    assert kv_bytes_per_token(hybrid, "f16") == PER_TOKEN / 4, "layers without attention take none"


wishes = st.builds(
    Wish,
    context=st.none() | st.integers(1, 1 << 20),
    threads=st.none() | st.integers(1, 512),
    kv_type=st.sampled_from(["f16", "q8_0", "q4_0"]),
    gpu_layers=st.sampled_from(["auto", "all"]) | st.integers(0, 99),
    parallel=st.integers(1, 64),
)


@given(wishes, st.integers(0, 1 << 40), st.integers(1, 1 << 20))
def test_a_plan_never_takes_more_than_there_is(wish: Wish, free: int, trained: int) -> None:
    metadata = replace(METADATA, context_length=trained)
    try:
        config = plan(metadata, Machine(4, free, None), wish)
    except DoesNotFit as error:
        assert int(error.facts["need"]) > free == error.facts["have"]  # type: ignore[arg-type]
        return
    positions = config.max_context * config.parallel
    assert metadata.tensor_bytes + positions * kv_bytes_per_token(metadata, wish.kv_type) / wish.parallel <= free
    assert config.context == wish.context
    assert config.max_context == wish.context or config.max_context <= trained
    assert config.max_context >= 1
    assert config.batch >= config.parallel
    assert config.flash_attention == (wish.kv_type != "f16" or config.parallel > 1), "a quantised cache needs it"


def test_of_many_sequences_each_computes_its_own_cells_only() -> None:
    many = plan(METADATA, LARGE, Wish(parallel=None))
    assert (many.flash_attention, many.apart, many.adapts, many.streams) == (True, True, True, True)
    asked = plan(METADATA, LARGE, Wish(parallel=8))
    assert (asked.parallel, asked.flash_attention, asked.apart, asked.adapts) == (8, True, True, False)
    assert not plan(METADATA, LARGE, Wish(parallel=8, context=512)).streams, "it is for all of them together"
    alike = plan(METADATA, LARGE, Wish(parallel=8, alike=True))
    assert (alike.flash_attention, alike.apart, alike.streams) == (False, False, False), (
        "what is common is computed once for all of them"
    )
    card = Gpu("a card", "CUDA", 24 << 30, 23 << 30)
    assert not plan(METADATA, replace(LARGE, gpu="NVIDIA", gpus=(card,)), Wish(parallel=8)).apart
    assert plan(METADATA, replace(LARGE, gpu="NVIDIA"), Wish(parallel=8)).apart, "this build cannot use it"
    few = plan(METADATA, LARGE, Wish(parallel=None, most=3))
    assert (few.parallel, few.streams) == (3, True)
    one = plan(METADATA, LARGE, Wish(parallel=None, most=1))
    assert (one.parallel, one.flash_attention, one.streams) == (1, False, False)


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
def test_a_limit_on_the_address_space_is_exit_6_with_numbers_before_the_load(
    random_model: Path, tmp_path: Path
) -> None:
    """1 GiB: what fits runs, what does not is refused, nothing aborts."""
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    infer, limit = Command(tmp_path), ("prlimit", f"--as={1 << 30}")
    fits = infer.run("run", random_model, "x", "-n", "--max-tokens", "2", prefix=limit)
    assert (fits.code, fits.err) == (0, "")
    result = infer.run("run", random_model, "x", "-n", "--ctx", "4000000", prefix=limit)
    assert (result.code, result.out) == (6, b"")
    assert result.err == (
        "error: random with a context of 4,000,000 tokens needs 12.5 GiB, 1.0 GiB is free\n"
        "hint: a smaller --ctx or --kv-type q8_0 needs less\n"
    )
    close = infer.run("run", random_model, "x", "-n", "--ctx", "1400000", "--kv-type", "q8_0", prefix=limit)
    assert close.code == 6, "the plan thinks it fits, llama.cpp cannot have it"
    assert close.lines == ["error: a context of 1,400,000 tokens does not fit into memory", "hint: try a smaller --ctx"]


def test_a_text_to_embed_stands_in_one_graph_that_fits() -> None:
    """Twice the memory, not twice the length: the scores grow with the square of it."""
    encoder = replace(METADATA, architecture="bert", tensor_bytes=100 * MIB, causal=False, head_count_kv=(32,) * 32)
    small, large = (
        plan_embedding(encoder, replace(LARGE, memory_free=size * MIB), Wish(), "mean") for size in (1000, 2000)
    )
    assert 512 <= small.max_context < large.max_context < 2 * small.max_context
    assert (small.pooling, small.in_pieces, small.batch) == ("mean", False, 512)
    assert 2 * 32 * 4 * small.max_context**2 < 900 * MIB
    with pytest.raises(DoesNotFit):
        plan_embedding(encoder, replace(LARGE, memory_free=120 * MIB), Wish(), "mean")


def test_only_a_decoder_that_speaks_with_its_last_token_reads_in_pieces() -> None:
    assert plan_embedding(METADATA, LARGE, Wish(), "last").in_pieces
    assert not plan_embedding(METADATA, LARGE, Wish(), "mean").in_pieces
    assert not plan_embedding(replace(METADATA, causal=False), LARGE, Wish(), "last").in_pieces
    assert plan_embedding(METADATA, LARGE, Wish(), "last").max_context == 32768


def test_the_longest_text_is_what_was_trained_and_no_more_than_was_asked_for() -> None:
    short = replace(METADATA, context_length=512, causal=False)
    longest = [plan_embedding(short, LARGE, Wish(context=size), "cls").max_context for size in (None, 100, 100_000)]
    assert longest == [512, 100, 512]
