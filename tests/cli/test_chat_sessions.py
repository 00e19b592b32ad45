"""Chats that are kept: killed and continued, ended by signals, listed, searched; what their turns computed."""

import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from cli.chats import NEEDS_TMUX, SLOW, OpenChat, said
from cli.command import Command, alive, children, gone
from cli.terminal import Terminal
from scripted import write_scripted

pytestmark = NEEDS_TMUX


@pytest.mark.slow
def test_a_killed_chat_goes_on_where_it_was(open_chat: OpenChat, lonely: Command, counter: Path) -> None:
    """kill -9 in the middle of an answer: everything before that turn is there, and comes from the prompt cache."""
    lonely.environment["INFER_NO_CACHE"] = ""
    terminal = open_chat(counter, "-t", "0", "--session", "s", "--max-tokens", "100")
    terminal.ask("first")
    terminal.ask("second")
    assert len(said(lonely, "s")) == 4
    terminal.ask("/set max_tokens 2000")
    terminal.send("third")
    terminal.until(lambda: terminal.scrollback().split().count("word30") == 3)
    worker = children(terminal.pid)[0]
    os.kill(terminal.pid, signal.SIGKILL)
    assert gone(worker, 2)
    again = open_chat("-c", "-t", "0", "--max-tokens", "20")
    assert "session s goes on: 4 messages" in again.scrollback()
    again.ask("third")
    *_, second, _, third = said(lonely, "s")
    assert third["usage"]["cached"] >= second["usage"]["prompt"] + second["usage"]["completion"] - 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_worker_that_dies_is_replaced(open_chat: OpenChat, lonely: Command, counter: Path, number: int) -> None:
    terminal = open_chat(counter, "-t", "0", "--session", "s")
    terminal.send("count")
    terminal.until("word30")
    worker = children(terminal.pid)[0]
    os.kill(worker, number)
    terminal.until("the conversation goes on")
    terminal.ready()
    assert not alive(worker)
    assert "error: the worker process" in terminal.scrollback()
    assert said(lonely, "s")[-1]["parts"][0].startswith("word1 word2 ")
    terminal.send("again")
    terminal.until(lambda: terminal.scrollback().split().count("word30") == 2)


@pytest.mark.slow
def test_every_turn_computes_only_what_is_new(open_chat: OpenChat, lonely: Command, models_dir: Path) -> None:
    """20 turns in one process, then another one that goes on with them: `cached` is all that was there before."""
    lonely.environment["INFER_NO_CACHE"] = ""
    script = write_scripted(models_dir / "turns.gguf", [f"answer{n} " for n in range(30)], **SLOW)  # type: ignore[arg-type]
    terminal = open_chat(script, "-t", "0", "--session", "s", "--plain")
    for number in range(20):
        terminal.ask(f"question number {number}")
    terminal.press("C-d")
    assert terminal.code() == 0
    again = open_chat("-c", "-t", "0", "--plain")
    again.ask("one more question")
    answers = [message["usage"] for message in said(lonely, "s") if message["role"] == "assistant"]
    assert len(answers) == 21
    for before, after in pairwise(answers):
        assert after["cached"] == before["prompt"] + before["completion"]
        assert after["prompt"] - after["cached"] < 30
    assert "computed again" not in again.scrollback()


@pytest.mark.slow
def test_sessions_are_listed_found_shown_and_removed(lonely: Command, reciter: Path) -> None:
    with Terminal(lonely, "chat", reciter, "-t", "0", "--session", "fruit") as terminal:
        terminal.ready()
        terminal.ask("what about apples?")
        terminal.press("C-d")
        terminal.code()
    (row,) = lonely.run("sessions", "list", "--json").json
    assert (row["name"], row["messages"], row["first"]) == ("fruit", 2, "what about apples?")
    assert b"fruit" in lonely.run("sessions", "list").out
    assert b"apples" in lonely.run("sessions", "search", "APPLES").out
    assert lonely.run("sessions", "search", "APPLES", "--json").json[0]["session"] == "fruit"
    assert b"That is all." in lonely.run("sessions", "show", "fruit").out
    assert lonely.run("sessions", "export", "fruit", "--format", "html").out.startswith(b"<!doctype html>")
    assert lonely.run("sessions", "rm", "fruit").code == 0
    gone_now = lonely.run("sessions", "show", "fruit")
    assert (gone_now.code, gone_now.lines[0]) == (2, "error: no session is called 'fruit'")


@pytest.mark.slow
@pytest.mark.parametrize("busy", [False, True])
def test_a_signal_ends_it_in_good_order(open_chat: OpenChat, lonely: Command, counter: Path, busy: bool) -> None:
    """The answer so far is kept, the terminal is as it was before, no worker stays behind."""
    line = f"infer chat {counter} -t 0 --session s; echo code $?; stty -a | grep -o '[-]*echo ' ; exec sleep 60"
    terminal = open_chat(line=line)
    pid = children(terminal.pid)[0]
    if busy:
        terminal.send("count")
        terminal.until("word60")
    worker = children(pid)[0]
    os.kill(pid, signal.SIGTERM)
    terminal.until("code 143")
    terminal.until("echo")
    assert "-echo" not in terminal.scrollback()
    assert gone(worker, 2)
    if busy:
        assert said(lonely, "s")[-1]["parts"][0].startswith("word1 word2 ")


@pytest.mark.slow
def test_a_signal_while_somebody_types_ends_it_too(open_chat: OpenChat, counter: Path) -> None:
    """At moments all over the work of the line editor, which shows exceptions that are raised in it and goes on."""
    line = f"infer chat {counter}; echo code $?; exec sleep 60"
    for moment in range(12):
        terminal = open_chat(line=line)
        pid = children(terminal.pid)[0]
        terminal.type("a few words " * 30)
        time.sleep(moment * 0.002)
        os.kill(pid, signal.SIGTERM)
        terminal.until("code 143")
        assert "Traceback" not in terminal.scrollback()


@pytest.mark.slow
@pytest.mark.parametrize("busy", [False, True])
def test_a_terminal_that_is_closed_ends_the_chat(
    open_chat: OpenChat, lonely: Command, counter: Path, busy: bool
) -> None:
    terminal = open_chat(line=f"exec infer chat {counter} -t 0 --session s")
    pid = terminal.pid
    worker = children(pid)[0]
    if busy:
        terminal.send("count")
        terminal.until("word60")
    terminal.close()
    assert gone(pid, 10)
    assert gone(worker, 2)
    if busy:
        assert said(lonely, "s")[-1]["parts"][0].startswith("word1 word2 ")


@pytest.mark.slow
def test_a_session_is_open_in_one_chat_at_a_time(open_chat: OpenChat, lonely: Command, reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0", "--session", "s")
    terminal.ask("hello")
    for arguments in (("--session", "s"), ("-c",)):
        other = open_chat(reciter, *arguments, wait=False)
        assert other.code() == 2
        assert "session s is open in another infer chat" in other.scrollback()
        assert "hint: leave it there first" in other.scrollback()
    other = open_chat(reciter, "-t", "0")
    other.ask("/load s")
    assert "session s is open in another infer chat" in other.scrollback()
    other.ask("hello")
    terminal.ask("and again?")
    assert len(said(lonely, "s")) == 4
