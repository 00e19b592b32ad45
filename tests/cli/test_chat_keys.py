"""Keys and windows while an answer comes: no key is lost, no word is lost or written twice."""

from pathlib import Path

import pytest

from cli.chats import MARKDOWN, NEEDS_TMUX, SLOW, OpenChat, said
from cli.command import Command
from scripted import write_scripted

pytestmark = NEEDS_TMUX
DRAGGED = [(columns, 24 - columns % 5) for columns in (*range(78, 40, -2), *range(40, 110, 3), *range(110, 50, -4))]


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[(40, 24)], [(120, 24)], DRAGGED], ids=["narrow", "wide", "dragged"])
def test_no_word_is_lost_or_repeated_when_the_window_changes(
    open_chat: OpenChat, counter: Path, sizes: list[tuple[int, int]]
) -> None:
    terminal = open_chat(counter, "-t", "0", columns=80)
    terminal.send("count")
    terminal.until("word70")
    for size in sizes:
        terminal.resize(*size)
    terminal.until("word170")
    terminal.resize(80, 20)
    terminal.until("word260")
    terminal.press("C-c")
    terminal.until("stopped")
    words = [word for word in terminal.scrollback().split() if word.startswith("word")]
    assert words == [f"word{n}" for n in range(1, len(words) + 1)]
    assert len(words) >= 260


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[(40, 24)], [(120, 9)], DRAGGED], ids=["narrow", "flat", "dragged"])
def test_no_row_of_a_table_is_lost_when_the_window_changes(
    open_chat: OpenChat, models_dir: Path, sizes: list[tuple[int, int]]
) -> None:
    """tmux folds the lines up to 0.25 s before it says so: what is drawn in between may stand there twice."""
    rows = [f"| row{n} | {'more of it, ' * (n % 4)}number {n} |\n" for n in range(60)]
    script = ["| name | what it is |\n", "|---|---|\n", *rows, "\nThe end."]
    model = write_scripted(models_dir / "table.gguf", script, **SLOW)  # type: ignore[arg-type]
    terminal = open_chat(model, "-t", "0", columns=80)
    terminal.send("go")
    terminal.until("row4")
    for size in sizes:
        terminal.resize(*size)
    terminal.until("The end.")
    terminal.ready()
    shown = [word for word in terminal.scrollback().split() if word.startswith("row")]
    assert list(dict.fromkeys(shown)) == [f"row{n}" for n in range(60)]
    assert len(shown) < 60 + 12
    assert terminal.scrollback().count("what it is") <= 2


@pytest.mark.slow
def test_a_long_paragraph_scrolls_as_it_is_written(open_chat: OpenChat, models_dir: Path) -> None:
    """Its beginning is not taken away to be written again at its end."""
    script = [f"word{n} " for n in range(1500)]
    model = write_scripted(models_dir / "long_paragraph.gguf", script, **SLOW)  # type: ignore[arg-type]
    terminal = open_chat(model, "-t", "0", columns=40)
    terminal.send("go")
    for number in (300, 600, 900):
        terminal.until(f"word{number} ")
        words = [word for word in terminal.scrollback().split() if word.startswith("word")]
        assert words == [f"word{n}" for n in range(len(words))]
    terminal.press("C-c")
    terminal.ready()


@pytest.mark.slow
def test_keys_that_are_typed_while_an_answer_ends_are_in_the_next_prompt(
    open_chat: OpenChat, lonely: Command, reciter: Path
) -> None:
    """One key after the other, from before the answer begins until after the prompt is back."""
    terminal = open_chat(reciter, "-t", "0", "--session", "s", "--no-history")
    typed = "".join(f"{n:02}abcdefgh" for n in range(12))
    terminal.send("begin")
    for number in range(3):
        for sign in typed:
            terminal.type(sign)
        terminal.until(lambda: "".join(terminal.scrollback().split("\n›")[-1].split()).startswith(typed))
        terminal.press("Enter")
        terminal.until(lambda number=number: len(said(lonely, "s")) == 2 * number + 4)
    terminal.ready()
    asked = [message["parts"] for message in said(lonely, "s") if message["role"] == "user"]
    assert asked == [["begin"], [typed], [typed], [typed]]


@pytest.mark.slow
def test_a_long_line_that_is_pasted_while_an_answer_comes_is_whole(
    open_chat: OpenChat, lonely: Command, counter: Path
) -> None:
    """A terminal in the mode of a shell's line takes 4,096 bytes of it and drops the rest."""
    terminal = open_chat(counter, "-t", "0", "--session", "s")
    terminal.send("count")
    terminal.until("word60")
    terminal.paste("y" * 6000 + "END")
    terminal.press("C-c")
    terminal.until("END")
    terminal.press("Enter")
    terminal.until(lambda: terminal.scrollback().split().count("word30") == 2)
    terminal.press("C-c")
    terminal.ready()
    assert said(lonely, "s")[2]["parts"] == ["y" * 6000 + "END"]


@pytest.mark.slow
def test_ctrl_c_pressed_again_and_again_leaves_the_chat_alive(
    open_chat: OpenChat, lonely: Command, counter: Path
) -> None:
    """While an answer is stopped, shown and kept; what is left of it at the prompt is a key like any other."""
    terminal = open_chat(counter, "-t", "0", "--session", "s", "--max-tokens", "2000")
    for number in range(4):
        terminal.send("count")
        terminal.until(lambda number=number: terminal.scrollback().split().count("word30") == number + 1)
        terminal.press("C-c", "C-c")
        terminal.until(lambda number=number: len(said(lonely, "s")) == 2 * number + 2)
        terminal.type("x")  # after an "x" Ctrl-C empties the line, and leaves nothing
        terminal.until(lambda: terminal.last().endswith("x"))
        terminal.press("C-c")
        terminal.ready()
    assert {message["ended"] for message in said(lonely, "s") if message["role"] == "assistant"} == {"abort"}


@pytest.mark.slow
def test_ctrl_c_that_comes_when_the_answer_ends_costs_nothing(
    open_chat: OpenChat, lonely: Command, reciter: Path
) -> None:
    """There is nothing left to stop then: the answer is kept, the chat goes on, and so does the next answer."""
    terminal = open_chat(reciter, "-t", "0", "--session", "s")
    for number in range(1, 9):
        terminal.send("go")
        terminal.until(lambda number=number: terminal.scrollback().count("That is all.") == number)
        terminal.press("C-c")
        terminal.type("x")
        terminal.until(lambda: terminal.last() == "› x")
        terminal.press("C-c")
        terminal.ready()
    answers = [message["parts"] for message in said(lonely, "s") if message["role"] == "assistant"]
    assert answers == [[MARKDOWN]] * 8
