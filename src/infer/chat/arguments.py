"""How the arguments of a tool call are written: as JSON, as tags, as Python or as Gemma writes them.

A reader gets a position in a text and returns the arguments' values and where they end, None where they are none.
"""

import ast
import html
import json
import re
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NoReturn

from infer.chat.syntax import CallFormat

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BARE_KEY = re.compile(r'([{,]\s*)([^\s{}\[\],:"]+)\s*:')
_BARE_NONE = re.compile(r"(?<=[:\[,])None(?=[,}\]])")
_CLOSING_BRACKET = re.compile(r"\)")
_END_OF_TEXT = r"\Z"
_TEXT = ("string", "true")  # what an attribute says about an argument that is text: type="string", string="true"
_ONE_OF = ("anyOf", "oneOf", "allOf")
_DEPTH = 16  # of references and tags that are followed
_JSON_WORDS = {"true": True, "false": False, "null": None}
Schema = Any  # what JSON has: a mapping, or true or false
Read = tuple[dict[str, Any], int] | None


def read_arguments(form: CallFormat, text: str, at: int, schema: Schema) -> Read:
    """The arguments at a position. `schema`: what they should be; it decides what is a number and what is text."""
    return _READERS[form.arguments](form, text, at, schema)


def inside_value(form: CallFormat, text: str) -> bool:
    """Whether the end of the text stands inside an argument's value, where a closing text is only text."""
    if form.arguments == "json":
        return '"' in _STRINGS.sub("", text)
    if form.arguments == "gemma":
        return text.count('<|"|>') % 2 == 1
    if form.arguments == "tags":
        return _last(form.start, text) > _last(form.end, text)
    return False


def _json(form: CallFormat, text: str, at: int, schema: Schema) -> Read:
    try:
        value, end = decode(text, at)
    except ValueError:
        return None
    return (value, end) if isinstance(value, dict) else None


def _tags(form: CallFormat, text: str, at: int, schema: Schema) -> Read:
    """One tag for each argument. A value ends where another argument or the tail of the call can follow."""
    follows = rf"(?=\s*(?:{_nameless(form.start)}|{_nameless(form.tail) or _END_OF_TEXT}))"
    argument = regex(rf"{form.start}(?P<value>.*?){form.end}{follows}")
    arguments: dict[str, Any] = {}
    while found := argument.match(text, at):
        at = found.end()
        groups = found.groupdict()
        kind, key, value = groups.get("type"), groups["key"], groups["value"]
        if kind is not None:
            value = value if kind in _TEXT else _scalar(value)
        elif key is not None:
            value = typed(value, _member(schema, html.unescape(key), schema), schema)
        if key is not None:
            arguments[html.unescape(key)] = value
        elif isinstance(value, dict):  # all arguments as one JSON object
            arguments |= value
    return arguments, at


def _tree(form: CallFormat, text: str, at: int, schema: Schema) -> Read:
    """Tags inside tags: objects by name, lists of <item>."""
    read = _branches(form, text, at, 0)
    if read is None:
        return None
    branches, end = read
    return {key: typed(value, _member(schema, key, schema), schema) for key, value in branches}, end


def _branches(form: CallFormat, text: str, at: int, depth: int) -> tuple[list[tuple[str, Any]], int] | None:
    branches: list[tuple[str, Any]] = []
    while depth < _DEPTH and (start := regex(form.start).match(text, at)):
        read = _branches(form, text, start.end(), depth + 1)
        end = read and regex(form.end).search(text, read[1])
        if not read or not end or end["key"] != start["key"]:
            return None
        children = read[0]
        value: Any = text[start.end() : end.start()]
        if children and all(key == "item" for key, _ in children):
            value = [child for _, child in children]
        elif children:
            value = dict(children)
        branches.append((start["key"], value))
        at = end.end()
    return branches, at


def _python(form: CallFormat, text: str, at: int, schema: Schema) -> Read:
    """Keyword arguments up to the bracket that closes the call."""
    for bracket in _CLOSING_BRACKET.finditer(text, at):
        source = f"f({text[at : bracket.end()]}"
        call = _expression(source) or _expression(source.replace("\n", "\\n"))  # a line end inside a string
        if isinstance(call, ast.Call):
            try:
                values = {str(word.arg): _plain(word.value) for word in call.keywords if word.arg}
            except ValueError:
                return None
            positional = call.args or len(values) != len(call.keywords)
            return None if positional else (values, bracket.end())
    return None


def _gemma(form: CallFormat, text: str, at: int, schema: Schema) -> Read:
    """JSON whose keys are bare and whose strings stand between <|"|>; it goes on to the end of the text."""
    parts = text[at:].split('<|"|>')
    if len(parts) % 2 == 0:
        return None
    parts[::2] = [_BARE_NONE.sub("null", _BARE_KEY.sub(r'\1"\2":', part)) for part in parts[::2]]
    parts[1::2] = map(json.dumps, parts[1::2])
    read = _json(form, "".join(parts).strip(), 0, schema)
    return read and (read[0], len(text))


_READERS: Mapping[str, Callable[[CallFormat, str, int, Schema], Read]] = {
    "json": _json,
    "tags": _tags,
    "tree": _tree,
    "python": _python,
    "gemma": _gemma,
}


def _last(pattern: str, text: str) -> int:
    return max((found.start() for found in regex(pattern).finditer(text)), default=-1)


# --- values -----------------------------------------------------------------------------------------------------------


def typed(value: Any, schema: Schema, root: Schema) -> Any:
    """A value whose leaves are text, with the types that its schema asks for; what does not fit stays text."""
    if isinstance(value, dict):
        return {key: typed(inner, _member(schema, key, root), root) for key, inner in value.items()}
    if isinstance(value, list):
        items = _resolved(schema, root).get("items", {})
        return [typed(inner, items, root) for inner in value]
    types = _types(schema, root)
    if types == {"string"}:
        return value
    found = _scalar(value)
    return value if types and "string" in types and _type(found) not in types else found


def _scalar(text: str) -> Any:
    """The JSON value that a text is, or the Python literal (True, None, ['a']); else the text."""
    bare = text.strip()
    try:
        value, end = decode(bare, 0)
        if end == len(bare):
            return value
    except ValueError:
        pass
    expression = _expression(bare)
    try:
        return text if expression is None or isinstance(expression, ast.Name) else _plain(expression)
    except ValueError:
        return text


def _types(schema: Schema, root: Schema, seen: frozenset[int] = frozenset()) -> set[str]:
    """The JSON types that a schema names, with those of its alternatives; integer counts as number."""
    resolved = _resolved(schema, root)
    named = resolved.get("type", [])
    types = {named} if isinstance(named, str) else set(named)
    types |= {_type(value) for value in resolved.get("enum", [])}
    for one in (one for key in _ONE_OF for one in resolved.get(key, []) if id(resolved) not in seen):
        types |= _types(one, root, seen | {id(resolved)})
    return {"number" if name == "integer" else name for name in types}


def _type(value: object) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _member(schema: Schema, key: str, root: Schema) -> Schema:
    properties = _resolved(schema, root).get("properties", {})
    return properties.get(key, {}) if isinstance(properties, Mapping) else {}


def _resolved(schema: Schema, root: Schema) -> Mapping[str, Any]:
    """A schema, its local references followed; an empty one where there is none."""
    for _ in range(_DEPTH):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str):
            break
        schema = root
        for part in filter(None, reference.removeprefix("#").split("/")):
            schema = schema.get(part) if isinstance(schema, Mapping) else None
    return schema if isinstance(schema, Mapping) else {}


def as_object(value: object) -> dict[str, Any] | None:
    """An object, also where it was written as JSON inside a string."""
    if isinstance(value, str):
        value = _scalar(value)
    return value if isinstance(value, dict) else None


def decode(text: str, at: int) -> tuple[Any, int]:
    """The JSON value at a position and its end; newlines inside strings are let pass. Raises ValueError."""
    try:
        return _DECODER.raw_decode(text, at)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(strict=False, parse_constant=_no_constant)


def _expression(text: str) -> ast.expr | None:
    """Python source as a syntax tree; nothing of it is ever run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in a string
            return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _plain(expression: ast.expr) -> Any:
    """The JSON value of a Python literal, in which JSON's own words may stand as well. Raises ValueError."""
    try:
        return json.loads(json.dumps(ast.literal_eval(_Words().visit(expression)), allow_nan=False))
    except (TypeError, RecursionError, MemoryError) as error:
        raise ValueError("no literal") from error


class _Words(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(_JSON_WORDS[node.id]) if node.id in _JSON_WORDS else node


@lru_cache(maxsize=256)
def regex(pattern: str) -> re.Pattern[str]:
    """A compiled pattern in which a dot also stands for a newline."""
    return re.compile(pattern, re.DOTALL)


def _nameless(pattern: str) -> str:
    return pattern.replace("(?P<key>", "(?:").replace("(?P<type>", "(?:").replace("(?P<name>", "(?:")
