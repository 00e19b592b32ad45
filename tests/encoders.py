"""Tiny embedding models that the real llama.cpp loads: a BERT with random weights, and the same in NumPy.

write_bert(path)         encoder, WordPiece vocabulary, mean or CLS pooling
write_last(path)         decoder whose last token, an end of sequence, speaks for the text
reference(...)           what a BERT of these weights makes of token ids, computed here and not by llama.cpp
"""

import string
from collections.abc import Mapping, Sequence
from math import erf
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from ggufs import CONTROL_TYPE, NORMAL, UNKNOWN, Shape, bpe, write_gguf

POOLING = {"none": 0, "mean": 1, "cls": 2, "last": 3, "rank": 4}
PAD, UNK, CLS, SEP, MASK = range(5)
EPSILON = 1e-12
WIDTH, LAYERS, HEADS, FFN = 32, 2, 2, 64
Weights = Mapping[str, np.ndarray]


def wordpiece() -> dict[str, Any]:
    """Letters and digits at the beginning and inside of words, and a few words; llama.cpp writes ## as nothing."""
    inside = [*string.ascii_lowercase, *string.digits]
    words = ["the", "fox", "and", "a", "is", "query", "passage", "search", *".,:!?[]-"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *inside, *dict.fromkeys("▁" + w for w in [*inside, *words])]
    types = [CONTROL_TYPE, UNKNOWN, CONTROL_TYPE, CONTROL_TYPE, CONTROL_TYPE] + [NORMAL] * (len(tokens) - 5)
    return {
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.token_type_count": 2,
        "tokenizer.ggml.bos_token_id": CLS,
        "tokenizer.ggml.cls_token_id": CLS,
        "tokenizer.ggml.eos_token_id": SEP,
        "tokenizer.ggml.seperator_token_id": SEP,
        "tokenizer.ggml.unknown_token_id": UNK,
        "tokenizer.ggml.padding_token_id": PAD,
        "tokenizer.ggml.mask_token_id": MASK,
    }


def weights(context: int = 512, seed: int = 0) -> dict[str, np.ndarray]:
    """A BERT's tensors under llama.cpp's names, in f32."""
    vocab = len(wordpiece()["tokenizer.ggml.tokens"])
    shapes: dict[str, Shape] = {"token_embd": (vocab, WIDTH), "token_types": (2, WIDTH)}
    shapes |= {"position_embd": (context, WIDTH), "token_embd_norm": (WIDTH,)}
    for layer in range(LAYERS):
        block: dict[str, Shape] = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (WIDTH, WIDTH))
        block |= {"attn_output_norm": (WIDTH,), "layer_output_norm": (WIDTH,)}
        block |= {"ffn_up": (FFN, WIDTH), "ffn_down": (WIDTH, FFN)}
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    rng = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}
    for name, shape in shapes.items():
        plain = rng.standard_normal(shape, dtype=np.float32) / (shape[-1] ** 0.5 if len(shape) > 1 else 10)
        found[f"{name}.weight"] = 1 + plain if len(shape) == 1 else plain
        if name not in ("token_embd", "token_types", "position_embd"):
            found[f"{name}.bias"] = rng.standard_normal(shape[0], dtype=np.float32) / 10
    return found


def write_bert(
    path: Path,
    *,
    pooling: str | None = "mean",
    context: int = 512,
    seed: int = 0,
    name: str = "random-bert",
    tokens: Mapping[str, Any] | None = None,
    tensors: Weights | None = None,
    shape: tuple[int, int, int, int] = (WIDTH, LAYERS, HEADS, FFN),
) -> Path:
    """Write a BERT and return its path. shape: width, layers, heads, width of the feed-forward layer."""
    width, layers, heads, ffn = shape
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name(name)
    writer.add_file_type(0)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(ffn)
    writer.add_head_count(heads)
    writer.add_layer_norm_eps(EPSILON)
    writer.add_causal_attention(False)
    if pooling is not None:
        writer.add_uint32("bert.pooling_type", POOLING[pooling])
    for key, value in (tokens or wordpiece()).items():
        if isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_array(key, value)
    for key, values in (tensors or weights(context, seed)).items():
        writer.add_tensor(key, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_last(path: Path, *, pooling: str | None = "last", **options: Any) -> Path:
    """A random qwen3 that ends every text with its end of sequence, as Qwen3-Embedding does."""
    words = bpe() | {"tokenizer.ggml.add_eos_token": True}
    extra = {} if pooling is None else {"qwen3.pooling_type": POOLING[pooling]}
    arguments: dict[str, Any] = {"arch": "qwen3", "tokens": words, "extra": extra, "context": 2048, "width": 64}
    return write_gguf(path, **{**arguments, **options})


def reference(tensors: Weights, tokens: Sequence[int], pooling: str = "mean") -> np.ndarray:
    """The pooled vector of a text, not normalised: BERT as the paper describes it, in float64."""
    t = {name: values.astype(np.float64) for name, values in tensors.items()}
    hidden = t["token_embd.weight"][list(tokens)] + t["token_types.weight"][0]
    hidden = _norm(hidden + t["position_embd.weight"][: len(tokens)], t, "token_embd_norm")
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        attended = _linear(_attention(hidden, t, at), t, f"{at}.attn_output")
        hidden = _norm(hidden + attended, t, f"{at}.attn_output_norm")
        up = _gelu(_linear(hidden, t, f"{at}.ffn_up"))
        hidden = _norm(hidden + _linear(up, t, f"{at}.ffn_down"), t, f"{at}.layer_output_norm")
    return np.asarray(hidden.mean(axis=0) if pooling == "mean" else hidden[0])


def _attention(hidden: np.ndarray, t: Weights, at: str) -> np.ndarray:
    size = WIDTH // HEADS
    query, key, value = (_linear(hidden, t, f"{at}.attn_{name}") for name in "qkv")
    heads = []
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        scores = query[:, part] @ key[:, part].T / size**0.5
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        heads.append(scores / scores.sum(axis=-1, keepdims=True) @ value[:, part])
    return np.concatenate(heads, axis=-1)


def _linear(values: np.ndarray, t: Weights, name: str) -> np.ndarray:
    return values @ t[f"{name}.weight"].T + t[f"{name}.bias"]


def _norm(values: np.ndarray, t: Weights, name: str) -> np.ndarray:
    centred = values - values.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
    return np.asarray(scaled * t[f"{name}.weight"] + t[f"{name}.bias"])


def _gelu(values: np.ndarray) -> np.ndarray:
    return values * 0.5 * (1 + np.vectorize(erf)(values / 2**0.5))


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Of the angle between two vectors."""
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
