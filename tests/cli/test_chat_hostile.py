"""Escape sequences in answers and in the names of files never reach the terminal."""

import json
import re
from pathlib import Path

import pytest

from cli.chats import NEEDS_TMUX
from cli.command import Command
from cli.terminal import Terminal
from scripted import write_scripted

pytestmark = NEEDS_TMUX


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


def foreign(text: str) -> str:
    """The control characters that are none of ours."""
    ours = r"\x1b\[[0-9;]*m|\x1b\[\?2026[hl]|\x1b\[\d*A|\x1b\[J|\r\n|\r\x1b\[J|\r\x1b\[K|\n"
    left = re.sub(ours, "", text)
    return "".join(sign for sign in left if sign < " " or 0x7F <= ord(sign) < 0xA0 or sign in "\u202e\u2066")


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
    left = foreign(body)
    assert not left, left[:200]
    colours = set(re.findall(r"\x1b\[([0-9;]*)m", body))
    assert "31" not in colours
    assert "1;31;40" not in colours


@pytest.mark.slow
def test_no_escape_sequence_of_a_session_file_reaches_the_terminal(lonely: Command, reciter: Path) -> None:
    text = "BEGIN " + "".join(payload.decode("latin-1") for payload in PAYLOADS) + " END"
    messages = [
        {"message": 1, "parent": 0, "role": "user", "parts": [text]},
        {"message": 2, "parent": 1, "role": "assistant", "parts": [text], "reasoning": text, "model": text},
        {"set": "system", "to": text}, {"set": "model", "to": text}, {"name": text, "at": 2},
    ]  # fmt: skip
    folder = lonely.home / ".local" / "share" / "infer" / "sessions"
    folder.mkdir(parents=True)
    lines = [{"infer": "session", "version": 1}, *messages]
    (folder / "evil.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    raw = lonely.home / "raw"
    with Terminal(lonely, "chat", reciter, "-t", "0", rows=40) as terminal:
        terminal._tmux("pipe-pane", "-o", f"cat > {raw}")
        terminal.ready()
        for command in ("/load evil", "/system", "/think", "/branch", "/context"):
            terminal.ask(command)
        terminal.send("/undo")
        terminal.until("undone: ")
        terminal.until(lambda: "› BEGIN ^[[31m" in terminal.scrollback().rpartition("undone: ")[2])
        terminal.press("C-c")
        terminal.ready()
        terminal.press("C-d")
        terminal.code()
    shown = raw.read_bytes().decode("utf-8", "replace")
    for part in re.findall(r"BEGIN(.*?)END", shown, re.DOTALL)[:5]:  # the sixth is drawn by the line editor
        assert not foreign(part), part
    for start in (b"\x1b]52", b"\x1b]0;", b"\x1bc", b"\x1bP1", b"\x1b[21t", b"\x1b[?1000h", b"\x1b]8;;", b"\x1b[3J"):
        assert start not in raw.read_bytes()
