"""From a model and a machine to an EngineConfig: does it fit, and how?"""

from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

from infer.errors import DoesNotFit, UsageError
from infer.machine import Machine
from infer.types import EngineConfig, KvType, Metadata, Pooling

# Bytes of one element of the KV cache: f16 2; q8_0 34 bytes for 32, q4_0 18 bytes for 32 (ggml's block formats).
_ELEMENT_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
_OVERHEAD = 64 << 20  # bytes: two Python processes and llama.cpp's smallest compute buffers
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
    """Bytes that one position takes in the KV caches of all layers."""
    row = metadata.key_length + metadata.value_length
    return sum(metadata.head_count_kv) * row * _ELEMENT_BYTES[kv_type]


def memory_need(metadata: Metadata, context: int, kv_type: KvType = "f16") -> int:
    """Bytes that a run takes with a context of so many tokens: weights, KV cache, buffers, the two processes."""
    return round(metadata.tensor_bytes + _OVERHEAD + context * _bytes_per_position(metadata, kv_type))


def fit(metadata: Metadata, memory_free: int, context: int = COMFORTABLE) -> Fit:
    """Whether a model runs in so many bytes: `partly` means with a smaller context than `context` tokens."""
    if memory_need(metadata, min(context, metadata.context_length)) <= memory_free:
        return "fits"
    return "partly" if memory_need(metadata, min(_SMALLEST, metadata.context_length)) <= memory_free else "no"


def fit_by_size(file_size: int, memory_free: int) -> Fit:
    """`fit` of a model of which nothing is known but the bytes of its file: a tenth more is taken for its KV cache."""
    if file_size * 1.1 + _OVERHEAD <= memory_free:
        return "fits"
    return "partly" if file_size + _OVERHEAD <= memory_free else "no"


def _bytes_per_position(metadata: Metadata, kv_type: KvType, *, flash: bool = False) -> float:
    per_token = kv_bytes_per_token(metadata, kv_type)
    if kv_type == "f16" and not flash:  # without flash attention the scores of a ubatch stand in memory, as f32
        per_token += metadata.head_count * _BATCH * 4
    return per_token


def plan(metadata: Metadata, machine: Machine, wish: Wish) -> EngineConfig:
    """How to run the model here. Raises DoesNotFit, with numbers, before anything is loaded.

    Flash attention: a quantised KV cache needs it. On a CPU it slows short suffixes of one sequence, but of many it
    computes for each one only its own cells, where the other way computes all cells for all of them.
    """
    if wish.kv_type != "f16" and (metadata.key_length % ROW or metadata.value_length % ROW):
        what = f"--kv-type {wish.kv_type} needs heads of a multiple of {ROW}, this model's have {metadata.key_length}"
        raise UsageError(what=what, hint="--kv-type f16")
    if wish.kv_type != "f16" and wish.flash_attention is False:
        raise UsageError(what=f"a KV cache of {wish.kv_type} needs flash attention", hint="flash_attention = auto")
    ubatch = wish.ubatch or (_BATCH if machine.gpu else _CPU_UBATCH)
    unlike = 1 not in (wish.parallel, wish.most) and not wish.alike
    flash = (wish.kv_type != "f16" or unlike) if wish.flash_attention is None else wish.flash_attention
    many = unlike and (not machine.gpu or wish.gpu_layers == 0)
    per_token = _bytes_per_position(metadata, wish.kv_type, flash=flash)
    base = metadata.tensor_bytes + _OVERHEAD
    smallest = wish.context or min(_SMALLEST, metadata.context_length)
    need = memory_need(metadata, smallest, wish.kv_type)
    if need > machine.memory_free:
        what = f"{metadata.name} with a context of {smallest:,} tokens"
        hint = "a smaller --ctx or --kv-type q8_0 needs less" if wish.context else "a smaller model needs less"
        raise DoesNotFit(what=what, need=need, have=machine.memory_free, hint=hint)
    fits = int((machine.memory_free - base) / per_token) if per_token else metadata.context_length
    max_context = wish.context or max(1, min(metadata.context_length, fits))
    parallel = wish.parallel or max(1, min(_MOST_PARALLEL, fits // min(_TYPICAL, max_context)))
    parallel = min(parallel, wish.most or parallel)
    return EngineConfig(
        context=wish.context,
        max_context=max_context,
        positions=max(max_context, min(fits, parallel * max_context)),
        parallel=parallel,
        adapts=wish.parallel is None,
        apart=many,
        streams=many and wish.context is None,
        threads=wish.threads or _threads(metadata, machine),
        batch=max(_BATCH, parallel, ubatch),
        ubatch=ubatch,
        kv_type=wish.kv_type,
        gpu_layers=_gpu_layers(wish.gpu_layers),
        flash_attention=flash,
        repack=wish.repack,
        lora=wish.lora,
    )


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
        gpu_layers=_gpu_layers(wish.gpu_layers),
        pooling=pooling,
        in_pieces=in_pieces,
    )


def _longest_graph(metadata: Metadata, memory_free: int) -> int:
    """Tokens n whose compute graph fits: the weights, n rows of activations, n * n attention scores of a layer."""
    row = _ROW_WIDTHS * metadata.embedding_length * 4 + kv_bytes_per_token(metadata, "f16") + metadata.vocab_size * 4
    score = 2 * metadata.head_count * 4  # f32, before and after the softmax
    base = metadata.tensor_bytes + _OVERHEAD
    smallest = min(_BATCH, metadata.context_length)
    need = round(base + smallest * row + smallest**2 * score)
    if need > memory_free:
        what = f"{metadata.name} with texts of {smallest:,} tokens"
        raise DoesNotFit(what=what, need=need, have=memory_free, hint="a smaller model needs less")
    return int((sqrt(row**2 + 4 * score * (memory_free - base)) - row) / (2 * score)) if score else smallest


def _threads(metadata: Metadata, machine: Machine) -> int:
    return min(machine.cores, 1 + metadata.tensor_bytes // _WEIGHTS_PER_THREAD)


def _gpu_layers(wish: int | str) -> int:
    """llama.cpp takes a negative number for all; a build without a GPU ignores it, which the caller checks."""
    return wish if isinstance(wish, int) else -1
