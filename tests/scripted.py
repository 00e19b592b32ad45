"""A model that says what a test wants: llama.cpp runs it like any other, and greedily it recites a script.

Its layers add nothing, so the hidden state is the last token's embedding; the output row of each piece is the embedding
of the piece before it. Pieces are tokens of their own and have to differ from each other and from the base vocabulary.

    write_scripted(path, ["Hello ", "world"])     every answer is "Hello world", two tokens and an end
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np

from ggufs import ASSISTANT, CHAT_TEMPLATE, END, NORMAL, _add, _pairs, bpe, byte_alphabet

WIDTH = 256


def spelt(piece: bytes) -> str:
    """A token's bytes in the alphabet of a GPT-2 vocabulary."""
    alphabet = byte_alphabet()
    return "".join(alphabet[byte] for byte in piece)


def write_scripted(
    path: Path,
    pieces: Sequence[str | bytes],
    *,
    context: int = 8192,
    template: str = CHAT_TEMPLATE,
    start: str = ASSISTANT,
    layers: int = 1,
    ffn: int = 32,
) -> Path:
    """Write the model. start: the control token after which the script begins; layers and ffn only make it slower."""
    vocabulary = bpe()
    tokens: list[str] = vocabulary["tokenizer.ggml.tokens"]
    first = len(tokens)
    tokens += [spelt(piece.encode() if isinstance(piece, str) else piece) for piece in pieces]
    assert len(set(tokens)) == len(tokens), "two pieces are the same token"
    vocabulary["tokenizer.ggml.token_type"] += [NORMAL] * len(pieces)
    script = [tokens.index(start), *range(first, len(tokens)), tokens.index(END)]
    rng = np.random.default_rng(0)
    embedding = rng.standard_normal((len(tokens), WIDTH), dtype=np.float32)
    output = np.zeros_like(embedding)
    for before, after in pairwise(script):
        output[after] = embedding[before]
    shape = {"width": WIDTH, "head": 32, "heads": 1, "kv_heads": 1, "ffn": ffn}
    pairs = {"general.name": "scripted", "general.file_type": 1, "llama.context_length": context}
    pairs |= {**_pairs("llama", layers=layers, **shape), **vocabulary, "tokenizer.chat_template": template}
    writer = gguf.GGUFWriter(path, "llama")
    for key, value in pairs.items():
        _add(writer, key, value)
    add = lambda name, values: writer.add_tensor(f"{name}.weight", values)  # noqa: E731
    add("token_embd", embedding.astype(np.float16))
    add("output", output.astype(np.float16))
    add("output_norm", np.ones(WIDTH, dtype=np.float32))
    rows = {
        "attn_q": 32,
        "attn_k": 32,
        "attn_v": 32,
        "attn_output": WIDTH,
        "ffn_gate": ffn,
        "ffn_up": ffn,
        "ffn_down": WIDTH,
    }
    columns = {"attn_output": 32, "ffn_down": ffn}
    for layer in range(layers):
        for name, count in rows.items():
            add(f"blk.{layer}.{name}", np.zeros((count, columns.get(name, WIDTH)), dtype=np.float16))
        for name in ("attn_norm", "ffn_norm"):
            add(f"blk.{layer}.{name}", np.ones(WIDTH, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def pieces(text: str) -> list[str]:
    """A text cut into words, as many together as it takes to be a piece that was not there before."""
    alphabet = byte_alphabet()
    taken = {bytes(map(alphabet.index, token)) for token in bpe()["tokenizer.ggml.tokens"][:-4]}
    found: list[str] = []
    piece = ""
    for word in re.findall(r"\s*\S+\s*$|\s*\S+", text):
        piece += word
        if piece.encode() not in taken:
            taken.add(piece.encode())
            found.append(piece)
            piece = ""
    assert not piece, f"the end of the text was there before: {piece!r}"
    return found
