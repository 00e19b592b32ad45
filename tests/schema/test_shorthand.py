"""The short form of a schema becomes a JSON Schema; what cannot be read is refused with its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import UsageError
from infer.schema.check import parse_schema
from infer.schema.shorthand import expand

TEXT, INT = {"type": "string"}, {"type": "integer"}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("name", _object(["name"], name=TEXT)),
        ("name, age int", _object(["name", "age"], name=TEXT, age=INT)),
        ("name str\nage int\n", _object(["name", "age"], name=TEXT, age=INT)),
        ("  name ,age   integer  ", _object(["name", "age"], name=TEXT, age=INT)),
        ("p float, q number", _object(["p", "q"], p={"type": "number"}, q={"type": "number"})),
        ("ok bool, fine boolean", _object(["ok", "fine"], ok={"type": "boolean"}, fine={"type": "boolean"})),
        ("tags [str]", _object(["tags"], tags={"type": "array", "items": TEXT})),
        ("rows [[int]]", _object(["rows"], rows={"type": "array", "items": {"type": "array", "items": INT}})),
        ("size small|large", _object(["size"], size={"enum": ["small", "large"]})),
        ("sizes [s|m]", _object(["sizes"], sizes={"type": "array", "items": {"enum": ["s", "m"]}})),
        ("a, note?", _object(["a"], a=TEXT, note=TEXT)),
        ("note? int", _object([], note=INT)),
        ("at {x int, y int}", _object(["at"], at=_object(["x", "y"], x=INT, y=INT))),
        ("all [{x int}], b", _object(["all", "b"], all={"type": "array", "items": _object(["x"], x=INT)}, b=TEXT)),
        ("born int: year of birth, b", _object(["born", "b"], born={**INT, "description": "year of birth"}, b=TEXT)),
        ("bio: a short one", _object(["bio"], bio={**TEXT, "description": "a short one"})),
        ("first-name, größe int", _object(["first-name", "größe"], **{"first-name": TEXT, "größe": INT})),
    ],
)
def test_short_forms(text: str, schema: dict[str, Any]) -> None:
    assert expand(text) == schema


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("", "column 1", "the name of a field, found the end"),
        ("name, ", "", ""),
        ("name,, age", "column 6", "the name of a field, found ','"),
        ("age innt", "column 5", "a type: str, int"),
        ("tags [str", "column 10", "']', found the end"),
        ("a {b int", "column 9", "'}', found the end"),
        ("a b c", "column 3", "a type"),
        ("a, a int", "column 4", "another name than 'a'"),
        ("1st", "column 1", "the name of a field"),
        ("a int]", "column 6", "a comma, a type or the end"),
        ("a one|", "column 7", "a word"),
        ("a\nb innt\n", "line 2, column 3", "a type"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text: str, place: str, expected: str) -> None:
    if not place:
        expand(text)  # a comma at the end is harmless
        return
    with pytest.raises(UsageError) as caught:
        expand(text)
    assert f"--schema, {place}: expected " in str(caught.value)
    assert expected in str(caught.value)


@given(st.text(st.sampled_from("ab, :?[]{}|\nint str"), max_size=30))
def test_any_text_becomes_a_schema_that_can_be_enforced_or_a_usage_error(text: str) -> None:
    try:
        schema = expand(text)
    except UsageError:
        return
    assert schema["type"] == "object"
    if not text.lstrip().startswith("{"):
        parse_schema(text)
