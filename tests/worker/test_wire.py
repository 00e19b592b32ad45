"""The wire: JSON messages, a line each, however the bytes between them are cut; and values that survive the way."""

import os
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer import errors
from infer.types import (
    Completion,
    Constraint,
    ContextUse,
    Delta,
    EngineConfig,
    Event,
    Failed,
    Finished,
    Message,
    Progress,
    Request,
    SamplingParams,
    TextDelta,
    TextPart,
    Timings,
    TokenScore,
    Tool,
    ToolCall,
    Usage,
)
from infer.worker.messages import config_from_json, event_from_json, event_to_json, request_from_json
from infer.worker.wire import Wire

# Text as it can come: newlines, NUL, surrogates of file names, everything beyond the BMP.
TEXT = st.text(st.characters(codec=None, categories=None))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.dictionaries(TEXT, VALUES, min_size=1, max_size=4)


def lines(messages: list[dict[str, Any]]) -> bytes:
    """What a wire writes for these messages."""
    read, write = os.pipe()
    wire = Wire(read, write)
    data = b""
    for message in messages:
        wire.send(message)
        data += os.read(read, 1 << 16)
    wire.close()
    return data


@given(st.lists(MESSAGES, max_size=4), st.data())
def test_messages_arrive_whole_wherever_the_bytes_are_cut(messages: list[dict[str, Any]], data: st.DataObject) -> None:
    sent = lines(messages)
    assert sent.count(b"\n") == len(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    read, write = os.pipe()
    wire = Wire(read, write)
    received: list[dict[str, object]] = []
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        if start < end:
            os.write(write, sent[start:end])
            received += wire.receive() or []
    os.close(write)
    assert wire.receive() is None, "the end is told as such"
    os.close(read)
    assert received == messages


def test_a_message_larger_than_every_buffer_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        Wire(read, write).send({"text": "ü\n" * 2_000_000})
        os._exit(0)
    os.close(write)
    wire = Wire(read, write)
    received: list[dict[str, object]] = []
    while (some := wire.receive()) is not None:
        received += some
    os.close(read)
    assert os.waitpid(pid, 0)[1] == 0
    assert received == [{"text": "ü\n" * 2_000_000}]


def test_a_line_that_is_no_message_is_an_error() -> None:
    read, write = os.pipe()
    os.write(write, b"GGML_ASSERT\n")
    wire = Wire(read, write)
    with pytest.raises(ValueError):
        wire.receive()
    wire.close()


ids = st.integers(0, 2**31)
seconds = st.floats(0, 1e6)
completions = st.builds(
    Completion,
    finish_reason=st.sampled_from(["stop", "length", "tool_calls", "loop", "abort"]),
    usage=st.builds(Usage, ids, ids, ids),
    timings=st.builds(Timings, seconds, seconds, seconds, seconds),
    context=st.builds(ContextUse, ids, ids, ids),
    seed=st.integers(0, 2**32 - 1),
    constraint_met=st.none() | st.booleans(),
    logprobs=st.none()
    | st.lists(
        st.builds(TokenScore, TEXT, seconds, st.lists(st.tuples(TEXT, seconds), max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    verified=st.none() | st.tuples(ids, seconds, seconds),
)
calls = st.builds(ToolCall, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=2), st.none() | TEXT)
events = st.one_of(
    st.builds(Progress, ids, ids, ids),
    st.builds(TextDelta, ids, st.builds(Delta, TEXT, TEXT, st.lists(calls, max_size=2).map(tuple))),
    st.builds(Finished, ids, completions),
)
requests = st.builds(
    Request,
    messages=st.lists(
        st.builds(
            Message,
            role=st.sampled_from(["system", "user", "assistant", "tool"]),
            content=st.lists(st.builds(TextPart, TEXT), min_size=1, max_size=3).map(tuple),
            token_ids=st.lists(ids, max_size=3).map(tuple),
            reasoning=TEXT,
            tool_calls=st.lists(calls, max_size=2).map(tuple),
            tool_call_id=TEXT,
            name=TEXT,
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    sampling=st.builds(SamplingParams, temperature=seconds, seed=st.none() | ids),
    raw=st.booleans(),
    max_tokens=st.none() | ids,
    stop=st.lists(TEXT, max_size=3).map(tuple),
    think=st.none() | st.booleans(),
    think_limit=st.none() | ids,
    logprobs=st.none() | ids,
    constraint=st.none()
    | st.builds(Constraint, st.none() | TEXT, st.none() | TEXT, st.lists(TEXT, max_size=3).map(tuple)),
    tools=st.lists(st.builds(Tool, TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=2)), max_size=2).map(tuple),
    verify_cache=st.booleans(),
    goes_on=st.booleans(),
    overflow=st.sampled_from(["error", "drop-oldest", "drop-middle"]),
)
configs = st.builds(
    EngineConfig,
    context=st.none() | ids,
    kv_type=st.sampled_from(["f16", "q8_0", "q4_0"]),
    flash_attention=st.booleans(),
    repack=st.booleans(),
    lora=st.lists(st.tuples(TEXT, st.floats(-9, 9)), max_size=3).map(tuple),
    cache_dir=st.none() | TEXT,
    cache_bytes=ids,
)


def travelled(value: dict[str, Any]) -> dict[str, Any]:
    """A message after its way over a wire."""
    read, write = os.pipe()
    wire = Wire(read, write)
    wire.send(value)
    (message,) = wire.receive() or []
    wire.close()
    return message


@given(events)
def test_events_survive_the_wire(event: Event) -> None:
    assert event_from_json(travelled(event_to_json(event))) == event


@given(requests)
def test_requests_survive_the_wire(request: Request) -> None:
    assert request_from_json(travelled(asdict(request))) == request


@given(configs)
def test_configs_survive_the_wire(config: EngineConfig) -> None:
    assert config_from_json(travelled(asdict(config))) == config


def tree(root: type[errors.InferError]) -> list[type[errors.InferError]]:
    return [root, *(cls for child in root.__subclasses__() for cls in tree(child))]


EXAMPLES: dict[str, dict[str, Any]] = {
    "context-overflow": {"prompt": 9412, "context": 8192, "trained": 8192},
    "text-too-long": {"prompt": 9412, "context": 8192, "trained": 8192},
    "does-not-fit": {"what": "it", "need": 5 << 30, "have": 1 << 30, "hint": "a smaller one"},
    "interrupted": {"signal": 2},
    "gated": {"name": "o/r", "page": "https://hub/o/r", "token": False},
    "model-not-found": {"name": "x", "near": ["y", "z"]},
    "no-repository": {"name": "o/r", "endpoint": "https://hub", "token": False},
}
FACTS = {
    "what": "w",
    "where": "here",
    "why": "because",
    "path": "/p",
    "name": "n",
    "cause": "ended",
    "detail": "",
    "asked": "a",
}
FACTS |= {"source": "stdin", "offset": 3, "line": 7}  # type: ignore[dict-item]


@pytest.mark.parametrize("cls", tree(errors.InferError), ids=lambda cls: cls.code)
def test_every_error_survives_the_wire(cls: type[errors.InferError]) -> None:
    error = cls(**EXAMPLES.get(cls.code, FACTS))
    event = event_from_json(travelled(event_to_json(Failed(4, error))))
    assert isinstance(event, Failed)
    assert event.id == 4
    back = event.error
    assert type(back) is cls
    assert (str(back), back.hint, back.exit_code, back.facts) == (str(error), error.hint, error.exit_code, error.facts)


def test_an_unknown_error_becomes_an_internal_one() -> None:
    unreadable: Callable[[dict[str, object]], errors.InferError] = errors.from_wire
    assert isinstance(unreadable({"code": "from-the-future", "facts": {}}), errors.InternalError)
    assert isinstance(unreadable({"code": "engine", "facts": "none"}), errors.InternalError)


def test_the_strategies_know_every_field() -> None:
    """A new field has to appear in `requests` or have a default that travels."""
    assert {field.name for field in fields(Request)} == {
        "messages", "sampling", "raw", "max_tokens", "stop", "think", "think_limit", "constraint", "logprobs", "tools",
        "overflow", "verify_cache", "goes_on", "whole",
    }  # fmt: skip
