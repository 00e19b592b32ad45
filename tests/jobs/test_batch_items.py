"""A line of a batch becomes a request, or says what is wrong with it."""

import csv
import io
import json
import os
from dataclasses import replace
from io import FileIO
from tempfile import TemporaryFile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import UsageError
from infer.jobs.batch.feed import Feed
from infer.jobs.batch.items import check_template, parse_item
from infer.jobs.batch.lines import Line, comma_separated, jsonl
from infer.types import Constraint, Message, Request, SamplingParams, TextPart

BASE = Request((), sampling=SamplingParams(temperature=0.5), max_tokens=9)
SYSTEM = Request((Message("system", (TextPart("Be kind."),)),))


def parse(value: Any, base: Request = BASE, template: str | None = None) -> Any:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse_item(Line(7, data), base, template)


def texts(request: Request) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in request.messages]


def test_a_prompt_of_its_own() -> None:
    item = parse({"prompt": "Hi"}, SYSTEM)
    assert (item.custom_id, item.problem) == ("7", None)
    assert texts(item.request) == [("system", "Be kind."), ("user", "Hi")]


def test_messages_with_a_system_message_replace_the_command_s() -> None:
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert texts(parse({"messages": messages}, SYSTEM).request) == [("system", "Be brief."), ("user", "Hi")]
    assert texts(parse({"messages": messages[1:]}, SYSTEM).request) == [("system", "Be kind."), ("user", "Hi")]


def test_the_openai_form() -> None:
    content = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    body = {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": content}],
        "temperature": 0,
        "max_completion_tokens": 3,
        "stop": "END",
        "seed": 5,
        "n": 1,
        "top_p": None,
    }
    item = parse({"custom_id": "a-1", "method": "POST", "url": "/v1/chat/completions", "body": body})
    assert item.custom_id == "a-1"
    assert texts(item.request) == [("user", "one\n\ntwo")]
    sampling = item.request.sampling
    assert (sampling.temperature, sampling.seed, sampling.top_p) == (0, 5, 0.95)
    assert (item.request.max_tokens, item.request.stop) == (3, ("END",))


TOOLS = [{"type": "function", "function": {"name": "clock"}}]
JSON_OBJECT = {"type": "json_object"}
BAD: dict[str, tuple[Any, str]] = {
    "no JSON": (b"{", "not JSON"),
    "no object": ([1], "not a JSON object"),
    "no UTF-8": (b'{"prompt": "\xff"}', "invalid byte at offset 12"),
    "deep": (b"[" * 100_000, "nested too deeply"),
    "twins": (b'{"prompt": "a", "prompt": "b"}', "stands twice"),
    "half a character": (b'{"prompt": "\\ud800"}', "lone surrogate"),
    "nothing asked": ({}, "either prompt or messages"),
    "a blank prompt": ({"prompt": " \n"}, "the prompt is empty"),
    "blank messages": ({"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]}, "are empty"),
    "both": ({"prompt": "a", "messages": []}, "either prompt or messages"),
    "no messages": ({"messages": []}, "messages is not a list"),
    "odd role": ({"messages": [{"role": "boss", "content": "x"}]}, "no role of"),
    "a legacy call": ({"messages": [{"role": "assistant", "content": "x", "function_call": {}}]}, "'function_call'"),
    "an odd role": ({"messages": [{"role": ["user"], "content": "x"}]}, "no role of"),
    "tools and a schema": ({"prompt": "a", "tools": TOOLS, "response_format": JSON_OBJECT}, "exclude each other"),
    "no tools": ({"prompt": "a", "tools": []}, "tools: not a list of tools"),
    "half a tool": ({"prompt": "a", "tools": [{"type": "function"}]}, "tools: tool 1: its name"),
    "a tool that must be called": (
        {"prompt": "a", "tools": TOOLS, "tool_choice": "required"},
        'only "auto" and "none"',
    ),
    "calls one after the other": ({"prompt": "a", "parallel_tool_calls": False}, "parallel_tool_calls: only true"),
    "an image": ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "neither a text"),
    "unknown key": ({"prompt": "a", "logit_bias": {}}, "unknown key 'logit_bias'"),
    "unknown key beside": ({"body": {"prompt": "a"}, "extra": 1}, "unknown key 'extra' beside body"),
    "another endpoint": ({"url": "/v1/embeddings", "body": {"prompt": "a"}}, "/v1/embeddings is not supported"),
    "two answers": ({"prompt": "a", "n": 2}, "n: only 1"),
    "stream": ({"prompt": "a", "stream": True}, "stream: only false"),
    "hot": ({"prompt": "a", "temperature": 1e9}, "temperature is not a number from"),
    "NaN": (b'{"prompt": "a", "top_p": NaN}', "top_p is not a number"),
    "infinite": (b'{"prompt": "a", "temperature": Infinity}', "temperature is not a number"),
    "huge": (b'{"prompt": "a", "seed": 1%s}' % (b"0" * 400), "seed is not a whole number"),
    "huge, and no seed": (b'{"prompt": "a", "temperature": 1%s}' % (b"0" * 400), "temperature is not a number"),
    "true": ({"prompt": "a", "top_k": True}, "top_k is not a whole number"),
    "no tokens": ({"prompt": "a", "max_tokens": 0}, "max_tokens is not a whole number"),
    "odd stop": ({"prompt": "a", "stop": [1]}, "stop is neither"),
    "odd id": ({"prompt": "a", "custom_id": []}, "custom_id is neither"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said(name: str) -> None:
    value, words = BAD[name]
    item = parse(value)
    assert item.request is None
    assert words in item.problem


@pytest.mark.parametrize(
    "line",
    [
        b'{"prompt": "a", "\\ud800": 1}',
        b'{"body": {"prompt": "a"}, "\\ud800": 1}',
        b'{"url": "\\ud800", "body": {"prompt": "a"}}',
        b'{"messages": [{"role": "user", "content": "a", "\\ud800": 1}]}',
        b'{"prompt": "a", "tools": [{"type": "function", "function": {"name": "a", "\\ud800": 1}}]}',
    ],
)
def test_half_a_character_in_a_key_can_be_written_into_the_record(line: bytes) -> None:
    item = parse(line)
    assert item.request is None
    assert item.problem.encode()


def test_tools_are_offered_by_a_line() -> None:
    line = {"prompt": "a", "tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": True}
    assert [tool.name for tool in parse(line).request.tools] == ["clock"]
    assert parse(line | {"tool_choice": "none"}).request.tools == ()
    raw = parse(line, replace(BASE, raw=True))
    assert "--raw leaves out the chat template" in raw.problem


def test_a_line_s_response_format_goes_before_the_command_s() -> None:
    base = replace(BASE, constraint=Constraint(choices=("a", "b")))
    assert parse({"prompt": "a"}, base).request.constraint == base.constraint
    assert parse({"prompt": "a", "response_format": {"type": "text"}}, base).request.constraint is None
    free = parse({"prompt": "a", "response_format": JSON_OBJECT}, base).request
    assert free.constraint == Constraint(schema='{"type": "object"}')


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def formatted(**format_: Any) -> Any:
    return parse({"prompt": "a", "response_format": format_})


@pytest.mark.parametrize("strict", [{}, {"strict": True}, {"strict": False}, {"strict": None}])
def test_a_schema_in_openai_s_form(strict: dict[str, Any]) -> None:
    item = formatted(type="json_schema", json_schema={"name": "x", "description": "y", "schema": SCHEMA, **strict})
    assert json.loads(item.request.constraint.schema) == SCHEMA | {"additionalProperties": False}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "not an object with a type of text, json_object, json_schema"),
        ({"type": "grammar"}, "not an object with a type of"),
        ({"type": "json_object", "schema": SCHEMA}, "has the key 'schema', which is not supported"),
        ({"type": "json_schema"}, "json_schema is not an object with a schema"),
        ({"type": "json_schema", "json_schema": {"schema": "a int"}}, "json_schema is not an object with a schema"),
        ({"type": "json_schema", "json_schema": {"schema": {}, "lax": 1}}, "json_schema has the key 'lax'"),
        (
            {"type": "json_schema", "json_schema": {"schema": {"properties": {"a": {"not": {}}}}}},
            "response_format: 'not' is not supported (at #/properties/a); no grammar can say",
        ),
        ({"type": "json_schema", "json_schema": {"schema": {"type": "strin"}}}, "response_format is not a JSON Schema"),
        ({"type": "json_schema", "json_schema": {"schema": {"const": "\ud800"}}}, "a half of a character"),
    ],
)
def test_a_response_format_that_cannot_be_held_is_refused(given: dict[str, Any], words: str) -> None:
    item = formatted(**given)
    assert item.request is None
    assert words in item.problem


def test_nan_in_a_schema_is_refused() -> None:
    line = b'{"prompt": "a", "response_format": {"type": "json_schema", "json_schema": {"schema": {"const": NaN}}}}'
    assert "a number that JSON has not" in parse(line).problem


def test_a_wrong_line_keeps_its_id() -> None:
    assert parse({"custom_id": "x", "prompt": 5}).custom_id == "x"


KEYS = st.sampled_from(
    ["prompt", "messages", "body", "role", "content", "custom_id", "stop", "seed", "type", "text", "url", "n"]
)
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | KEYS
VALUES = st.recursive(
    LEAVES, lambda of: st.lists(of, max_size=3) | st.dictionaries(KEYS, of, max_size=4), max_leaves=12
)


@given(st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_line_becomes_a_request_or_a_reason(data: bytes) -> None:
    item = parse_item(Line(1, data), BASE)
    assert (item.request is None) != (item.problem is None)


def test_a_template_takes_fields_of_any_object() -> None:
    item = parse({"id": 3, "text": "A fox.", "tags": ["a"]}, BASE, "Summarise {{briefly}}: {text} {tags} {id}")
    assert texts(item.request) == [("user", 'Summarise {briefly}: A fox. ["a"] 3')]
    assert "no field 'text'" in parse({"prompt": "x"}, BASE, "{text}").problem


@pytest.mark.parametrize("template", ["{", "{}", "{0.__class__}", "{a!r}", "{a:>10}", "no field", "{a[0]}"])
def test_templates_that_are_none(template: str) -> None:
    if template in ("{0.__class__}", "{a[0]}"):  # a field of that very name, nothing is called
        assert "no field" in parse({"a": 1}, BASE, template).problem
    else:
        assert check_template(template)


def test_lines_are_read_one_by_one() -> None:
    stream = io.BytesIO(b'\xef\xbb\xbf{"a": 1}\r\n\n  \n' + b"x" * 50 + b"\n{}\n" + b"y" * 50)
    assert list(jsonl(stream, 20)) == [Line(1, b'{"a": 1}'), Line(4, None), Line(5, b"{}"), Line(6, None)]


def test_a_line_that_is_just_short_enough() -> None:
    lines = list(jsonl(io.BytesIO(b"a" * 20 + b"\n" + b"b" * 20), 20))
    assert lines == [Line(1, b"a" * 20), Line(2, b"b" * 20)]


def table(data: bytes, longest: int = 1000) -> list[Any]:
    """The rows of a table: number and fields, or number and what is wrong."""
    lines = [line for line in comma_separated(io.BytesIO(data), longest) if line]
    return [(line.number, line.problem or json.loads(line.data or b"null")) for line in lines]


def test_rows_of_a_table_are_objects() -> None:
    data = b'\xef\xbb\xbf"name",text\nfox,"two\nlines"\n\nshort\r\n"a ""b"" c",it"s\n'
    assert table(data) == [
        (3, {"name": "fox", "text": "two\nlines"}),
        (5, "the row has 1 field, the first one names 2"),
        (6, {"name": 'a "b" c', "text": 'it"s'}),
    ]
    odd = next(comma_separated(io.BytesIO(b"a\n\xff\n")))
    assert odd is not None
    assert "not valid UTF-8" in (parse_item(odd, BASE, "{a}").problem or "")
    short = parse_item(Line(2, b"x", "the row has 1 field"), BASE, "{a}")
    assert (short.request, short.problem) == (None, "the row has 1 field")


@given(
    st.lists(st.lists(st.text('ab,"\n\r', max_size=6), min_size=2, max_size=2), max_size=8),
    st.sampled_from(["\r\n", "\r"]),
)
def test_rows_are_those_of_the_csv_module(rows: list[list[str]], end: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL)
    writer.writerows([["one", "two"], *rows])
    assert [list(fields.values()) for _, fields in table(text.getvalue().encode())] == rows


def test_a_quote_that_is_not_closed_takes_no_memory() -> None:
    rows = table(b'a,b\nx,"' + b"text\n" * 50 + b"y,z\n", 100)
    assert rows[0][1] == "the row has more than 100 bytes; is a quote in it not closed?"
    assert rows[-1] == (52, {"a": "y", "b": "z"})
    assert table(b"a\n" + b"x" * 200 + b"\ny\n", 100)[1] == (3, {"a": "y"})
    assert table(b'a\n"open') == [(2, {"a": "open"})]


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"a,b,a\n", "two are called 'a'"),
        (b",\n", "they are blank"),
        (b"\xff,b\n", "it is not valid UTF-8"),
        (b'"' + b"a" * 2000, "the row has more than 1,000 bytes"),
    ],
)
def test_a_table_without_names_is_refused(head: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        table(head + b"x,y,z\n")


def test_a_pipe_that_pauses_holds_nobody_up() -> None:
    reader, writer = os.pipe()
    with Feed(FileIO(reader), "stdin") as feed:
        lines = jsonl(feed, 20)
        assert next(lines) is None
        os.write(writer, b"one\n\ntw")
        assert [next(lines), next(lines)] == [Line(1, b"one"), None]
        os.write(writer, b"o\n" + b"x" * 15)
        assert [next(lines), next(lines)] == [Line(3, b"two"), None]
        os.write(writer, b"x" * 15)
        assert [next(lines), next(lines)] == [Line(4, None), None]
        os.write(writer, b"x\nlast")
        os.close(writer)
        assert list(lines) == [Line(5, b"last")]
        assert (feed.size, feed.given) == (0, 45)


@given(st.binary(max_size=60).map(lambda data: data.replace(b"\x01", b"\n")), st.integers(1, 9))
def test_a_feed_reads_what_a_file_reads(data: bytes, limit: int) -> None:
    with TemporaryFile(buffering=0) as file:
        file.write(data)
        file.seek(0)
        feed, stream = Feed(FileIO(os.dup(file.fileno())), "x"), io.BytesIO(data)
        while line := stream.readline(limit):
            assert feed.readline(limit) == line
        assert (feed.readline(limit), feed.given, feed.size) == (b"", len(data), len(data))
        feed.__exit__(None, None, None)
