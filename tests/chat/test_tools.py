"""Tools are checked when they are read: what is wrong is said, with the tool that has it."""

import json
from typing import Any

import pytest

from infer.chat.tools import definition, read_tools
from infer.errors import UsageError
from infer.types import Tool

SCHEMA = {"type": "object", "properties": {"place": {"$ref": "#/$defs/place"}}, "$defs": {"place": {"type": "string"}}}
WEATHER: dict[str, Any] = {"name": "weather", "description": "The weather", "parameters": SCHEMA}


def read(*tools: Any) -> tuple[Tool, ...]:
    return read_tools(json.dumps(tools), "tools.json")


def tool(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {**WEATHER, **function}}


def test_the_format_of_openai() -> None:
    """With the function inside, or beside the type; both come out as templates want them."""
    assert read(tool()) == read({"type": "function", **WEATHER}) == (Tool("weather", "The weather", SCHEMA),)
    assert [definition(one) for one in read(tool(), tool(name="a-b_c.9"))] == [tool(), tool(name="a-b_c.9")]


def test_what_may_be_left_out() -> None:
    (one,) = read({"type": "function", "function": {"name": "clock", "strict": True}})
    assert definition(one)["function"] == {
        "name": "clock",
        "description": "",
        "parameters": {"type": "object", "properties": {}},
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "tools.json: not valid JSON: Expecting value, at line 1, column 1"),
        ('[{\n"a"}]', "tools.json: not valid JSON: Expecting ':' delimiter, at line 2, column 4"),
        ("[" * 100_000, "tools.json: not valid JSON: "),
        ("{}", "tools.json: not a list of tools"),
        ("[]", "tools.json: not a list of tools"),
        ("[7]", 'tools.json: tool 1: not an object with "type": "function"'),
        ('[{"type": "web_search"}]', 'tools.json: tool 1: not an object with "type": "function"'),
        ('[{"type": "function", "function": "f"}]', 'tools.json: tool 1: its "function" is not an object'),
    ],
)
def test_what_is_no_list_of_tools(text: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_tools(text, "tools.json")
    assert str(caught.value).startswith(what)
    assert "function" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("function", "what"),
    [
        ({"name": None}, "its name must be 1 to 64 letters, digits, '_', '-' or '.'"),
        ({"name": ""}, "its name must be"),
        ({"name": "the weather"}, "its name must be"),
        ({"name": "<|im_end|>"}, "its name must be"),
        ({"name": "x" * 65}, "its name must be"),
        ({"name": "weather\n"}, "its name must be"),
        ({"description": 7}, "the description of weather is not a text"),
        ({"parameters": []}, "the parameters of weather are not the schema of an object"),
        ({"parameters": {"type": "string"}}, "the parameters of weather are not the schema of an object"),
        ({"parameters": {"type": "object", "properties": {"a": {"type": "text"}}}}, "are not a JSON Schema: 'text' is"),
        ({"parameters": {"properties": {"a": {"pattern": "("}}}}, "are not a JSON Schema: "),
        ({"parameters": {"properties": {"a": {"$ref": "http://x/y"}}}}, "hold the reference http://x/y, and only"),
        ({"parameters": {"properties": {"a": {"$ref": "#/$defs/b"}}}}, "hold the reference #/$defs/b, and only"),
        ({"parameters": {"properties": {"a": {"$ref": "#b"}}}}, "hold the reference #b, and only"),
        ({"parameters": {"properties": {"a": {"$id": "http://x"}}}}, "hold $id, and only"),
        ({"parametres": {}}, "unknown key parametres"),
    ],
)
def test_what_is_wrong_with_a_tool(function: dict[str, Any], what: str) -> None:
    """Named with the tool's number, before any model is loaded."""
    with pytest.raises(UsageError) as caught:
        read(tool(name="first"), tool(**function))
    assert str(caught.value).startswith("tools.json: tool 2: ")
    assert what in str(caught.value)


@pytest.mark.parametrize(
    "parameters",
    [
        {"$id": "http://x", "properties": {"a": {"$ref": "#"}, "$id": {"type": "string"}}},
        {
            "properties": {
                "a/b": {},
                "c": {"$ref": "#/properties/a~1b"},
                "d": {"anyOf": [{}, {"$ref": "#/properties/d"}]},
            }
        },
        {"properties": {"a": {"$ref": "#/properties/d/anyOf/1"}, "d": {"anyOf": [{}, True]}}},
        {"properties": {"a": {"default": {"$ref": "x"}}}},
    ],
)
def test_references_within_a_schema(parameters: dict[str, Any]) -> None:
    (one,) = read(tool(parameters=parameters))
    assert one.parameters == parameters


def test_two_tools_of_one_name() -> None:
    with pytest.raises(UsageError, match="two tools are called weather"):
        read(tool(), tool())
