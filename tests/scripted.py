"""A model that says what a test wants: llama.cpp runs it like any other, and greedily it recites a script.

Its layers add nothing, so the hidden state is the last token's embedding; the output row of each piece is the embedding
of the piece before it. Pieces are tokens of their own and have to differ from each other and from the base vocabulary.

    write_scripted(path, ["Hello ", "world"])     every answer is "Hello world", two tokens and an end
"""

import re
from collections.abc import Sequence
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
) -> Path:
    """Write the model. start: the control token after which the script begins."""
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
    for before, after in zip(script, script[1:], strict=False):
        output[after] = embedding[before]
    shape = {"width": WIDTH, "head": 32, "heads": 1, "kv_heads": 1, "ffn": 32}
    pairs = {"general.name": "scripted", "general.file_type": 1, "llama.context_length": context}
    pairs |= {**_pairs("llama", layers=1, **shape), **vocabulary, "tokenizer.chat_template": template}
    writer = gguf.GGUFWriter(path, "llama")
    for key, value in pairs.items():
        _add(writer, key, value)
    matrices = {"token_embd": embedding, "output": output}
    matrices |= {"blk.0.attn_q": (32, WIDTH), "blk.0.attn_k": (32, WIDTH), "blk.0.attn_v": (32, WIDTH)}
    matrices |= {"blk.0.attn_output": (WIDTH, 32), "blk.0.ffn_gate": (32, WIDTH), "blk.0.ffn_up": (32, WIDTH)}
    matrices |= {"blk.0.ffn_down": (WIDTH, 32)}
    for name, values in matrices.items():
        array = np.zeros(values, dtype=np.float32) if isinstance(values, tuple) else values
        writer.add_tensor(f"{name}.weight", array.astype(np.float16))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, dtype=np.float32))
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
