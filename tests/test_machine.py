"""What this computer has, and the plan that follows from it: it fits, or it is refused with numbers before any load."""

import os
import resource
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.command import Command
from infer import machine
from infer.errors import DoesNotFit
from infer.machine import Machine, detect
from infer.models.plan import Wish, kv_bytes_per_token, plan, plan_embedding
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
SCORES = 32 * 512 * 4  # heads x rows of a ubatch x f32, without flash attention


def test_this_machine_is_described_sanely() -> None:
    found = detect()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert 64 * MIB < found.memory_free <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert found.gpu in (None, "NVIDIA", "Apple")


def test_a_machine_that_says_nothing_gets_modest_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a sandbox without /proc and /sys."""
    monkeypatch.setattr(machine, "_read", lambda path: "")
    found = detect()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.memory_free > 0


def test_files_that_cannot_be_read_are_empty(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert [machine._read(tmp_path / name) for name in ("absent", "bytes", ".")] == ["", "", ""]


def fake_files(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    monkeypatch.setattr(machine, "_read", lambda path: files.get(str(path), ""))


def test_the_limit_of_the_cgroup_counts_and_its_page_cache_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/proc/meminfo": "MemTotal: 99 kB\nMemAvailable:    8388608 kB\n",
        "/sys/fs/cgroup/memory.max": str(2 << 30),
        "/sys/fs/cgroup/memory.current": str(1 << 30),
        "/sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {512 * MIB}\n",
    }
    fake_files(monkeypatch, files)
    assert detect().memory_free == 1536 * MIB
    fake_files(monkeypatch, files | {"/sys/fs/cgroup/memory.max": "max"})
    assert detect().memory_free == 8 << 30
    fake_files(monkeypatch, files | {"/sys/fs/cgroup/memory.current": str(9 << 30)})
    assert detect().memory_free == 0, "never negative"


def test_the_quota_and_shared_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    siblings = {
        f"/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": f"{n % 4},{n % 4 + 4}" for n in range(8)
    }
    fake_files(monkeypatch, siblings)
    assert detect().cores == 4
    fake_files(monkeypatch, siblings | {"/sys/fs/cgroup/cpu.max": "150000 100000"})
    assert detect().cores == 2
    fake_files(monkeypatch, siblings | {"/sys/fs/cgroup/cpu.max": "1000 100000"})
    assert detect().cores == 1
    fake_files(monkeypatch, siblings | {"/sys/fs/cgroup/cpu.max": "max 100000"})
    assert detect().cores == 4


def test_a_model_that_fits_may_grow_to_its_trained_length() -> None:
    config = plan(METADATA, LARGE, Wish())
    assert (config.context, config.max_context, config.threads) == (None, 32768, 8)
    assert (config.gpu_layers, config.kv_type, config.flash_attention) == (-1, "f16", False)


def test_where_memory_is_scarce_the_context_may_grow_to_what_fits() -> None:
    free = 4000 * MIB + 64 * MIB + 1000 * (PER_TOKEN + SCORES)
    assert plan(METADATA, replace(LARGE, memory_free=free), Wish()).max_context == 1000


def test_a_model_that_does_not_fit_is_refused_with_numbers() -> None:
    with pytest.raises(DoesNotFit) as error:
        plan(METADATA, replace(LARGE, memory_free=2 << 30), Wish())
    assert str(error.value) == "seven with a context of 256 tokens needs 4.0 GiB, 2.0 GiB is free"
    assert error.value.exit_code == 6
    assert error.value.hint
    with pytest.raises(DoesNotFit) as error:
        plan(METADATA, replace(LARGE, memory_free=5 << 30), Wish(context=32768))
    assert str(error.value) == "seven with a context of 32,768 tokens needs 10.0 GiB, 5.0 GiB is free"
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
    assert config.flash_attention == (wish.kv_type != "f16"), "a quantised cache needs it"


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
        "error: random with a context of 4,000,000 tokens needs 16.3 GiB, 1.0 GiB is free\n"
        "hint: a smaller --ctx or --kv-type q8_0 needs less\n"
    )
    close = infer.run("run", random_model, "x", "-n", "--ctx", "6500000", "--kv-type", "q8_0", prefix=limit)
    assert close.code == 6, "the plan thinks it fits, llama.cpp cannot have it"
    assert close.lines == ["error: a context of 6,500,000 tokens does not fit into memory", "hint: try a smaller --ctx"]


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
