#!/usr/bin/env python
"""Draw docs/chat.svg: a chat with `tiny`, typed into the real program in a real terminal (tmux).

.venv/bin/python scripts/chat_picture.py
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
COLUMNS, ROWS = 92, 24
TYPED = (
    "Tell me a story about a fox and a lamp.",
    "Who is the story about?",
    "/context",
)
PATIENCE = 30  # seconds


def main() -> int:
    """Type, wait, draw. Returns the exit code."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": home, "LANG": "C.UTF-8"}
        environment["TERM"] = "xterm-256color"

        def tmux(*words: str) -> str:
            command = ["tmux", "-u", "-S", f"{home}/tmux", *words]
            return subprocess.run(command, env=environment, cwd=home, check=True, capture_output=True).stdout.decode()

        def wait(prompts: int) -> None:
            deadline = time.monotonic() + PATIENCE
            while tmux("capture-pane", "-p").count("›") < prompts and time.monotonic() < deadline:
                time.sleep(0.1)
            time.sleep(0.5)

        config = Path(home, "tmux.conf")
        config.write_text("set -g default-terminal xterm-256color\nset -s escape-time 0\n")
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        tmux("-f", str(config), "new-session", "-d", *size, "infer chat tiny --seed 3")
        for number, line in enumerate(TYPED, 1):
            wait(number)
            tmux("send-keys", "-l", line)
            tmux("send-keys", "Enter")
        wait(len(TYPED) + 1)
        screen = tmux("capture-pane", "-p", "-e")
        tmux("kill-server")
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="standard")
    for line in screen.rstrip("\n").split("\n"):
        console.print(Text.from_ansi(line), no_wrap=True, crop=True)
    svg = console.export_svg(title="infer chat tiny", clear=True)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # fonts on the web: a picture must not fetch anything
    svg = "\n".join(line.rstrip() for line in svg.split("\n") if line.strip())
    (ROOT / "docs" / "chat.svg").write_text(svg + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
