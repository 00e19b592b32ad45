"""From a model and a machine to an EngineConfig: does it fit, and how?"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

from infer.errors import DoesNotFit, UsageError
from infer.machine import Machine
from infer.models.estimate import CELLS, ELEMENT_BYTES, Setting, estimate
from infer.models.offload import Offload, fits_entirely, given, offload
from infer.types import EngineConfig, KvType, Metadata, Pooling

_BATCH = 512
_CPU_UBATCH = 256  # 5 % more prefill than 512 on the CPU measured, and half the buffers (docs/LOG.md)
ROW = 32  # elements of a block of q8_0 and q4_0
# A second thread pays from about here on; below, the barriers cost more than they bring (docs/LOG.md).
_WEIGHTS_PER_THREAD = 16 << 20
_SMALLEST = 256  # tokens: the context a run starts with
COMFORTABLE = 8192  # tokens: a question with a document
_MOST_PARALLEL = 64  # sequences; how many of them pay is found out while they run (engine/occupancy.py)
_TYPICAL = 1024  # tokens of a request in a batch, prompt and answer
_MOST_TEXTS = 64  # texts that are embedded together; with as many tokens as pay they rarely are more
_ROW_WIDTHS = 16  # activations of one token that a compute graph holds at a time, in widths of the model
_MOST_BESIDE_A_GPU = 8  # threads; with all layers on it the processor only looks tokens up
_LONGEST = 1 << 28  # tokens; no trained context is longer
_LITTLE = 64 << 20  # bytes beside a model of which only the size is known: the processes

Fit = Literal["fits", "partly", "no"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for; None leaves it to the plan. gpu_layers: a number, "auto" or "all".

    ubatch, flash_attention, repack: as in EngineConfig.

    parallel   sequences at once
    most       there will be no more than these, None: nobody knows
    alike      most of what they begin with is the same
    """

    context: int | None = None
    threads: int | None = None
    kv_type: KvType = "f16"
    gpu_layers: int | str = "auto"
    lora: tuple[tuple[str, float], ...] = ()
    parallel: int | None = 1
    ubatch: int | None = None
    flash_attention: bool | None = None
    repack: bool = False
    most: int | None = None
    alike: bool = False


def kv_bytes_per_token(metadata: Metadata, kv_type: KvType) -> float:
    """Bytes that one position takes in the KV caches of the layers that keep every position."""
    row = metadata.key_length + metadata.value_length
    small = frozenset(metadata.windowed)
    heads = sum(heads for layer, heads in enumerate(metadata.head_count_kv) if layer not in small)
    return heads * row * ELEMENT_BYTES[kv_type]


def memory_need(metadata: Metadata, context: int, kv_type: KvType = "f16") -> int:
    """Bytes that a run takes with a context of so many tokens: weights, KV cache, buffers, the two processes."""
    return estimate(metadata, Setting(context, kv_type, _CPU_UBATCH, kv_type != "f16")).total


def setting(wish: Wish, cells: int, *, gpu: bool = False, parallel: int = 1) -> Setting:
    """What decides about memory, as a plan sets it.

    Flash attention: a quantised KV cache needs it, a GPU is faster with it. On a CPU it slows short suffixes of one
    sequence, but of many it computes for each one only its own cells, where the other way computes all cells for all
    of them.
    """
    needed = gpu or wish.kv_type != "f16" or _unlike(wish)
    flash = needed if wish.flash_attention is None else wish.flash_attention
    return Setting(cells, wish.kv_type, wish.ubatch or (_BATCH if gpu else _CPU_UBATCH), flash, parallel)


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

    `machine.gpus` are the GPUs that this build can use; without them the CPU is planned for.
    """
    _check_cache(metadata, wish)
    if machine.gpus and wish.gpu_layers != 0:
        placed = _on_gpus(metadata, machine, wish)
        return placed or replace(_on_cpu(metadata, machine, wish), gpu_layers=0)
    return _on_cpu(metadata, machine, wish)


def _check_cache(metadata: Metadata, wish: Wish) -> None:
    if wish.kv_type == "f16":
        return
    if metadata.key_length % ROW or metadata.value_length % ROW:
        what = f"--kv-type {wish.kv_type} needs heads of a multiple of {ROW}, this model's have {metadata.key_length}"
        raise UsageError(what=what, hint="--kv-type f16")
    if wish.flash_attention is False:
        raise UsageError(what=f"a KV cache of {wish.kv_type} needs flash attention", hint="flash_attention = auto")


def _unlike(wish: Wish) -> bool:
    """Whether there are many sequences that have little in common."""
    return 1 not in (wish.parallel, wish.most) and not wish.alike


def _on_cpu(metadata: Metadata, machine: Machine, wish: Wish) -> EngineConfig:
    def need(cells: int, parallel: int) -> int:
        return estimate(metadata, setting(wish, cells, parallel=parallel)).total

    smallest = wish.context or min(_SMALLEST, metadata.context_length)
    least = need(smallest, 1)
    if least > machine.memory_free:
        raise _does_not_fit(metadata, wish, smallest, least, machine.memory_free)

    def fits(parallel: int) -> int:
        return _most_cells(lambda cells: need(cells, parallel) <= machine.memory_free)

    config = _config(metadata, machine, wish, fits, smallest, setting(wish, 0))
    return replace(config, apart=_unlike(wish), streams=_unlike(wish) and wish.context is None)


def _on_gpus(metadata: Metadata, machine: Machine, wish: Wish) -> EngineConfig | None:
    """The plan with GPUs; None where not one layer finds a place there, or what is left none in memory."""
    usual = wish.context or min(COMFORTABLE, metadata.context_length)
    size = setting(wish, usual, gpu=True)
    found = _offload(metadata, machine, wish, size)
    if not found.gpu_layers:
        return None
    need = found.host + estimate(metadata, size).processes
    if need > machine.memory_free and not all(gpu.unified for gpu in machine.gpus):
        if wish.context is None and wish.gpu_layers == "auto":
            return None  # the processor alone may do with a smaller context
        raise _does_not_fit(metadata, wish, usual, need, machine.memory_free)

    def fits(parallel: int) -> int:
        if found.gpu_layers >= 0 or found.cpu_experts:
            return usual  # more would take layers or experts off the GPU again
        most = replace(size, parallel=parallel)
        return _most_cells(lambda cells: fits_entirely(metadata, machine.gpus, replace(most, cells=cells)))

    config = _config(metadata, machine, wish, fits, usual, size)
    whole = found.gpu_layers < 0 and not found.cpu_experts
    return replace(
        config,
        threads=wish.threads or (min(config.threads, _MOST_BESIDE_A_GPU) if whole else config.threads),
        gpu_layers=found.gpu_layers,
        tensor_split=found.tensor_split,
        cpu_experts=found.cpu_experts,
    )


def _offload(metadata: Metadata, machine: Machine, wish: Wish, size: Setting) -> Offload:
    """What goes on the GPUs: what fits, or what is wished for. Raises DoesNotFit for a wish that does not."""
    if wish.gpu_layers == "auto":
        return offload(metadata, machine.gpus, size)
    layers = wish.gpu_layers if isinstance(wish.gpu_layers, int) else metadata.block_count + 1
    if layers > metadata.block_count:
        found = offload(metadata, machine.gpus, size)
        if found.gpu_layers < 0 and not found.cpu_experts:
            return found
    asked, lack = given(metadata, machine.gpus, size, layers)
    if lack:
        have = sum(gpu.memory_free for gpu in machine.gpus)
        what = f"{metadata.name} with --gpu-layers {wish.gpu_layers} and a context of {size.cells:,} tokens"
        raise DoesNotFit(what=what, need=have + lack, have=have, hint="fewer --gpu-layers, or auto")
    return asked


def _config(
    metadata: Metadata, machine: Machine, wish: Wish, fits: Callable[[int], int], least: int, how: Setting
) -> EngineConfig:
    """The configuration where `fits` says how many cells find a place beside so many sequences, at least `least`."""
    cells = max(least, fits(1))
    max_context = wish.context or max(1, min(metadata.context_length, cells))
    parallel = wish.parallel or _sequences(fits, min(_MOST_PARALLEL, wish.most or _MOST_PARALLEL), max_context)
    parallel = min(parallel, wish.most or parallel)
    cells = max(least, fits(parallel)) if parallel > 1 else cells
    return EngineConfig(
        context=wish.context,
        max_context=max_context,
        positions=max(max_context, min(cells, parallel * max_context)),
        parallel=parallel,
        adapts=wish.parallel is None,
        threads=wish.threads or _threads(metadata, machine),
        batch=max(_BATCH, parallel, how.ubatch),
        ubatch=how.ubatch,
        kv_type=wish.kv_type,
        gpu_layers=_gpu_layers(wish.gpu_layers),
        flash_attention=how.flash_attention,
        repack=wish.repack,
        lora=wish.lora,
    )


def _sequences(fits: Callable[[int], int], most: int, max_context: int) -> int:
    """So many sequences find a place, each with a typical request; every one takes buffers of its own beside cells."""
    parallel = most
    while parallel > 1 and (room := fits(parallel) // min(_TYPICAL, max_context)) < parallel:
        parallel = max(1, room, parallel // 2)
    return parallel


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


def plan_embedding(metadata: Metadata, machine: Machine, wish: Wish, pooling: Pooling) -> EngineConfig:
    """How to make embeddings here: `max_context` is the longest text. Raises DoesNotFit, with numbers.

    A decoder whose last token speaks for the text reads it in pieces, as a prompt. Every other model sees a text whole,
    in one compute graph: in two, its tokens would not see each other, or the mean would be that of the last piece.
    """
    in_pieces = metadata.causal and pooling == "last"
    if in_pieces:
        config = plan(metadata, machine, replace(wish, context=None, kv_type="f16"))
        longest = config.max_context
    else:
        longest = _longest_graph(metadata, machine.memory_free)
        config = EngineConfig(ubatch=_BATCH, threads=wish.threads or _threads(metadata, machine))
    return replace(
        config,
        context=None,
        max_context=min(longest, wish.context or longest, metadata.context_length),
        parallel=_MOST_TEXTS,
        batch=_BATCH,
        outputs=_MOST_TEXTS,
        gpu_layers=_embedding_layers(metadata, machine, wish),
        pooling=pooling,
        in_pieces=in_pieces,
    )


def _embedding_layers(metadata: Metadata, machine: Machine, wish: Wish) -> int:
    """All or nothing: embedding models are small beside what computes them."""
    if wish.gpu_layers != "auto" or not machine.gpus:
        return _gpu_layers(wish.gpu_layers)
    room = max(gpu.memory_free for gpu in machine.gpus)
    return -1 if _graph_need(metadata, min(_BATCH, metadata.context_length)) <= room else 0


def _longest_graph(metadata: Metadata, memory_free: int) -> int:
    """Tokens n whose compute graph fits: the weights, n rows of activations, n * n attention scores of a layer."""
    row, score = _row_and_score(metadata)
    base = metadata.tensor_bytes + _LITTLE
    smallest = min(_BATCH, metadata.context_length)
    need = _graph_need(metadata, smallest)
    if need > memory_free:
        what = f"{metadata.name} with texts of {smallest:,} tokens"
        raise DoesNotFit(what=what, need=need, have=memory_free, hint="a smaller model needs less")
    return int((sqrt(row**2 + 4 * score * (memory_free - base)) - row) / (2 * score)) if score else smallest


def _row_and_score(metadata: Metadata) -> tuple[float, int]:
    """Bytes of a token in the graph, and of a pair of tokens."""
    row = _ROW_WIDTHS * metadata.embedding_length * 4 + kv_bytes_per_token(metadata, "f16") + metadata.vocab_size * 4
    return row, 2 * metadata.head_count * 4  # f32, before and after the softmax


def _graph_need(metadata: Metadata, tokens: int) -> int:
    row, score = _row_and_score(metadata)
    return round(metadata.tensor_bytes + _LITTLE + tokens * row + tokens**2 * score)


def _threads(metadata: Metadata, machine: Machine) -> int:
    cores = machine.performance_cores or machine.cores
    return min(cores, 1 + metadata.tensor_bytes // _WEIGHTS_PER_THREAD)


def _gpu_layers(wish: int | str) -> int:
    """llama.cpp takes a negative number for all; a build without a GPU ignores it, which the caller checks."""
    return wish if isinstance(wish, int) else -1
