"""`infer chat` in a real terminal (tmux), with models that recite a script: what is typed, and what is then seen."""

import json
import os
import re
import shutil
import signal
import stat
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cli.command import Command, alive, children, gone
from cli.terminal import Terminal, seconds_of_cpu
from ggufs import CHAT_TEMPLATE
from infer.cli.commands import COMMANDS
from scripted import pieces, write_scripted

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
MARKDOWN = """# Two things

Here is **bold** text and a list:

- apples
- pears

```python
def double(x):
    return 2 * x
```

| fruit | count |
|-------|------:|
| apple | 3 |

That is all."""
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
WORDS = [f"word{n} " if n % 40 else f"word{n}\n\n" for n in range(1, 2500)]
SLOW = {"layers": 8, "ffn": 4096}  # 300 tokens a second on a quiet core, 15 on a busy one


@pytest.fixture(scope="session")
def reciter(models_dir: Path) -> Path:
    """Every answer is MARKDOWN."""
    return write_scripted(models_dir / "reciter.gguf", pieces(MARKDOWN))


@pytest.fixture(scope="session")
def counter(models_dir: Path) -> Path:
    """Every answer is word1 to word2499, slowly."""
    return write_scripted(models_dir / "counter.gguf", WORDS, **SLOW)  # type: ignore[arg-type]


@pytest.fixture
def open_chat(lonely: Command) -> Iterator[Callable[..., Terminal]]:
    """Opens a chat in a terminal, and closes it after the test."""
    opened: list[Terminal] = []

    def start(*arguments: str | Path, wait: bool = True, **options: Any) -> Terminal:
        terminal = Terminal(lonely, *(() if "line" in options else ("chat", *arguments)), **options)
        opened.append(terminal)
        if wait:
            terminal.ready()
        return terminal

    yield start
    for terminal in opened:
        print("\n".join(terminal.screen()))
        terminal.__exit__(None, None, None)


def records(command: Command, name: str) -> list[dict[str, Any]]:
    """The lines of a session's file."""
    path = command.home / ".local" / "share" / "infer" / "sessions" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def said(command: Command, name: str) -> list[dict[str, Any]]:
    return [record for record in records(command, name) if "message" in record]


def below_greeting(terminal: Terminal) -> str:
    """The screen without the first line and the status line."""
    lines = terminal.screen()[1:]
    while lines and (not lines[-1].strip() or " tokens" in lines[-1]):
        lines.pop()
    return "\n".join(line.rstrip() for line in lines)


def test_an_exchange_looks_like_this(open_chat: Callable[..., Terminal], reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0")
    terminal.ask("hello")
    assert below_greeting(terminal) == SEEN
    status = terminal.screen()[-1]
    assert "/8,192 tokens" in status
    assert "cached +" in status
    terminal.press("C-d")
    assert terminal.code() == 0


def test_thirty_pasted_lines_are_one_message(
    open_chat: Callable[..., Terminal], lonely: Command, reciter: Path
) -> None:
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
def test_ctrl_c_stops_the_answer_and_keeps_what_came(
    open_chat: Callable[..., Terminal], lonely: Command, counter: Path
) -> None:
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
@pytest.mark.parametrize("columns", [40, 120])
def test_no_word_is_lost_or_repeated_when_the_window_changes(
    open_chat: Callable[..., Terminal], counter: Path, columns: int
) -> None:
    terminal = open_chat(counter, "-t", "0", columns=80)
    terminal.send("count")
    terminal.until("word70")
    terminal.resize(columns, 24)
    terminal.until("word170")
    time.sleep(1)  # a person takes that long
    terminal.resize(80, 20)
    terminal.until("word260")
    time.sleep(0.6)
    terminal.press("C-c")
    terminal.until("stopped")
    words = [word for word in terminal.scrollback().split() if word.startswith("word")]
    assert words == [f"word{n}" for n in range(1, len(words) + 1)]
    assert len(words) >= 260


@pytest.mark.slow
def test_ctrl_c_twice_leaves_and_once_does_not(open_chat: Callable[..., Terminal], reciter: Path) -> None:
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
def test_the_history_is_searched_in_another_run(
    open_chat: Callable[..., Terminal], lonely: Command, reciter: Path
) -> None:
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
    time.sleep(0.3)
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
def test_every_command_does_what_it_says(open_chat: Callable[..., Terminal], lonely: Command, reciter: Path) -> None:
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


@pytest.mark.slow
def test_a_killed_chat_goes_on_where_it_was(open_chat: Callable[..., Terminal], lonely: Command, counter: Path) -> None:
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
def test_a_worker_that_dies_is_replaced(
    open_chat: Callable[..., Terminal], lonely: Command, counter: Path, number: int
) -> None:
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
def test_every_turn_computes_only_what_is_new(
    open_chat: Callable[..., Terminal], lonely: Command, models_dir: Path
) -> None:
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


THINKING = CHAT_TEMPLATE.replace("message['content']", "message['content'].split('</think>')[-1]") + "{# <think> #}"


@pytest.mark.slow
def test_reasoning_is_folded_and_stays_out_of_the_history(
    open_chat: Callable[..., Terminal], lonely: Command, models_dir: Path
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
def test_a_context_that_fills_up_is_announced(open_chat: Callable[..., Terminal], reciter: Path) -> None:
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
def test_plain_and_dumb_terminals_get_raw_text(
    open_chat: Callable[..., Terminal], reciter: Path, variable: str, option: str
) -> None:
    terminal = open_chat(line=f"{variable}exec infer chat {reciter} -t 0 {option}", rows=50)
    terminal.send("hello")
    terminal.until("That is all.")
    assert MARKDOWN in terminal.scrollback().replace(" \n", "\n")


@pytest.mark.slow
def test_what_is_piped_in_is_attached_and_the_keyboard_is_the_terminal(
    open_chat: Callable[..., Terminal], lonely: Command, reciter: Path
) -> None:
    line = f"printf 'a document' | exec infer chat {reciter} -t 0 --session s"
    terminal = open_chat(line=line)
    assert "stdin: " in terminal.scrollback()
    terminal.ask("what is it?")
    assert said(lonely, "s")[0]["parts"] == ["a document", "what is it?"]


@pytest.mark.slow
def test_run_without_a_prompt_is_the_chat(open_chat: Callable[..., Terminal], reciter: Path) -> None:
    terminal = open_chat(line=f"exec infer run {reciter} -t 0")
    terminal.ask("hello")
    assert "That is all." in terminal.scrollback()


def test_without_a_terminal_nothing_waits(infer: Command, reciter: Path) -> None:
    silent = infer.run("chat", reciter)
    assert (silent.code, silent.out) == (0, b"")
    piped = infer.run("chat", reciter, stdin=b"hello")
    assert piped.code == 2
    assert piped.lines == [
        "error: infer chat needs a terminal to type at", "hint: infer run MODEL answers what is piped in",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_ends_the_chat(open_chat: Callable[..., Terminal], lonely: Command) -> None:
    (lonely.home / "bad.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    terminal = open_chat(lonely.home / "bad.gguf", wait=False)
    assert terminal.code() == 5
    terminal = open_chat("no-such-model", wait=False)
    assert terminal.code() == 3


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
def test_a_signal_ends_it_in_good_order(
    open_chat: Callable[..., Terminal], lonely: Command, counter: Path, busy: bool
) -> None:
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


# --- what comes from outside


PAYLOADS = [
    b"\x1b[31m", b"\x1b[2J", b"\x1b[H", b"\x1b]0;title\x07", b"\x1b]52;c;aGk=\x07", b"\x1b]8;;http://x\x1b\\",
    b"\x1bP1$r\x1b\\", b"\x1b[6n", b"\x1b[c", b"\x1b[>c", b"\x1b[5n", b"\x1b[?1049h", b"\x1b[?2004l", b"\x1b[?25l",
    b"\x1bc", b"\x1b7", b"\x1b8", b"\x1b[3J", b"\x1b[21t", b"\x1b[?1000h", b"\x1b_x\x1b\\", b"\x1b^x\x1b\\",
    b"\x1b(0", b"\x1b#8", b"\x1b[4h", b"\x1b[20l", b"\x9b31m", b"\x9d0;x\x9c", b"\xc2\x9b31m", b"\xc2\x9d0;x\xc2\x9c",
    b"\x07", b"\x08\x08", b"\x0b", b"\x0c", b"\x0e", b"\x0f", b"\x05", b"\x7f", b"\r overwritten",
    b"\xe2\x80\xae txt", b"\xe2\x81\xa6x", b"\x1b[1;31;40mx\x1b[0m",
]  # fmt: skip


def hostile_pieces() -> list[bytes]:
    """Every payload split at every byte, each half in a token of its own."""
    found = []
    for number, payload in enumerate(PAYLOADS):
        for cut in range(len(payload) + 1):
            found += [b"<%d.%d:" % (number, cut) + payload[:cut], payload[cut:] + b":%d.%d>\n\n" % (number, cut)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--plain",)])
def test_no_escape_sequence_of_a_model_or_a_file_name_reaches_the_terminal(
    lonely: Command, models_dir: Path, more: tuple[str, ...]
) -> None:
    assert len(PAYLOADS) >= 40
    model = write_scripted(models_dir / "hostile.gguf", hostile_pieces(), context=16384)
    name = "evil\x1b[31m\x9b32m\x07.txt"
    (lonely.home / name).write_text("x")
    raw = lonely.home / "raw"
    with Terminal(lonely, "chat", model, "-t", "0", "--session", "s", *more, rows=40) as terminal:
        terminal._tmux("pipe-pane", "-o", f"cat > {raw}")
        terminal.ready()
        terminal.send("/file evil*")
        terminal.until("attached")
        terminal.send("go")
        terminal.until(f":{len(PAYLOADS) - 1}.{len(PAYLOADS[-1])}>")
        terminal.ready()
        terminal.press("C-d")
        terminal.code()
    text = raw.read_bytes().decode("utf-8", "replace")
    assert "␛[2J" in text
    body = text[text.index("<0.0:") : text.rindex(f"{len(PAYLOADS[-1])}>")]
    allowed = r"\x1b\[[0-9;]*m|\x1b\[\?2026[hl]|\x1b\[\d*A|\x1b\[J|\r\n|\r\x1b\[J|\n"
    left = re.sub(allowed, "", body)
    assert not [sign for sign in left if sign < " " or 0x7F <= ord(sign) < 0xA0 or sign in "\u202e\u2066"], left[:200]
    colours = set(re.findall(r"\x1b\[([0-9;]*)m", body))
    assert "31" not in colours
    assert "1;31;40" not in colours


# --- speed


@pytest.mark.slow
def test_a_large_paste_is_there_at_once(open_chat: Callable[..., Terminal], lonely: Command, reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0", "--session", "s")
    for text in ("\n".join(f"line {n} " + "x" * 40 for n in range(2000)) + "\nEND", "y" * 100_000 + "END"):
        before, started = seconds_of_cpu(terminal.pid), time.monotonic()
        terminal.paste(text)
        terminal.until("END")
        seconds, cpu = time.monotonic() - started, seconds_of_cpu(terminal.pid) - before
        print(f"{len(text):,} characters: {seconds:.2f} s, {cpu:.2f} s of CPU")
        assert seconds < 1.0
        terminal.press("C-c")
        terminal.ready()


@pytest.mark.slow
def test_a_long_answer_costs_the_chat_next_to_nothing(open_chat: Callable[..., Terminal], models_dir: Path) -> None:
    """2,000 lines of code at the speed of a model: the program's own share of a core."""
    words = [[f"value_{n} ", f"= compute_{n}", f"({n}, ", f"'text {n}')", f"  # line {n}\n"] for n in range(2000)]
    script = ["```python\n", *(word for line in words for word in line), "```"]
    model = write_scripted(models_dir / "lines.gguf", script, context=16384, **SLOW)  # type: ignore[arg-type]
    terminal = open_chat(model, "-t", "0")
    before, started = seconds_of_cpu(terminal.pid), time.monotonic()
    terminal.send("hi")
    terminal.until("# line 1999", 300)
    terminal.ready()
    seconds = time.monotonic() - started
    share = (seconds_of_cpu(terminal.pid) - before) / seconds
    print(f"2,000 lines in {seconds:.1f} s ({len(script) / seconds:.0f} tokens/s): {100 * share:.1f} % of a core")
    assert share < 0.05
