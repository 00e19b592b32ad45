"""`infer batch` with a schema, a grammar, choices and tools: of the command, and of a line in OpenAI's form."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.command import Command
from ggufs import CHAT_TEMPLATE
from reciter import write_reciter

WILD = ("-t", "1.5", "--top-k", "0", "--top-p", "1", "--min-p", "0", "--seed", "3", "--max-tokens", "200")
CLOCK = {"type": "function", "function": {"name": "clock", "description": "The time", "parameters": {"type": "object"}}}
TOOLS = "{% if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}"
CALLS = "{% for call in message.tool_calls or [] %}{{ call.function | tojson }}{% endfor %}"
HERMES = TOOLS + CHAT_TEMPLATE.replace("{% endfor %}", CALLS + "{% endfor %}", 1) + "{# <tool_call></tool_call> #}"
PERSON = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["age"]}


@pytest.fixture(scope="module")
def caller(models_dir: Path) -> Path:
    call = '<tool_call>\n{"name": "clock", "arguments": {}}\n</tool_call>'
    return write_reciter(models_dir / "batch_caller.gguf", f"Let me look.\n{call}", HERMES)


def write(path: Path, lines: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def records(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def schema(value: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "person", "schema": value, "strict": True}}


def test_a_schema_for_all_lines(infer: Command, random_model: Path, tmp_path: Path) -> None:
    given = write(tmp_path / "in.jsonl", [{"prompt": f"person {number}"} for number in range(5)])
    result = infer.run("batch", random_model, given, *WILD, "--schema", "age int, ok bool")
    assert (result.code, result.err) == (0, "")
    for record in records(result.out):
        assert list(json.loads(record["text"])) == ["age", "ok"]
        assert (record["finish_reason"], record["error"]) == ("stop", None)


def test_choices_and_a_grammar(infer: Command, random_model: Path, tmp_path: Path) -> None:
    given = write(tmp_path / "in.jsonl", [{"prompt": "x"}, {"prompt": "y"}])
    chosen = infer.run("batch", random_model, given, *WILD, "--choices", "yes,no")
    assert {record["text"] for record in records(chosen.out)} <= {"yes", "no"}
    (tmp_path / "g.gbnf").write_text("root ::= [0-9]{3}")
    digits = infer.run("batch", random_model, given, *WILD, "--grammar", tmp_path / "g.gbnf")
    assert all(len(record["text"]) == 3 and record["text"].isdigit() for record in records(digits.out))


def test_response_format_in_openai_s_bodies(infer: Command, random_model: Path, tmp_path: Path) -> None:
    """Each line its own; what cannot be held to is an error of that line."""
    formats = [schema(PERSON), {"type": "json_object"}, schema({"not": {}}), {"type": "text"}, None]
    formats.append(schema({"type": "string", "minLength": 3, "maxLength": 2}))
    formats.append(schema({"oneOf": [{"type": "integer"}, {"type": "number"}]}))
    lines = [
        {"custom_id": str(at), "method": "POST", "url": "/v1/chat/completions", "body": {
            "model": "x", "messages": [{"role": "user", "content": "hi"}], "response_format": one, "max_tokens": 100,
        }}
        for at, one in enumerate(formats)
    ]  # fmt: skip
    result = infer.run("batch", random_model, write(tmp_path / "in.jsonl", lines), *WILD)
    assert result.code == 9
    found = records(result.out)
    assert json.loads(found[0]["text"])["age"] in range(10)
    codes = [record["error"] and record["error"]["code"] for record in found]
    assert codes[2:] == ["bad-line", None, None, "constraint-unmet", "usage"]
    assert found[2]["error"]["message"].startswith("response_format: 'not' is not supported")
    assert "minLength (3) is greater" in found[5]["error"]["message"]
    assert codes[1] is None or found[1]["finish_reason"] == "length"


def test_an_answer_that_is_cut_is_an_error_and_no_text(infer: Command, random_model: Path, tmp_path: Path) -> None:
    given = write(tmp_path / "in.jsonl", [{"prompt": "x", "custom_id": "a"}, {"prompt": "y", "max_tokens": 200}])
    asked = ("--schema", '{"type": "string", "minLength": 20, "maxLength": 30}', *WILD[:-1], "7")
    result = infer.run("batch", random_model, given, *asked)
    assert (result.code, result.err) == (9, "note: 1 of 2 lines failed\n")
    cut, whole = records(result.out)
    assert (cut["text"], cut["finish_reason"], cut["usage"]["completion"]) == (None, "length", 7)
    assert cut["error"]["code"] == "constraint-unmet"
    assert cut["error"]["message"] == "the answer was cut after 7 tokens, before it was complete"
    assert cut["error"]["text"].startswith('"')
    assert 20 <= len(json.loads(whole["text"])) <= 30


def test_other_constraints_are_another_batch(infer: Command, random_model: Path, tmp_path: Path) -> None:
    """What answers must look like is part of what a killed run goes on with."""
    given, output = write(tmp_path / "in.jsonl", [{"prompt": f"x{n}"} for n in range(400)]), tmp_path / "out.jsonl"
    asked = ("batch", random_model, given, "-o", output, *WILD)
    mine = ("--schema", '{"type": "string", "minLength": 60, "maxLength": 90}')
    running = infer.start(*asked, *mine)
    running.until(lambda: output.exists() and output.stat().st_size > 0)
    running.signal(signal.SIGKILL)
    running.finish()
    for other in (("--choices", "yes,no"), ("--schema", "a int"), (), (*mine, "--think", "5")):
        refused = infer.run(*asked, *other)
        assert (refused.code, "other parameters" in refused.err) == (2, True), other
    assert infer.run(*asked, *mine).code == 0
    found = records(output.read_bytes())
    assert [record["custom_id"] for record in found] == [str(number) for number in range(1, 401)]
    assert all(60 <= len(json.loads(record["text"])) <= 90 for record in found)


def test_a_schema_that_leads_nowhere_ends_its_line_alone(infer: Command, random_model: Path, tmp_path: Path) -> None:
    lines = [{"prompt": "x", "response_format": schema(one)} for one in (PERSON, {"$ref": "#"}, PERSON)]
    result = infer.run("batch", random_model, write(tmp_path / "in.jsonl", lines), *WILD)
    found = records(result.out)
    assert [record["error"] and record["error"]["code"] for record in found] == [
        None, "constraint-unmet", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--schema", '{"not": {}}'), 2, "error: --schema: 'not' is not supported"),
        (
            ("--schema", '{"oneOf": [{"type": "integer"}, {"type": "number"}]}'),
            2,
            "error: the schema cannot be enforced",
        ),
        (("--schema", '{"type": "integer", "minimum": 2, "maximum": 1}'), 8, "error: nothing can satisfy the schema"),
        (("--schema", "a", "--choices", "b"), 2, "error: --schema, --grammar and --choices exclude each other"),
        (("--tools", json.dumps([CLOCK]), "--choices", "b"), 2, "error: --tools and a constraint"),
        (("--tools", json.dumps([CLOCK]), "--raw"), 2, "error: --raw leaves out the chat template"),
        (("--tools", json.dumps([CLOCK])), 2, "error: the model's chat template has no place for tools"),
    ],
)
def test_what_no_line_could_be_answered_with_ends_the_batch(
    infer: Command, random_model: Path, tmp_path: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    given, output = write(tmp_path / "in.jsonl", [{"prompt": "x"}, {"prompt": "y"}]), tmp_path / "out.jsonl"
    result = infer.run("batch", random_model, given, "-o", output, *options)
    assert (result.code, result.lines[0].startswith(message)) == (code, True), result.err
    assert not output.exists() or output.read_bytes() == b""


@pytest.mark.parametrize("where", ["option", "line"])
def test_tools_are_offered_and_calls_come_out(infer: Command, caller: Path, tmp_path: Path, where: str) -> None:
    line = {"prompt": "What time is it?"} | ({"tools": [CLOCK]} if where == "line" else {})
    option = ("--tools", json.dumps([CLOCK])) if where == "option" else ()
    result = infer.run("batch", caller, write(tmp_path / "in.jsonl", [line]), *option, "-t", "0")
    assert (result.code, result.err) == (0, "")
    (record,) = records(result.out)
    assert (record["text"], record["finish_reason"]) == ("Let me look.\n", "tool_calls")
    assert record["tool_calls"] == [{"id": "call00001", "name": "clock", "arguments": {}, "error": None}]


def test_calls_of_earlier_turns(infer: Command, caller: Path, random_model: Path, tmp_path: Path) -> None:
    """They go into the prompt; where the template would drop them the line is refused."""
    call = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
    ]
    given = write(tmp_path / "in.jsonl", [{"messages": messages}, {"messages": messages[:1]}])
    told, short = records(infer.run("batch", caller, given, "-t", "0").out)
    assert told["error"] is short["error"] is None
    assert told["usage"]["prompt"] > short["usage"]["prompt"] + 20
    refused, answered = records(infer.run("batch", random_model, given, *WILD).out)
    assert refused["error"]["message"].startswith("the model's chat template does not show calls of tools")
    assert answered["error"] is None
