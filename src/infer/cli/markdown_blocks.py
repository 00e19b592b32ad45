"""Where the blocks of a Markdown text begin and end, line by line as it arrives. Pure: no rendering, no terminal.

Only as much of Markdown as it takes to know that a block is over: what stands inside it is rich's to render. Code is
handed on line by line, since no later line changes it; everything else waits for its end.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["paragraph", "item", "table", "quote", "heading", "rule", "code"]

_FENCE = re.compile(r"( *)(`{3,}|~{3,})\s*([^`]*)$")
_HEADING = re.compile(r" {0,3}#{1,6}(\s|$)")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*$")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(\1[ \t]*){2,}$")
_ITEM = re.compile(r"( *)([-*+]|(\d{1,9})[.)])(\s+|$)")
_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_QUOTE = re.compile(r" {0,3}>")

# What begins or ends emphasis, code or a link inside a line.
_MARK = re.compile(r"\\.|`+|\*+|_+|~~|!?\[|\]\([^)]*\)|\](?=[^(])")
_LONGEST_WORD = 40  # characters; scripts without spaces are shown before a word is over
_LONGEST_SPAN = 400  # characters after which a sign was none


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of Markdown that no later text changes.

    text       of code: one line, else the block's lines
    language   of code, as the fence names it
    goes_on    it belongs to the block before it: a line of the same code, an item of the same list
    number     of a line of code: which one in its block, from 0
    """

    kind: Kind
    text: str
    language: str = ""
    goes_on: bool = False
    number: int = 0


class Blocks:
    """Feed it whole lines (without their newline), get finished blocks. `copy` looks ahead without harm."""

    def __init__(self) -> None:
        self._kind: Kind | None = None
        self._lines: list[str] = []
        self._goes_on = False
        self._indent = 0  # of the list's markers, or of the fence
        self._fence = ""
        self._language = ""
        self._in_list = False  # the last block that ended was an item
        self._ordered = False  # its list has numbers
        self._gap = False  # a blank line stands before this one

    def copy(self) -> "Blocks":
        """One that goes its own way from here."""
        other = Blocks()
        for name, value in vars(self).items():
            setattr(other, name, list(value) if isinstance(value, list) else value)
        return other

    @property
    def is_open(self) -> bool:
        """Whether a block has begun that is not over."""
        return self._kind is not None or bool(self._fence)

    def settled(self, line: str) -> str:
        """The beginning of a line that is still growing which later text will hardly change: so it is drawn once.

        Whole words, since the last may go into the next row; no emphasis that has not been closed; no row of a table.
        """
        bare = line.strip()
        if self._fence:
            return line if bare.strip(self._fence[0]) else ""
        if bare.startswith("|") or (self._kind == "table" and "|" in bare):
            return ""
        text = line[: _open_span(line)]
        words = text[: text.rfind(" ") + 1]
        if len(text) - len(words) >= _LONGEST_WORD:
            return text
        end = _open_span(words)  # the last blank may stand inside a span
        return words if end == len(words) else words[: words.rfind(" ", 0, end) + 1]

    def feed(self, line: str) -> list[Block]:
        """What is finished now."""
        if self._fence:
            return self._code(line)
        if not line.strip():
            return self._blank()
        done = self._line(line)
        self._gap = False
        return done

    def finish(self) -> list[Block]:
        """What was open, now that nothing follows."""
        self._fence = ""
        return self._end()

    def _code(self, line: str) -> list[Block]:
        bare = line.strip()
        if bare.startswith(self._fence) and not bare.strip(self._fence[0]):
            self._fence = ""
            return []
        lead = len(line) - len(line.lstrip(" "))
        number = len(self._lines)
        self._lines.append("")
        return [Block("code", line[min(lead, self._indent) :], self._language, number > 0, number)]

    def _blank(self) -> list[Block]:
        self._gap = True
        if self._kind == "item":
            self._lines.append("")
            return []
        return self._end()

    def _line(self, line: str) -> list[Block]:
        if fence := _FENCE.match(line):
            return self._open_fence(fence)
        if self._is_table(line):
            self._kind = "table"
            self._lines.append(line)
            return []
        if self._kind == "paragraph" and _UNDERLINE.match(line):
            title, self._kind = " ".join(self._lines), None
            return self._alone("heading", f"# {title}")
        if _HEADING.match(line) or _RULE.match(line):
            return [*self._end(), *self._alone("heading" if _HEADING.match(line) else "rule", line)]
        if (item := _ITEM.match(line)) and self._begins_item(item):
            return self._item(item, line)
        return self._text(line)

    def _is_table(self, line: str) -> bool:
        """Whether a line goes on with a table, or is the one below the head that makes it one."""
        if self._kind == "table":
            return "|" in line
        head = self._kind == "paragraph" and len(self._lines) == 1 and "|" in self._lines[0]
        return head and bool(_DELIMITER.match(line))

    def _open_fence(self, fence: re.Match[str]) -> list[Block]:
        done = self._end()
        self._in_list = False
        self._indent, self._fence = len(fence[1]), fence[2]
        self._language = (fence[3].split() or [""])[0]
        self._lines = []
        return done

    def _alone(self, kind: Kind, line: str) -> list[Block]:
        self._in_list = False
        return [Block(kind, line)]

    def _begins_item(self, item: re.Match[str]) -> bool:
        """A number in the middle of a paragraph is a number, unless it is a 1."""
        return self._kind != "paragraph" or item[3] in (None, "1")

    def _item(self, item: re.Match[str], line: str) -> list[Block]:
        indent = len(item[1])
        if self._kind == "item" and indent > self._indent + 1:
            self._lines.append(line)  # of a list inside this item
            return []
        done = self._end()
        ordered = item[3] is not None
        self._goes_on, self._ordered = self._in_list and ordered == self._ordered, ordered
        self._kind, self._indent = "item", min(indent, 3)
        self._lines = [line[self._indent :]]
        return done

    def _text(self, line: str) -> list[Block]:
        if self._kind == "item" and (not self._gap or line.startswith("  ")):
            self._lines.append(line[self._indent :] if line[: self._indent].isspace() else line)
            return []
        quote = bool(_QUOTE.match(line))
        if self._kind in ("paragraph", "quote") and not (quote and self._kind == "paragraph"):
            self._lines.append(line)
            return []
        done = self._end()
        self._kind = "quote" if quote else "paragraph"
        self._in_list = False
        self._lines = [line]
        return done

    def _end(self) -> list[Block]:
        if self._kind is None:
            return []
        block = Block(self._kind, "\n".join(self._lines).rstrip("\n"), goes_on=self._goes_on)
        self._in_list = self._kind == "item"
        self._kind, self._lines, self._goes_on = None, [], False
        return [block]


def _open_span(line: str) -> int:
    """Where the first span begins that is not closed in this line; the line's length when all are."""
    code: tuple[str, int] | None = None
    opened: dict[str, tuple[int, int]] = {}  # sign -> how many of it, where
    for mark in _MARK.finditer(line):
        sign, at = mark[0][-1] if mark[0].startswith("!") else mark[0][0], mark.start()
        if code or sign == "`":  # nothing else counts inside code
            code = code or (mark[0], at) if not code or code[0] != mark[0] else None
        elif sign == "]":
            opened.pop("[", None)
        elif sign in opened:
            if len(mark[0]) >= opened[sign][0]:
                del opened[sign]
        elif sign != "\\" and _may_open(line, mark):
            opened[sign] = (len(mark[0]), at)
    places = [at for _, at in (*opened.values(), *([code] if code else []))]
    return min((at for at in places if len(line) - at < _LONGEST_SPAN), default=len(line))


def _may_open(line: str, mark: re.Match[str]) -> bool:
    """Whether emphasis may begin here: not before a blank (2 * 3), and an underscore not inside a word (snake_case)."""
    before, after = line[: mark.start()][-1:], line[mark.end() :][:1]
    return not after.isspace() and not (mark[0][0] == "_" and before.isalnum())
