"""A large paste is there at once, and a long answer costs the chat next to nothing: measured."""

import time
from pathlib import Path

import pytest

from cli.chats import NEEDS_TMUX, SLOW, OpenChat
from cli.command import Command
from cli.terminal import seconds_of_cpu
from scripted import write_scripted

pytestmark = NEEDS_TMUX


@pytest.mark.slow
def test_a_large_paste_is_there_at_once(open_chat: OpenChat, lonely: Command, reciter: Path) -> None:
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
def test_a_long_answer_costs_the_chat_next_to_nothing(open_chat: OpenChat, models_dir: Path) -> None:
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


@pytest.mark.slow
def test_the_first_answer_appears_as_it_comes(open_chat: OpenChat, counter: Path) -> None:
    """What is imported for it does not count as the cost of drawing, for which the next draw would wait."""
    terminal = open_chat(counter, "-t", "0", "--max-tokens", "1500")
    terminal.send("count")
    terminal.until("word1")
    shown, changed, longest = "", time.monotonic(), 0.0
    while "word1400" not in shown and terminal.last() != "›":
        now, before, shown = time.monotonic(), shown, terminal.scrollback()
        longest = max(longest, now - changed)
        changed = now if shown != before else changed
    longest = max(longest, time.monotonic() - changed)
    print(f"the longest time in which nothing changed: {longest:.2f} s")
    assert longest < 2.0
