"""What of a block stands on the screen for good while the block is still being written, and what is left of it.

A block may look different when more of it has come (emphasis that closes, columns that get wider), but what has been
written must not be moved over any more. So the rest is found by the text that stands there, not by the lines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infer.cli.live import plain


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands there of one block. lines: as they were shown, without colours; rows: of a table, below its head."""

    lines: tuple[str, ...]
    is_table: bool = False
    rows: int = 0


def rest(lines: Sequence[str], stands: Sequence[str]) -> list[str] | None:
    """The lines of a block that are not written yet; None when what stands there is no beginning of it.

    As long as nothing looks different, the first of them is the last that stands there, which may have grown.
    """
    if not stands:
        return None
    last = len(stands) - 1
    texts = [plain(line) for line in lines]
    if len(texts) > last and texts[:last] == list(stands[:last]) and texts[last].startswith(stands[last]):
        return list(lines[last:])
    wanted = _letters("".join(stands))
    if not _letters("".join(texts)).startswith(wanted):
        return None
    left = len(wanted)
    for number, text in enumerate(texts):
        there = len(_letters(text))
        if there > left:
            return [_after(text, left), *lines[number + 1 :]]
        left -= there
    return []


def table_rest(text: str, rows: int, show: Callable[[str], list[str]]) -> list[str]:
    """The lines of a table below its first `rows` rows. `show` makes lines of a table.

    They stand in the columns of the whole table where every row is one line, else in columns of their own.
    """
    head, delimiter, *all_rows = text.split("\n")
    whole = show(text)
    start = _head(whole)
    if start and len(whole) == start + len(all_rows):
        return whole[start + rows :]
    if not all_rows[rows:]:
        return []
    others = show("\n".join([head, delimiter, *all_rows[rows:]]))
    return others[_head(others) or 2 :]  # 2: a table that is shown as it was written


def _head(lines: Sequence[str]) -> int:
    """How many lines the head of a table takes, with the rule below it; 0: there is none."""
    ruled = (number for number, line in enumerate(lines, 1) if plain(line).strip() and not plain(line).strip(" ─"))
    return next(ruled, 0)


def _letters(text: str) -> str:
    """What no rendering takes away from a text or puts into it."""
    return "".join(sign for sign in text if sign.isalnum())


def _after(line: str, count: int) -> str:
    """What follows the first `count` letters and digits of a line."""
    at = 0
    while count:
        count -= line[at].isalnum()
        at += 1
    return line[at:].lstrip()
