"""`infer chat` in a real terminal (tmux), with models that recite a script: what is typed, and what is then seen."""

import re
import stat
import time
from pathlib import Path

import pytest

from cli.chats import MARKDOWN, NEEDS_TMUX, WORDS, OpenChat, said
from cli.command import Command
from cli.terminal import Terminal
from ggufs import CHAT_TEMPLATE
from infer.cli.commands import COMMANDS
from scripted import write_scripted

pytestmark = NEEDS_TMUX
SEEN = """› hello
Two things

Here is bold text and a list:

 • apples
 • pears

def double(x):
    return 2 * x

 fruit  count
 ────────────
 apple      3

That is all.
›"""


def below_greeting(terminal: Terminal) -> str:
    """The screen without the first line and the status line."""
    lines = terminal.screen()[1:]
    while lines and (not lines[-1].strip() or " tokens" in lines[-1]):
        lines.pop()
    return "\n".join(line.rstrip() for line in lines)


def test_an_exchange_looks_like_this(open_chat: OpenChat, reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0")
    terminal.ask("hello")
    assert below_greeting(terminal) == SEEN
    status = terminal.screen()[-1]
    assert "/8,192 tokens" in status
    assert "cached +" in status
    terminal.press("C-d")
    assert terminal.code() == 0


def test_thirty_pasted_lines_are_one_message(open_chat: OpenChat, lonely: Command, reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0", "--session", "s")
    text = "\n".join(f"line {n} of what was pasted" for n in range(30))
    terminal.paste(text)
    terminal.until("line 29 of")
    terminal.press("Enter")
    terminal.ready()
    terminal.type("first\\")
    terminal.press("Enter")
    terminal.type("second")
    terminal.press("M-Enter")
    terminal.ask("third")
    asked = [message["parts"] for message in said(lonely, "s") if message["role"] == "user"]
    assert asked == [[text], ["first\nsecond\nthird"]]


@pytest.mark.slow
def test_a_message_larger_than_the_screen_stands_there_once(open_chat: OpenChat, reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0")
    terminal.paste("\n".join(f"line {n} of the paste" for n in range(60)))
    terminal.until("line 59 of")
    terminal.press("Enter")
    terminal.ready()
    above = terminal.scrollback().partition("Two things")[0]
    assert [line.split()[-4] for line in above.splitlines() if "of the paste" in line] == [str(n) for n in range(60)]
    assert "tokens ·" not in above
    terminal.paste("\n".join(f"row {n}" for n in range(300)))
    terminal.until("row 299")
    terminal.press("Enter")
    terminal.ready()
    assert "… 200 more lines …" in terminal.scrollback()


@pytest.mark.slow
def test_ctrl_c_stops_the_answer_and_keeps_what_came(open_chat: OpenChat, lonely: Command, counter: Path) -> None:
    terminal = open_chat(counter, "-t", "0", "--session", "s")
    terminal.send("count")
    terminal.until("word60")
    pressed = time.monotonic()
    terminal.press("C-c")
    terminal.until("stopped")
    assert time.monotonic() - pressed < 1.0
    terminal.ready()
    answer = said(lonely, "s")[-1]
    assert answer["ended"] == "abort"
    assert "".join(WORDS).startswith(answer["parts"][0])
    assert answer["parts"][0].split()[-1] in terminal.scrollback()
    terminal.send("go on")
    terminal.until(lambda: terminal.scrollback().split().count("word60") == 2)
    terminal.press("C-c")
    terminal.ready()
    assert [message["role"] for message in said(lonely, "s")] == ["user", "assistant"] * 2


@pytest.mark.slow
def test_ctrl_c_twice_leaves_and_once_does_not(open_chat: OpenChat, reciter: Path) -> None:
    terminal = open_chat(reciter)
    terminal.type("never sent")
    terminal.press("C-c")
    terminal.until(lambda: "never sent" not in "\n".join(terminal.screen()))
    terminal.press("C-c")
    terminal.until("once more leaves")
    terminal.ask("/stats")
    terminal.press("C-c")
    terminal.ready()
    terminal.press("C-c")
    assert terminal.code() == 0


@pytest.mark.slow
def test_the_history_is_searched_in_another_run(open_chat: OpenChat, lonely: Command, reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0")
    terminal.ask("a question about zebras")
    terminal.ask("something else")
    terminal.press("C-d")
    assert terminal.code() == 0
    history = lonely.home / ".local" / "share" / "infer" / "history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    terminal = open_chat(reciter, "-t", "0")
    terminal.press("C-r")
    terminal.type("zeb")
    terminal.until("a question about zebras")
    terminal.press("Enter")
    terminal.ask("")
    assert "› a question about zebras" in terminal.scrollback()
    before = history.read_bytes()
    terminal.press("C-d")
    terminal.code()
    terminal = open_chat(reciter, "--no-history")
    terminal.ask("a secret")
    terminal.press("Up")
    terminal.until(lambda: terminal.last() == "› a secret")
    assert history.read_bytes()[: len(before)] == before
    assert b"secret" not in history.read_bytes()
    assert "zebras" not in terminal.scrollback()


# What each command is typed as, in this order, and what is then on the screen.
EVERY_COMMAND = [
    ("/help", "/export md|json|html [PATH]"),
    ("/tokens a fox", " tokens"),
    ("/system be brief", "be brief"),
    ("/file note-*.txt", "note-1.txt: "),
    ("what is in the notes?", "That is all."),
    ("/context", "around the messages"),
    ("/cache", "last prompt: "),
    ("/stats", "this chat: 1 answers"),
    ("/image cat.png", "error: this version of infer takes no images"),
    ("/schema off", "answers are free"),
    ("/set temperature 0", "temperature = 0.0"),
    ("/params", "/set"),
    ("/retry", "That is all."),
    ("/branch first", "[first]"),
    ("and again?", "That is all."),
    ("/copy code", "(OSC 52)"),
    ("/switch first", "That is all."),
    ("/edit", "That is all."),
    ("/save kept", "session kept is kept"),
    ("/export md out.md", "written to out.md"),
    ("/think show", "think = show"),
    ("/compact 0", "replaced by this summary"),
    ("/forget 1", "2 messages are left out"),
    ("/clear", "a new conversation"),
    ("a", "That is all."),
    ("/undo", "undone: "),
    ("/load other", "session other does not matter"),
    ("/model tiny", "tiny: llama"),
    ("/exit", None),
]


@pytest.mark.slow
def test_every_command_does_what_it_says(open_chat: OpenChat, lonely: Command, reciter: Path) -> None:
    names = {line[1:].split()[0] for line, _ in EVERY_COMMAND if line.startswith("/")}
    assert names == {command.name for command in COMMANDS}
    (lonely.home / "note-1.txt").write_text("one\n")
    (lonely.home / "note-2.txt").write_text("two\n")
    editor = lonely.home / "editor"
    editor.write_text('#!/bin/sh\necho "edited question" > "$1"\n')
    editor.chmod(0o755)
    with Terminal(lonely, "chat", reciter, "-t", "0", "--session", "other") as other:
        other.ready()
        other.ask("x")
        other.press("C-d")
        other.code()
    terminal = open_chat(reciter, "-t", "0", rows=50, columns=120, env={"EDITOR": str(editor)})
    for line, expected in EVERY_COMMAND:
        if expected is None:
            terminal.send(line)
            break
        if line == "/undo":
            terminal.send(line)
            terminal.until(expected)
            terminal.until(lambda: terminal.last() == "› a")
            terminal.press("C-c")
            terminal.ready()
            continue
        before = len(terminal.scrollback())
        terminal.ask(line)
        if line == "/load other":
            assert "› x" in terminal.scrollback()[before - 200 :]
        else:
            assert expected in terminal.scrollback(), line
    assert terminal.code() == 0
    assert "edited question" in [part for message in said(lonely, "kept") for part in message["parts"]]
    assert "That is all." in (lonely.home / "out.md").read_text()
    assert "Traceback" not in terminal.scrollback()


THINKING = CHAT_TEMPLATE.replace("message['content']", "message['content'].split('</think>')[-1]") + "{# <think> #}"


@pytest.mark.slow
def test_reasoning_is_folded_and_stays_out_of_the_history(
    open_chat: OpenChat, lonely: Command, models_dir: Path
) -> None:
    script = ["<think>", "secret thought one ", "secret thought two", "</think>", "the answer"]
    model = write_scripted(models_dir / "thinker.gguf", script, template=THINKING)
    terminal = open_chat(model, "-t", "0", "--session", "s")
    terminal.ask("why?")
    assert "▸ thought for" in terminal.scrollback()
    assert "secret" not in terminal.scrollback()
    terminal.ask("/think")
    assert "secret thought one secret thought two" in terminal.scrollback()
    terminal.ask("and?")
    first, second = (message for message in said(lonely, "s") if message["role"] == "assistant")
    assert (first["parts"], first["reasoning"]) == (["the answer"], "secret thought one secret thought two")
    assert second["usage"]["prompt"] < first["usage"]["prompt"] + 10, "the reasoning is no part of the prompt"
    terminal.ask("/think show")
    terminal.ask("well?")
    assert terminal.scrollback().count("secret thought one") == 2


@pytest.mark.slow
def test_a_context_that_fills_up_is_announced(open_chat: OpenChat, reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0", "--ctx", "256", columns=120, rows=40)
    for number in range(5):
        terminal.ask(f"question {number}")
    assert "tokens of the context are in use" in terminal.scrollback()
    assert "/compact" in terminal.scrollback()
    terminal.send("word " * 60)
    terminal.until("error: the prompt has")
    terminal.until(lambda: terminal.last().endswith("word word"))  # it is in the prompt again
    terminal.press("C-c")
    terminal.ready()
    terminal.ask("/forget 2")
    terminal.ask("/set ctx 2048")
    terminal.ask("is there room now?")
    assert "2,048 tokens" in terminal.screen()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("variable", "option"), [("", "--plain"), ("TERM=dumb ", "")])
def test_plain_and_dumb_terminals_get_raw_text(open_chat: OpenChat, reciter: Path, variable: str, option: str) -> None:
    terminal = open_chat(line=f"{variable}exec infer chat {reciter} -t 0 {option}", rows=50)
    terminal.send("hello")
    terminal.until("That is all.")
    assert MARKDOWN in terminal.scrollback().replace(" \n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize(("variable", "option"), [("", "--color never"), ("NO_COLOR=1 ", "")])
def test_who_wants_no_colour_sees_none(open_chat: OpenChat, reciter: Path, variable: str, option: str) -> None:
    terminal = open_chat(line=f"{variable}exec infer chat {reciter} -t 0 {option}")
    terminal.ask("hello")
    terminal.until("cached +")
    assert not re.findall(r"\x1b\[[0-9;]*\b(?:3[0-7]|9[0-7])\b[0-9;]*m", terminal.scrollback(colors=True))


@pytest.mark.slow
def test_what_is_piped_in_is_attached_and_the_keyboard_is_the_terminal(
    open_chat: OpenChat, lonely: Command, reciter: Path
) -> None:
    line = f"printf 'a document' | exec infer chat {reciter} -t 0 --session s"
    terminal = open_chat(line=line)
    assert "stdin: " in terminal.scrollback()
    terminal.ask("what is it?")
    assert said(lonely, "s")[0]["parts"] == ["a document", "what is it?"]


@pytest.mark.slow
def test_run_without_a_prompt_is_the_chat(open_chat: OpenChat, reciter: Path) -> None:
    terminal = open_chat(line=f"exec infer run {reciter} -t 0")
    terminal.ask("hello")
    assert "That is all." in terminal.scrollback()


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--show-prompt", "-x"])
def test_run_with_an_option_that_the_chat_lacks_is_no_chat(open_chat: OpenChat, reciter: Path, option: str) -> None:
    terminal = open_chat(line=f"infer run {reciter} {option}; echo code $?; exec sleep 60", wait=False)
    terminal.until("code 2")
    assert "error: the prompt is empty" in terminal.scrollback()


@pytest.mark.slow
def test_the_help_fits_into_the_window(open_chat: OpenChat, reciter: Path) -> None:
    """No word of it is cut at the edge."""
    for columns in (100, 60, 40):
        terminal = open_chat(reciter, "-t", "0", columns=columns, rows=100)
        terminal.ask("/help")
        help_text = terminal._tmux("capture-pane", "-p", "-S", "-")
        words = " ".join(help_text.split())
        for command in COMMANDS:
            assert f"/{command.name} {command.form}".strip() in words
            assert " ".join(command.about.split()) in words


def test_without_a_terminal_nothing_waits(infer: Command, reciter: Path) -> None:
    silent = infer.run("chat", reciter)
    assert (silent.code, silent.out) == (0, b"")
    piped = infer.run("chat", reciter, stdin=b"hello")
    assert piped.code == 2
    assert piped.lines == [
        "error: infer chat needs a terminal to type at", "hint: infer run MODEL answers what is piped in",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_ends_the_chat(open_chat: OpenChat, lonely: Command) -> None:
    (lonely.home / "bad.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    terminal = open_chat(lonely.home / "bad.gguf", wait=False)
    assert terminal.code() == 5
    terminal = open_chat("no-such-model", wait=False)
    assert terminal.code() == 3
