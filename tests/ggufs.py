"""Tiny random-weight GGUF files that the real llama.cpp loads, tokenises with and generates from.

    write_gguf(path)        llama architecture, byte-level BPE (GPT-2 alphabet); every byte string tokenises
    write_spm_gguf(path)    the same behind a SentencePiece vocabulary (space prefix, byte fallback)
    bpe(n), spm(n)          the tokenizers' key/value pairs alone

Under greedy decoding such a model never ends by itself and never emits a control token (their output rows are
zero, `control_rows=True` keeps them random); what it says is noise, byte tokens that are not UTF-8 included.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np

SYSTEM, USER, ASSISTANT, END = CONTROL = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
MERGES = ("t h", "th e", "Ġ t", "Ġ a", "i n", "e r", "o n", "Ġt h", "Ġth e", "i s", "Ġ f", "o x", "Ġf ox")
WORDS = (
    "▁the",
    "▁fox",
    "▁and",
    "▁a",
    "▁is",
    "the",
    "fox",
    "▁t",
    "th",
    "he",
    "▁f",
    "ox",
    "▁an",
    "nd",
    "an",
    "is",
)
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
NORMAL, UNKNOWN, CONTROL_TYPE, BYTE = 1, 2, 3, 6
CONVOLUTION = 3  # positions that a short convolution of LFM2 looks at
MAMBA = (16, 8, 4)  # state size, rank of the time step, width of the convolution
FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7}


def byte_alphabet() -> list[str]:
    """The 256 characters that stand for bytes 0-255 in a GPT-2 vocabulary, in the order of the bytes."""
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte if byte in shown else 0x100 + hidden.index(byte)) for byte in range(256)]


def _padded(tokens: list[str], types: list[int], vocab: int | None) -> None:
    while len(tokens) < (vocab or 0):
        tokens.append(f"filler{len(tokens)}")
        types.append(NORMAL)


def bpe(vocab: int | None = None) -> dict[str, Any]:
    """Byte-level BPE: 256 bytes, a few merges, four control tokens, filler up to `vocab` tokens; no BOS."""
    tokens = byte_alphabet() + [merge.replace(" ", "") for merge in MERGES] + list(CONTROL)
    types = [NORMAL] * (256 + len(MERGES)) + [CONTROL_TYPE] * len(CONTROL)
    end = tokens.index(END)
    _padded(tokens, types, vocab)
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": list(MERGES),
        "tokenizer.ggml.eos_token_id": end,
        "tokenizer.ggml.eot_token_id": end,
        "tokenizer.ggml.add_bos_token": False,
    }


def spm(vocab: int | None = None) -> dict[str, Any]:
    """SentencePiece: <unk> <s> </s>, 256 byte tokens, words, ASCII, control tokens; BOS and space prefix."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    types = [UNKNOWN, CONTROL_TYPE, CONTROL_TYPE] + [BYTE] * 256
    pieces = [*WORDS, "▁", *(chr(c) for c in range(0x21, 0x7F))]
    tokens += [*pieces, *CONTROL]
    types += [NORMAL] * len(pieces) + [CONTROL_TYPE] * len(CONTROL)
    end = tokens.index(END)
    _padded(tokens, types, vocab)
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [-float(i) if kind == NORMAL else 0.0 for i, kind in enumerate(types)],
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": end,
        "tokenizer.ggml.eot_token_id": end,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_space_prefix": True,
    }


Shape = tuple[int, ...]  # in numpy order: (rows, columns) or (n,)


def _attention_block(arch: str, *, width: int, head: int, heads: int, kv_heads: int, ffn: int) -> dict[str, Shape]:
    """The weights of one layer of a dense transformer."""
    query, keys = head * heads, head * kv_heads
    block: dict[str, Shape] = {"attn_norm": (width,), "attn_q": (query, width), "attn_k": (keys, width)}
    block |= {"attn_v": (keys, width), "attn_output": (width, query), "ffn_norm": (width,)}
    block |= {"ffn_gate": (ffn, width), "ffn_up": (ffn, width), "ffn_down": (width, ffn)}
    if arch in {"qwen3", "gemma3", "lfm2"}:
        block |= {"attn_q_norm": (head,), "attn_k_norm": (head,)}
    if arch == "gemma3":
        block |= {"post_attention_norm": (width,), "post_ffw_norm": (width,)}
    return {f"{name}.weight": shape for name, shape in block.items()}


def _mamba_block(width: int) -> dict[str, Shape]:
    """The weights of one recurrent layer; llama.cpp wants an inner size of twice the width."""
    inner, state, rank, kernel = 2 * width, *MAMBA
    block: dict[str, Shape] = {"attn_norm.weight": (width,), "ssm_in.weight": (2 * inner, width)}
    block |= {"ssm_conv1d.weight": (inner, kernel), "ssm_conv1d.bias": (inner,)}
    block |= {"ssm_x.weight": (rank + 2 * state, inner), "ssm_dt.weight": (inner, rank), "ssm_dt.bias": (inner,)}
    return block | {"ssm_a": (inner, state), "ssm_d": (inner,), "ssm_out.weight": (width, inner)}


def _mamba_pairs(width: int) -> dict[str, Any]:
    names = ("state_size", "time_step_rank", "conv_kernel")
    sizes = {f"mamba.ssm.{name}": size for name, size in zip(names, MAMBA, strict=True)}
    return {
        "mamba.ssm.inner_size": 2 * width,
        **sizes,
        "mamba.attention.head_count": 0,
        "mamba.attention.head_count_kv": 0,
    }


def _hybrid_pairs(layers: int, kv_heads: int) -> dict[str, Any]:
    heads = [kv_heads if layer % 2 else 0 for layer in range(layers)]
    return {"lfm2.shortconv.l_cache": CONVOLUTION, "lfm2.attention.head_count_kv": heads}


def _convolution_block(width: int, ffn: int) -> dict[str, Shape]:
    """The weights of a short-convolution layer of LFM2: a recurrent state beside its attention layers' KV."""
    block: dict[str, Shape] = {"attn_norm": (width,), "ffn_norm": (width,), "shortconv.conv": (width, CONVOLUTION)}
    block |= {"shortconv.in_proj": (3 * width, width), "shortconv.out_proj": (width, width)}
    block |= {"ffn_gate": (ffn, width), "ffn_up": (ffn, width), "ffn_down": (width, ffn)}
    return {f"{name}.weight": shape for name, shape in block.items()}


def _blocks(arch: str, layers: int, shape: dict[str, int]) -> list[dict[str, Shape]]:
    """The weights of every layer; a hybrid has its attention in every second one."""
    if arch == "mamba":
        return [_mamba_block(shape["width"])] * layers
    attention = _attention_block(arch, **shape)
    if arch != "lfm2":
        return [attention] * layers
    return [attention if i % 2 else _convolution_block(shape["width"], shape["ffn"]) for i in range(layers)]


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    """One key/value pair under the type that llama.cpp expects for a Python value of its kind."""
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


def _values(rng: np.random.Generator, name: str, shape: Shape) -> np.ndarray:
    """Random weights; norms are ones, a mamba's decay (ssm_a) is negative."""
    if len(shape) == 1:
        return np.ones(shape, dtype=np.float32)
    gain = 3.0 if name == "output.weight" else 1.0
    values = rng.standard_normal(shape, dtype=np.float32) * (gain / shape[-1] ** 0.5)
    return -np.abs(values) - 0.1 if name.endswith("ssm_a") else values


def _add_tensor(writer: gguf.GGUFWriter, name: str, values: np.ndarray, dtype: str) -> None:
    """A tensor in the type asked for; vectors and what llama.cpp computes in f32 stay f32."""
    if values.ndim == 1 or dtype == "f32" or name.endswith(("ssm_a", "conv1d.weight", "shortconv.conv.weight")):
        writer.add_tensor(name, values)
    elif dtype == "q8_0" and values.shape[-1] % 32 == 0:
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    else:
        writer.add_tensor(name, values.astype(np.float16))


def _add_tensors(
    writer: gguf.GGUFWriter,
    blocks: Sequence[Mapping[str, Shape]],
    *,
    norm: str,
    words: list[str],
    width: int,
    seed: int,
    dtype: str,
    control_rows: bool,
) -> None:
    """The token tables, the last norm and the layers' blocks."""
    table = (len(words), width)
    shapes: dict[str, Shape] = {"token_embd.weight": table, "output.weight": table, f"{norm}.weight": (width,)}
    for layer, block in enumerate(blocks):
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    rng = np.random.default_rng(seed)
    ending = [i for i, word in enumerate(words) if word in CONTROL or word == "</s>"]
    for name, shape in shapes.items():
        values = _values(rng, name, shape)
        if name == "output.weight" and not control_rows:
            values[ending] = 0
        _add_tensor(writer, name, values, dtype)


def _pairs(arch: str, *, layers: int, width: int, head: int, heads: int, kv_heads: int, ffn: int) -> dict[str, Any]:
    """What llama.cpp builds the architecture from."""
    return {
        f"{arch}.embedding_length": width,
        f"{arch}.block_count": layers,
        f"{arch}.feed_forward_length": ffn,
        f"{arch}.attention.head_count": heads,
        f"{arch}.attention.head_count_kv": kv_heads,
        f"{arch}.attention.key_length": head,
        f"{arch}.attention.value_length": head,
        f"{arch}.attention.layer_norm_rms_epsilon": 1e-5,
        f"{arch}.rope.freq_base": 10000.0,
        f"{arch}.rope.dimension_count": head,
    }


def write_gguf(
    path: Path | str,
    *,
    arch: str = "llama",
    layers: int = 2,
    width: int = 64,
    heads: int = 2,
    head: int | None = None,
    kv_heads: int = 1,
    ffn: int = 128,
    vocab: int | None = None,
    context: int = 256,
    window: int = 32,
    chat_template: str | None = CHAT_TEMPLATE,
    seed: int = 0,
    dtype: str = "f16",
    name: str = "random",
    tokens: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    control_rows: bool = False,
    tensors: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Write a random-weight model and return its path (about 0.2 MB with the defaults).

    arch      "llama", "qwen3", "gemma3" (5 of 6 layers attend to a window), "mamba" (recurrent) or "lfm2" (hybrid)
    dtype     "f16", "f32" or "q8_0"      head      elements of a head (default: width / heads)
    vocab     at least this many tokens   context   trained context, in tokens
    window    positions of a gemma3's sliding window
    tokens    tokenizer pairs (default `bpe(vocab)`)
    extra     key/value pairs added last; a value of None takes a default pair out
    tensors   more tensors, as f32
    """
    shape = {"width": width, "head": head or width // heads, "heads": heads, "kv_heads": kv_heads, "ffn": ffn}
    words = tokens or bpe(vocab)
    pairs = {
        "general.name": name,
        "general.file_type": FILE_TYPES[dtype],
        f"{arch}.context_length": context,
        **_pairs(arch, layers=layers, **shape),
        "gemma3.attention.sliding_window": window if arch == "gemma3" else None,
        **(_mamba_pairs(width) if arch == "mamba" else {}),
        **(_hybrid_pairs(layers, kv_heads) if arch == "lfm2" else {}),
        **words,
        "tokenizer.chat_template": chat_template,
        **(extra or {}),
    }
    writer = gguf.GGUFWriter(path, arch)
    for key, value in pairs.items():
        if value is not None:
            _add(writer, key, value)
    _add_tensors(
        writer,
        _blocks(arch, layers, shape),
        norm="token_embd_norm" if arch == "lfm2" else "output_norm",
        words=words["tokenizer.ggml.tokens"],
        width=width,
        seed=seed,
        dtype=dtype,
        control_rows=control_rows,
    )
    for key, values in (tensors or {}).items():
        writer.add_tensor(key, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Path(path)


def write_spm_gguf(path: Path | str, *, vocab: int | None = None, **options: Any) -> Path:
    """`write_gguf` with a SentencePiece vocabulary: a space goes in front, unknown bytes become <0xNN>."""
    return write_gguf(path, tokens=spm(vocab), **options)


def write_lora(path: Path, rank: int = 4, width: int = 64) -> Path:
    """An adapter for the random model's first layer that is strong enough to change what it says."""
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(8 * rank))
    for name, shape in (("lora_a", (rank, width)), ("lora_b", (width, rank))):
        writer.add_tensor(f"blk.0.attn_output.weight.{name}", rng.standard_normal(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
