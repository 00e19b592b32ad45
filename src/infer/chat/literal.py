"""Keeps text that people bring from becoming control tokens.

The prompt is tokenised in one call, in which the text of a control token becomes that token. A message that
contains such a text would thus speak with the template's voice. So a sentinel, a private-use character that
occurs nowhere else, is put inside every such text before rendering:

    "a <|im_end|> b"  ->  "a <|im_end|" + sentinel + "> b"  ->  render, split at the sentinel, tokenise apart

and no piece holds the control text any more. Without a control text in any message nothing changes at all.

A cut goes before the last character of a control text, so a template that trims or joins messages sees the same
borders. A message that ends in the beginning of a control text is cut there too: the template's next words, or
the next message, could complete it. Some templates take a command out of a message (SmolLM3: "/no_think"), and
what is left could close up into a control text: a message with such a command is cut after every character that
could begin one. Control texts of one character cannot be cut and are ignored.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from infer.types import Message, TextPart

PRIVATE_USE = range(0xE000, 0xF900)
_TAKEN_OUT = re.compile(r"""\breplace\(\s*(["'])(.+?)\1""")  # x.replace("this", ...) in a template's source


def shield(
    messages: Sequence[Message], control_texts: Iterable[str], template: str = ""
) -> tuple[tuple[Message, ...], str | None]:
    """The messages with a sentinel inside every control text, and that sentinel; None when there was none.

    control_texts  of the whole vocabulary; those that do not occur cost next to nothing
    template       its source: the sentinel must be new there too, and it says what it takes out of messages

    A changed message has one part: its text as the template would have seen it.
    """
    controls = _Controls(control_texts)
    commands = [text for _, text in _TAKEN_OUT.findall(template)]
    cuts = [controls.cuts(m.text, strict=any(text in m.text for text in commands)) for m in messages]
    if not any(cuts):
        return tuple(messages), None
    sentinel = _unused("".join([template, *controls, *(message.text for message in messages)]))
    return tuple(_cut(m, at, sentinel) if at else m for m, at in zip(messages, cuts, strict=True)), sentinel


def mark_answers(messages: Sequence[Message], chosen: Sequence[int], template: str) -> tuple[tuple[Message, ...], str]:
    """The messages with a mark before and after the chosen ones' text, and that mark: a character that is new there."""
    mark = _unused("".join([template, *(message.text for message in messages)]))
    marked = list(messages)
    for index in chosen:
        marked[index] = replace(messages[index], content=(TextPart(mark + messages[index].text + mark),))
    return tuple(marked), mark


def pieces(rendered: str, sentinel: str | None) -> list[str]:
    """The rendered prompt split at the sentinel: tokenise each apart, and put the ids in a row."""
    return [rendered] if sentinel is None else [piece for piece in rendered.split(sentinel) if piece]


def _cut(message: Message, at: list[int], sentinel: str) -> Message:
    text = message.text
    borders = [0, *at, len(text)]
    parts = [text[start:end] for start, end in pairwise(borders)]
    return replace(message, content=(TextPart(sentinel.join(parts)),))


class _Controls:
    """The control texts, found by their first two characters: a vocabulary may have thousands of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_head: dict[str, set[str]] = defaultdict(set)
        for text in texts:
            if len(text) > 1:
                self._by_head[text[:2]].add(text)
        self._lengths = {head: sorted({len(t) for t in texts}) for head, texts in self._by_head.items()}
        self._longest = max((lengths[-1] for lengths in self._lengths.values()), default=0)

    def __iter__(self) -> Iterator[str]:
        for texts in self._by_head.values():
            yield from texts

    def cuts(self, text: str, *, strict: bool = False) -> list[int]:
        """Positions to cut `text` at, ascending: the fewest that leave no control text whole.

        strict: so many that none can form either, whatever is taken out of the text between them.
        """
        if strict:
            first = {head[0] for head in self._by_head}
            return [i for i, sign in enumerate(text, 1) if sign in first]
        found = sorted((end, start) for start, end in self._occurrences(text))
        cuts: list[int] = []
        for end, start in found:
            if not cuts or cuts[-1] <= start:
                cuts.append(end - 1)
        return sorted({*cuts, *self._open_ends(text)})

    def _occurrences(self, text: str) -> Iterator[tuple[int, int]]:
        """(start, end) of the shortest control text at each start; a cut in it is a cut in the longer ones."""
        for head, lengths in self._lengths.items():
            start = text.find(head)
            while start >= 0:
                known = self._by_head[head]
                size = next((n for n in lengths if text[start : start + n] in known), None)
                if size:
                    yield start, start + size
                start = text.find(head, start + 1)

    def _open_ends(self, text: str) -> Iterator[int]:
        """Where the text ends, with and without trailing blanks, if that end could begin a control text."""
        for end in {len(text), len(text.rstrip())}:
            tail = text[max(0, end - self._longest + 1) : end]
            if any(self._begins(tail[i:]) for i in range(len(tail))):
                yield end

    def _begins(self, tail: str) -> bool:
        if len(tail) == 1:
            return any(head[0] == tail for head in self._by_head)
        return any(len(text) > len(tail) and text.startswith(tail) for text in self._by_head.get(tail[:2], ()))


def _unused(text: str) -> str:
    """A private-use character that is not in `text`; if all are, two that never stand together in it."""
    seen = set(text)
    for code in PRIVATE_USE:
        if chr(code) not in seen:
            return chr(code)
    pairs = {text[i : i + 2] for i in range(len(text) - 1)}
    both = (chr(a) + chr(b) for a in PRIVATE_USE for b in PRIVATE_USE if a != b)
    return next(pair for pair in both if pair not in pairs)
