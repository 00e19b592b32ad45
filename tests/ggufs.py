"""Tiny random-weight GGUF files that the real llama.cpp loads, tokenises with and generates from.

    write_gguf(path)        llama architecture, byte-level BPE (GPT-2 alphabet); every byte string tokenises
    write_spm_gguf(path)    the same behind a SentencePiece vocabulary (space prefix, byte fallback)
    bpe(n), spm(n)          the tokenizers' key/value pairs alone

Under greedy decoding such a model never ends by itself and never emits a control token (their output rows are
zero, `control_rows=True` keeps them random); what it says is noise, byte tokens that are not UTF-8 included.
"""

from collections.abc import Mapping
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


def _shapes(arch: str, *, layers: int, width: int, head: int, kv_heads: int, ffn: int) -> dict[str, Any]:
    """Tensor name -> shape (rows, columns) or (n,) in numpy order; the two token tables are left out."""
    kv_width = head * kv_heads
    shapes: dict[str, Any] = {"output_norm": (width,)}
    for layer in range(layers):
        block = {"attn_norm": (width,), "attn_q": (width, width), "attn_k": (kv_width, width)}
        block |= {"attn_v": (kv_width, width), "attn_output": (width, width), "ffn_norm": (width,)}
        block |= {"ffn_gate": (ffn, width), "ffn_up": (ffn, width), "ffn_down": (width, ffn)}
        if arch == "qwen3":
            block |= {"attn_q_norm": (head,), "attn_k_norm": (head,)}
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    return shapes


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


def _tensor(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, gain: float) -> np.ndarray:
    if len(shape) == 1:
        return np.ones(shape, dtype=np.float32)
    values = rng.standard_normal(shape, dtype=np.float32) * (gain / shape[-1] ** 0.5)
    return values.astype(np.float16) if dtype == "f16" else values


def write_gguf(
    path: Path | str,
    *,
    arch: str = "llama",
    layers: int = 2,
    width: int = 64,
    heads: int = 2,
    kv_heads: int = 1,
    ffn: int = 128,
    vocab: int | None = None,
    context: int = 256,
    chat_template: str | None = CHAT_TEMPLATE,
    seed: int = 0,
    dtype: str = "f16",
    name: str = "random",
    tokens: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    control_rows: bool = False,
) -> Path:
    """Write a random-weight model and return its path (about 0.2 MB with the defaults).

    arch      "llama" or "qwen3"          dtype     "f16", "f32" or "q8_0" (rows of 32 columns)
    vocab     at least this many tokens   context   trained context, in tokens
    tokens    tokenizer pairs (default `bpe(vocab)`)
    extra     key/value pairs added last; a value of None takes a default pair out
    """
    pairs: dict[str, Any] = {
        "general.name": name,
        "general.file_type": FILE_TYPES[dtype],
        f"{arch}.context_length": context,
        f"{arch}.embedding_length": width,
        f"{arch}.block_count": layers,
        f"{arch}.feed_forward_length": ffn,
        f"{arch}.attention.head_count": heads,
        f"{arch}.attention.head_count_kv": kv_heads,
        f"{arch}.attention.key_length": width // heads,
        f"{arch}.attention.value_length": width // heads,
        f"{arch}.attention.layer_norm_rms_epsilon": 1e-5,
        f"{arch}.rope.freq_base": 10000.0,
        f"{arch}.rope.dimension_count": width // heads,
        **(bpe(vocab) if tokens is None else tokens),
    }
    if chat_template is not None:
        pairs["tokenizer.chat_template"] = chat_template
    words = pairs["tokenizer.ggml.tokens"]
    table = (len(words), width)
    shapes = {"token_embd": table, "output": table} | _shapes(
        arch, layers=layers, width=width, head=width // heads, kv_heads=kv_heads, ffn=ffn
    )
    pairs |= extra or {}
    writer = gguf.GGUFWriter(path, arch)
    for key, value in pairs.items():
        if value is not None:
            _add(writer, key, value)
    rng = np.random.default_rng(seed)
    for tensor, shape in shapes.items():
        values = _tensor(rng, shape, dtype, 3.0 if tensor == "output" else 1.0)
        if tensor == "output" and not control_rows:
            values[[i for i, word in enumerate(words) if word in CONTROL or word == "</s>"]] = 0
        _add_tensor(writer, f"{tensor}.weight", values, dtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return Path(path)


def _add_tensor(writer: gguf.GGUFWriter, name: str, values: np.ndarray, dtype: str) -> None:
    if dtype == "q8_0" and values.ndim == 2:
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    else:
        writer.add_tensor(name, values)


def write_spm_gguf(path: Path | str, *, vocab: int | None = None, **options: Any) -> Path:
    """`write_gguf` with a SentencePiece vocabulary: a space goes in front, unknown bytes become <0xNN>."""
    return write_gguf(path, tokens=spm(vocab), **options)
