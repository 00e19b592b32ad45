"""A model that recites one text, whatever it is asked, and ends: for tests of what is done with an answer."""

from pathlib import Path

import gguf
import numpy as np

from ggufs import CHAT_TEMPLATE, CONTROL_TYPE, END, NORMAL, bpe, byte_alphabet, write_gguf

WIDTH = 256
CERTAIN = 10.0
BEGIN = "<|recite|>"


def write_reciter(path: Path, text: str, chat_template: str = CHAT_TEMPLATE) -> Path:
    """Write the model and return its path. Its template ends with a token of its own, after which the text comes.

    Each piece of the text is a token with a dimension of its own, and each row of the output asks for the dimension
    of the piece before; the layers add nothing.
    """
    pieces = _pieces(text)
    assert len(pieces) < WIDTH
    tokens = bpe()
    names, types = tokens["tokenizer.ggml.tokens"], tokens["tokenizer.ggml.token_type"]
    first, end = len(names), names.index(END)
    names += [BEGIN, *pieces]
    types += [CONTROL_TYPE] + [NORMAL] * len(pieces)
    template = chat_template + BEGIN
    write_gguf(path, width=WIDTH, tokens=tokens, chat_template=template, context=2048, dtype="f32", layers=1)
    weights = {tensor.name: tensor.data for tensor in gguf.GGUFReader(path, "r+").tensors}
    for name in ("blk.0.attn_output.weight", "blk.0.ffn_down.weight", "token_embd.weight", "output.weight"):
        weights[name][:] = 0
    weights["token_embd.weight"][:, WIDTH - 1] = 1
    for at, token in enumerate([*range(first, len(names)), end]):
        if token != end:
            weights["token_embd.weight"][token] = np.eye(WIDTH)[at]
        if at:
            weights["output.weight"][token, at - 1] = CERTAIN
    return path


def _pieces(text: str) -> list[str]:
    """The text cut into different tokens, as a byte-level vocabulary writes them."""
    alphabet = byte_alphabet()
    letters = "".join(alphabet[byte] for byte in text.encode())
    known = {*bpe()["tokenizer.ggml.tokens"]}
    pieces: list[str] = []
    while letters:
        size = next((n for n in range(4, len(letters) - 3) if letters[:n] not in known), len(letters))
        pieces.append(letters[:size])
        known.add(letters[:size])
        letters = letters[size:]
    return pieces
