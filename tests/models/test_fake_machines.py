"""Plans for computers that are not here: a table that a reader can check.

GPU figures: what a driver reports as free on an idle card. "layers" -1: all on the GPU; "experts": layers whose experts
stay in the computer's memory; "split": parts of the layers for each GPU.
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from infer.errors import DoesNotFit
from infer.machine import Gpu, Machine
from infer.models import metadata as reading
from infer.models.estimate import cache_bytes, compute_bytes
from infer.models.offload import offload
from infer.models.plan import Wish, plan, setting
from infer.types import EngineConfig, Metadata
from models.shapes import SHAPES, write

GIB = 1 << 30
RTX_3060 = Gpu("NVIDIA GeForce RTX 3060", "CUDA", 12 * GIB, round(11.5 * GIB), compute_capability="8.6")
RTX_4090 = Gpu("NVIDIA GeForce RTX 4090", "CUDA", 24 * GIB, round(23.5 * GIB), compute_capability="8.9")
H100 = Gpu("NVIDIA H100 80GB HBM3", "CUDA", 80 * GIB, 79 * GIB, compute_capability="9.0")
M3 = Gpu("Apple M3 Max", "MTL", 27 * GIB, 27 * GIB, unified=True)
MACHINES = {
    "laptop 8 GB": Machine(cores=12, memory_free=5 * GIB, gpu=None, performance_cores=4),
    "M3 36 GB": Machine(cores=14, memory_free=28 * GIB, gpu="Apple", performance_cores=10, gpus=(M3,)),
    "RTX 3060 12 GB": Machine(8, 28 * GIB, "NVIDIA", 8, 8, gpus=(RTX_3060,)),
    "2 x 4090": Machine(16, 120 * GIB, "NVIDIA", 16, 16, gpus=(RTX_4090, RTX_4090)),
    "H100": Machine(64, 900 * GIB, "NVIDIA", 64, 64, gpus=(H100,)),
    "Pi 5": Machine(cores=4, memory_free=7 * GIB, gpu=None, performance_cores=4),
    "container 2 CPUs 4 GiB": Machine(cores=2, memory_free=round(3.5 * GIB), gpu=None, performance_cores=2),
}


class Row(NamedTuple):
    """What a plan has to be; context: at least so many tokens (the trained length where it fits)."""

    machine: str
    model: str
    layers: int = -1
    threads: int = 1
    context: int = 8192
    experts: bool = False
    split: tuple[float, ...] = ()


TABLE = [
    Row("laptop 8 GB", "qwen3:0.6b", threads=4, context=20000),
    Row("laptop 8 GB", "qwen3.5:4b", threads=4, context=50000),
    Row("M3 36 GB", "qwen3:14b", threads=8, context=40960),
    Row("M3 36 GB", "qwen3:30b-a3b", threads=8, context=40960),
    Row("RTX 3060 12 GB", "llama3.1:8b", threads=8, context=40000),
    Row("RTX 3060 12 GB", "qwen3:14b", threads=8, context=8192),
    Row("RTX 3060 12 GB", "qwen3:30b-a3b", threads=8, context=8192, experts=True),
    Row("RTX 3060 12 GB", "gemma3:27b", threads=8, layers=40, context=8192),
    Row("2 x 4090", "qwen3:14b", threads=8, context=40960, split=(1.0, 0.0)),
    Row("2 x 4090", "llama3.3:70b", threads=8, context=8192, split=(0.5, 0.5)),
    Row("H100", "llama3.3:70b", threads=8, context=80000),
    Row("Pi 5", "gemma3:1b", threads=4, context=32768),
    Row("Pi 5", "qwen3.5:4b", threads=4, context=60000),
    Row("container 2 CPUs 4 GiB", "llama3.2:1b", threads=2, context=20000),
]
REFUSED = [("laptop 8 GB", "qwen3:14b"), ("Pi 5", "gpt-oss:20b"), ("container 2 CPUs 4 GiB", "llama3.1:8b")]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Metadata]:
    folder = tmp_path_factory.mktemp("shapes")
    return {name: _described(folder / f"{index}.gguf", name) for index, name in enumerate(SHAPES)}


def _described(path: Path, name: str) -> Metadata:
    """The shape with a vocabulary of its size in the figures; the file itself is not looked at any more."""
    found = reading.describe(reading.read_headers(str(write(SHAPES[name], path, name))))
    path.unlink()
    return found


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.model} on {row.machine}")
def test_the_plan(row: Row, models: dict[str, Metadata]) -> None:
    config = plan(models[row.model], MACHINES[row.machine], Wish())
    assert config.threads == row.threads
    assert row.context <= config.max_context <= models[row.model].context_length
    assert bool(config.cpu_experts) == row.experts
    assert config.tensor_split == pytest.approx(row.split)
    on_gpu = bool(MACHINES[row.machine].gpus)
    assert (config.flash_attention, config.ubatch) == ((True, 512) if on_gpu else (False, 256))
    assert config.gpu_layers == pytest.approx(row.layers, abs=0 if row.layers < 0 else 5)
    if on_gpu:
        _fits(models[row.model], MACHINES[row.machine], config)


def _fits(metadata: Metadata, machine: Machine, config: EngineConfig) -> None:
    """Reckoned the other way round: what is placed on the GPUs is not more than they have together."""
    size = setting(Wish(), min(config.max_context, 8192), gpu=True)
    blocks = metadata.block_count if config.gpu_layers < 0 else config.gpu_layers - 1
    behind = config.cpu_experts * metadata.expert_bytes / metadata.block_count
    layers = metadata.tensor_bytes - metadata.lookup_bytes - metadata.output_bytes + cache_bytes(metadata, size)
    placed = metadata.output_bytes + layers * blocks / metadata.block_count - behind
    buffers = compute_bytes(metadata, size) * sum(part > 0 for part in config.tensor_split or (1,))
    assert placed + buffers <= sum(gpu.memory_free for gpu in machine.gpus)
    if config.gpu_layers > 0 or config.cpu_experts:
        assert placed + buffers > 0.8 * sum(gpu.memory_free for gpu in machine.gpus), "room is left unused"


@pytest.mark.parametrize(("machine", "model"), REFUSED)
def test_what_does_not_fit_is_refused(machine: str, model: str, models: dict[str, Metadata]) -> None:
    with pytest.raises(DoesNotFit) as error:
        plan(models[model], MACHINES[machine], Wish())
    assert int(error.value.facts["need"]) > MACHINES[machine].memory_free  # type: ignore[call-overload]


def test_no_gpu_layers_are_wished_for(models: dict[str, Metadata]) -> None:
    config = plan(models["qwen3:14b"], MACHINES["H100"], Wish(gpu_layers=0))
    assert (config.gpu_layers, config.flash_attention) == (0, False)
    assert plan(models["qwen3:14b"], MACHINES["H100"], Wish(gpu_layers=7)).gpu_layers == 7


def test_a_gpu_without_room_gets_nothing(models: dict[str, Metadata]) -> None:
    """-1 would be all layers for llama.cpp."""
    full = replace(MACHINES["RTX 3060 12 GB"], gpus=(replace(RTX_3060, memory_free=300 << 20),))
    config = plan(models["llama3.1:8b"], full, Wish())
    assert (config.gpu_layers, config.flash_attention) == (0, False)


def test_a_small_gpu_does_not_refuse_what_the_processor_can_do(models: dict[str, Metadata]) -> None:
    tight = Machine(8, round(5.2 * GIB), "NVIDIA", gpus=(replace(RTX_3060, memory_free=round(0.95 * GIB)),))
    assert plan(models["llama3.1:8b"], tight, Wish()).max_context >= 2048


@pytest.mark.parametrize("free", [3.0, 3.6, 5.5, 7.5, 9.0])
@pytest.mark.parametrize("model", ["gemma3:27b", "qwen3:14b", "llama3.1:8b"])
def test_the_output_matrix_is_counted_where_only_some_layers_fit(
    model: str, free: float, models: dict[str, Metadata]
) -> None:
    machine = replace(MACHINES["RTX 3060 12 GB"], gpus=(replace(RTX_3060, memory_free=round(free * GIB)),))
    config = plan(models[model], machine, Wish())
    if config.gpu_layers > 0:
        _fits(models[model], machine, config)


def test_layers_that_are_asked_for_are_checked(models: dict[str, Metadata]) -> None:
    machine = MACHINES["RTX 3060 12 GB"]
    assert plan(models["llama3.1:8b"], machine, Wish(gpu_layers=99)).max_context > 40000, "99 are all"
    with pytest.raises(DoesNotFit, match="--gpu-layers all"):
        plan(models["gemma3:27b"], machine, Wish(gpu_layers="all"))
    with pytest.raises(DoesNotFit, match="--gpu-layers 60"):
        plan(models["gemma3:27b"], machine, Wish(gpu_layers=60))
    with pytest.raises(DoesNotFit, match=r"2\.0 GiB is free"):
        plan(models["llama3.3:70b"], replace(machine, memory_free=2 * GIB), Wish(gpu_layers=5))


def test_experts_of_a_mixture_are_spread_over_two_small_gpus(models: dict[str, Metadata]) -> None:
    """The GPU with the light layers takes more of them."""
    small = replace(RTX_3060, memory_free=6 * GIB)
    found = offload(models["qwen3:30b-a3b"], (small, small), setting(Wish(), 8192, gpu=True))
    assert found.gpu_layers == -1
    assert found.cpu_experts > 10
    assert sum(found.tensor_split) == 49
    assert found.tensor_split[0] > found.tensor_split[1] > 0
