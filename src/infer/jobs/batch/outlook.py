"""A look at the first lines of a batch, before the model is loaded: how many are there, and do they begin alike?

The second decides how attention is computed. Flash attention computes for each sequence its own cells, also those
that all of them share; without it all cells are computed for all sequences together, at about a sixth of the price.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from infer.jobs.batch.items import Item

_ENOUGH = 256  # lines
_MOST_TEXT = 2_000_000  # characters
_PRICE = 5  # cells of its own that cost as much as one that all have in common; measured: 4 to 6 (docs/LOG.md)
_TOKEN = 4  # characters
_ANSWER = 256  # tokens, where nothing is said


@dataclass(frozen=True, slots=True)
class Outlook:
    """lines: how many there are, None for many. alike: what they have in common is better computed for all at once."""

    lines: int | None = None
    alike: bool = False


def look(items: Iterable[Item]) -> Outlook:
    """What the first lines say; no more are read."""
    texts: list[str] = []
    answers, size, whole = 0, 0, True
    for item in items:
        if len(texts) >= _ENOUGH or size > _MOST_TEXT:
            whole = False
            break
        if item.request is not None:
            text = "\0".join(message.text for message in item.request.messages)
            texts.append(text)
            size += len(text)
            answers += _TOKEN * (item.request.max_tokens or _ANSWER)
    shared = sum(_common(*pair) for pair in pairwise(sorted(texts)))
    return Outlook(max(1, len(texts)) if whole else None, shared > _PRICE * (size - shared + answers))


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike; slices are compared, not characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
