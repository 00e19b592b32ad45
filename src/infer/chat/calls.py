"""The text of tool calls becomes calls: where a stretch of calls ends, what is called with what, and what is wrong.

A text that looks like a call and cannot be read as one is none, and stays text.
"""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from infer.chat.arguments import as_object, decode, inside_value, read_arguments, regex
from infer.chat.formats import Marker
from infer.chat.syntax import CallFormat
from infer.types import Tool, ToolCall

_LOOK = 256  # characters in which the head of a call must stand
_GAP = re.compile(r"[\s,;]*")
_NAMES = ("name", "tool_name", "function")
_ARGUMENTS = ("arguments", "parameters")
_IDS = ("id", "tool_call_id")
Check = Callable[[str], Callable[[str], str | None]]


@dataclass(frozen=True, slots=True)
class Found:
    """The calls at the beginning of a text, and where they end. No calls: it is none."""

    calls: tuple[ToolCall, ...] = ()
    end: int = 0


class CallReader:
    """Reads the calls of one answer. Calls without an id of their own get one, nine characters as Mistral wants them.

    check   what is wrong with arguments (JSON text) under a schema, as `infer.schema.check.checker` makes it
    """

    def __init__(self, formats: tuple[CallFormat, ...], tools: tuple[Tool, ...], check: Check) -> None:
        self.formats = formats
        self.drops = tuple(Marker(text, None, anywhere=True) for form in formats for text in form.drops)
        self._tools = {tool.name: tool for tool in tools}
        self._check = check
        self._count = 0

    def read(self, form: CallFormat, text: str, *, final: bool) -> Found | None:
        """What follows an opening text of `form`. None: it cannot be said yet; `final`: nothing more can come."""
        found = self._find(form, text, final)
        return found and replace(found, calls=tuple(map(self._finished, found.calls)))

    def _find(self, form: CallFormat, text: str, final: bool) -> Found | None:
        if self._hopeless(form, text):
            return Found()
        if form.closes:
            return self._closed(form, text) or (self._unclosed(form, text) if final else None)
        found = self._parse(form, text, 1)
        return found if found.calls or final else None

    def _hopeless(self, form: CallFormat, text: str) -> bool:
        """Whether nothing can make a call of it any more, judged by how it begins."""
        beginning = text[:_LOOK].lstrip()
        if not form.head:
            return len(text) >= _LOOK if not beginning else beginning[0] not in "[{"
        found = regex(form.head).match(beginning)
        if form.offered and found:
            return found["name"] not in self._tools
        return found is None and len(text) >= _LOOK

    def _closed(self, form: CallFormat, text: str) -> Found | None:
        """The calls up to the first closing text that does not stand inside an argument."""
        at = text.find(form.closes)
        while at >= 0:
            found = self._parse(form, text[:at])
            if found.calls and not text[found.end : at].strip():
                return Found(found.calls, at + len(form.closes))
            if not inside_value(form, text[:at]):
                return Found()
            at = text.find(form.closes, at + 1)
        return None

    def _unclosed(self, form: CallFormat, text: str) -> Found:
        """The calls in a text whose closing text did not come, where a call shows by itself that it is whole."""
        return Found() if form.arguments == "tags" and not form.tail else self._parse(form, text)

    def _parse(self, form: CallFormat, text: str, limit: int | None = None) -> Found:
        """The calls at the beginning of a text, at most `limit` times what the format writes at once."""
        calls: list[ToolCall] = []
        at = end = count = 0
        while count != limit:
            at = _end(_GAP.match(text, at))
            read = self._headed(form, text, at) if form.head else self._self_named(text, at)
            if read is None:
                break
            calls += read[0]
            at = end = read[1]
            count += 1
        return Found(tuple(calls), end)

    def _headed(self, form: CallFormat, text: str, at: int) -> tuple[list[ToolCall], int] | None:
        head = regex(form.head).match(text, at)
        if head is None:
            return None
        name = html.unescape(head["name"].strip())
        if form.offered and name not in self._tools:
            return None
        tool = self._tools.get(name)
        read = read_arguments(form, text, head.end(), tool.parameters if tool else {})
        tail = read and regex(form.tail).match(text, read[1])
        if not read or not tail or (form.arguments == "tags" and not read[0] and not tool):
            return None  # a word between tags need not be the name of a function
        return [ToolCall(head.groupdict().get("id") or "", name, read[0])], tail.end()

    def _self_named(self, text: str, at: int) -> tuple[list[ToolCall], int] | None:
        """JSON: an object that names its function, or a list of them."""
        try:
            value, end = decode(text, at)
        except ValueError:
            return None
        items = value if isinstance(value, list) else [value]
        calls = [call for call in map(self._named, items) if call]
        return (calls, end) if calls and len(calls) == len(items) else None

    def _named(self, item: object) -> ToolCall | None:
        if not isinstance(item, dict):
            return None
        if isinstance(inner := item.get("function"), dict):
            item = {**item, **inner, "function": None}
        if len(item) == 1 and next(iter(item)) in self._tools:  # {"weather": {"place": "Umeå"}}
            item = {"name": next(iter(item)), "arguments": next(iter(item.values()))}
        name = next((item[key] for key in _NAMES if isinstance(item.get(key), str)), None)
        arguments = as_object(next((item[key] for key in _ARGUMENTS if item.get(key) is not None), {}))
        identity = next((str(item[key]) for key in _IDS if isinstance(item.get(key), str | int)), "")
        return None if name is None or arguments is None else ToolCall(identity, name, arguments)

    def _finished(self, call: ToolCall) -> ToolCall:
        self._count += 1
        return replace(call, id=call.id or f"call{self._count:05}", error=self._problem(call))

    def _problem(self, call: ToolCall) -> str | None:
        """What is wrong with a call, None where nothing is."""
        tool = self._tools.get(call.name)
        if tool is None:
            return f"no tool is called {call.name}"
        return self._check(json.dumps(tool.parameters))(json.dumps(call.arguments))


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0
