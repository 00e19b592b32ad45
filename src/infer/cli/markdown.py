"""Markdown as it arrives: finished blocks, written once and never again, and a tail that is still moving.

    stream = MarkdownStream(width, color=True)
    finished = stream.feed(text)      lines that stand for good, with their colours
    tail = stream.tail()              the lines of the block that is not over yet, as it would look if it were
    stream.stand()                    what tail() gave last is never drawn again
    last = stream.finish()

The finished lines together are the same however the text was cut. Code is written as it is: no frame, no margin, no
line numbers and no line breaks of ours, so that copying it from the terminal gives the code.
"""

import re
from collections.abc import Iterable
from io import StringIO
from typing import TYPE_CHECKING

from infer.cli.live import plain
from infer.cli.markdown_blocks import Block, Blocks
from infer.cli.output import visible
from infer.cli.standing import Standing, grown, reaches, rest, table_rest

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.segment import Segment
    from rich.syntax import Syntax

_THEME = "ansi_dark"  # pygments' style in the sixteen colours that every terminal's user has chosen for himself
# What may go on over several lines of code, and what ends it. A line is lexed alone, since lexing all before it again
# takes 1.4 ms a line; one of these keeps the lines together, up to so many. Wrong colours are possible, wrong text not.
_OPENERS = (('"""', '"""'), ("'''", "'''"), ("/*", "*/"), ("<!--", "-->"), ("`", "`"))
_TOGETHER = 60
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_HTML = re.compile(r"\\?<")
_IMAGE = re.compile(r"(?<!\\)!\[")
_MARKER = re.compile(r"^(\d*)([.)#>=~+-]|\*(?=\s))")
_CLOSING = re.compile(r"(^|\s)#+\s*$")  # of a heading: `# x #`, but not `# C#`
_FENCE = re.compile(r"^```(?=[^`]*$)")
_DEFINITION = re.compile(r"^(\s*)\[(?=[^\]]+\]:)", re.MULTILINE)
_STYLES = {"markdown.code": "cyan", "markdown.item.number": "bold", "markdown.block_quote": "italic"}
_HEADINGS = ("bold underline", "bold", "bold", "italic", "italic", "italic")


class MarkdownStream:
    """Text in, lines for a terminal of `width` columns out; a line has no newline at its end.

    A block is finished in the width in which it began: what stands on the screen is never drawn again because a window
    has another size, so no lines are repeated, whatever the terminal did with them.
    Text from outside has its control characters shown, not executed, before anything else looks at it.
    """

    def __init__(self, width: int, *, color: bool = True) -> None:
        self.width = width
        self._begun_width = width  # of the block that is open
        self._color = color
        self._blocks = Blocks()
        self._held = ""
        self._begun = False
        self._code: list[str] = []
        self._closer = ""
        self._syntaxes: dict[str, Syntax] = {}
        self._console: Console | None = None
        self._drawn: list[Standing] = []  # the blocks of the last tail
        self._standing: list[Standing] = []  # blocks of a tail that must not be drawn again: the next ones to come

    def feed(self, text: str) -> list[str]:
        """The lines that are finished now."""
        if not (self._held or self._blocks.is_open):
            self._begun_width = self.width
        self._held += visible(text).replace("\t", "    ")
        if "\n" not in text:
            return []
        *lines, self._held = self._held.split("\n")
        return self._render(block for line in lines for block in self._blocks.feed(line))

    def tail(self) -> list[str]:
        """The lines of what is not finished, as they look now; without the end that may come to look different."""
        begun, code, closer, width = self._begun, list(self._code), self._closer, self._begun_width
        standing = list(self._standing)
        ahead = self._blocks.copy()
        line = self._blocks.settled(self._held)
        blocks = [*(ahead.feed(line) if line else []), *ahead.finish()]
        self._drawn = []
        lines = self._render(blocks, self._drawn)
        self._begun, self._code, self._closer, self._begun_width = begun, code, closer, width
        self._standing = grown(standing, self._drawn)
        return lines

    def stand(self) -> bool:
        """What `tail` gave last stands for good: only what is missing comes next. Whether its last line may go on."""
        if self._drawn:
            self._standing = self._drawn
        self._drawn = []
        return not (self._standing and self._standing[-1].is_table)

    def finish(self) -> list[str]:
        """The lines of what was left."""
        blocks = [*(self._blocks.feed(self._held) if self._held else []), *self._blocks.finish()]
        self._held = ""
        return self._render(blocks)

    def _render(self, blocks: Iterable[Block], drawn: list[Standing] | None = None) -> list[str]:
        lines = []
        for block in blocks:
            shown = self._highlight(block) if block.kind == "code" else self._block(block)
            is_table = block.kind == "table"
            stands = self._standing.pop(0) if self._standing else None
            left = self._left(block, shown, stands) if stands else None
            if self._begun and not block.goes_on and left is None:
                lines.append("")
            self._begun = True
            lines += shown if left is None else left
            if drawn is not None:
                last = plain(lines[-1]) if lines else ""
                now = Standing(tuple(map(plain, shown)), last, is_table, block.text.count("\n") - 1)
                drawn.append(now if stands is None or left is None or (left and reaches(now, stands)) else stands)
            self._begun_width = self.width
        return lines

    def _left(self, block: Block, shown: list[str], stands: Standing) -> list[str] | None:
        """What is not on the screen yet of a block that stands there; None: it is another one."""
        if block.kind == "table":
            return table_rest(block.text, stands.rows if stands.is_table else 0, self._table)
        return rest(shown, stands, below=bool(self._standing))

    def _table(self, text: str) -> list[str]:
        return self._block(Block("table", text))

    def _highlight(self, block: Block) -> list[str]:
        """One line of code, with those before it to which it belongs: a string or a comment goes on."""
        if not block.number or len(self._code) >= _TOGETHER or not self._closer:
            self._code, self._closer = [], ""
        self._code.append(block.text)
        self._closer = _still_open(block.text, self._closer)
        if not (self._color and block.language):
            return [block.text]
        text = self._syntax(block.language).highlight("\n".join(self._code) + "\n")
        line = text.split("\n", allow_blank=True)[len(self._code) - 1]
        line.rstrip()
        same = line.plain == block.text.rstrip()  # some lexers change what they colour
        return [_painted(line.render(self._consoled()), self._color) if same else block.text]

    def _syntax(self, language: str) -> "Syntax":
        if language not in self._syntaxes:
            from rich.syntax import Syntax

            lexer = Syntax("", language).lexer  # looked up once
            self._syntaxes[language] = Syntax("", lexer or "text", theme=_THEME)
        return self._syntaxes[language]

    def _block(self, block: Block) -> list[str]:
        console = self._consoled()
        options = console.options.update(width=max(1, self._begun_width))
        segments = console.render_lines(_renderable(block), options, pad=False)
        lines = [_painted(line, self._color) for line in segments]
        while lines and not lines[-1].strip():
            lines.pop()
        while lines and not lines[0].strip():
            lines.pop(0)
        return lines

    def _consoled(self) -> "Console":
        if self._console is None:
            from rich.console import Console
            from rich.theme import Theme

            self._console = Console(
                file=StringIO(), force_terminal=True, color_system="standard", width=max(1, self.width),
                theme=Theme(_STYLES), highlight=False, emoji=False, markup=False, legacy_windows=False, _environ={},
            )  # fmt: skip
        return self._console


def prepare() -> None:
    """Import what rendering takes, a tenth of a second, before there is anything to render."""
    MarkdownStream(80).feed("words\n\n")


def _still_open(line: str, closer: str) -> str:
    """What ends the string or the comment that is open at the end of a line; empty when none is."""
    at = 0
    while True:
        if closer:
            end = line.find(closer, at)
            if end < 0:
                return closer
            at, closer = end + len(closer), ""
        found = [(line.find(opener, at), -len(opener), opener, end) for opener, end in _OPENERS if opener in line[at:]]
        if not found:
            return ""
        start, _, opener, closer = min(found)
        at = start + len(opener)


def _renderable(block: Block) -> "RenderableType":
    from rich.markdown import Markdown
    from rich.text import Text

    if block.kind == "rule":
        return Text("─" * 3, style="dim")
    if block.kind == "heading":
        bare = block.text.lstrip()
        level = len(bare) - len(bare.lstrip("#"))
        words = Markdown(_kept(_inline(_CLOSING.sub("", bare[level:]).strip())) or " ", hyperlinks=False)
        words.style = _HEADINGS[min(level, 6) - 1]
        return words
    if block.kind == "table" and _is_ragged(block.text):
        return Text(block.text)
    return Markdown(_kept(block.text), hyperlinks=False, code_theme=_THEME)


def _kept(text: str) -> str:
    """Markdown of which nothing disappears: HTML and definitions of links (or footnotes) are text like any other.

    So are images, beside which rich cuts words off at the edge.
    """
    parts = []
    at = 0
    for span in _CODE_SPAN.finditer(text):
        parts += [_written(text[at : span.start()]), span[0]]
        at = span.end()
    return _DEFINITION.sub(r"\1\\[", "".join([*parts, _written(text[at:])]))


def _inline(text: str) -> str:
    """A heading's words as Markdown that begins no block: `# 1. Setup` is no list, `# # x` no heading in a heading."""
    return _FENCE.sub(r"\\`\\`\\`", _MARKER.sub(r"\1\\\2", text))


def _written(text: str) -> str:
    return _IMAGE.sub(r"!\\[", _HTML.sub("&lt;", text))


def _is_ragged(table: str) -> bool:
    """Whether a row has more cells than the head; Markdown leaves these out."""
    head, *rows = (line.strip().strip("|").count("|") for line in table.split("\n"))
    return any(row > head for row in rows)


def _painted(segments: "Iterable[Segment]", color: bool) -> str:
    """Segments of one line as text with SGR sequences; trailing blanks go, so that copied text has none."""
    parts = [(segment.text, segment.style) for segment in segments if not segment.control]
    while parts and not parts[-1][0].strip():
        parts.pop()
    if not parts:
        return ""
    parts[-1] = (parts[-1][0].rstrip(), parts[-1][1])
    if not color:
        return "".join(text for text, _ in parts)
    from rich.color import ColorSystem

    return "".join(style.render(text, color_system=ColorSystem.STANDARD) if style else text for text, style in parts)
