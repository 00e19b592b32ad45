"""Messages as the dictionaries that chat templates read, and everything in them that came from outside.

Templates differ in how they want the calls of tools in an earlier answer: arguments as an object or as JSON text, no
content as "" or as none. Which of these a template shows is found out with a conversation made for it (`probe`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from infer.types import Message, TextPart, Tool, ToolCall

Dictionary = dict[str, Any]
_NEEDLES = ("needle in a haystack", "needle in a second one")
_RESULTS = ("a first result", "a second result")
_TEXT = "a text beside the calls"
_PLACE = {"type": "string", "description": "a place"}
PROBE_TOOL = Tool("lookup", "Looks something up", {"type": "object", "properties": {"where": _PLACE}})


@dataclass(frozen=True, slots=True)
class CallForm:
    """How a template wants the calls in an answer: arguments as JSON text, an empty content as none."""

    text: bool = False
    none: bool = False


FORMS = (CallForm(), CallForm(none=True), CallForm(text=True), CallForm(text=True, none=True))


@dataclass(frozen=True, slots=True)
class CallShape:
    """What a conversation asks of a template: text beside calls, several calls in one answer, results of calls."""

    beside_text: bool
    several: bool
    results: bool


def shape_of(messages: Sequence[Message]) -> CallShape | None:
    """What of calls stands in a conversation, None where there is nothing of the kind."""
    calling = [message for message in messages if message.tool_calls]
    if not calling:
        return None
    beside_text = any(message.text for message in calling)
    several = any(len(message.tool_calls) > 1 for message in calling)
    return CallShape(beside_text, several, any(message.role == "tool" for message in messages))


def dictionary(message: Message, form: CallForm, *, typed: bool) -> Dictionary:
    """A message as a template reads it; typed: its content as a list of parts."""
    content: Any = [{"type": "text", "text": message.text}] if typed else message.text
    found: Dictionary = {"role": message.role, "content": content}
    if message.reasoning:  # the two names by which templates ask for it
        found |= {"reasoning_content": message.reasoning, "thinking": message.reasoning}
    if message.tool_calls:
        found["tool_calls"] = [_call(call, form) for call in message.tool_calls]
        if not message.text and form.none:
            found["content"] = None
    optional = {"tool_call_id": message.tool_call_id, "name": message.name}
    return found | {key: value for key, value in optional.items() if value}


def probe(shape: CallShape) -> list[Message]:
    """A conversation of this shape, in which everything is easily found."""
    count = 2 if shape.several else 1
    calls = [ToolCall(f"call0000{at}", PROBE_TOOL.name, {"where": _NEEDLES[at]}) for at in range(count)]
    answer = Message("assistant", _parts(_TEXT if shape.beside_text else ""), tool_calls=tuple(calls))
    results = [
        Message("tool", _parts(_RESULTS[at]), tool_call_id=call.id, name=call.name) for at, call in enumerate(calls)
    ]
    return [Message("user", _parts("Hi")), answer, *(results if shape.results else ())]


def shown(text: str, shape: CallShape) -> bool:
    """Whether a template has written all of a `probe`, and neither Python nor JSON inside JSON where JSON belongs."""
    count = 2 if shape.several else 1
    whole = all(needle in text for needle in _NEEDLES[:count] + (_RESULTS[:count] if shape.results else ()))
    odd = (f"'where': '{_NEEDLES[0]}", f'\\"{_NEEDLES[0]}')
    return whole and not any(form in text for form in odd)


def brought(messages: Sequence[Message]) -> list[Any]:
    """What stands in messages beside their content and came from outside, as a JSON value; see `with_brought`."""
    return [
        [m.reasoning, m.name, m.tool_call_id, [[call.id, call.name, call.arguments] for call in m.tool_calls]]
        for m in messages
    ]


def with_brought(messages: Sequence[Message], value: list[Any]) -> tuple[Message, ...]:
    """The messages with other texts in these places."""
    return tuple(
        replace(
            m, reasoning=said, name=name, tool_call_id=identity, tool_calls=tuple(ToolCall(*call) for call in calls)
        )
        for m, (said, name, identity, calls) in zip(messages, value, strict=True)
    )


def _call(call: ToolCall, form: CallForm) -> Dictionary:
    arguments = json.dumps(call.arguments, ensure_ascii=False) if form.text else dict(call.arguments)
    function = {"name": call.name, "arguments": arguments}
    return {**({"id": call.id} if call.id else {}), "type": "function", "function": function}


def _parts(text: str) -> tuple[TextPart, ...]:
    return (TextPart(text),)
