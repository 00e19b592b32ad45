"""Tool calls in a stream: what is one, what only looks like one, and that nothing is lost or comes twice."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import MISSING, WORLD, reference

from infer.chat.calls import CallReader
from infer.chat.formats import FORMATS, ReasoningFormat, detect
from infer.chat.parser import StreamParser
from infer.chat.syntax import CALLS, CallFormat, call_formats, opened
from infer.chat.tools import definition
from infer.schema.check import checker
from infer.types import Delta, Tool, ToolCall

TEXT = {"type": "string", "description": "a text"}
WEATHER = Tool(
    "weather",
    "The weather",
    {
        "type": "object",
        "properties": {
            "place": TEXT,
            "days": {"type": "integer", "description": "how many"},
            "detailed": {"type": "boolean", "description": "or not"},
            "tags": {"type": "array", "items": TEXT, "description": "some"},
            "where": {
                "type": "object",
                "properties": {"lat": {"type": "number", "description": "north"}},
                "additionalProperties": True,
                "description": "more exactly",
            },
            "level": {"anyOf": [{"$ref": "#/$defs/level"}, {"type": "null"}], "description": "how much"},
            "code": {"type": ["string", "integer"], "description": "a code"},
            "any": {"description": "anything"},
            "round": {"anyOf": [{"$ref": "#/properties/round"}, {"type": "integer"}], "description": "it goes round"},
        },
        "required": ["place"],
        "additionalProperties": False,
        "$defs": {"level": {"enum": [1, 2, "all"]}},
    },
)
PROPERTIES: dict[str, Any] = WEATHER.parameters["properties"]
SIMPLE = Tool("weather", "The weather", {"type": "object", "properties": {"place": TEXT}, "required": ["place"]})
CLOCK = Tool("clock", "The time", {"type": "object", "properties": {"zone": TEXT}})
TOOLS = (WEATHER, CLOCK)
THINK = detect("</think>")
BY_NAME = {form.name: form for form in CALLS}


def stream(
    text: str | list[str], *formats: str, form: ReasoningFormat | None = None, stop: tuple[str, ...] = ()
) -> tuple[str, str, list[ToolCall]]:
    """(content, reasoning, calls) of a whole stream, one character after another."""
    parser = StreamParser(stop, form, False, CallReader(tuple(BY_NAME[name] for name in formats), TOOLS, checker))
    deltas = [*map(parser.feed, text), parser.finish()]
    assert parser.called == any(delta.tool_calls for delta in deltas)
    calls = [call for delta in deltas for call in delta.tool_calls]
    return "".join(d.content for d in deltas), "".join(d.reasoning for d in deltas), calls


def arguments(text: str, name: str) -> Any:
    """The arguments of the one call in a text."""
    content, _, (call,) = stream(text, name)
    assert not content
    return call.arguments


# --- what is a call ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('<tool_call>{"name": "clock", "arguments": {}}</tool_call>', ["clock"]),
        ('<tool_call>{"name": "clock"}</tool_call>', ["clock"]),
        ('<tool_call>{"name": "clock", "arguments": null}</tool_call>', ["clock"]),
        ('<tool_call>{"name": "clock", "parameters": {}}</tool_call>', ["clock"]),
        ('<tool_call>{"function": {"name": "clock", "arguments": "{}"}}</tool_call>', ["clock"]),
        ('<tool_call>[{"name": "clock"}, {"name": "clock"}]</tool_call>', ["clock", "clock"]),
        ('<tool_call>{"name": "clock"}\n{"name": "clock"}</tool_call>', ["clock", "clock"]),
        ('<tool_call>\n{"name": "clock", "arguments": {"zone": "a\nb"}}\n</tool_call>', ["clock"]),
        ('<tool_call>{"name": "clock"}', ["clock"]),  # the model ended without closing it
        ('<tool_call>{"name": "clock"}</tool_ca', ["clock"]),
        ('<tool_call>{"name": "clock"}</tool_call>\n\n<tool_call>{"name": "clock"}</tool_call>', ["clock", "clock"]),
        ('<tool_call>{"clock": {}}</tool_call>', ["clock"]),
    ],
)
def test_what_is_a_call(text: str, names: list[str]) -> None:
    """JSON as models write it, with the liberties they take."""
    content, _, calls = stream(text, "hermes")
    assert [call.name for call in calls] == names
    assert content in ("", "</tool_ca")


@pytest.mark.parametrize(
    "text",
    [
        "Use <tool_call> and </tool_call> around it.",
        "<tool_call>",
        "<tool_call></tool_call>",
        "<tool_call>{}</tool_call>",
        "<tool_call>[]</tool_call>",
        "<tool_call>7</tool_call>",
        '<tool_call>{"name": 7}</tool_call>',
        '<tool_call>{"name": "clock", "arguments": [1]}</tool_call>',
        '<tool_call>{"name": "clock", "arguments": {"a": NaN}}</tool_call>',
        '<tool_call>{"name": "clock", "arguments": {"a": 1}</tool_call>',
        '<tool_call>{"name": "clock", "argum',
        '<tool_call>{"name": "clock"} and more</tool_call>',
        "<tool_call>" + "[" * 100_000,
        '{"name": "clock", "parameters": {}}',
        "<tool_call",
        "",
    ],
)
def test_what_only_looks_like_a_call(text: str) -> None:
    """It stays text, to the letter."""
    assert stream([text[:20_000]], "hermes") == (text[:20_000], "", [])
    assert stream([text], "hermes") == (text, "", [])


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Bob", "age": 3}',
        '{"name": "Bob", "parameters": {}}',
        '{"name": "clock", "age": 3}',
        '{"name": "clock", "parameters": 3}',
        'It is {"name": "clock", "parameters": {}}',
        '{"names": []}',
        "<|python_tag|>print(1)",
    ],
)
def test_ordinary_json_is_an_answer(text: str) -> None:
    """Llama's calls are plain JSON: only an offered function at the very beginning is one."""
    assert stream(text, "llama", "llama-python") == (text, "", [])


def test_an_answer_in_json_streams_on() -> None:
    """It is not held once its name is known."""
    parser = StreamParser((), None, False, CallReader((BY_NAME["llama"],), TOOLS, checker))
    text = '{"name": "Bob", "parameters": {'
    assert parser.feed(text).content == text


def test_text_that_begins_like_a_call_streams_on() -> None:
    """After 256 characters without a function's name it is none."""
    parser = StreamParser((), None, False, CallReader((BY_NAME["qwen-coder"],), TOOLS, checker))
    assert not parser.feed("a <tool_call>" + "x" * 255).content.startswith("a <")
    assert parser.feed("x").content == "<tool_call>" + "x" * 256


def test_a_call_comes_as_soon_as_it_is_closed() -> None:
    parser = StreamParser((), None, False, CallReader((BY_NAME["hermes"],), TOOLS, checker))
    assert parser.feed('<tool_call>{"name": "clock"}</tool_call') == Delta()
    assert parser.feed(">") == Delta(tool_calls=(ToolCall("call00001", "clock", {}),))


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>weather<arg_key>place</arg_key><arg_value>a</arg_value>",
        "<tool_call>weather",
        "<tool_call>name</tool_call>",
    ],
)
def test_tags_that_are_no_call(text: str) -> None:
    """More arguments could have followed, or it is just a word."""
    assert stream(text, "glm") == (text, "", [])


@pytest.mark.parametrize("name", [form.name for form in CALLS if form.closes])
def test_what_is_cut_is_text(name: str) -> None:
    """An answer that ends right after the opening text, or inside the first call, has none."""
    form = BY_NAME[name]
    text = form.opens[0] + "x"
    assert stream(["a", text], name) == ("a" + text, "", [])


# --- where calls count ------------------------------------------------------------------------------------------------


def test_without_tools_everything_is_text() -> None:
    text = '<tool_call>{"name": "clock"}</tool_call>'
    parser = StreamParser((), None, False)
    assert parser.feed(text) == Delta(text)


def test_calls_in_reasoning() -> None:
    """A tag there is a thought; a control token is a call, wherever it stands."""
    call = '<tool_call>{"name": "clock"}</tool_call>'
    assert stream(f"<think>{call}</think>{call}", "hermes", form=THINK)[1:] == (
        call,
        [ToolCall("call00001", "clock", {})],
    )
    control = '[TOOL_CALLS]clock[ARGS]{"zone": "a"}'
    assert stream(f"<think>a{control}b</think>c", "mistral", form=THINK) == (
        "c",
        "ab",
        [ToolCall("call00001", "clock", {"zone": "a"})],
    )


def test_stop_strings_and_calls() -> None:
    """A stop string inside a call does not count; in what turned out to be no call it does."""
    text = '<tool_call>{"name": "clock", "arguments": {"zone": "STOP"}}</tool_call>'
    assert stream(text + "a STOP b", "hermes", stop=("STOP",))[0] == "a "
    assert len(stream(text, "hermes", stop=("STOP",))[2]) == 1
    assert stream("<tool_call>x STOP y", "hermes", stop=("STOP",)) == ("<tool_call>x ", "", [])
    assert stream("<tool_call>x", "hermes", stop=("call>x",)) == ("<tool_", "", [])


def test_reasoning_after_a_call() -> None:
    call = '<tool_call>{"name": "clock"}</tool_call>'
    assert stream(f"{call}\n<think>a</think>b", "hermes", form=THINK)[:2] == ("b", "a")


def test_identities() -> None:
    """The model's own, where it writes one; else a number with nine characters, which Mistral asks for."""
    calls = stream("[TOOL_CALLS]clock[CALL_ID]abc[ARGS]{}[TOOL_CALLS]clock[ARGS]{}", "mistral")[2]
    assert [call.id for call in calls] == ["abc", "call00002"]
    text = '<|START_ACTION|>[{"tool_call_id": 0, "tool_name": "clock"}]<|END_ACTION|>'
    assert [call.id for call in stream(text, "cohere")[2]] == ["0"]


# --- what is wrong with a call ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "error"),
    [
        ("weather", {"place": "Umeå"}, None),
        ("weather", {}, "'place' is a required property (at $)"),
        ("weather", {"place": 3}, "3 is not of type 'string' (at $.place)"),
        ("weather", {"place": "a", "days": "b"}, "'b' is not of type 'integer' (at $.days)"),
        ("weather", {"place": "a", "x": 1}, "Additional properties are not allowed ('x' was unexpected) (at $)"),
        ("time", {}, "no tool is called time"),
    ],
)
def test_a_call_is_checked_against_its_schema(name: str, given: dict[str, Any], error: str | None) -> None:
    """An invalid call comes out as well, and says what is wrong with it."""
    content, _, (call,) = stream(f"<tool_call>{json.dumps({'name': name, 'arguments': given})}</tool_call>", "hermes")
    assert (content, call.name, call.arguments, call.error) == ("", name, given, error)


# --- types of arguments that are written as text ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("place", "12", "12"),
        ("place", "true", "true"),
        ("place", "", ""),
        ("place", '{"a": 1}', '{"a": 1}'),
        ("days", "12", 12),
        ("days", "twelve", "twelve"),
        ("detailed", "true", True),
        ("detailed", "False", False),
        ("tags", '["a"]', ["a"]),
        ("tags", "['a']", ["a"]),
        ("where", '{"lat": 1.5}', {"lat": 1.5}),
        ("level", "2", 2),
        ("level", "all", "all"),
        ("level", "null", None),
        ("code", "7", 7),
        ("code", "x7", "x7"),
        ("any", "7", 7),
        ("any", "seven", "seven"),
        ("any", "f(1)", "f(1)"),
        ("unknown", "[1", "[1"),
        ("round", "7", 7),
        ("round", "x", "x"),
    ],
)
def test_the_schema_says_what_is_text(key: str, written: str, value: object) -> None:
    """Values between tags have no quotes: a number is text where the schema asks for text."""
    text = f"<tool_call>weather<arg_key>{key}</arg_key><arg_value>{written}</arg_value></tool_call>"
    assert arguments(text, "glm") == {key: value}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a='x'", {"a": "x"}),
        ('a="(]", b=-1.5, c=None, d=null', {"a": "(]", "b": -1.5, "c": None, "d": None}),
        ("a=[1, {'b': true}]", {"a": [1, {"b": True}]}),
        ("", {}),
    ],
)
def test_arguments_in_python(written: str, value: object) -> None:
    assert arguments(f"<|tool_call_start|>[clock({written})]<|tool_call_end|>", "lfm2") == value


@pytest.mark.parametrize("written", ["1", "a=f()", "**a", "a=b", "a=1, a=2", "a={1, 2}", "a=b'x'", "a=1e999"])
def test_python_that_is_no_literal_is_no_call(written: str) -> None:
    """Nothing of it is ever run."""
    text = f"<|tool_call_start|>[clock({written})]<|tool_call_end|>"
    assert stream(text, "lfm2") == (text, "", [])


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{a:<|"|>x, y:{<|"|>,b:[1,null,None],c:{d:true}}', {"a": "x, y:{", "b": [1, None, None], "c": {"d": True}}),
        ("{}", {}),
        ('{"a": 1}', {"a": 1}),
    ],
)
def test_arguments_of_gemma(written: str, value: object) -> None:
    assert arguments(f"<|tool_call>call:clock{written}<tool_call|>", "gemma") == value


# --- laws -------------------------------------------------------------------------------------------------------------

PIECES = [
    *(text for form in CALLS for text in form.texts),
    *('{"name": "clock", "arguments": {}}', '{"name": "clock"', ', "parameters": {"zone": "x"}}', "clock", "weather"),
    *("<think>", "</think>", "<function=clock>", "</function>", "<parameter=zone>", "</parameter>", "<arg_key>zone"),
    *(
        "</arg_key>",
        "<arg_value>",
        "</arg_value>",
        '"',
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\n",
        " ",
        "a",
        "STOP",
        "é",
        ">>>",
    ),
    *("[ARGS]", "clock()", "{}", "call:clock{}", ' to=functions.clock<|message|>{"zone": "y"}', "x" * 130),
]
texts = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
some_formats = st.lists(st.sampled_from(CALLS), max_size=3, unique=True).map(tuple)
some_form = st.sampled_from([None, *FORMATS])


def parse(
    chunks: list[str], form: ReasoningFormat | None, formats: tuple[CallFormat, ...], stop: tuple[str, ...]
) -> tuple[str, str, list[ToolCall], bool]:
    parser = StreamParser(stop, form, False, CallReader(formats, TOOLS, checker))
    deltas = [*map(parser.feed, chunks), parser.finish()]
    calls = [call for delta in deltas for call in delta.tool_calls]
    return "".join(d.content for d in deltas), "".join(d.reasoning for d in deltas), calls, parser.stopped


@given(texts, st.integers(0, 400), some_form, some_formats, st.sampled_from([(), ("STOP",), ("\n", "a")]))
def test_any_cut_gives_the_same(
    text: str, at: int, form: ReasoningFormat | None, formats: tuple[CallFormat, ...], stop: tuple[str, ...]
) -> None:
    """Law: content, reasoning and calls do not depend on where the text was cut."""
    whole = parse([text], form, formats, stop)
    assert parse(list(text), form, formats, stop) == whole
    assert parse([text[:at], text[at:]], form, formats, stop) == whole


@given(texts, some_formats)
def test_nothing_is_lost(text: str, formats: tuple[CallFormat, ...]) -> None:
    """Law: where no call comes out, the text does, to the letter (but for what a format drops, and newlines after)."""
    content, _, calls, _ = parse(list(text), None, formats, ())
    if not calls and not any(drop in text for form in formats for drop in form.drops):
        assert content == text


# --- the templates themselves -----------------------------------------------------------------------------------------

ARGUMENTS = {"place": 'Umeå "x"\nline </b> 2', "days": 3, "detailed": True, "tags": ["a", "b"], "where": {"lat": 63.5}}
TYPED = replace(WEATHER, parameters={"type": "object", "properties": {key: PROPERTIES[key] for key in ARGUMENTS}})
# They show no calls of earlier turns, or cannot be rendered with them.
NO_CALLS = {
    "HuggingFaceTB-SmolLM3-3B",
    "Kimi-K2-Instruct",
    "Kimi-K2-Thinking",
    "LFM2-8B-A1B",
    "LFM2.5-Instruct",
    "fireworks-ai-llama-3-firefunction-v2",
    "google-gemma-2-2b-it",
    "ibm-granite-granite-3.3-2B-Instruct",
    "llama-cpp-deepseek-r1",
    "llama-cpp-rwkv-world",
    "microsoft-Phi-3.5-mini-instruct",
}


def rendered(source: str) -> tuple[str, str, list[list[Any]]] | None:
    """What a template writes for an answer with calls, the prompt before it, and the calls; None: it writes none."""
    simple = [["weather", {"place": "Umeå"}], ["clock", {}]]
    full = [["weather", ARGUMENTS], ["clock", {"zone": "5"}]]
    for calls in (full, full[:1], simple):
        for as_text in (False, True):
            for content in ("", None):
                tools = (SIMPLE if calls is simple else TYPED, CLOCK)
                if text := _rendered(source, calls, as_text, content, tools):
                    return *text, calls
    return None


def _rendered(
    source: str, calls: list[list[Any]], as_text: bool, content: str | None, tools: tuple[Tool, ...]
) -> tuple[str, str] | None:
    functions = [{"name": name, "arguments": json.dumps(given) if as_text else given} for name, given in calls]
    called = [{"id": f"call0000{at}", "type": "function", "function": one} for at, one in enumerate(functions)]
    user = [{"role": "user", "content": "Hi"}]
    answer = {"role": "assistant", "content": content, "tool_calls": called}
    given = [definition(tool) for tool in tools]
    try:
        whole = reference(source, [*user, answer], False, tools=given)
        prompt = reference(source, user, True, tools=given)
        before = reference(source, user, False, tools=given)
    except Exception:
        return None
    same = next((at for at, (a, b) in enumerate(zip(before, whole, strict=False)) if a != b), len(before))
    text = whole.removeprefix(prompt) if whole.startswith(prompt) else whole[same:]
    return (text, prompt) if all(name in text for name, _ in calls) else None


@pytest.mark.skipif(not WORLD, reason=MISSING)
@pytest.mark.parametrize("path", WORLD, ids=lambda path: path.stem)
def test_calls_are_read_as_the_template_writes_them(path: Path) -> None:
    """What a template makes of calls in an earlier turn is read back as the same calls, wherever it is cut."""
    source = path.read_text(encoding="utf-8")
    got = rendered(source)
    assert (got is None) == (path.stem in NO_CALLS)
    if got is None:
        return
    text, prompt, calls = got
    formats = call_formats(source)

    def read(*chunks: str) -> tuple[str, str, list[ToolCall]]:
        reader = CallReader(formats, TOOLS, checker)
        parser = StreamParser((), detect(source), False, reader, opened(prompt, formats))
        deltas = [*map(parser.feed, chunks), parser.finish()]
        found = [call for delta in deltas for call in delta.tool_calls]
        return "".join(d.content for d in deltas), "".join(d.reasoning for d in deltas), found

    whole = read(text)
    assert [[call.name, call.arguments] for call in whole[2]] == calls
    for at in range(len(text)):
        assert read(text[:at], text[at:]) == whole
