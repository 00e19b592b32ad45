"""Which JSON Schemas can be enforced while a model writes: whatever is not in these tables is refused by name."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infer.errors import UsageError

Schema = Any  # what JSON has: a mapping, or true or false

KEYWORDS = frozenset({
    "type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref",
    "properties", "required", "additionalProperties",
    "items", "prefixItems", "additionalItems", "minItems", "maxItems",
    "minLength", "maxLength", "pattern", "format",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
})  # fmt: skip
ANNOTATIONS = frozenset({
    "$schema", "$defs", "definitions", "$comment", "title", "description", "default", "examples",
    "deprecated", "readOnly", "writeOnly",
})  # fmt: skip
FORMATS = ("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri")
_OLD_DRAFT = re.compile(r"draft-0\d|/2019-09/")
_NAMED = ("properties", "$defs", "definitions")  # keywords whose value is schemas by name
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_ONE = ("additionalProperties", "additionalItems", "items")
_WHY = {
    "uniqueItems": "no grammar can remember what a list holds already",
    "if": "say it with anyOf",
    "not": "no grammar can say what must not come",
    "patternProperties": "its keys may come twice; name the properties",
    "minProperties": "name the properties, and those that are required",
    "maxProperties": "name the properties",
    "$dynamicRef": "use $ref",
    "$id": "use $ref with '#/$defs/NAME'",
    "$anchor": "use $ref with '#/$defs/NAME'",
}


def refuse_unsupported(schema: Schema, where: str) -> None:
    """Raise UsageError that names the first keyword, format, reference or pattern that cannot be enforced.

    where: what the schema is called in the message.
    """
    old = isinstance(schema, Mapping) and bool(_OLD_DRAFT.search(str(schema.get("$schema"))))
    for place, part in subschemas(schema):
        if isinstance(part, Mapping):
            for keyword, value in part.items():
                if found := _unsupported(keyword, value) or _without_meaning(keyword, part, old):
                    what, hint = found
                    raise UsageError(what=f"{where}: {what} (at {place})", hint=hint)


def closed(schema: Schema) -> Schema:
    """The schema with `additionalProperties: false` wherever properties are named and nothing is said about others.

    A model that may add properties seldom stops adding them. A schema that puts objects together (allOf, or $ref with
    something beside it) stays as it is: its parts would exclude each other.
    """
    mappings = [part for _, part in subschemas(schema) if isinstance(part, Mapping)]
    if any("allOf" in part or ("$ref" in part and set(part) - ANNOTATIONS - {"$ref"}) for part in mappings):
        return schema
    return _closed(schema)


def subschemas(schema: Schema, place: str = "#") -> Iterator[tuple[str, Schema]]:
    """A schema and all schemas inside it, each with its place (a JSON pointer)."""
    yield place, schema
    if not isinstance(schema, Mapping):
        return
    for keyword, value in schema.items():
        for key, part in _parts(keyword, value):
            yield from subschemas(part, f"{place}/{keyword}{key}")


def _parts(keyword: str, value: Any) -> list[tuple[str, Schema]]:
    """The schemas that stand directly under a keyword, each with its step in a JSON pointer."""
    if keyword in _NAMED and isinstance(value, Mapping):
        return [(f"/{_escaped(name)}", part) for name, part in value.items()]
    if keyword in (*_LISTS, "items") and isinstance(value, list):
        return [(f"/{index}", part) for index, part in enumerate(value)]
    return [("", value)] if keyword in _ONE else []


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unsupported(keyword: str, value: Any) -> tuple[str, str] | None:
    """What is wrong with a keyword and what to do about it; None where it can be enforced."""
    if keyword not in KEYWORDS | ANNOTATIONS:
        return f"'{keyword}' is not supported", _WHY.get(keyword, "docs/structured.md lists what is")
    if keyword == "format" and value not in FORMATS:
        return f"the format '{value}' is not supported", f"supported are {', '.join(FORMATS)}"
    if keyword == "$ref" and not str(value).startswith("#"):
        return f"$ref to '{value}' is not supported", "only places in the same schema: '#/$defs/NAME'"
    if keyword == "pattern" and isinstance(value, str):
        return _unsupported_pattern(value)
    return None


def _without_meaning(keyword: str, beside: Mapping[str, Any], old: bool) -> tuple[str, str] | None:
    """What is wrong with a keyword that its draft ignores; old: a draft before 2020-12."""
    if keyword == "additionalItems" and not (old and isinstance(beside.get("items"), list)):
        return (
            "'additionalItems' means nothing here",
            "since draft 2020-12: prefixItems for the first, items for the rest",
        )
    if keyword == "prefixItems" and old:
        return "'prefixItems' means nothing in the draft of this $schema", "leave $schema out"
    return None


def _unsupported_pattern(pattern: str) -> tuple[str, str] | None:
    """The finished text is checked by Python's `re`: a pattern that it does not know could not be checked."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"the pattern '{pattern}' is not supported: {error}", ""
    return None


def _closed(schema: Schema) -> Schema:
    if not isinstance(schema, Mapping):
        return schema
    inner = {keyword: _closed_value(keyword, value) for keyword, value in schema.items()}
    if "properties" in inner and not {"additionalProperties", "anyOf", "oneOf"} & set(inner):
        inner["additionalProperties"] = False
    return inner


def _closed_value(keyword: str, value: Any) -> Any:
    if keyword in _NAMED and isinstance(value, Mapping):
        return {name: _closed(part) for name, part in value.items()}
    if keyword in (*_LISTS, "items") and isinstance(value, list):
        return [_closed(part) for part in value]
    return _closed(value) if keyword in _ONE else value
