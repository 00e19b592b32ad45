"""The real command as a person or a script meets it: `infer` in a process of its own, with a home that is nobody's.

    infer.run("run", MODEL, "prompt")      -> Result(code, out, err, seconds)
    infer.start(...)                       -> Running: look at it, signal it, `finish()`

`stdin` is bytes (a pipe), None (/dev/null), a file descriptor, "tty", "closed" or "silent" (an open pipe that says
nothing). `stdout` and `stderr` are "pipe", "tty", "closed" or a file descriptor. A "tty" is a pseudo-terminal of its
own that passes bytes as they are; both may be one with `stderr="stdout"`. `prefix` are words in front of the command.
"""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INFER = Path(sys.executable).parent / "infer"
TIMEOUT = 60.0  # seconds; a command that needs as many hangs


@dataclass(frozen=True)
class Result:
    """How a command ended. `code` is negative when a signal ended it."""

    code: int
    out: bytes
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """The lines on stderr."""
        return self.err.splitlines()


class _Reader(threading.Thread):
    """Collects what comes out of a descriptor until its end."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self.descriptor, self.data = descriptor, b""
        self.start()

    def run(self) -> None:
        while True:
            try:
                block = os.read(self.descriptor, 1 << 16)
            except OSError:  # EIO: the last one has closed a pseudo-terminal
                block = b""
            if not block:
                os.close(self.descriptor)
                return
            self.data += block


RUNNING: "list[Running]" = []


class Running:
    """A command that has been started."""

    def __init__(self, process: subprocess.Popen[bytes], readers: dict[str, _Reader], keep: list[int]) -> None:
        self.process, self._readers, self._keep = process, readers, keep
        self.pid, self.started = process.pid, time.monotonic()
        RUNNING.append(self)

    @property
    def out(self) -> bytes:
        return self._readers["stdout"].data if "stdout" in self._readers else b""

    @property
    def err(self) -> str:
        return self._readers["stderr"].data.decode() if "stderr" in self._readers else ""

    def until(self, condition: Callable[[], object], timeout: float = TIMEOUT) -> None:
        """Wait until something has become true; it is an error if the command ends before."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.err}"
            assert time.monotonic() < deadline, f"nothing happened in {timeout} s: {self.err}"
            time.sleep(0.002)

    def worker(self) -> int:
        """The process id of its worker, as soon as there is one."""
        self.until(lambda: children(self.pid))
        return children(self.pid)[0]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def signal_group(self, number: int) -> None:
        """As a terminal does on Ctrl-C: to every process of the group."""
        os.killpg(self.pid, number)

    def clean_up(self) -> None:
        """End it if a failed test has left it behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in self._keep:
            os.close(descriptor)
        self._keep = []

    def finish(self, timeout: float = TIMEOUT) -> Result:
        """Wait for its end; a command that does not end is killed, and an error."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"still running after {timeout} s; stdout {self.out!r}, stderr {self.err!r}") from None
        finally:
            for descriptor in self._keep:
                os.close(descriptor)
            self._keep = []
        seconds = time.monotonic() - self.started
        for reader in self._readers.values():
            reader.join(10)
            assert not reader.is_alive(), "the command has ended, but somebody keeps its output open"
        return Result(code, self.out, self.err, seconds)


class Command:
    """`infer` with a home of its own: no configuration, no prompt cache, one thread, no variable of the caller."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config = home / "config" / "infer" / "config.toml"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "INFER_CACHE_DIR": str(home / "cache" / "infer"),
            "INFER_NO_CACHE": "1",  # what is restored is no prefill; test_cache.py takes it out
            "INFER_THREADS": "1",  # two threads on a busy machine wait for each other at every node of the graph
            "HF_ENDPOINT": "http://127.0.0.1:9",  # nobody listens there: no test asks the real Hub for a model
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
        }

    def configure(self, text: str | bytes) -> Path:
        """Write config.toml."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_bytes(text.encode() if isinstance(text, str) else text)
        return self.config

    def start(
        self,
        *arguments: str | bytes | Path,
        stdin: bytes | int | str | None = None,
        stdout: int | str = "pipe",
        stderr: int | str = "pipe",
        env: Mapping[str, str | None] | None = None,
        cwd: Path | None = None,
        prefix: tuple[str, ...] = (),
        session: bool = True,
    ) -> Running:
        """Start it in a session of its own: no controlling terminal, a process group to signal.

        session=False: only a group of its own, which job control can stop.
        """
        environment = {k: v for k, v in {**self.environment, **(env or {})}.items() if v is not None}
        given: dict[int, int | None] = {}  # the child's descriptor -> ours, None: closed
        ours: list[int] = []
        readers, keep = {}, []
        feed: bytes | None = None
        if isinstance(stdin, bytes) or stdin == "silent":
            given[0], write = os.pipe()
            ours.append(given[0])
            keep.append(write)
            feed = stdin if isinstance(stdin, bytes) else None
        elif stdin == "tty":
            master, given[0] = _terminal()
            ours.append(given[0])
            keep.append(master)
        elif stdin is None:
            given[0] = os.open(os.devnull, os.O_RDONLY)
            ours.append(given[0])
        else:
            given[0] = stdin if isinstance(stdin, int) else None
        for number, name, wish in ((1, "stdout", stdout), (2, "stderr", stderr)):
            if wish in ("pipe", "tty"):
                read, given[number] = os.pipe() if wish == "pipe" else _terminal()
                ours.append(given[number])
                readers[name] = read
            elif wish == "stdout":
                given[number] = given[1]
            else:
                given[number] = wish if isinstance(wish, int) else None

        closing = "".join(sign for number, sign in enumerate(("<&-", ">&-", "2>&-")) if given[number] is None)
        shell = ["bash", "-c", f'exec "$@" {closing}', "bash"] if closing else []
        process = subprocess.Popen(
            [*shell, *prefix, INFER, *arguments], env=environment, cwd=cwd or self.home, start_new_session=session,
            process_group=None if session else 0, stdin=given[0], stdout=given[1], stderr=given[2],
        )  # fmt: skip
        for descriptor in ours:
            os.close(descriptor)
        if feed is not None:
            keep.remove(write)
            threading.Thread(target=_feed, args=(write, feed), daemon=True).start()
        return Running(process, {name: _Reader(read) for name, read in readers.items()}, keep)

    def run(self, *arguments: str | bytes | Path, timeout: float = TIMEOUT, **options: Any) -> Result:
        """Run it to its end."""
        return self.start(*arguments, **options).finish(timeout)

    def shell(self, line: str, timeout: float = TIMEOUT, **variables: str | Path) -> subprocess.CompletedProcess[bytes]:
        """A line of bash in which `infer` is on the path; PIPESTATUS and the like are bash's."""
        environment = {**self.environment, **{name: str(value) for name, value in variables.items()}}
        environment["PATH"] = f"{INFER.parent}:{environment['PATH']}"
        command = ["bash", "-c", line]
        return subprocess.run(
            command, env=environment, cwd=self.home, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL,
            start_new_session=True, check=False,
        )  # fmt: skip


def _feed(descriptor: int, data: bytes) -> None:
    try:
        with open(descriptor, "wb") as pipe:
            pipe.write(data)
    except BrokenPipeError:
        return  # the command did not want to read it


def _terminal() -> tuple[int, int]:
    """A pseudo-terminal (ours, the command's) that passes bytes as they are."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    termios.tcsetwinsize(theirs, (24, 80))
    return ours, theirs


def children(pid: int) -> list[int]:
    """The processes that a process has started and not yet reaped."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int, timeout: float) -> bool:
    """Whether a process ends within so many seconds."""
    deadline = time.monotonic() + timeout
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
