"""The shapes of real models as GGUF files without weights: the header is whole, the data a hole in the file.

llama.cpp loads them with `no_alloc` (it only reckons what it would allocate); small ones it can even run: all weights
are zero. `write(shape, path)` makes one in a second; it takes no disk but for the vocabulary.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gguf

from ggufs import bpe
from infer.models.ggml import TENSOR_TYPES

Dimensions = tuple[int, ...]  # in llama.cpp's order, the row's length first
_TYPES = {name: kind for kind, (name, _, _) in TENSOR_TYPES.items()}


@dataclass(frozen=True)
class Shape:
    """What a model's blocks are made of.

    attention  which layers attend (others are recurrent); None: all      tied  the output is the token table
    experts    (count, used, width of one), None: dense                   state (inner, state, groups, rank, kernel)
    """

    arch: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    head: int
    ffn: int
    vocab: int
    context: int = 131072
    tied: bool = True
    window: int | None = None
    attention: tuple[int, ...] | None = None
    experts: tuple[int, int, int] | None = None
    state: tuple[int, int, int, int, int] | None = None
    types: tuple[str, str, str] = ("Q4_K", "Q6_K", "Q4_K")  # matrices, token table, experts
    extra: Mapping[str, Any] = field(default_factory=dict)

    def attends(self, layer: int) -> bool:
        """Whether a layer has attention."""
        return self.attention is None or layer in self.attention

    def small(self) -> "Shape":
        """The same with an eighth of the width and a fifth of the vocabulary, for tests that have to be quick."""
        experts = self.experts and (8, 2, 256)
        return replace(self, vocab=4096, ffn=self.ffn and 1024, experts=experts, context=32768)


def _every(step: int, layers: int, first: int = 0) -> tuple[int, ...]:
    return tuple(range(first, layers, step))


_QWEN35 = {"full_attention_interval": 4, "rope.dimension_sections": [11, 11, 10, 0], "rope.dimension_count": 64}
SHAPES = {
    "smollm2:135m": Shape("llama", 30, 576, 9, 3, 64, 1536, 49152, 8192, types=("Q4_0", "Q8_0", "Q4_0")),
    "qwen3:0.6b": Shape("qwen3", 28, 1024, 16, 8, 128, 3072, 151936, 40960),
    "llama3.2:1b": Shape("llama", 16, 2048, 32, 8, 64, 8192, 128256),
    "gemma3:1b": Shape("gemma3", 26, 1152, 4, 1, 256, 6912, 262144, 32768, window=512, types=("Q4_0", "Q8_0", "Q4_0")),
    "lfm2.5:1.2b": Shape("lfm2", 16, 2048, 32, 8, 64, 8192, 65536, 128000, attention=(2, 5, 8, 10, 12, 14)),
    "mamba:1.4b": Shape("mamba", 48, 2048, 0, 0, 0, 0, 50280, attention=(), state=(4096, 16, 0, 128, 4)),
    "granite4-h:1b": Shape(
        "granitehybrid", 40, 1536, 12, 4, 128, 4096, 100352, attention=(5, 15, 25, 35), state=(3072, 128, 1, 48, 4)
    ),
    "qwen3.5:4b": Shape(
        "qwen35", 32, 2560, 16, 4, 256, 9216, 248320, 262144,
        attention=_every(4, 32, 3), state=(4096, 128, 16, 32, 4), extra=_QWEN35,
    ),
    "gemma2:2b": Shape("gemma2", 26, 2304, 8, 4, 256, 9216, 256000, 8192, window=4096),
    "llama3.1:8b": Shape("llama", 32, 4096, 32, 8, 128, 14336, 128256, tied=False),
    "qwen3:14b": Shape("qwen3", 40, 5120, 40, 8, 128, 17408, 151936, 40960, tied=False),
    "gpt-oss:20b": Shape(
        "gpt-oss", 24, 2880, 64, 8, 64, 2880, 201088, tied=False, window=128,
        experts=(32, 4, 2880), types=("Q8_0", "Q8_0", "MXFP4"),
    ),
    "qwen3:30b-a3b": Shape("qwen3moe", 48, 2048, 32, 4, 128, 6144, 151936, 40960, tied=False, experts=(128, 8, 768)),
    "gemma3:27b": Shape("gemma3", 62, 5376, 32, 16, 128, 21504, 262144, window=1024),
    "llama3.3:70b": Shape("llama", 80, 8192, 64, 8, 128, 28672, 128256, tied=False),
}  # fmt: skip


def write(shape: Shape, path: Path, name: str = "shape") -> Path:
    """Write the file."""
    writer = gguf.GGUFWriter(path, shape.arch)
    for key, value in {**_pairs(shape, name), **bpe(shape.vocab)}.items():
        _add(writer, key, value)
    for tensor, dimensions, kind in _tensors(shape):
        _, block, size = TENSOR_TYPES[_TYPES[kind]]
        elements = 1
        for length in dimensions:
            elements *= length
        assert dimensions[0] % block == 0, f"{tensor} {dimensions} in {kind}"
        raw = gguf.GGMLQuantizationType(_TYPES[kind])
        rows = gguf.quant_shape_to_byte_shape(dimensions[::-1], raw)
        writer.add_tensor_info(tensor, rows, gguf.np.dtype("uint8"), elements // block * size, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    assert writer.fout is not None
    files = writer.fout
    begin = -(-files[0].tell() // 32) * 32
    end = sum(-(-info.nbytes // 32) * 32 for info in writer.tensors[0].values())
    writer.close()
    with path.open("r+b") as file:
        file.truncate(begin + end)
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    else:
        writer.add_array(key, value)


def _pairs(shape: Shape, name: str) -> dict[str, Any]:
    kv_heads: Any = shape.kv_heads
    if shape.attention is not None and shape.arch != "qwen35":
        kv_heads = [shape.kv_heads if shape.attends(layer) else 0 for layer in range(shape.layers)]
    pairs: dict[str, Any] = {
        "context_length": shape.context,
        "embedding_length": shape.width,
        "block_count": shape.layers,
        "feed_forward_length": shape.ffn,
        "attention.head_count": shape.heads,
        "attention.head_count_kv": kv_heads if shape.heads else 0,
        "attention.layer_norm_rms_epsilon": 1e-6,
    }
    if shape.head:
        pairs |= {"attention.key_length": shape.head, "attention.value_length": shape.head}
        pairs |= {"rope.dimension_count": shape.head, "rope.freq_base": 1e6}
    if shape.window:
        pairs["attention.sliding_window"] = shape.window
    if shape.arch == "lfm2":
        pairs["shortconv.l_cache"] = 3
    if shape.state:
        words = ("inner_size", "state_size", "group_count", "time_step_rank", "conv_kernel")
        pairs |= {f"ssm.{word}": size for word, size in zip(words, shape.state, strict=True)}
    if shape.experts:
        words = ("expert_count", "expert_used_count", "expert_feed_forward_length")
        pairs |= dict(zip(words, shape.experts, strict=True))
    pairs |= shape.extra
    return {"general.name": name, **{f"{shape.arch}.{key}": value for key, value in pairs.items()}}


def _tensors(shape: Shape) -> Iterator[tuple[str, Dimensions, str]]:
    matrix, table, _ = shape.types
    yield "token_embd.weight", (shape.width, shape.vocab), table
    yield ("token_embd_norm.weight" if shape.arch == "lfm2" else "output_norm.weight"), (shape.width,), "F32"
    if not shape.tied:
        yield "output.weight", (shape.width, shape.vocab), table
    for layer in range(shape.layers):
        mixer = _attention(shape) if shape.attends(layer) else _recurrent(shape)
        parts = [*mixer, *(() if shape.arch == "mamba" else _feed_forward(shape))]
        for name, dimensions, kind in parts:
            yield f"blk.{layer}.{name}", dimensions, kind or matrix


def _attention(shape: Shape) -> Iterator[tuple[str, Dimensions, str]]:
    width, queries, keys = shape.width, shape.heads * shape.head, shape.kv_heads * shape.head
    yield "attn_norm.weight", (width,), "F32"
    yield "attn_q.weight", (width, queries * (2 if shape.arch == "qwen35" else 1)), ""
    yield "attn_k.weight", (width, keys), ""
    yield "attn_v.weight", (width, keys), ""
    yield "attn_output.weight", (queries, width), ""
    if shape.arch in ("qwen3", "qwen3moe", "gemma3", "lfm2", "qwen35"):
        yield "attn_q_norm.weight", (shape.head,), "F32"
        yield "attn_k_norm.weight", (shape.head,), "F32"
    if shape.arch in ("gemma2", "gemma3", "gpt-oss", "qwen35"):
        yield "post_attention_norm.weight", (width,), "F32"
    if shape.arch == "gpt-oss":
        yield "attn_sinks.weight", (shape.heads,), "F32"
        for name, length in (("q", queries), ("k", keys), ("v", keys), ("output", width)):
            yield f"attn_{name}.bias", (length,), "F32"


def _recurrent(shape: Shape) -> Iterator[tuple[str, Dimensions, str]]:
    width = shape.width
    yield "attn_norm.weight", (width,), "F32"
    if shape.arch == "lfm2":
        yield "shortconv.conv.weight", (3, width), "F32"
        yield "shortconv.in_proj.weight", (width, 3 * width), ""
        yield "shortconv.out_proj.weight", (width, width), ""
        return
    assert shape.state is not None
    inner, state, groups, rank, kernel = shape.state
    yield "ssm_out.weight", (inner, width), ""
    yield "ssm_conv1d.weight", (kernel, inner + 2 * groups * state), "F32"
    yield "ssm_dt.bias", (inner if shape.arch == "mamba" else rank,), "F32"
    if shape.arch == "qwen35":
        yield "post_attention_norm.weight", (width,), "F32"
        yield "attn_qkv.weight", (width, 2 * groups * state + inner), ""
        yield "attn_gate.weight", (width, inner), ""
        yield "ssm_a", (rank,), "F32"
        yield "ssm_beta.weight", (width, rank), ""
        yield "ssm_alpha.weight", (width, rank), ""
        yield "ssm_norm.weight", (inner // rank,), "F32"
        return
    yield "ssm_conv1d.bias", (inner + 2 * groups * state,), "F32"
    if shape.arch == "mamba":
        yield "ssm_in.weight", (width, 2 * inner), ""
        yield "ssm_x.weight", (inner, rank + 2 * state), ""
        yield "ssm_dt.weight", (rank, inner), "F32"
        yield "ssm_a", (state, inner), "F32"
        yield "ssm_d", (inner,), "F32"
        return
    yield "ssm_in.weight", (width, 2 * inner + 2 * groups * state + rank), ""
    yield "ssm_a", (1, rank), "F32"
    yield "ssm_d", (1, rank), "F32"
    yield "ssm_norm.weight", (inner // groups, groups), "F32"


def _feed_forward(shape: Shape) -> Iterator[tuple[str, Dimensions, str]]:
    width = shape.width
    if shape.arch not in ("gpt-oss", "qwen35"):
        yield "ffn_norm.weight", (width,), "F32"
    if shape.arch in ("gemma2", "gemma3"):
        yield "post_ffw_norm.weight", (width,), "F32"
    if shape.experts is None:
        for name in ("gate", "up"):
            yield f"ffn_{name}.weight", (width, shape.ffn), ""
        yield "ffn_down.weight", (shape.ffn, width), ""
        return
    count, _, ffn = shape.experts
    yield "ffn_gate_inp.weight", (width, count), "F32"
    for name in ("gate", "up"):
        yield f"ffn_{name}_exps.weight", (width, ffn, count), shape.types[2]
    yield "ffn_down_exps.weight", (ffn, width, count), shape.types[2]
    if shape.arch == "gpt-oss":
        yield "ffn_gate_inp.bias", (count,), "F32"
        for name, length in (("gate", ffn), ("up", ffn), ("down", width)):
            yield f"ffn_{name}_exps.bias", (length, count), "F32"
