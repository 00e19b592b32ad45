"""Which schemas are taken: every keyword that is not enforced is refused by name, with its place."""

import json
import signal
from typing import Any

import pytest
from schemas import SCHEMAS

from infer.errors import UsageError
from infer.schema import check
from infer.schema.check import checker, parse_schema
from infer.schema.supported import ANNOTATIONS, FORMATS, KEYWORDS

# Every keyword of the JSON Schema drafts 4 to 2020-12 that is not in the tables, with a value that its draft allows.
UNSUPPORTED: dict[str, Any] = {
    "not": {"type": "null"},
    "if": {"type": "null"},
    "then": {"type": "null"},
    "else": {"type": "null"},
    "dependentSchemas": {"a": {}},
    "dependentRequired": {"a": ["b"]},
    "dependencies": {"a": ["b"]},
    "patternProperties": {"^a": {}},
    "propertyNames": {"maxLength": 3},
    "minProperties": 1,
    "maxProperties": 3,
    "unevaluatedItems": False,
    "unevaluatedProperties": False,
    "contains": {"type": "null"},
    "minContains": 1,
    "maxContains": 2,
    "uniqueItems": True,
    "contentEncoding": "base64",
    "contentMediaType": "text/plain",
    "contentSchema": {},
    "$dynamicRef": "#a",
    "$dynamicAnchor": "a",
    "$recursiveRef": "#",
    "$recursiveAnchor": True,
    "$id": "https://example.com/a",
    "id": "https://example.com/a",
    "$anchor": "a",
    "$vocabulary": {},
    "x-guidance": {"lenient": True},
    "nullable": True,
    "minlength": 3,
}


def refusal(schema: Any) -> str:
    with pytest.raises(UsageError) as caught:
        parse_schema(json.dumps(schema))
    return str(caught.value)


@pytest.mark.parametrize("keyword", UNSUPPORTED)
def test_every_unsupported_keyword_is_refused_by_name(keyword: str) -> None:
    assert keyword not in KEYWORDS | ANNOTATIONS
    assert f"'{keyword}' is not supported (at #)" in refusal({"type": "object", keyword: UNSUPPORTED[keyword]})


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"not": {}}}}, "#/properties/a"),
        ({"properties": {"a/b~": {"not": {}}}}, "#/properties/a~1b~0"),
        ({"items": {"not": {}}}, "#/items"),
        ({"prefixItems": [{}, {"not": {}}]}, "#/prefixItems/1"),
        ({"anyOf": [{}, {"allOf": [{"not": {}}]}]}, "#/anyOf/1/allOf/0"),
        ({"$defs": {"x": {"not": {}}}}, "#/$defs/x"),
        ({"definitions": {"x": {"not": {}}}}, "#/definitions/x"),
        ({"additionalProperties": {"not": {}}}, "#/additionalProperties"),
    ],
)
def test_the_place_of_a_keyword_is_told(schema: Any, place: str) -> None:
    assert refusal(schema).endswith(f"(at {place})")


DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"prefixItems": [{}], "additionalItems": False}, "additionalItems"),
        ({"$schema": DRAFT_7, "items": {}, "additionalItems": False}, "additionalItems"),
        ({"$schema": DRAFT_7, "prefixItems": [{}]}, "prefixItems"),
        ({"$schema": DRAFT_2019, "properties": {"a": {"prefixItems": [{}]}}}, "prefixItems"),
    ],
)
def test_a_keyword_that_its_draft_ignores_is_refused(schema: Any, keyword: str) -> None:
    assert f"'{keyword}' means nothing" in refusal(schema)


def test_lists_of_items_in_the_drafts_that_have_them() -> None:
    for draft in (DRAFT_7, DRAFT_2019):
        parse_schema(json.dumps({"$schema": draft, "items": [{}], "additionalItems": False}))


def test_words_inside_values_are_no_keywords() -> None:
    parse_schema(json.dumps({"properties": {"not": {"const": {"not": 1}}}, "default": {"if": 2}, "enum": [{"not": 3}]}))


@pytest.mark.parametrize("name", ["regex", "json-pointer", "idn-email", "iri", "uri-reference", "unknown"])
def test_unsupported_formats_are_refused_by_name(name: str) -> None:
    assert f"the format '{name}' is not supported" in refusal({"format": name})


def test_a_reference_leads_into_the_same_schema() -> None:
    assert "'other.json' is not supported" in refusal({"$ref": "other.json"})


def test_a_pattern_that_cannot_be_checked_is_refused() -> None:
    assert "the pattern '\\p{L}' is not supported" in refusal({"pattern": "\\p{L}"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type": "strin"}', "--schema is not a JSON Schema: 'strin' is not valid"),
        ('{"type": ', "--schema is not valid JSON: Expecting value, at line 1, column 10"),
        ('{"const": NaN}', "NaN is no JSON value"),
        ('{"const": "\\ud800"}', "--schema has a half of a character"),
        ('{"const": 1e999}', "a number that JSON has not"),
        ('{"a":' * 20000 + "1" + "}" * 20000, "nested too deeply"),
    ],
)
def test_what_is_no_schema_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_schema(text)
    assert message in str(caught.value)


def test_an_object_that_names_its_properties_has_no_others() -> None:
    schema = {"properties": {"a": {"properties": {"b": {}}}, "c": {"properties": {}, "additionalProperties": True}}}
    closed = json.loads(parse_schema(json.dumps(schema)))
    assert closed["additionalProperties"] is closed["properties"]["a"]["additionalProperties"] is False
    assert closed["properties"]["c"]["additionalProperties"] is True


def test_objects_that_are_put_together_stay_open() -> None:
    schema = {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}
    assert json.loads(parse_schema(json.dumps(schema))) == schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_of_the_tests_are_taken(name: str) -> None:
    parse_schema(json.dumps(SCHEMAS[name]))


def test_the_schemas_of_the_tests_use_every_keyword_and_format() -> None:
    text = json.dumps(list(SCHEMAS.values()))
    assert len(SCHEMAS) == 150
    assert [word for word in KEYWORDS if f'"{word}": ' not in text] == []
    assert [name for name in FORMATS if f'"format": "{name}"' not in text] == []


@pytest.mark.parametrize(
    ("schema", "text", "wrong"),
    [
        ({"type": "integer"}, "7", None),
        ({"type": "integer"}, "7.5", "7.5"),
        ({"type": "integer"}, "7,", "it is no JSON"),
        ({"type": "integer"}, "", "it is no JSON"),
        ({"type": "number"}, "NaN", "it is no JSON: NaN is no JSON value"),
        ({"type": "number", "multipleOf": 0.1}, "0.3", None),
        ({"type": "number", "multipleOf": 0.1}, "0.35", "not a multiple"),
        ({"type": "number"}, "1e400", None),
        ({"type": "number", "multipleOf": 3}, "1e400000000", "it is no JSON"),
        ({"properties": {"a": {"enum": [1]}}}, '{"a": 2}', "(at $.a)"),
    ],
)
def test_a_finished_text_is_checked(schema: Any, text: str, wrong: str | None) -> None:
    found = checker(json.dumps(schema))(text)
    assert found is None if wrong is None else wrong in str(found)


def test_a_pattern_that_python_cannot_decide_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repetitions in repetitions: `re` would try 2^200 ways to see that it does not fit."""
    monkeypatch.setattr(check, "_PATIENCE", 0.2)
    before = signal.getsignal(signal.SIGALRM)
    wrong = checker(json.dumps({"type": "string", "pattern": "^(a+)+$"}))
    assert wrong(json.dumps("a" * 200)) is None
    assert "could not be checked" in str(wrong(json.dumps("a" * 200 + "b")))
    assert wrong('"a"') is None
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
