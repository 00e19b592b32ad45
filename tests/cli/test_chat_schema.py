"""Answers of a chat held to a schema: by an option, by /schema, in a session that goes on."""

import json
from pathlib import Path

import pytest

from cli.chats import NEEDS_TMUX, OpenChat, records, said
from cli.command import Command

pytestmark = NEEDS_TMUX
ANSWER = {"enum": ["*yes*", "_no_"]}


def answers(command: Command, name: str) -> list[str]:
    return [one["parts"][0] for one in said(command, name) if one["role"] == "assistant"]


def test_schema_holds_until_it_is_taken_away(open_chat: OpenChat, lonely: Command, random_model: Path) -> None:
    """In JSON, in short, from a file; what comes is shown as it is, not as Markdown."""
    (lonely.home / "answer.json").write_text(json.dumps(ANSWER))
    terminal = open_chat(random_model, "--session", "s", "--max-tokens", "40", columns=120, rows=40)
    terminal.ask("/schema")
    assert "answers are free" in terminal.scrollback()
    terminal.ask("/schema answer.json")
    assert 'answers fit this schema: {"enum"' in terminal.scrollback()
    terminal.ask("well?")
    assert json.loads(answers(lonely, "s")[0]) in ANSWER["enum"]
    assert answers(lonely, "s")[0] in terminal.scrollback()
    assert "answers are constrained" in terminal.screen()[-1]
    terminal.ask("/schema ok bool")
    terminal.ask("and?")
    assert list(json.loads(answers(lonely, "s")[1])) == ["ok"]
    terminal.ask("/schema off")
    terminal.ask("so?")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answers(lonely, "s")[2])


@pytest.mark.slow
def test_a_session_keeps_its_schema(open_chat: OpenChat, lonely: Command, random_model: Path) -> None:
    terminal = open_chat(random_model, "--session", "s", "--schema", "ok bool")
    terminal.ask("well?")
    terminal.press("C-d")
    assert terminal.code() == 0
    terminal = open_chat(random_model, "--session", "s")
    assert "answers are constrained" in terminal.scrollback()
    terminal.ask("again?")
    assert [list(json.loads(text)) for text in answers(lonely, "s")] == [["ok"], ["ok"]]
    terminal.press("C-d")
    terminal.code()
    terminal = open_chat(random_model, "--session", "s", "--choices", "a,b")
    terminal.ask("which?")
    assert answers(lonely, "s")[2] in ("a", "b")
    assert [one["to"]["choices"] for one in records(lonely, "s") if one.get("set") == "constraint"] == [[], ["a", "b"]]


@pytest.mark.slow
def test_an_answer_that_is_cut_is_said_and_kept(open_chat: OpenChat, lonely: Command, random_model: Path) -> None:
    schema = '{"type": "string", "minLength": 50}'
    terminal = open_chat(random_model, "--session", "s", "--schema", schema, "--max-tokens", "7", columns=120)
    terminal.ask("well?")
    assert "error: the answer was cut after 7 tokens, before it was complete" in terminal.scrollback()
    assert answers(lonely, "s")[0].startswith('"')


@pytest.mark.slow
def test_what_cannot_be_enforced_is_refused_and_the_chat_goes_on(open_chat: OpenChat, random_model: Path) -> None:
    terminal = open_chat(random_model, "--max-tokens", "5", columns=120)
    terminal.ask('/schema {"not": {}}')
    assert "error: --schema: 'not' is not supported" in terminal.scrollback()
    terminal.ask('/schema {"oneOf": [{"type": "integer"}, {"type": "number"}]}')
    terminal.send("well?")
    terminal.until("error: the schema cannot be enforced")
    terminal.press("C-c")
    terminal.ready()
    terminal.ask("/schema off")
    assert terminal.scrollback().count("answers are free") == 1


@pytest.mark.slow
def test_a_summary_is_no_answer_under_the_schema(open_chat: OpenChat, lonely: Command, random_model: Path) -> None:
    terminal = open_chat(random_model, "--session", "s", "--schema", "ok bool", "--max-tokens", "30")
    for question in ("one?", "two?", "three?"):
        terminal.ask(question)
    terminal.ask("/compact 1")
    assert "replaced by this summary" in terminal.scrollback()
    with pytest.raises(json.JSONDecodeError):
        json.loads(answers(lonely, "s")[3])


@pytest.mark.slow
def test_run_without_a_prompt_takes_the_schema_along(open_chat: OpenChat, random_model: Path) -> None:
    terminal = open_chat(line=f"exec infer run {random_model} --schema 'ok bool'")
    terminal.ask("well?")
    assert '{"ok":' in "".join(terminal.scrollback().split())


def test_what_is_not_for_chats_is_no_chat(infer: Command, random_model: Path) -> None:
    """-x and --tools ask for one answer: without a prompt there is none, also at a terminal."""
    for option in (("-x",), ("--tools", '[{"type": "function", "function": {"name": "f"}}]')):
        result = infer.run("run", random_model, *option, stdin="tty", stdout="tty", stderr="tty")
        assert result.code == 2
        assert "error: the prompt is empty" in result.err
