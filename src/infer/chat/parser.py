"""A stream of text becomes deltas: markers, tool calls and stop strings are taken out of reasoning and answer.

Only what could still become a marker, a call or a stop string is held back, so everything else streams at once, and
the result does not depend on how the text was cut. The rules:

- The leftmost marker or stop string counts; at the same place a marker goes before a stop string.
- Stop strings count in the answer only, not in the reasoning or in a marker. Text from one on is dropped.
- Reasoning opens only before the answer has begun, with at most `BLANKS` blanks in front; reasoning that is
  not closed stays reasoning.
- Newlines straight after a marker belong to the marker (models write "</think>", a blank line, the answer).
- Where a stretch of tool calls may begin, it is held until it can be read. Then the calls come out whole, or it
  turns out to be none and stays text, in which everything else counts as ever.
- A format without markers, and no stop strings: the content is the input, character for character.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from infer.chat.calls import CallReader
from infer.chat.formats import Marker, Mode, ReasoningFormat
from infer.chat.syntax import CallFormat
from infer.types import Delta, ToolCall

BLANKS = 4


@dataclass(frozen=True, slots=True)
class _Opening:
    """A text with which a stretch of calls begins."""

    text: str
    form: CallFormat


class StreamParser:
    """Feed it text, get Deltas.

    stop                 stop strings; empty ones are ignored
    reasoning            the family's markers, None: all text is the answer
    starts_in_reasoning  the prompt ends with an open marker
    calls                reads tool calls, None: they are text
    opened               what of the answer stands in the prompt already (`syntax.opened`)

    It holds back at most the longest marker or stop string and `BLANKS` characters, and what may be a call.
    """

    def __init__(
        self,
        stop: tuple[str, ...],
        reasoning: ReasoningFormat | None,
        starts_in_reasoning: bool,
        calls: CallReader | None = None,
        opened: str = "",
    ) -> None:
        self.stopped = self.called = False
        self._calls = calls
        self._all_stops = tuple(filter(None, stop))
        self._all_markers = (*(reasoning.markers if reasoning else ()), *(calls.drops if calls else ()))
        self._all_openings = [_Opening(text, form) for form in (calls.formats if calls else ()) for text in form.opens]
        self._held = opened
        self._reading: _Opening | None = None
        self._opening = 0  # characters at the beginning of what is held that open the calls being read
        self._no_call = 0  # characters at the beginning of what is held in which no call begins: it was none
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
        calls: list[ToolCall] = []
        for item in self._advance(final):
            if isinstance(item, ToolCall):
                calls.append(item)
            else:
                parts[item[0]].append(item[1])
        self.called = self.called or bool(calls)
        return Delta("".join(parts["content"]), "".join(parts["reasoning"]), tuple(calls))

    def _enter(self, mode: Mode, *, blank: bool) -> None:
        """What counts from here on. `blank`: nothing but white space since the last marker."""
        self._mode, self._blank = mode, blank
        self._stops = self._all_stops if mode == "content" else ()
        markers = [m for m in self._all_markers if blank or m.anywhere or (mode, m.then) == ("reasoning", "content")]
        openings = [o for o in self._all_openings if self._may_open(o.form)]
        self._markers: list[Marker | _Opening] = sorted([*markers, *openings], key=lambda m: -len(m.text))
        texts = [*self._stops, *(marker.text for marker in self._markers)]
        self._reach = max((len(text) for text in texts), default=0) + (BLANKS if blank else 0)
        self._pattern = re.compile("|".join(self._alternatives(calls=True)) or "(?!)")
        self._without_calls = re.compile("|".join(self._alternatives(calls=False)) or "(?!)")

    def _may_open(self, form: CallFormat) -> bool:
        return (self._blank or not form.first) and (self._mode == "content" or form.anywhere)

    def _alternatives(self, *, calls: bool) -> Iterator[str]:
        """What ends a stretch of text, the first of these that stands leftmost."""
        lead = rf"\s{{0,{BLANKS}}}" if self._blank else ""
        for index, marker in enumerate(self._markers):
            if calls or isinstance(marker, Marker):
                yield f"(?P<m{index}>{lead}{re.escape(marker.text)})"
        if self._stops:
            yield f"(?P<stop>{'|'.join(map(re.escape, self._stops))})"
        if self._blank and (self._all_markers or self._all_openings):
            yield r"(?P<letter>\S)"

    def _advance(self, final: bool) -> Iterator[tuple[Mode, str] | ToolCall]:
        """Take from what is held all that is decided: stretches of text and calls, one after the other."""
        while self._held:
            if self._reading is not None:
                found = self._read_calls(self._reading.form, final)
                if found is None:
                    return
                yield from found
                continue
            if self._after_marker:
                self._drop(len(self._held) - len(self._held.lstrip("\r\n")))
                self._after_marker = not self._held
                continue
            ending = self._search()
            end = ending.start() if ending else len(self._held)
            wait = None if final else self._unfinished(end)
            text = self._held[: end if wait is None else wait]
            yield self._mode, text
            if wait is not None:
                self._drop(len(text))
                return
            self._pass(ending)

    def _search(self) -> re.Match[str] | None:
        """What ends the stretch of text at the beginning of what is held."""
        if self._no_call:
            found = self._without_calls.search(self._held)
            if found and found.start() < self._no_call:
                return found
        return self._pattern.search(self._held, self._no_call)

    def _read_calls(self, form: CallFormat, final: bool) -> tuple[ToolCall, ...] | None:
        """The calls of the stretch that is being read; none: it is text after all; None: more is needed."""
        assert self._calls is not None
        found = self._calls.read(form, self._held[self._opening :], final=final)
        if found is None:
            return None
        self._reading = None
        if found.calls:
            self._drop(self._opening + found.end)
            self._enter(self._mode, blank=True)
            self._after_marker = True
        else:
            self._no_call = self._opening
        return found.calls

    def _drop(self, count: int) -> None:
        self._held = self._held[count:]
        self._no_call = max(0, self._no_call - count)

    def _pass(self, found: re.Match[str] | None) -> None:
        """Step over what ended the stretch: nothing, a stop string, the text's first letter, or a marker."""
        kind = found.lastgroup if found else None
        if found is None or kind is None:
            self._drop(len(self._held))
        elif kind == "stop":
            self.stopped, self._held = True, ""
        elif kind == "letter":
            self._drop(found.start())
            self._enter(self._mode, blank=False)
        else:
            self._pass_marker(found, self._markers[int(kind[1:])])

    def _pass_marker(self, found: re.Match[str], marker: Marker | _Opening) -> None:
        if isinstance(marker, _Opening):
            self._opening = found.end() - found.start()
            self._drop(found.start())
            self._reading = marker
        else:
            self._drop(found.end())
            self._enter(marker.then or self._mode, blank=True)
            self._after_marker = True

    def _unfinished(self, end: int) -> int | None:
        """Where the text ends in the beginning of something that would count before what was found at `end`."""
        for start in range(max(0, len(self._held) - self._reach), min(end + 1, len(self._held))):
            tail = self._held[start:]
            if self._may_be_marker(tail, start) or (start < end and any(_extends(t, tail) for t in self._stops)):
                return start
        return None

    def _may_be_marker(self, tail: str, start: int) -> bool:
        """Whether more text can make `tail` a marker, with the blanks that may stand in front."""
        blanks = len(tail) - len(tail.lstrip()) if self._blank else 0
        texts = [m.text for m in self._markers if isinstance(m, Marker) or start >= self._no_call]
        return any(_extends(text, tail[lead:]) for lead in range(min(blanks, BLANKS) + 1) for text in texts)


def _extends(text: str, beginning: str) -> bool:
    return len(text) > len(beginning) and text.startswith(beginning)
