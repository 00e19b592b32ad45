"""Fenced code blocks taken out of text as it streams by, as CommonMark reads them.

A fence is three or more backticks or tildes, indented by at most three blanks; a list item's own indentation does not
count. The block ends with a fence of the same sign, at least as long, with nothing behind it, or with the text. A
fence inside a block is text. What the fence is indented by is taken off the block's lines; they may be indented by
less. Line ends stay as they are. Block quotes are not looked into.
"""

import re
from dataclasses import dataclass

_PIECES = re.compile(r"[^\n]*\n|[^\n]+")
_OPENING = re.compile(r"(`{3,})([^`\r\n]*)\r?\n?|(~{3,})([^\r\n]*)\r?\n?")
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])(?: {1,4}|(?=\t|\r?\n?$))")
_LANGUAGE = re.compile(r"[\s{.]*([^\s{},:;]+)")
_BLANKS = re.compile(r"[ \t]*")
_INDENT = 3  # blanks that may stand in front of a fence
_TAB = 4
_NAMES = {
    "py": "python", "python3": "python", "js": "javascript", "ts": "typescript", "sh": "bash", "shell": "bash",
    "yml": "yaml", "rb": "ruby", "rs": "rust", "md": "markdown", "c++": "cpp", "golang": "go", "cs": "csharp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Fence:
    """An open fence, its indentation in columns, and the largest that its end may have."""

    text: str
    indent: int
    most: int
    wanted: bool


class Extractor:
    """Feed it text, get what stands inside the blocks: the first one, or with `every` all of them, one after another.

    language   only blocks whose info string begins with it; py is python, sh is bash
    found      whether there was such a block
    """

    def __init__(self, *, language: str | None = None, every: bool = False) -> None:
        self.found = False
        self._language = None if language is None else _canonical(language)
        self._every = every
        self._line = ""  # what has come of a line that may still be a fence
        self._passing = False  # whether the line goes on that has been told to be none
        self._fence: _Fence | None = None
        self._items: list[int] = []  # the columns at which the text of the list items begins that we are in

    @property
    def inside(self) -> bool:
        """Whether such a block is open."""
        return self._fence is not None and self._fence.wanted

    def feed(self, text: str) -> str:
        """What is known now to stand inside."""
        return "".join(map(self._piece, _PIECES.findall(text)))

    def finish(self) -> str:
        """What was held back, now that nothing more can come."""
        line, self._line = self._line, ""
        return self._whole(line) if line else ""

    def _piece(self, piece: str) -> str:
        """A piece of one line, perhaps with its end."""
        if self._passing:
            self._passing = not piece.endswith("\n")
            return self._shown(piece)
        self._line += piece
        whole = self._line.endswith("\n")
        if not whole and (self._fence is None or _may_end(self._fence, self._line)):
            return ""
        line, self._line, self._passing = self._line, "", not whole
        return self._whole(line) if whole else self._inside(line)

    def _whole(self, line: str) -> str:
        if self._fence is None:
            self._fence = self._opened(line)
            self.found = self.found or (self._fence is not None and self._fence.wanted)
            return ""
        if not _ends(self._fence, line):
            return self._inside(line)
        self._fence = None
        return ""

    def _inside(self, line: str) -> str:
        return self._shown(_unindented(line, self._fence.indent)) if self._fence else ""

    def _shown(self, text: str) -> str:
        return text if self._fence and self._fence.wanted else ""

    def _opened(self, line: str) -> _Fence | None:
        """The fence that a line outside of blocks opens, None: it opens none."""
        indent, text = _indent(line)
        if not text.strip():
            return None
        self._items = [column for column in self._items if column <= indent]
        while indent <= self._most and (item := _ITEM.match(text)):
            indent, text = _indent(text[item.end() :], indent + item.end())
            self._items.append(indent)
        found = _OPENING.fullmatch(text) if indent <= self._most else None
        if found is None:
            return None
        return _Fence(found[1] or found[3], indent, self._most, self._wants(found[2] or found[4] or ""))

    @property
    def _most(self) -> int:
        return (self._items[-1] if self._items else 0) + _INDENT

    def _wants(self, info: str) -> bool:
        if self.found and not self._every:
            return False
        named = _LANGUAGE.match(info)
        return self._language is None or (named is not None and _canonical(named[1]) == self._language)


def _ends(fence: _Fence, line: str) -> bool:
    indent, text = _indent(line)
    return indent <= fence.most and text.startswith(fence.text) and not text.lstrip(fence.text[0]).strip()


def _may_end(fence: _Fence, line: str) -> bool:
    """Whether a line that goes on can become the end of the block."""
    indent, text = _indent(line)
    if indent > fence.most:
        return False
    return _ends(fence, line) or not text.strip(fence.text[0])


def _indent(line: str, column: int = 0) -> tuple[int, str]:
    """The column at which a line's text begins, when the line begins at `column`, and that text."""
    found = _BLANKS.match(line)
    blanks = found[0] if found else ""
    return len((" " * column + blanks).expandtabs(_TAB)), line[len(blanks) :]


def _unindented(line: str, columns: int) -> str:
    """A line less so many columns of blanks; of a tab that reaches further, what is left of it."""
    column = taken = 0
    while column < columns and line[taken : taken + 1] in (" ", "\t"):
        column += _TAB - column % _TAB if line[taken] == "\t" else 1
        taken += 1
    return " " * max(0, column - columns) + line[taken:]


def _canonical(language: str) -> str:
    return _NAMES.get(language.lower(), language.lower())
