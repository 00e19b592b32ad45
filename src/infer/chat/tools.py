"""Tools that a person offers to a model: read from OpenAI's function format, checked, and handed to the template."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

from infer.errors import UsageError
from infer.schema.check import malformed
from infer.types import Tool

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEYS = frozenset({"name", "description", "parameters", "strict"})
_OTHER_REFERENCES = ("$id", "$dynamicRef", "$recursiveRef")
_DATA = ("const", "default", "enum", "examples")  # in these a "$ref" is data
_HINT = '[{"type": "function", "function": {"name": "weather", "description": "…", "parameters": {"type": "object"}}}]'


def read_tools(text: str, where: str) -> tuple[Tool, ...]:
    """The tools in a JSON list; `where`: what the text is called in messages. Raises UsageError."""
    fail = _refusal(where)
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        fail(f"not valid JSON: {error.msg}, at line {error.lineno}, column {error.colno}")
    except (ValueError, RecursionError) as error:
        fail(f"not valid JSON: {error}")
    return tools_of(items, where)


def tools_of(items: Any, where: str) -> tuple[Tool, ...]:
    """The same of a list that has been read. Raises UsageError."""
    fail = _refusal(where)
    if not isinstance(items, list) or not items:
        fail("not a list of tools")
    try:
        json.dumps(items, ensure_ascii=False).encode()
        tools = tuple(_tool(item, _refusal(f"{where}: tool {number}")) for number, item in enumerate(items, 1))
    except RecursionError:
        fail("nested too deeply")
    except UnicodeEncodeError:
        fail("a half of a character (a lone surrogate) stands in it")
    names = [tool.name for tool in tools]
    if twice := next((name for name in names if names.count(name) > 1), None):
        fail(f"two tools are called {twice}")
    return tools


def definition(tool: Tool) -> dict[str, Any]:
    """The tool as templates expect it, and as OpenAI's interface has it."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def texts(value: Any) -> Iterator[str]:
    """All texts in a JSON value, keys too, in an order of their own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def replaced(value: Any, by: Iterator[str]) -> Any:
    """The same JSON value with other texts, in the order of `texts`."""
    if isinstance(value, str):
        return next(by)
    if isinstance(value, Mapping):
        return {next(by): replaced(inner, by) for inner in value.values()}
    return [replaced(inner, by) for inner in value] if isinstance(value, list) else value


def _tool(item: Any, fail: Callable[[str], NoReturn]) -> Tool:
    """One tool; also in the flat form, in which the function's keys stand beside the type."""
    if not isinstance(item, dict) or item.get("type", "function") != "function":
        fail('not an object with "type": "function"')
    function = item.get("function", {key: value for key, value in item.items() if key != "type"})
    if not isinstance(function, dict):
        fail('its "function" is not an object')
    if unknown := sorted(function.keys() - _KEYS):
        fail(f"unknown key {unknown[0]}")
    name, description = function.get("name"), function.get("description") or ""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        fail("its name must be 1 to 64 letters, digits, '_', '-' or '.'")
    if not isinstance(description, str):
        fail(f"the description of {name} is not a text")
    return Tool(name, description, _parameters(name, function.get("parameters"), fail))


def _parameters(name: str, given: Any, fail: Callable[[str], NoReturn]) -> dict[str, Any]:
    """The schema of a tool's arguments; none given: it takes none."""
    if given is None:
        return {"type": "object", "properties": {}}
    if not isinstance(given, dict) or given.get("type", "object") != "object":
        fail(f"the parameters of {name} are not the schema of an object")
    if wrong := malformed(given):
        fail(f"the parameters of {name} are not a JSON Schema: {wrong}")
    if bad := next(_unusable(given, given), None):
        fail(f"the parameters of {name} hold {bad}, and only references to a part of the schema ('#/…') are followed")
    return given


def _unusable(schema: Any, root: Any) -> Iterator[str]:
    """References that lead out of the schema or nowhere, and what would make others do so: nothing is fetched."""
    if isinstance(schema, list):
        for item in schema:
            yield from _unusable(item, root)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str) and not _leads_somewhere(reference, root):
            yield f"the reference {reference}"
        yield from (key for key in _OTHER_REFERENCES if isinstance(schema.get(key), str) and schema is not root)
        for key, value in schema.items():
            if key not in _DATA:
                yield from _unusable(value, root)


def _leads_somewhere(reference: str, root: Any) -> bool:
    here, *path = reference.split("/")
    for part in (unquote(part).replace("~1", "/").replace("~0", "~") for part in path):
        if isinstance(root, list):
            root = root[int(part)] if part.isdecimal() and int(part) < len(root) else None
        else:
            root = root.get(part) if isinstance(root, dict) else None
    return here == "#" and isinstance(root, dict | bool)


def _refusal(where: str) -> Callable[[str], NoReturn]:
    def fail(what: str) -> NoReturn:
        raise UsageError(what=f"{where}: {what}", hint=f"OpenAI's function format: {_HINT}")

    return fail
