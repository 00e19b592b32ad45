"""Takes the states of sequences from one context into a larger one; what they share is still shared there."""

from collections.abc import Iterable

from infer.engine.cells import Cells
from infer.engine.llama.context import Context
from infer.engine.llama.state import MemoryKind
from infer.engine.scheduler import Sequence


def move(old: Context, new: Context, sequences: Iterable[Sequence], cells: Cells) -> None:
    """Copy what each sequence has computed."""
    moved: list[Sequence] = []
    for sequence in sequences:
        if sequence.computed:
            _move_one(old, new, sequence, moved, cells)
            moved.append(sequence)


def _move_one(old: Context, new: Context, sequence: Sequence, moved: list[Sequence], cells: Cells) -> None:
    """What it shares with one that has been moved is shared again, only the rest is copied."""
    pairs = ((cells.common(other.place, sequence.place), other.place) for other in moved)
    shared, source = max(pairs, default=(0, -1))
    if not shared:
        new.restore(sequence.place, old.state(sequence.place))
        return
    new.share(source, sequence.place, shared)
    if shared < sequence.computed:
        rest, _ = old.cutter(MemoryKind.FULL).cut(sequence.place, shared, sequence.computed)
        new.cutter(MemoryKind.FULL).paste(sequence.place, rest)
