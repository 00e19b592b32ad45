"""What goes wrong in a chat ends nothing: typing errors, odd paths, a worker or a model file that is gone."""

import os
import signal
from pathlib import Path

import pytest

from cli.chats import NEEDS_TMUX, SLOW, OpenChat, said
from cli.command import Command, children
from hub.server import HubServer
from scripted import write_scripted

pytestmark = [NEEDS_TMUX, pytest.mark.slow]


def test_what_is_no_path_is_an_error_and_the_chat_goes_on(open_chat: OpenChat, reciter: Path) -> None:
    terminal = open_chat(reciter, "-t", "0", columns=120, rows=50)
    for line, why in [
        ("/file **x", "no file matches it"), ("/file ~nobody-is-called-so/x", "no such file"),
        ("/file " + "y" * 300, "file name too long"), ("/export md ~nobody-is-called-so/x", "cannot write"),
        ("/file .", "it is a directory"),
    ]:  # fmt: skip
        terminal.ask(line)
        assert why in terminal.scrollback().replace("\n", "").lower(), line
    terminal.type("/file ~nobody-is-called-so/")
    terminal.press("Tab")
    terminal.press("C-c")
    terminal.ask("hello")
    assert "That is all." in terminal.scrollback()


def test_a_binary_file_is_refused_and_nothing_of_a_pattern_is_attached(
    open_chat: OpenChat, lonely: Command, reciter: Path
) -> None:
    (lonely.home / "a.txt").write_text("text")
    (lonely.home / "b.bin").write_bytes(b"\x00\xff\xfe")
    terminal = open_chat(reciter, "-t", "0", columns=120)
    terminal.ask("/file *.*")
    assert "error: b.bin is not valid UTF-8" in terminal.scrollback()
    terminal.ask("/file")
    assert "no file is attached" in terminal.scrollback()


def test_an_unknown_command_is_in_the_prompt_again(open_chat: OpenChat, lonely: Command, reciter: Path) -> None:
    """It may be a long text that happens to begin with a slash."""
    terminal = open_chat(reciter, "-t", "0", "--session", "s")
    terminal.send("/etc/hosts is what?")
    terminal.until("no such command: /etc/hosts")
    terminal.until(lambda: terminal.last() == "› /etc/hosts is what?")
    terminal.press("C-a")
    terminal.type("/")
    terminal.press("Enter")
    terminal.until("That is all.")
    terminal.ready()
    assert said(lonely, "s")[0]["parts"] == ["/etc/hosts is what?"]
    terminal.paste("/system one\ntwo three")
    terminal.until("two three")
    terminal.press("Enter")
    terminal.ready()
    assert "one\ntwo three" in terminal.scrollback().rpartition("/system one")[2].partition("two three")[2]


def test_ctrl_c_in_a_command_that_waits_for_a_file_costs_no_worker(
    open_chat: OpenChat, lonely: Command, reciter: Path
) -> None:
    os.mkfifo(lonely.home / "pipe")
    terminal = open_chat(reciter, "-t", "0")
    terminal.ask("hello")
    worker = children(terminal.pid)
    terminal.send("/file pipe")
    terminal.until(lambda: _opens(terminal.pid))
    terminal.press("C-c")
    terminal.until("stopped")
    terminal.ready()
    assert children(terminal.pid) == worker


def _opens(pid: int) -> bool:
    """Whether a process sleeps in `open`: the call that a pipe nobody writes into holds up."""
    call = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return call in ("257", "56", "2")  # openat on x86-64 and on arm64, open


def test_a_worker_that_dies_at_the_prompt_leaves_the_message_there(
    open_chat: OpenChat, lonely: Command, reciter: Path
) -> None:
    terminal = open_chat(reciter, "-t", "0", "--session", "s")
    terminal.ask("hello")
    os.kill(children(terminal.pid)[0], signal.SIGKILL)
    terminal.send("and again?")
    terminal.until("the conversation goes on")
    terminal.until(lambda: terminal.last() == "› and again?")
    assert "/retry asks again" not in terminal.scrollback(), "that would be the question before"
    terminal.press("Enter")
    terminal.until(lambda: terminal.scrollback().count("That is all.") == 2)
    terminal.ready()
    assert [message["parts"][0] for message in said(lonely, "s")][2] == "and again?"


def test_what_came_is_kept_when_no_worker_can_be_started_any_more(
    open_chat: OpenChat, lonely: Command, counter: Path
) -> None:
    model = lonely.home / "model.gguf"
    model.symlink_to(counter)
    terminal = open_chat(model, "-t", "0", "--session", "s")
    terminal.send("count")
    terminal.until("word60")
    model.unlink()
    os.kill(children(terminal.pid)[0], signal.SIGKILL)
    assert terminal.code() == 3
    assert said(lonely, "s")[-1]["parts"][0].startswith("word1 word2 ")


def test_a_large_download_is_asked_for_and_can_be_refused(
    open_chat: OpenChat, lonely: Command, reciter: Path, random_model: Path
) -> None:
    """The question is answered in lines, as in a shell: not in the keys of the line editor."""
    with HubServer() as hub:
        lonely.environment |= hub.environment
        hub.add("org/large-GGUF", {"m-Q4_K_M.gguf": random_model.read_bytes()})
        hub.faults.sizes = {"m-Q4_K_M.gguf": 11 * 10**9}
        terminal = open_chat(reciter, "-t", "0", columns=120)
        terminal.ask("hello")
        terminal.send("/model org/large-GGUF")
        terminal.until("Download it? [y/N]")
        terminal.send("n")
        terminal.until("was not downloaded")
        terminal.ready()
        terminal.ask("still there?")
        assert terminal.scrollback().count("That is all.") == 2


def test_a_session_that_is_loaded_brings_its_settings(open_chat: OpenChat, lonely: Command, models_dir: Path) -> None:
    script = write_scripted(models_dir / "thirty.gguf", [f"answer{n} " for n in range(30)], **SLOW)  # type: ignore[arg-type]
    terminal = open_chat(script, "-t", "0", "--session", "short")
    terminal.ask("/set max_tokens 5")
    terminal.ask("/set ctx 512")
    terminal.ask("first")
    terminal.press("C-d")
    terminal.code()
    terminal = open_chat(script, "-t", "0", columns=120)
    terminal.ask("/load short")
    terminal.ask("second")
    assert said(lonely, "short")[-1]["usage"]["completion"] == 5
    assert "/512 tokens" in terminal.screen()[-1]


def test_the_status_line_follows_the_conversation(open_chat: OpenChat, reciter: Path) -> None:
    """What the last answer took is not what the conversation takes once it stands somewhere else."""
    terminal = open_chat(reciter, "-t", "0", columns=120)
    terminal.ask("one")
    one = int(terminal.screen()[-1].partition("/8,192")[0].split()[-1].replace(",", ""))
    terminal.ask("two")
    terminal.ask("/context")  # answers count as they were generated
    (around,) = (line.split()[1] for line in terminal.screen() if line.startswith("template"))
    assert int(around) > 0
    two = int(terminal.screen()[-1].partition("/8,192")[0].split()[-1].replace(",", ""))
    assert two > one > 0
    terminal.ask("/forget 1")
    terminal.until(lambda: 0 < int(terminal.screen()[-1].partition("/8,192")[0].split()[-1].replace(",", "")) < two)
    terminal.ask("/clear")
    terminal.until(lambda: " 0/8,192 tokens (0 %)" in terminal.screen()[-1])


def test_a_budget_of_reasoning_holds_in_the_chat(open_chat: OpenChat, lonely: Command, models_dir: Path) -> None:
    """--think N, and /think N."""
    from cli.test_chat import THINKING

    script = ["<think>", *(f"thought{n} " for n in range(40)), "</think>", "the answer"]
    model = write_scripted(models_dir / "ponders.gguf", script, template=THINKING)
    terminal = open_chat(model, "-t", "0", "--session", "s", "--max-tokens", "80")
    terminal.ask("why?")
    terminal.ask("/think 5")
    terminal.ask("and why?")
    long, short = (message for message in said(lonely, "s") if message["role"] == "assistant")
    assert len(long["reasoning"].split()) == 40
    assert len(short.get("reasoning", "").split()) < 12
