"""What of a block stands on the screen for good while the block is still being written, and what is left of it.

A block may look different when more of it has come (emphasis that closes, columns that get wider), but what has been
written must not be moved over any more. So the rest is found by the text that stands there, not by the lines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from infer.cli.live import plain


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands there of one block, without colours.

    lines: the block as it looked then; last: the last line of it on the screen; rows: of a table, below its head.
    """

    lines: tuple[str, ...]
    last: str
    is_table: bool = False
    rows: int = 0


def rest(lines: Sequence[str], stands: Standing, *, below: bool = False) -> list[str] | None:
    """The lines of a block that are not written yet; None when what stands there is no beginning of it.

    The first of them is the last that stands there, which may have grown. below: another block stands below it, so
    that line is left out and what was added to it comes in a line of its own.
    """
    if not stands.lines:
        return None
    last = len(stands.lines) - 1
    texts = [plain(line) for line in lines]
    same = texts[:last] == list(stands.lines[:last]) and stands.last == stands.lines[last]
    if len(texts) > last and same and texts[last].startswith(stands.last):
        added = texts[last][len(stands.last) :].strip()
        return list(lines[last:]) if not below else [*([added] if added else []), *lines[last + 1 :]]
    left = _missing(lines, texts, _letters("".join(stands.lines)))
    return left if left is None or below else [stands.last, *left]


def reaches(now: Standing, before: Standing) -> bool:
    """Whether a block shows at least as much as when it had to stand; its end may be held back for a while."""
    return len(_letters("".join(now.lines))) >= len(_letters("".join(before.lines)))


def grown(standing: list[Standing], drawn: Sequence[Standing]) -> list[Standing]:
    """The blocks that stand there when these have been drawn: the last line of the last one may have become longer."""
    if not standing or len(drawn) < len(standing):
        return standing
    before, now = standing[-1], drawn[len(standing) - 1]
    last = len(before.lines) - 1
    same = before.lines[:last] == now.lines[:last] and before.lines[last:] == (before.last,)
    if not same or len(now.lines) <= last or not now.lines[last].startswith(before.last):
        return standing
    return [*standing[:-1], replace(before, lines=now.lines[: last + 1], last=now.lines[last])]


def _missing(lines: Sequence[str], texts: Sequence[str], wanted: str) -> list[str] | None:
    """The lines behind these letters, with which they must begin."""
    letters = _letters("".join(texts))
    if wanted.startswith(letters):
        return []  # its end is held back, until a span that was opened is closed
    if not letters.startswith(wanted):
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
