"""What bench --tune may set goes into the plan; what cannot be together is refused."""

import pytest

from infer.errors import UsageError
from infer.machine import Machine
from infer.models.plan import Wish, plan
from infer.types import Metadata

METADATA = Metadata(
    architecture="llama", name="seven", context_length=32768, block_count=32, embedding_length=4096, head_count=32,
    head_count_kv=(8,) * 32, key_length=128, value_length=128, vocab_size=32000, file_size=4 << 30,
    tensor_bytes=4 << 30, parameter_count=7_000_000_000, quantization="Q4_K_M", tokenizer="llama",
)  # fmt: skip
MACHINE = Machine(cores=8, memory_free=64 << 30, gpu=None)


def test_settings_that_were_found_go_into_the_configuration() -> None:
    config = plan(METADATA, MACHINE, Wish(ubatch=1024, flash_attention=True, repack=True))
    assert (config.ubatch, config.flash_attention, config.repack) == (1024, True, True)
    assert config.batch >= config.ubatch, "llama.cpp cuts a ubatch down to the batch"
    config = plan(METADATA, MACHINE, Wish())
    assert (config.ubatch, config.flash_attention, config.repack) == (256, False, False)


def test_a_quantised_cache_without_flash_attention_is_refused() -> None:
    assert plan(METADATA, MACHINE, Wish(kv_type="q8_0")).flash_attention
    with pytest.raises(UsageError, match="needs flash attention"):
        plan(METADATA, MACHINE, Wish(kv_type="q8_0", flash_attention=False))
