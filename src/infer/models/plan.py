"""From a model and a machine to an EngineConfig: does it fit, and how?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from infer.errors import DoesNotFit, UsageError
from infer.machine import Machine
from infer.models.estimate import CELLS, ELEMENT_BYTES, Setting, estimate
from infer.models.offload import Offload, fits_entirely, offload
from infer.types import EngineConfig, KvType, Metadata

_BATCH = 512
_CPU_UBATCH = 256  # 5 % more prefill than 512 on the CPU measured, and half the buffers (docs/LOG.md)
ROW = 32  # elements of a block of q8_0 and q4_0
# A second thread pays from about here on; below, the barriers cost more than they bring (docs/LOG.md).
_WEIGHTS_PER_THREAD = 16 << 20
_SMALLEST = 256  # tokens: the context a run starts with
COMFORTABLE = 8192  # tokens: a question with a document
_MOST_PARALLEL = 32  # sequences; decode gains little beyond (docs/PERFORMANCE.md)
_TYPICAL = 1024  # tokens of a request in a batch, prompt and answer
_LONGEST = 1 << 28  # tokens; no trained context is longer
_LITTLE = 64 << 20  # bytes beside a model of which only the size is known: the processes

Fit = Literal["fits", "partly", "no"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for; None leaves it to the plan. gpu_layers: a number, "auto" or "all".

    parallel: sequences at once.
    """

    context: int | None = None
    threads: int | None = None
    kv_type: KvType = "f16"
    gpu_layers: int | str = "auto"
    lora: tuple[tuple[str, float], ...] = ()
    parallel: int | None = 1


def kv_bytes_per_token(metadata: Metadata, kv_type: KvType) -> float:
    """Bytes that one position takes in the KV caches of the layers that keep every position."""
    row = metadata.key_length + metadata.value_length
    small = frozenset(metadata.windowed)
    heads = sum(heads for layer, heads in enumerate(metadata.head_count_kv) if layer not in small)
    return heads * row * ELEMENT_BYTES[kv_type]


def memory_need(metadata: Metadata, context: int, kv_type: KvType = "f16") -> int:
    """Bytes that a run takes with a context of so many tokens: weights, KV cache, buffers, the two processes."""
    return estimate(metadata, setting(context, kv_type)).total


def setting(cells: int, kv_type: KvType, *, gpu: bool = False, parallel: int = 1) -> Setting:
    """What decides about memory, as a plan sets it: flash attention on a GPU, and where a quantised cache needs it."""
    return Setting(cells, kv_type, _BATCH if gpu else _CPU_UBATCH, gpu or kv_type != "f16", parallel)


def fit(metadata: Metadata, memory_free: int, context: int = COMFORTABLE) -> Fit:
    """Whether a model runs in so many bytes: `partly` means with a smaller context than `context` tokens."""
    if memory_need(metadata, min(context, metadata.context_length)) <= memory_free:
        return "fits"
    return "partly" if memory_need(metadata, min(_SMALLEST, metadata.context_length)) <= memory_free else "no"


def fit_by_size(file_size: int, memory_free: int) -> Fit:
    """`fit` of a model of which nothing is known but the bytes of its file: a tenth more is taken for its KV cache."""
    if file_size * 1.1 + _LITTLE <= memory_free:
        return "fits"
    return "partly" if file_size + _LITTLE <= memory_free else "no"


def plan(metadata: Metadata, machine: Machine, wish: Wish) -> EngineConfig:
    """How to run the model here. Raises DoesNotFit, with numbers, before anything is loaded.

    `machine.gpus` are the GPUs that this build can use; without them the CPU is planned for. On a CPU: no flash
    attention with f16 (it slows short suffixes), but a quantised KV cache needs it.
    """
    _check_rows(metadata, wish.kv_type)
    if machine.gpus and wish.gpu_layers != 0:
        placed = _on_gpus(metadata, machine, wish)
        if placed is not None:
            return placed
    return _on_cpu(metadata, machine, wish)


def _check_rows(metadata: Metadata, kv_type: KvType) -> None:
    if kv_type != "f16" and (metadata.key_length % ROW or metadata.value_length % ROW):
        what = f"--kv-type {kv_type} needs heads of a multiple of {ROW}, this model's have {metadata.key_length}"
        raise UsageError(what=what, hint="--kv-type f16")


def _on_cpu(metadata: Metadata, machine: Machine, wish: Wish) -> EngineConfig:
    smallest = wish.context or min(_SMALLEST, metadata.context_length)
    need = memory_need(metadata, smallest, wish.kv_type)
    if need > machine.memory_free:
        raise _does_not_fit(metadata, wish, smallest, need, machine.memory_free)
    fits = _most_cells(lambda cells: memory_need(metadata, cells, wish.kv_type) <= machine.memory_free)
    return _config(metadata, machine, wish, max(smallest, fits))


def _on_gpus(metadata: Metadata, machine: Machine, wish: Wish) -> EngineConfig | None:
    """The plan with GPUs; None where not one layer finds a place there."""
    usual = wish.context or min(COMFORTABLE, metadata.context_length)
    found = offload(metadata, machine.gpus, setting(usual, wish.kv_type, gpu=True))
    if isinstance(wish.gpu_layers, int):
        found = Offload(wish.gpu_layers)
    if not found.gpu_layers:
        return None
    need = found.host + estimate(metadata, setting(usual, wish.kv_type, gpu=True)).processes
    if need > machine.memory_free and not all(gpu.unified for gpu in machine.gpus):
        raise _does_not_fit(metadata, wish, usual, need, machine.memory_free)
    fits = usual
    if found.gpu_layers < 0 and not found.cpu_experts:
        size = setting(usual, wish.kv_type, gpu=True)
        fits = _most_cells(lambda cells: fits_entirely(metadata, machine.gpus, replace(size, cells=cells)))
    config = _config(metadata, machine, wish, max(usual, fits))
    return replace(
        config,
        ubatch=_BATCH,
        flash_attention=True,
        gpu_layers=found.gpu_layers,
        tensor_split=found.tensor_split,
        cpu_experts=found.cpu_experts,
    )


def _config(metadata: Metadata, machine: Machine, wish: Wish, fits: int) -> EngineConfig:
    """The configuration where so many cells fit."""
    max_context = wish.context or max(1, min(metadata.context_length, fits))
    parallel = wish.parallel or max(1, min(_MOST_PARALLEL, fits // min(_TYPICAL, max_context)))
    cores = machine.performance_cores or machine.cores
    return EngineConfig(
        context=wish.context,
        max_context=max_context,
        positions=max(max_context, min(fits, parallel * max_context)),
        parallel=parallel,
        threads=wish.threads or min(cores, 1 + metadata.tensor_bytes // _WEIGHTS_PER_THREAD),
        batch=max(_BATCH, parallel),
        ubatch=_CPU_UBATCH,
        kv_type=wish.kv_type,
        gpu_layers=wish.gpu_layers if isinstance(wish.gpu_layers, int) else -1,
        flash_attention=wish.kv_type != "f16",
        lora=wish.lora,
    )


def _most_cells(fits: Callable[[int], bool]) -> int:
    """The largest number of cells that fits, a multiple of what llama.cpp rounds to; 0: none."""
    low, high = 0, _LONGEST // CELLS
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle * CELLS) else (low, middle - 1)
    return low * CELLS


def _does_not_fit(metadata: Metadata, wish: Wish, context: int, need: int, have: int) -> DoesNotFit:
    what = f"{metadata.name} with a context of {context:,} tokens"
    hint = "a smaller --ctx or --kv-type q8_0 needs less" if wish.context else "a smaller model needs less"
    return DoesNotFit(what=what, need=need, have=have, hint=hint)
