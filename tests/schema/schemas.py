"""Schemas over every keyword that is supported: small ones, so that a model with random weights finishes many of them.

`SCHEMAS` maps a name to a schema. Texts are short on purpose: a random model of 270 tokens closes a string once in 270.
"""

from typing import Any

WORD = {"type": "string", "maxLength": 6}
SMALL = {"type": "integer", "minimum": 0, "maximum": 99}


def _object(optional: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _array(items: Any, least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


TYPES: list[Any] = [
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["boolean", "null"]},
    {"type": ["integer", "null"], "minimum": 0, "maximum": 9},
    {"type": "integer", "minimum": -5, "maximum": 5},
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "string", "maxLength": 8},
    {"type": "array", "maxItems": 0},
    {"type": "object", "properties": {}, "additionalProperties": False},
    {"type": ["string", "boolean"], "maxLength": 3},
]
VALUES: list[Any] = [
    {"enum": ["red", "green", "blue"]},
    {"enum": [1, 2, 3]},
    {"enum": [True, None, "x", 7]},
    {"enum": [1.5, -2.25]},
    {"enum": ["ä", "日本", "🦊"]},
    {"enum": ['"quoted"', "back\\slash", "new\nline"]},
    {"enum": [[1, 2], {"a": 1}]},
    {"enum": [""]},
    {"const": "only"},
    {"const": 42},
    {"const": None},
    {"const": True},
    {"const": {"a": [1, {"b": "c"}]}},
    {"const": [[], {}]},
    {"const": "☃"},
    {"type": "string", "enum": ["a", "b"]},
    {"type": "integer", "enum": [10, 20]},
    {"enum": ["a", "ab", "abc"]},
    {"const": -0.5},
    {"enum": ["yes", "no"], "title": "an answer", "description": "yes or no", "default": "no"},
]
OBJECTS: list[Any] = [
    _object(a=SMALL),
    _object(a=SMALL, b={"type": "boolean"}),
    _object(name=WORD, age=SMALL),
    _object(("b",), a=SMALL, b=SMALL),
    _object(("a",), a=SMALL, b=SMALL),
    _object(("a", "b"), a=SMALL, b=SMALL),
    _object(("a", "b", "c"), a=SMALL, b={"type": "null"}, c={"const": 1}),
    _object(inner=_object(x=SMALL)),
    _object(inner=_object(deeper=_object(deepest=_object(x=SMALL)))),
    _object(point=_object(x=SMALL, y=SMALL), label=WORD),
    _object(**{"with space": SMALL, "with-dash": SMALL}),
    _object(**{"ünï": SMALL, 'quo"te': SMALL}),
    _object(list=_array(SMALL, 0, 3)),
    _object(kind={"enum": ["a", "b"]}, value={"type": ["integer", "null"], "minimum": 0, "maximum": 9}),
    {"type": "object", "properties": {"a": SMALL}, "required": ["a"]},
    {"type": "object", "properties": {"a": SMALL, "b": {"type": "boolean"}}, "required": ["b"]},
    {"properties": {"a": SMALL}, "required": ["a"], "type": "object", "additionalProperties": False},
    _object(a=_object(("x",), x=SMALL), b=_object(("y",), y=SMALL)),
    _object(a={"type": "boolean"}, b={"type": "boolean"}, c={"type": "boolean"}, d={"type": "boolean"}),
    _object(**{f"field{number}": {"type": "boolean"} for number in range(12)}),
]
ARRAYS: list[Any] = [
    _array(SMALL, 0, 2),
    _array(SMALL, 1, 1),
    _array(SMALL, 2, 4),
    _array({"type": "boolean"}, 3, 3),
    _array({"type": "boolean"}, 0, 10),
    _array(WORD, 1, 2),
    _array(_array(SMALL, 1, 2), 1, 2),
    _array(_array(_array({"type": "null"}, 0, 1), 0, 1), 0, 2),
    _array(_object(a=SMALL), 1, 2),
    _array(_object(("b",), a={"type": "boolean"}, b=SMALL), 0, 2),
    _array({"enum": ["a", "b", "c"]}, 2, 5),
    _array({"const": 0}, 5, 5),
    {"type": "array", "prefixItems": [SMALL, {"type": "boolean"}], "items": False, "minItems": 2},
    {"type": "array", "prefixItems": [SMALL], "items": {"type": "null"}, "maxItems": 3},
    {"type": "array", "prefixItems": [{"const": "a"}, {"const": "b"}], "minItems": 1, "maxItems": 2},
    {"type": "array", "items": SMALL, "maxItems": 2},
    {"type": "array", "items": {"type": ["boolean", "null"]}, "minItems": 1, "maxItems": 4},
    {"type": "array", "items": {"anyOf": [SMALL, {"type": "null"}]}, "minItems": 2, "maxItems": 3},
    {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [SMALL, SMALL],
     "additionalItems": False, "minItems": 2},
    {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [SMALL],
     "additionalItems": {"type": "null"}, "maxItems": 3},
]  # fmt: skip
REFERENCES: list[Any] = [
    {"$defs": {"small": SMALL}, "$ref": "#/$defs/small"},
    {"$defs": {"small": SMALL}, **_object(a={"$ref": "#/$defs/small"}, b={"$ref": "#/$defs/small"})},
    {"definitions": {"small": SMALL}, **_array({"$ref": "#/definitions/small"}, 1, 3)},
    {"$defs": {"point": _object(x=SMALL, y=SMALL)}, **_array({"$ref": "#/$defs/point"}, 1, 2)},
    {"$defs": {"tree": _object(v=SMALL, c=_array({"$ref": "#/$defs/tree"}, 0, 1))}, "$ref": "#/$defs/tree"},
    {"$defs": {"list": _object(("next",), v={"type": "boolean"}, next={"$ref": "#/$defs/list"})},
     "$ref": "#/$defs/list"},
    {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"const": 1}}, "$ref": "#/$defs/a"},
    {"$defs": {"maybe": {"anyOf": [SMALL, {"type": "null"}]}}, **_object(a={"$ref": "#/$defs/maybe"})},
    {"$defs": {"odd/name~": SMALL}, "$ref": "#/$defs/odd~1name~0"},
    {"type": "array", "items": {"anyOf": [{"type": "boolean"}, {"$ref": "#"}]}, "maxItems": 2},
    {"$defs": {"color": {"enum": ["r", "g"]}},
     **_object(("b",), a={"$ref": "#/$defs/color"}, b={"$ref": "#/$defs/color"})},
    {"$defs": {"w": WORD}, **_object(a=_object(b={"$ref": "#/$defs/w"}))},
]  # fmt: skip
COMBINED: list[Any] = [
    {"anyOf": [SMALL, {"type": "boolean"}]},
    {"anyOf": [{"const": "a"}, {"const": "b"}, {"const": "c"}]},
    {"anyOf": [_object(a=SMALL), _object(b={"type": "boolean"})]},
    {"anyOf": [_array(SMALL, 1, 2), {"type": "null"}]},
    {"anyOf": [WORD, SMALL]},
    {"anyOf": [{"anyOf": [{"const": 1}, {"const": 2}]}, {"const": 3}]},
    {"oneOf": [{"type": "boolean"}, {"type": "null"}]},
    {"oneOf": [{"const": "x"}, {"const": "y"}]},
    {"oneOf": [_object(kind={"const": "a"}, v=SMALL), _object(kind={"const": "b"}, w={"type": "boolean"})]},
    _object(a={"anyOf": [SMALL, {"type": "null"}]}, b={"oneOf": [{"type": "boolean"}, {"type": "null"}]}),
    {"allOf": [{"type": "integer"}, {"minimum": 3}, {"maximum": 12}]},
    {"allOf": [{"type": "string", "minLength": 2}, {"type": "string", "maxLength": 4}]},
    {"allOf": [{"type": "object", "properties": {"a": SMALL}, "required": ["a"]},
               {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]}],
     "properties": {"a": True, "b": True}, "additionalProperties": False},
    {"anyOf": [{"type": "string", "pattern": "^[ab]{2}$"}, {"type": "integer", "minimum": 5, "maximum": 6}]},
    _array({"anyOf": [{"const": 0}, {"const": "zero"}, {"const": None}]}, 1, 4),
    {"type": "integer", "anyOf": [{"minimum": 0, "maximum": 3}, {"minimum": 10, "maximum": 12}]},
    {"allOf": [{"enum": ["a", "b", "c"]}, {"enum": ["b", "c", "d"]}]},
    {"anyOf": [_object(t={"const": 1}), _object(t={"const": 2}, u=SMALL), {"type": "null"}]},
]  # fmt: skip
TEXTS: list[Any] = [
    {"type": "string", "minLength": 1, "maxLength": 1},
    {"type": "string", "minLength": 3, "maxLength": 3},
    {"type": "string", "minLength": 0, "maxLength": 0},
    {"type": "string", "minLength": 2, "maxLength": 20},
    {"type": "string", "pattern": "^[a-z]{3}$"},
    {"type": "string", "pattern": "^[A-Z][a-z]{1,5}$"},
    {"type": "string", "pattern": "^\\d{4}-\\d{2}$"},
    {"type": "string", "pattern": "^(yes|no|maybe)$"},
    {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
    {"type": "string", "pattern": "^[^ ]{1,4}$"},
    {"type": "string", "pattern": "^a?b*c{0,2}$", "maxLength": 6},
    {"type": "string", "pattern": "^\\+?[0-9]{3,5}$"},
    {"type": "string", "pattern": "^v[0-9]\\.[0-9]$"},
    {"type": "string", "pattern": "ab", "maxLength": 6},
    {"type": "string", "pattern": "^ab", "maxLength": 6},
    {"type": "string", "pattern": "^.{2,4}$"},
    {"type": "string", "pattern": "^\\w{2}\\s\\w{2}$"},
    {"type": "string", "pattern": "^[äöü]{2}$"},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "time"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "ipv4"},
    {"type": "string", "format": "ipv6"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "hostname"},
    {"type": "string", "format": "duration"},
    {"type": "string", "format": "uri"},
    _object(day={"type": "string", "format": "date"}, at={"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"}),
    _array({"type": "string", "pattern": "^[xyz]$"}, 2, 4),
]
NUMBERS: list[Any] = [
    {"type": "integer", "minimum": 0, "maximum": 0},
    {"type": "integer", "minimum": 1, "maximum": 6},
    {"type": "integer", "minimum": -100, "maximum": -10},
    {"type": "integer", "minimum": -3, "maximum": 12345},
    {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 3},
    {"type": "integer", "minimum": 0, "maximum": 1000, "multipleOf": 5},
    {"type": "integer", "minimum": 10, "maximum": 30, "multipleOf": 7},
    {"type": "number", "minimum": -1, "maximum": 1},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "minimum": 0.5, "maximum": 0.75},
    {"type": "number", "minimum": 2.25, "exclusiveMaximum": 10},
    {"type": "number", "minimum": 0, "maximum": 10, "multipleOf": 0.5},
    {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1},
    {"type": "number", "minimum": -1000, "maximum": -0.001},
    {"type": "integer", "minimum": 999999, "maximum": 1000001},
    _object(x={"type": "number", "minimum": -180, "maximum": 180}, y={"type": "number", "minimum": -90, "maximum": 90}),
    _array({"type": "integer", "minimum": 1, "maximum": 49}, 6, 6),
    _object(
        percent={"type": "number", "minimum": 0, "maximum": 100}, count={"type": "integer", "minimum": 0, "maximum": 9}
    ),
    {"type": "integer", "maximum": 9, "minimum": -9},
    {"type": ["number", "null"], "minimum": 0, "maximum": 5},
]
_GROUPS = {
    "types": TYPES,
    "values": VALUES,
    "objects": OBJECTS,
    "arrays": ARRAYS,
    "references": REFERENCES,
    "combined": COMBINED,
    "texts": TEXTS,
    "numbers": NUMBERS,
}
SCHEMAS: dict[str, Any] = {
    f"{group}-{index}": schema for group, schemas in _GROUPS.items() for index, schema in enumerate(schemas)
}
