"""What models write, cut at every byte: answer, reasoning and calls are always the same."""

import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from world import FOLDER, MISSING, WORLD

from infer.chat.calls import CallReader
from infer.chat.formats import FORMATS, detect, starts_in_reasoning
from infer.chat.parser import StreamParser
from infer.chat.syntax import CALLS, call_formats, opened
from infer.chat.template import Template
from infer.chat.tools import definition
from infer.chat.utf8 import Utf8Stream
from infer.errors import BadTemplate
from infer.schema.check import checker
from infer.types import Message, TextPart, Tool

STREAMS: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "recorded.toml").read_text("utf-8"))["stream"]
TEXT = {"type": "string", "description": "a text"}
PLACE = {
    "type": "object",
    "properties": {
        "place": TEXT,
        "days": {"type": "integer", "description": "how many"},
        "detailed": {"type": "boolean", "description": "or not"},
        "tags": {"type": "array", "items": TEXT, "description": "some"},
        "where": {"type": "object", "properties": {"lat": {"type": "number"}}, "description": "more exactly"},
    },
    "required": ["place"],
}
TOOLS = (
    Tool("weather", "The weather at a place", PLACE),
    Tool("clock", "The time", {"type": "object", "properties": {"zone": TEXT}}),
)
# Neither reasoning nor tools.
PLAIN = {"google-gemma-2-2b-it", "microsoft-Phi-3.5-mini-instruct"}
by_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream["templates"][0])
needs_templates = pytest.mark.skipif(not WORLD, reason=MISSING)


def parse(stream: dict[str, Any], pieces: list[bytes]) -> tuple[str, str, list[tuple[str, str, Any, str | None]]]:
    """(content, reasoning, calls) of a recorded stream that comes in these pieces."""
    form = next((form for form in FORMATS if form.name == stream["reasoning"]), None)
    formats = tuple(form for name in stream["calls"] for form in CALLS if form.name == name)
    reader = CallReader(formats, TOOLS, checker)
    start = opened(stream.get("prompt", ""), formats)
    parser, utf8 = StreamParser((), form, stream.get("inside", False), reader, start), Utf8Stream()
    deltas = [parser.feed(utf8.feed(piece)) for piece in pieces]
    deltas += [parser.feed(utf8.finish()), parser.finish()]
    calls = [(call.id, call.name, call.arguments, call.error) for delta in deltas for call in delta.tool_calls]
    return "".join(d.content for d in deltas), "".join(d.reasoning for d in deltas), calls


@by_stream
def test_recorded_streams(stream: dict[str, Any]) -> None:
    """Content, reasoning and calls are told apart, and the calls are valid."""
    content, thought, calls = parse(stream, [stream["text"].encode()])
    assert (content, thought) == (stream.get("content", ""), stream.get("thought", ""))
    assert [[name, arguments] for _, name, arguments, _ in calls] == stream.get("called", [])
    assert not any(error for *_, error in calls)
    assert len({identity for identity, *_ in calls}) == len(calls)


@by_stream
def test_cut_at_every_byte(stream: dict[str, Any]) -> None:
    """Two pieces, wherever the cut is, and one piece for each byte."""
    data = stream["text"].encode()
    whole = parse(stream, [data])
    for position in range(len(data)):
        assert parse(stream, [data[:position], data[position:]]) == whole
    assert parse(stream, [bytes((byte,)) for byte in data]) == whole


@by_stream
@needs_templates
def test_recorded_streams_belong_to_their_templates(stream: dict[str, Any]) -> None:
    """The formats are those that the template asks for, and the reasoning is open where the template leaves it open."""
    for name in stream["templates"]:
        source = (Path(FOLDER or "") / f"{name}.jinja").read_text(encoding="utf-8")
        form = detect(source)
        assert (form.name if form else "", [one.name for one in call_formats(source)]) == (
            stream["reasoning"],
            stream["calls"],
        )
        render = partial(Template(source, "<s>", "</s>").render, [Message("user", (TextPart("Hi"),))])
        tools = [definition(tool) for tool in TOOLS]
        starts = set()
        for think in (None, False, True):
            try:
                starts.add(starts_in_reasoning(render(think=think, tools=tools), form))
            except BadTemplate:
                starts.add(starts_in_reasoning(render(think=think), form)) if form else starts.add(False)
        assert stream.get("inside", False) in starts


@needs_templates
def test_every_template_with_reasoning_or_tools_has_a_stream() -> None:
    recorded = {name for stream in STREAMS for name in stream["templates"]}
    assert {path.stem for path in WORLD} - recorded == PLAIN
