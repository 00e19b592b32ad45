"""Which chunks of a step are computed together, and as what rows."""

from infer.engine.llama.context import Row
from infer.engine.scheduler import Chunk

TILE = 64  # rows from which on ggml's flash attention takes them in tiles, on a CPU


def groups(chunks: list[Chunk], *, apart: bool) -> list[list[Chunk]]:
    """All at once; or, apart, answers before prompts, and fewer of them together than a tile has rows."""
    if not apart:
        return [chunks]
    answers = [chunk for chunk in chunks if chunk.decode]
    prompts = [chunk for chunk in chunks if not chunk.decode]
    count = -(-len(answers) // (TILE - 1))
    parts = [answers[part::count] for part in range(count)]
    return [*parts, prompts] if prompts else parts


def rows_of(chunks: list[Chunk]) -> list[Row]:
    """The rows of a batch; the last one of a chunk that is all that is pending wants logits."""
    rows = []
    for sequence, size, last, _ in chunks:
        start = sequence.computed
        for index in range(start, start + size):
            rows.append(Row(sequence.tokens[index], index, sequence.place, last and index == start + size - 1))
    return rows
