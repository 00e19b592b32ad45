"""From logits to probabilities."""

from collections.abc import Iterable
from typing import Any

import numpy as np


def log_probabilities(logits: Any, tokens: Iterable[int]) -> list[float]:
    """The logarithms of the probabilities of some tokens. logits: a ctypes array over the whole vocabulary."""
    values = np.frombuffer(logits, dtype=np.float32)
    top = values.max()
    total = float(top) + float(np.log(np.exp(values - top).sum(dtype=np.float64)))
    return [float(values[token]) - total for token in tokens]


def best(logits: Any) -> int:
    """The token with the largest logit, the first of equals, as llama.cpp's greedy sampler has it.

    That one copies the vocabulary into a list of candidates first: ten times the time, for each row of a batch.
    """
    return int(np.frombuffer(logits, dtype=np.float32).argmax())


def likeliest(logits: Any, count: int) -> list[int]:
    """The `count` tokens with the largest logits, the largest first."""
    values = np.frombuffer(logits, dtype=np.float32)
    count = min(count, len(values))
    some = np.argpartition(values, -count)[-count:] if count else np.arange(0)
    return [int(token) for token in some[np.argsort(-values[some], kind="stable")]]
