"""Text on a terminal whose end still moves: finished lines are written once, the tail below them is drawn again.

The cursor stands at the end of the tail. A draw moves up to the first line that differs, clears from there and writes;
where the last line only grew, just its new end is written. Only the tail is ever touched. When it gets larger than half
the screen, or the window another size, it has to `stand`: its lines may have scrolled away, or take more rows than
before (some terminals fold long lines anew, others cut them off), so no cursor is moved over them any more.
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
        self._stands = False  # the first line of the tail is not to be touched, only gone on with

    @property
    def is_large(self) -> bool:
        """Whether the tail takes more than half the screen: it has to stand before it is drawn again."""
        width, rows = self._size()
        return sum(_rows(line, width) for line in self._tail) > max(3, rows // 2)

    def draw(self, finished: Sequence[str], tail: Sequence[str]) -> None:
        """Put the finished lines where the tail was, and a tail below them."""
        new = [*finished, *tail]
        old = self._tail
        if self._stands and not new:
            return  # what stands there may go on later
        if self._stands and len(old) == 1:
            text = _continued(old[0], new)
        elif self._stands:
            new = _below(old[0], new)
            text = _difference(old[1:], new[1:], self._size()[0])
        else:
            text = _difference(old, new, self._size()[0])
        text += "\n" if new and not tail else ""
        self._tail = list(tail) if finished or not tail else new
        self._stands = self._stands and not finished
        if text:
            self._write(text)

    def stand(self, *, goes_on: bool) -> None:
        """Leave what has been drawn as it is. goes_on: the last line may grow, and is the first of the next draw."""
        if not self._tail:
            return
        if not goes_on:
            self._write("\n")
        self._tail = self._tail[-1:] if goes_on else []
        self._stands = goes_on


def _difference(old: list[str], new: list[str], width: int) -> str:
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
    up = sum(_rows(line, width) for line in old[same:]) - 1
    move = f"\x1b[{up}A" if up else ""
    return f"{_FREEZE}{move}\r{_CLEAR_BELOW}" + "\n".join(new[same:]) + _THAW


def _continued(stands: str, new: Sequence[str]) -> str:
    """What comes after a line that stands there: the rest of it where the first new line is that line, grown."""
    first = plain(new[0])
    lines = [first[len(plain(stands)) :], *new[1:]] if first.startswith(plain(stands)) else ["", *new]
    return "\n".join(lines)


def _below(stands: str, new: list[str]) -> list[str]:
    """The new lines where the first one stands, and others below it: it can no longer grow."""
    first, there = plain(new[0]), plain(stands)
    if first == there:
        return new
    grown = first.startswith(there)
    return [stands, *([first[len(there) :].lstrip(), *new[1:]] if grown else new)]


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
