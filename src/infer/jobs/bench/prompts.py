"""Texts of about so many tokens that no earlier question began with, for the time to the first token."""

from collections.abc import Callable
from random import Random

_WORDS = ("river", "boat", "stone", "bridge", "child", "bird", "father", "morning", "garden", "letter", "window")
Tokenize = Callable[[str], list[tuple[int, str]]]


def text_of(tokens: int, seed: int, tokenize: Tokenize) -> str:
    """A text of at most `tokens` tokens, and few fewer."""
    draw = Random(seed)
    words = [str(draw.randrange(10**9)), *(draw.choice(_WORDS) for _ in range(tokens))]  # a word is a token or more
    pieces = [piece for _, piece in tokenize(" ".join(words))]
    return "".join(pieces[: tokens - 1]).strip()  # one less: a BOS token may come in front
