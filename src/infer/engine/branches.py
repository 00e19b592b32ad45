"""The log-probabilities of several continuations of one prompt: the prompt is computed once, its cells are shared.

A continuation of k tokens needs k - 1 rows: its first token's probability comes out of the prompt's last row, that of
each other one out of the row of the token before it.
"""

from collections.abc import Iterator
from itertools import pairwise

from infer.engine.llama.context import Context, Row
from infer.engine.llama.logits import log_probabilities
from infer.errors import EngineFailure

Tokens = list[int]


class Branches:
    """Continues the sequence at `place`, whose `length` positions have just been computed, in other places.

    places   free sequence ids; rows   the most rows of one decode, all of which have logits
    """

    def __init__(
        self, context: Context, place: int, length: int, places: list[int], rows: int, vocabulary: int
    ) -> None:
        self._context, self._place, self._length = context, place, length
        self._places, self._rows, self._vocabulary = places, rows, vocabulary

    def scores(self, continuations: list[Tokens]) -> list[list[float]]:
        """For each continuation, the log-probability of each of its tokens. No continuation may be empty."""
        first = log_probabilities(self._context.logits(-1, self._vocabulary), [tokens[0] for tokens in continuations])
        scores = [[score] for score in first]
        for group in self._groups(continuations):
            self._compute([(continuations[index], scores[index]) for index in group])
        return scores

    def _groups(self, continuations: list[Tokens]) -> Iterator[list[int]]:
        """Continuations whose rows fit into the context together, by index; those of one token need no row."""
        room = self._context.size - self._length
        group: list[int] = []
        cells = 0
        for index, tokens in enumerate(continuations):
            count = len(tokens) - 1
            if not count:
                continue
            if len(group) == len(self._places) or cells + count > room:
                yield group
                group, cells = [], 0
            group.append(index)
            cells += count
        if group:
            yield group

    def _compute(self, branches: list[tuple[Tokens, list[float]]]) -> None:
        """Add the scores of all tokens but the first to each branch's list."""
        rows: list[tuple[Row, int, list[float]]] = []
        for place, (tokens, scores) in zip(self._places, branches, strict=False):
            self._context.share(self._place, place, self._length)
            for offset, (token, following) in enumerate(pairwise(tokens)):
                rows.append((Row(token, self._length + offset, place, True), following, scores))
        for start in range(0, len(rows), self._rows):
            self._decode(rows[start : start + self._rows])
        for place in self._places[: len(branches)]:
            self._context.remove(place)

    def _decode(self, rows: list[tuple[Row, int, list[float]]]) -> None:
        if not self._context.decode([row for row, _, _ in rows]):
            raise EngineFailure(what="the computation of the continuations was interrupted")
        for index, (_, following, scores) in enumerate(rows):
            scores.extend(log_probabilities(self._context.logits(index, self._vocabulary), [following]))
