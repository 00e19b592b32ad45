"""Text on a terminal whose end still moves: finished lines are written once, the tail below them is drawn again.

The cursor stands at the end of the tail. A draw moves up to the first line that differs, clears from there and writes;
where the last line only grew, just its new end is written. Only the tail is ever touched, and it is kept shorter than
the screen, so nothing that has scrolled away could be meant. Terminals that are made narrower fold long lines, so the
rows of the tail are counted anew in each draw.
"""

import os
import re
from collections.abc import Callable, Sequence

_SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")
_CLEAR_BELOW = "\x1b[J"
_FREEZE, _THAW = "\x1b[?2026h", "\x1b[?2026l"  # synchronized output: one picture, terminals that lack it ignore it


def terminal_size(descriptor: int = 1) -> tuple[int, int]:
    """Columns and rows; 80 by 24 where the terminal does not know."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        return 80, 24
    return columns or 80, rows or 24


class Live:
    """Draws with `write`; the cursor must stand at the beginning of a line when it starts."""

    def __init__(self, write: Callable[[str], None], size: Callable[[], tuple[int, int]] = terminal_size) -> None:
        self._write, self._size = write, size
        self._tail: list[str] = []

    def draw(self, finished: Sequence[str], tail: Sequence[str]) -> None:
        """Put the finished lines where the tail was, and a tail below them."""
        width, rows = self._size()
        kept = _clipped(tail, width, max(3, rows // 2))
        new = [*finished, *kept]
        old, self._tail = self._tail, kept
        text = _difference(old, new, (width, rows))
        text += "\n" if new and not kept else ""
        if text:
            self._write(text)


def _difference(old: list[str], new: list[str], size: tuple[int, int]) -> str:
    """What turns the old tail into the new lines, the cursor at their end."""
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    if not old:
        return "\n".join(new)
    if same == len(old):
        return "".join("\n" + line for line in new[same:])
    if same == len(old) - 1 and same < len(new) and new[same].startswith(old[same]):
        return "\n".join([new[same][len(old[same]) :], *new[same + 1 :]])
    same = max(0, min(same, len(new) - 1))
    up = min(sum(_rows(line, size[0]) for line in old[same:]), size[1]) - 1
    move = f"\x1b[{up}A" if up else ""
    return f"{_FREEZE}{move}\r{_CLEAR_BELOW}" + "\n".join(new[same:]) + _THAW


def plain(line: str) -> str:
    """A line without its colours."""
    return _SEQUENCE.sub("", line)


def _rows(line: str, width: int) -> int:
    """How many rows of a terminal a line takes: a wide character that does not fit goes into the next one."""
    from rich.cells import cell_len

    text = plain(line)
    if cell_len(text) <= width:
        return 1
    rows, column = 1, 0
    for sign in text:
        cells = cell_len(sign)
        if column + cells > width:
            rows, column = rows + 1, 0
        column += cells
    return rows


def _clipped(tail: Sequence[str], width: int, rows: int) -> list[str]:
    """The end of the tail, as much as fits into so many rows; of a line that alone is larger, its end, colourless."""
    kept: list[str] = []
    left = rows
    for line in reversed(tail):
        left -= _rows(line, width)
        if left < 0:
            break
        kept.append(line)
    if tail and not kept:
        return [plain(tail[-1])[-(width * rows // 2) :]]  # every character may be a wide one
    return kept[::-1]
