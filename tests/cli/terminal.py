"""A real terminal for the real program: tmux, typed into and looked at.

with Terminal(command, "chat", "tiny") as terminal:
    terminal.send("hello")          typed, and Enter
    terminal.until("text")          wait for it on the screen
    terminal.screen()               what a person sees, a list of lines
    terminal.scrollback()           all that was ever written, lines that the terminal folded joined again
"""

import itertools
import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.command import INFER, Command, children

_NUMBERS = itertools.count()
PATIENCE = 30.0  # seconds


class Terminal:
    """A tmux server of its own with one window in which one command runs. `line`: a line of shell instead of it."""

    def __init__(
        self,
        command: Command,
        *arguments: str | Path,
        columns: int = 80,
        rows: int = 24,
        line: str | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self._socket = command.home / f"tmux-{next(_NUMBERS)}"
        self._environment = {**command.environment, "TERM": "xterm-256color", **(env or {})}
        self._environment["PATH"] = f"{INFER.parent}:{self._environment['PATH']}"
        self._code = command.home / f"{self._socket.name}.code"
        self._is_line = line is not None
        # tmux 3.3 loses the status of a program now and then; the shell around it outlives its Ctrl-C
        program = shlex.join(["infer", *map(str, arguments)])
        words = line or f"trap : INT; {program}; echo $? > {self._code}.new; mv {self._code}.new {self._code}"
        self._directory = command.home
        settings = ("-g remain-on-exit on", "-g history-limit 20000", "-s escape-time 0")
        config = command.home / "tmux.conf"
        config.write_text("".join(f"set {setting}\n" for setting in settings))
        self._tmux(
            "-f", str(config), "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(command.home),
            "/bin/sh", "-c", words,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            print("\n".join(self.screen()))
        self._tmux("kill-server")

    def _tmux(self, *words: str, data: bytes | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", self._socket, *words], env=self._environment, cwd=self._directory, input=data,
            capture_output=True, timeout=20, check=True,
        )  # fmt: skip
        return done.stdout.decode()

    @property
    def pid(self) -> int:
        """Of the command, or of the shell that reads the line."""
        shell = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        if self._is_line:
            return shell
        self.until(lambda: children(shell))
        return children(shell)[0]

    def close(self) -> None:
        """As if its window was closed: the command's terminal hangs up."""
        self._tmux("respawn-pane", "-k", "sleep 60")

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def send(self, text: str) -> None:
        """Type a message or a command, and Enter."""
        self.type(text)
        self.press("Enter")

    def paste(self, text: str) -> None:
        """As a terminal pastes it: in brackets, if the program asked for that."""
        self._tmux("load-buffer", "-", data=text.encode())
        self._tmux("paste-buffer", "-p", "-d")

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self) -> list[str]:
        """The lines of the screen, trailing blanks and blank lines at the end taken away."""
        return [line.rstrip() for line in self._tmux("capture-pane", "-p").rstrip("\n").split("\n")]

    def scrollback(self, *, colors: bool = False) -> str:
        return self._tmux("capture-pane", "-p", "-J", "-S", "-", *(["-e"] if colors else []))

    def until(self, wanted: str | Callable[[], object], timeout: float = PATIENCE) -> None:
        """Wait until a text has been on the screen, or something has become true."""
        deadline = time.monotonic() + timeout
        while not (wanted in self.scrollback() if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < deadline, f"nothing of {wanted!r} in {timeout} s:\n" + "\n".join(self.screen())
            time.sleep(0.03)

    def ready(self) -> None:
        """Wait for the prompt: the last line that is not the status line is empty but for its sign."""
        self.until(lambda: self.last() == "›")

    def ask(self, text: str) -> None:
        """Send it and wait for the next prompt."""
        before = self.scrollback().count("›")
        self.send(text)
        self.until(lambda: self.scrollback().count("›") > before and self.last() == "›")

    def last(self) -> str:
        """The line of the prompt: the last one that is neither empty nor the status line."""
        lines = [line for line in self.screen() if line.strip()]
        while lines and (" tokens" in lines[-1] and " · " in lines[-1]):
            lines.pop()
        return lines[-1].rstrip() if lines else ""

    def code(self, timeout: float = PATIENCE) -> int:
        """Wait for its end: the exit code, 128 + N when signal N ended it."""
        self.until(self._code.exists, timeout)
        return int(self._code.read_text())


def seconds_of_cpu(pid: int) -> float:
    """Of one process, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
