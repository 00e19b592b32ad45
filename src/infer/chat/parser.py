"""A stream of text becomes deltas: markers and stop strings are taken out, reasoning is kept from the answer.

Only what could still become a marker or a stop string is held back, so everything else streams at once, and
the result does not depend on how the text was cut. The rules:

- The leftmost marker or stop string counts; at the same place a marker goes before a stop string.
- Stop strings count in the answer only, not in the reasoning or in a marker. Text from one on is dropped.
- Reasoning opens only before the answer has begun, with at most `BLANKS` blanks in front; reasoning that is
  not closed stays reasoning.
- Newlines straight after a marker belong to the marker (models write "</think>", a blank line, the answer).
- A format without markers, and no stop strings: the content is the input, character for character.
"""

import re
from collections.abc import Iterator

from infer.chat.formats import Mode, ReasoningFormat
from infer.types import Delta

BLANKS = 4


class StreamParser:
    """Feed it text, get Deltas.

    stop                 stop strings; empty ones are ignored
    reasoning            the family's markers, None: all text is the answer
    starts_in_reasoning  the prompt ends with an open marker

    It holds back at most the longest marker or stop string, and `BLANKS` characters.
    """

    def __init__(self, stop: tuple[str, ...], reasoning: ReasoningFormat | None, starts_in_reasoning: bool) -> None:
        self.stopped = False
        self._all_stops = tuple(filter(None, stop))
        self._all_markers = reasoning.markers if reasoning else ()
        self._held = ""
        self._enter("reasoning" if reasoning and starts_in_reasoning else "content", blank=True)
        self._after_marker = self._mode == "reasoning"

    def feed(self, text: str) -> Delta:
        """What is known now. After a stop string always empty."""
        return self._collect(text, final=False)

    def finish(self) -> Delta:
        """What was held back, now that nothing more can come."""
        return self._collect("", final=True)

    @property
    def in_reasoning(self) -> bool:
        """Whether what comes next belongs to the reasoning, as far as the text is decided."""
        return self._mode == "reasoning"

    def _collect(self, text: str, *, final: bool) -> Delta:
        if self.stopped:
            return Delta()
        self._held += text
        parts: dict[Mode, list[str]] = {"content": [], "reasoning": []}
        for mode, piece in self._advance(final):
            parts[mode].append(piece)
        return Delta(content="".join(parts["content"]), reasoning="".join(parts["reasoning"]))

    def _enter(self, mode: Mode, *, blank: bool) -> None:
        """What counts from here on. `blank`: nothing but white space since the last marker."""
        self._mode, self._blank = mode, blank
        self._stops = self._all_stops if mode == "content" else ()
        self._markers = sorted(
            (m for m in self._all_markers if blank or m.anywhere or (mode, m.then) == ("reasoning", "content")),
            key=lambda marker: -len(marker.text),
        )
        texts = [*self._stops, *(marker.text for marker in self._markers)]
        self._reach = max((len(text) for text in texts), default=0) + (BLANKS if blank else 0)
        self._pattern = re.compile("|".join(self._alternatives()) or "(?!)")

    def _alternatives(self) -> Iterator[str]:
        """What ends a stretch of text, the first of these that stands leftmost."""
        lead = rf"\s{{0,{BLANKS}}}" if self._blank else ""
        for index, marker in enumerate(self._markers):
            yield f"(?P<m{index}>{lead}{re.escape(marker.text)})"
        if self._stops:
            yield f"(?P<stop>{'|'.join(map(re.escape, self._stops))})"
        if self._blank and self._all_markers:
            yield r"(?P<letter>\S)"

    def _advance(self, final: bool) -> Iterator[tuple[Mode, str]]:
        """Take from what is held all that is decided: stretches of text, one after the other."""
        while self._held:
            if self._after_marker:
                self._held = self._held.lstrip("\r\n")
                self._after_marker = not self._held
                continue
            found = self._pattern.search(self._held)
            end = found.start() if found else len(self._held)
            wait = None if final else self._unfinished(end)
            yield self._mode, self._held[: end if wait is None else wait]
            if wait is not None:
                self._held = self._held[wait:]
                return
            self._pass(found)

    def _pass(self, found: re.Match[str] | None) -> None:
        """Step over what ended the stretch: nothing, a stop string, the text's first letter, or a marker."""
        kind = found.lastgroup if found else None
        if found is None or kind is None:
            self._held = ""
        elif kind == "stop":
            self.stopped, self._held = True, ""
        elif kind == "letter":
            self._held = self._held[found.start() :]
            self._enter(self._mode, blank=False)
        else:
            self._held = self._held[found.end() :]
            self._enter(self._markers[int(kind[1:])].then or self._mode, blank=True)
            self._after_marker = True

    def _unfinished(self, end: int) -> int | None:
        """Where the text ends in the beginning of something that would count before what was found at `end`."""
        for start in range(max(0, len(self._held) - self._reach), min(end + 1, len(self._held))):
            tail = self._held[start:]
            if self._may_be_marker(tail) or (start < end and any(_extends(text, tail) for text in self._stops)):
                return start
        return None

    def _may_be_marker(self, tail: str) -> bool:
        """Whether more text can make `tail` a marker, with the blanks that may stand in front."""
        bare = tail.lstrip() if self._blank else tail
        return len(tail) - len(bare) <= BLANKS and any(_extends(m.text, bare) for m in self._markers)


def _extends(text: str, beginning: str) -> bool:
    return len(text) > len(beginning) and text.startswith(beginning)
