"""Messages of a line with calls of tools in them, as OpenAI's interface and as infer itself writes them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.jobs.batch.bad_item import BadItem
from infer.jobs.batch.turns import read_messages
from infer.types import Message, TextPart, ToolCall

CALL = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": '{"zone": "CET"}'}}
USER = {"role": "user", "content": "What time is it?"}
ANSWER = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "12:00"}


def test_a_call_and_its_result() -> None:
    _, answer, result = read_messages([USER, ANSWER, RESULT])
    assert answer == Message("assistant", (TextPart(""),), tool_calls=(ToolCall("call_1", "clock", {"zone": "CET"}),))
    assert result == Message("tool", (TextPart("12:00"),), tool_call_id="call_1", name="clock")


def test_calls_as_infer_writes_them() -> None:
    """What `infer run --json` says can be given back as it is."""
    call = {"id": "call00001", "name": "clock", "arguments": {"zone": "CET"}, "error": None}
    _, answer = read_messages([USER, {"role": "assistant", "content": "", "tool_calls": [call]}])
    assert answer.tool_calls == (ToolCall("call00001", "clock", {"zone": "CET"}),)


def test_what_the_interface_leaves_empty() -> None:
    """Its own answers have keys that are null; no arguments at all are none."""
    call = {"id": "a", "type": "function", "function": {"name": "clock", "arguments": ""}}
    answer = {"role": "assistant", "content": None, "refusal": None, "function_call": None, "tool_calls": [call]}
    assert read_messages([USER, answer])[1].tool_calls == (ToolCall("a", "clock", {}),)
    assert read_messages([{"role": "assistant", "content": "x", "tool_calls": None}])[0].tool_calls == ()


def test_reasoning_and_names_are_kept() -> None:
    said = {"role": "assistant", "content": "Noon.", "reasoning": "hm", "name": "watch"}
    assert read_messages([said])[0] == Message("assistant", (TextPart("Noon."),), reasoning="hm", name="watch")
    other = {"role": "assistant", "content": "Noon.", "reasoning_content": "hm"}
    assert read_messages([other])[0].reasoning == "hm"


def called(**changes: Any) -> dict[str, Any]:
    return {**ANSWER, "tool_calls": [{**CALL, **changes}]}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([USER, RESULT], "stands where no tool has been called"),
        ([USER, ANSWER, RESULT | {"tool_call_id": "call_2"}], "'call_2', and no call has this id"),
        ([USER, ANSWER | {"tool_calls": {}}], "tool_calls is not a list"),
        ([USER, ANSWER | {"tool_calls": []}], "a message's content is not a text"),
        ([USER, called(type="custom")], 'not an object with "type": "function"'),
        ([USER, called(function=[])], "the function of a tool call is not an object"),
        ([USER, called(later=1)], "a tool call has the key 'later'"),
        ([USER, called(function={"name": "x", "arguments": "{}", "strict": True})], "has the key 'strict'"),
        ([USER, called(function={"arguments": "{}"})], "the name of a tool call is not a text"),
        ([USER, called(id=7)], "the id of a tool call is not a text"),
        ([USER, called(function={"name": "x", "arguments": "{"})], "the arguments of the call of x are not JSON"),
        ([USER, called(function={"name": "x", "arguments": "[]"})], "the arguments of the call of x are not an object"),
        ([USER, called(function={"name": "x", "arguments": '{"a": NaN}'})], "are not JSON"),
        ([USER, called(function={"name": "x", "arguments": {"a": "\ud800"}})], "a half of a character"),
        ([USER | {"tool_calls": [CALL]}], "'tool_calls', which is not supported in the role user"),
    ],
)
def test_what_is_wrong_is_said(messages: list[Any], words: str) -> None:
    with pytest.raises(BadItem) as caught:
        read_messages(messages)
    assert words in str(caught.value)


KEYS = st.sampled_from(["role", "content", "tool_calls", "function", "name", "arguments", "id", "tool_call_id", "type"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.sampled_from(["assistant", "tool", "user", "{}", "function", ""])
)
VALUES = st.recursive(
    LEAVES, lambda of: st.lists(of, max_size=3) | st.dictionaries(KEYS, of, max_size=5), max_leaves=20
)


@given(VALUES)
def test_anything_is_read_or_refused(value: Any) -> None:
    try:
        messages = read_messages(value)
    except BadItem as problem:
        assert str(problem)
    else:
        assert len(messages) == len(json.loads(json.dumps(value)))
