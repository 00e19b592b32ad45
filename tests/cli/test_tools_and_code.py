"""`--tools` and `-x` through the real command: calls in --json, code alone on stdout, and what is said without any."""

import json
from pathlib import Path

import pytest

from cli.command import Command
from ggufs import CHAT_TEMPLATE
from reciter import write_reciter

TOOLS = "{% if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}"
HERMES = TOOLS + CHAT_TEMPLATE + "{# <tool_call></tool_call> #}"
CLOCK = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": "What time it is",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}
GOOD = '<tool_call>\n{"name": "clock", "arguments": {"zone": "Umeå"}}\n</tool_call>'
BAD = '<tool_call>{"name": "clock", "arguments": {"zone": 7}}</tool_call>'
CODE = "Here it is:\n\n```python\nprint('é')\n```\n\nAnd:\n\n~~~sh\nls\n~~~\nDone."


@pytest.fixture(scope="module")
def caller(models_dir: Path) -> Path:
    return write_reciter(models_dir / "caller.gguf", f"Let me look.\n{GOOD}\n{BAD}", HERMES)


@pytest.fixture(scope="module")
def coder(models_dir: Path) -> Path:
    return write_reciter(models_dir / "coder.gguf", CODE)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([CLOCK]))
    return path


# --- tools ------------------------------------------------------------------------------------------------------------


def test_calls_are_in_the_record(infer: Command, caller: Path, tools: Path) -> None:
    """Whole, with arguments as an object; an invalid one says why."""
    result = infer.run("run", caller, "hi", "-n", "--tools", tools, "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json["text"] == "Let me look.\n"
    assert result.json["finish_reason"] == "tool_calls"
    assert result.json["tool_calls"] == [
        {"id": "call00001", "name": "clock", "arguments": {"zone": "Umeå"}, "error": None},
        {
            "id": "call00002",
            "name": "clock",
            "arguments": {"zone": 7},
            "error": "7 is not of type 'string' (at $.zone)",
        },
    ]


def test_without_json_calls_are_said_on_stderr(infer: Command, caller: Path) -> None:
    """stdout is the answer and nothing else. A list in place of a file works too."""
    result = infer.run("run", caller, "hi", "-n", "--tools", json.dumps([CLOCK]))
    assert (result.code, result.out) == (0, b"Let me look.\n")
    assert result.lines == [
        'tool call: clock {"zone": "Umeå"}',
        "tool call: clock {\"zone\": 7}; it is invalid: 7 is not of type 'string' (at $.zone)",
    ]


def test_the_tools_are_in_the_prompt(infer: Command, caller: Path, tools: Path) -> None:
    result = infer.run("run", caller, "hi", "-n", "--tools", tools, "--json", "--show-prompt")
    assert '"description": "What time it is"' in result.err


def test_without_tools_a_call_is_text(infer: Command, caller: Path) -> None:
    result = infer.run("run", caller, "hi", "-n", "--json")
    assert result.json["text"] == f"Let me look.\n{GOOD}\n{BAD}"
    assert (result.json["tool_calls"], result.json["finish_reason"]) == ([], "stop")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tools", "[{}]"), "--tools: tool 1: its name must be"),
        (("--tools", "/nowhere.json"), "cannot read /nowhere.json"),
        (("--tools", json.dumps([CLOCK]), "--raw"), "--raw leaves out the chat template"),
        (("--tools", json.dumps([CLOCK]), "--choices", "a,b"), "--tools and a constraint"),
        (("-x", "--schema", "name"), "-x and a constraint"),
        (("--extract-lang", " "), "--extract-lang is empty"),
    ],
)
def test_what_cannot_be_asked_for(infer: Command, options: tuple[str, ...], message: str) -> None:
    result = infer.run("run", "tiny", "hi", "-n", *options)
    assert (result.code in (2, 3), result.out) == (True, b"")
    assert result.lines[0].startswith(f"error: {message}")


def test_a_model_that_cannot_be_offered_tools(infer: Command, coder: Path, tools: Path) -> None:
    result = infer.run("run", coder, "hi", "-n", "--tools", tools)
    assert (result.code, result.out) == (2, b"")
    assert result.lines[0] == "error: the model's chat template has no place for tools"


# --- code -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("-x",), "print('é')\n"),
        (("--extract-lang", "bash"), "ls\n"),
        (("--extract-all",), "print('é')\nls\n"),
        (("--extract-all", "--extract-lang", "py"), "print('é')\n"),
        ((), CODE),
    ],
)
def test_the_code_alone(infer: Command, coder: Path, options: tuple[str, ...], code: str) -> None:
    """Nothing around it, nothing on stderr; with --json it is the text."""
    result = infer.run("run", coder, "hi", "-n", *options)
    assert (result.code, result.out.decode(), result.err) == (0, code, "")
    assert infer.run("run", coder, "hi", "-n", *options, "--json").json["text"] == code


@pytest.mark.parametrize("more", [(), ("--json",)])
@pytest.mark.parametrize(
    ("options", "what"), [(("-x",), "code block"), (("--extract-lang", "Rust"), "code block in Rust")]
)
def test_no_code(
    infer: Command, models_dir: Path, coder: Path, options: tuple[str, ...], what: str, more: tuple[str, ...]
) -> None:
    """Exit code 8; what there was is on stderr, nothing on stdout."""
    model = coder if "Rust" in options else write_reciter(models_dir / "talker.gguf", "No ``` here.\n")
    result = infer.run("run", model, "hi", "-n", *options, *more)
    assert (result.code, result.out) == (8, b"")
    assert result.err.startswith("Here it is:" if model == coder else "No ``` here.\nerror: ")
    assert f"error: the answer has no {what}\n" in result.err


def test_code_that_was_cut(infer: Command, coder: Path) -> None:
    """What there is of it has gone out; exit code 8 says that it is not whole."""
    result = infer.run("run", coder, "hi", "-n", "-x", "--max-tokens", "8")
    assert result.code == 8
    assert result.out
    assert b"print('\xc3\xa9')\n".startswith(result.out)
    assert result.lines[0] == "error: the code block was cut after 8 tokens of the answer"
