"""What a run takes, held against llama.cpp's own reckoning: 15 shapes, three contexts, two types of KV cache."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.command import Command
from infer.models import metadata as reading
from infer.models.estimate import Setting, cache_bytes, compute_bytes, estimate
from infer.models.plan import Wish, setting
from infer.types import KvType, Metadata
from models.shapes import SHAPES, Shape, write

MIB = 1 << 20
ALLOCATIONS = Path(__file__).with_name("allocations.py")
PEAKS = Path(__file__).with_name("peaks.py")
CONTEXTS = (512, 8192, 32768)
# The peaks of 12 shapes, up to 30 B, take 24 GiB of memory and an hour of two cores: only when asked for.
ALL_PEAKS = os.environ.get("INFER_PEAKS") == "all"
RUN_HERE = [name for name in SHAPES if name not in ("qwen3:14b", "gemma3:27b", "llama3.3:70b")]
KV_TYPES: tuple[KvType, ...] = ("f16", "q8_0")


def described(path: Path) -> Metadata:
    return reading.describe(reading.read_headers(str(path)))


def settings(contexts: tuple[int, ...]) -> list[Setting]:
    """As a plan sets them: on a CPU both types, on a GPU, and several sequences."""
    cpu = [setting(Wish(kv_type=kv_type), cells) for cells in contexts for kv_type in KV_TYPES]
    return [*cpu, setting(Wish(), contexts[-1], gpu=True), setting(Wish(), contexts[-1], parallel=4)]


def allocated(path: Path, asked: list[Setting]) -> list[dict[str, float]]:
    """llama.cpp's answers, a process for each model."""
    words = [f"{s.cells}:{s.kv_type}:{s.ubatch}:{int(s.flash_attention)}:{s.parallel}" for s in asked]
    done = subprocess.run(
        [sys.executable, ALLOCATIONS, path, *words], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(shape: Shape, path: Path, contexts: tuple[int, ...]) -> None:
    """Every part exact or close, the sum within 5 %."""
    metadata = described(write(shape, path))
    asked = settings(contexts)
    for one, real in zip(asked, allocated(path, asked), strict=True):
        assert cache_bytes(metadata, one) == pytest.approx(real["cache"], rel=0.01, abs=MIB), one
        needed = metadata.tensor_bytes + real["cache"] + real["compute"] + real["output"]
        ours = estimate(metadata, one)
        assert ours.total - ours.processes == pytest.approx(needed, rel=0.05), one
        assert compute_bytes(metadata, one) == pytest.approx(real["compute"] + real["output"], rel=0.3), one


@pytest.mark.parametrize("name", ["smollm2:135m", "gemma3:1b", "lfm2.5:1.2b", "mamba:1.4b", "granite4-h:1b"])
def test_small_ones_take_what_llama_cpp_allocates(name: str, tmp_path: Path) -> None:
    compare(SHAPES[name].small(), tmp_path / "m.gguf", (512, 4096))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_real_shapes_take_what_llama_cpp_allocates(name: str, tmp_path: Path) -> None:
    """Done-when 1, by llama.cpp's own figures, up to 70 B: nothing is loaded."""
    compare(SHAPES[name], tmp_path / "m.gguf", CONTEXTS)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is /proc's")
@pytest.mark.parametrize("kv_type", KV_TYPES)
@pytest.mark.parametrize("context", [512, 1024, 2048] if ALL_PEAKS else [512, 2048])
@pytest.mark.parametrize("name", RUN_HERE if ALL_PEAKS else ["smollm2:135m", "lfm2.5:1.2b", "llama3.2:1b"])
def test_the_peak_of_a_real_run_is_what_was_planned(name: str, context: int, kv_type: KvType, tmp_path: Path) -> None:
    """Done-when 1 by the kernel's figures: the whole context is filled, the weights are zeros."""
    path = write(SHAPES[name], tmp_path / "m.gguf")
    planned = estimate(described(path), setting(Wish(kv_type=kv_type), context)).total
    prompt = "7 " * (context // 2 - 20)
    words = ("run", path, prompt, "-n", "--raw", "--ctx", str(context), "--kv-type", kv_type, "--max-tokens", "4")
    running = Command(tmp_path).run(*words, "--no-cache", prefix=(sys.executable, str(PEAKS)), timeout=900)
    assert running.code == 0, running.err
    peak = int(running.lines[-1])
    assert planned == pytest.approx(peak, rel=0.05), f"planned {planned / MIB:.0f} MiB, peak {peak / MIB:.0f} MiB"
