"""The messages of a line, as OpenAI's interface has them: also calls of tools, and what the tools answered."""

import json
from collections.abc import Mapping
from typing import Any

from infer.jobs.batch.bad_item import BadItem, text_of
from infer.types import Message, Role, TextPart, ToolCall

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_KEYS = frozenset({"role", "content", "name"})
_MORE: Mapping[Role, frozenset[str]] = {
    "assistant": frozenset({"tool_calls", "reasoning", "reasoning_content"}),
    "tool": frozenset({"tool_call_id"}),
}
_CALL = frozenset({"id", "type", "index", "function"})
_FUNCTION = frozenset({"name", "arguments"})
_FLAT = _CALL - {"function"} | _FUNCTION | {"error"}  # as infer itself writes them


def read_messages(given: Any) -> tuple[Message, ...]:
    """The messages in a JSON list. Raises BadItem."""
    if not isinstance(given, list) or not given:
        raise BadItem("messages is not a list with something in it")
    called: dict[str, str] = {}  # the id of each call so far -> its function
    messages = []
    for item in given:
        messages.append(_message(item, called))
        called |= {call.id: call.name for call in messages[-1].tool_calls}
    return tuple(messages)


def _message(given: Any, called: Mapping[str, str]) -> Message:
    role = _ROLES.get(str(given.get("role"))) if isinstance(given, dict) else None
    if role is None:
        raise BadItem("a message has no role of " + ", ".join(_ROLES))
    known = _KEYS | _MORE.get(role, frozenset())
    if unknown := sorted(key for key, value in given.items() if value is not None and key not in known):
        raise BadItem(f"a message has the key '{unknown[0]}', which is not supported in the role {role}")
    calls = _calls(given.get("tool_calls"))
    content = given.get("content")
    if content is None and calls:
        content = ""
    reasoning = _optional(given, "reasoning") or _optional(given, "reasoning_content")
    call_id, name = _optional(given, "tool_call_id"), _optional(given, "name")
    if role == "tool":
        name = name or _function(call_id, called)
    return Message(role, _parts(content), (), reasoning, calls, call_id, name)


def _parts(content: Any) -> tuple[TextPart, ...]:
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return tuple(map(_part, parts)) or (TextPart(""),)


def _part(given: Any) -> TextPart:
    if not isinstance(given, dict) or given.get("type") != "text":
        raise BadItem("a message's content is neither a text nor a list of text parts")
    return TextPart(text_of(given.get("text"), "a message's content"))


def _optional(given: Mapping[str, Any], key: str) -> str:
    return text_of(given[key], f"a message's {key}") if given.get(key) is not None else ""


def _function(call_id: str, called: Mapping[str, str]) -> str:
    """The function whose result a tool's message is."""
    if not called:
        raise BadItem("a tool's message stands where no tool has been called")
    if call_id and call_id not in called:
        raise BadItem(f"a tool's message has the tool_call_id '{call_id}', and no call has this id")
    return called.get(call_id, "")


def _calls(given: Any) -> tuple[ToolCall, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise BadItem("tool_calls is not a list")
    return tuple(map(_call, given))


def _call(given: Any) -> ToolCall:
    if not isinstance(given, dict) or given.get("type", "function") != "function":
        raise BadItem('a tool call is not an object with "type": "function"')
    function = given.get("function", given)
    if not isinstance(function, dict):
        raise BadItem("the function of a tool call is not an object")
    known = _FLAT if function is given else _CALL
    if unknown := sorted(given.keys() - known) or (function is not given and sorted(function.keys() - _FUNCTION)):
        raise BadItem(f"a tool call has the key '{unknown[0]}', which is not supported")
    name = text_of(function.get("name"), "the name of a tool call")
    call_id = text_of(given.get("id", ""), "the id of a tool call")
    return ToolCall(call_id, name, _arguments(function.get("arguments"), name))


def _arguments(given: Any, name: str) -> Mapping[str, Any]:
    """An object, or the JSON text of one."""
    what = f"the arguments of the call of {name}"
    try:
        value = json.loads(given or "{}") if isinstance(given, str) else given
        text_of(json.dumps(value, ensure_ascii=False, allow_nan=False), what)
    except (ValueError, RecursionError) as error:
        raise BadItem(f"{what} are not JSON") from error
    if not isinstance(value, dict):
        raise BadItem(f"{what} are not an object")
    return value
