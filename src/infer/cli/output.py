"""The one mouth: stdout is the answer, stderr is everything else."""

import errno
import os
import select
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from infer.errors import InferError, OutputUnwritable

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
_PIPE_BYTES = 4096  # PIPE_BUF: a pipe that can be written takes so many without blocking
_ERASE_LINE = "\r\x1b[K"
_ECHOED, _ECHOED_OF_A_LINE = 100, 2000  # lines of a message, and characters of a line, that are shown
_BIDI = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)


def _shown_controls() -> dict[int, str]:
    shown = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
    shown[0x7F] = "␡"
    shown |= {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
    return shown | {code: f"\\u{code:04x}" for code in _BIDI}


_SHOWN = _shown_controls()
# json.dumps has escaped what lies below U+0020.
_ESCAPED = {code: f"\\u{code:04x}" for code in _SHOWN if code >= 0x7F}


def visible(text: str) -> str:
    """Text from outside, with control characters and direction overrides shown instead of executed.

    Works code point by code point, so a sequence that is split over two calls is caught as well.
    """
    return text.translate(_SHOWN)


def without_secrets(text: str) -> str:
    """A text whose URLs have lost user and password, and their query, which may hold a signature."""
    if "://" not in text:
        return text
    import re

    text = re.sub(r"(\w://)[^\s/?#]*@", r"\1", text)
    return re.sub(r"(\w://[^\s?]*\?)\S+?(?=['\":,;)]*(?:\s|$))", r"\1...", text)


class ReaderGone(Exception):
    """Nobody reads stdout any more (`| head -1`): the quiet end of the command, exit code 0."""


class Output:
    """Writes to the two streams. color: auto, always or never; quiet: errors only on stderr.

    waiting    entered around the wait for a slow reader of stdout, where a signal may raise
    patience   seconds to wait for that reader, None: for ever
    """

    def __init__(
        self, *, stdout_open: bool = True, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._stdout_open = stdout_open
        self._waiting = waiting
        self._unwritten = bytearray()  # what a signal kept from being written goes out before anything else
        self.patience: float | None = None
        self.stdout_tty = stdout_open and os.isatty(_STDOUT)
        self.stderr_tty = os.isatty(_STDERR)
        self.quiet = False
        self._erases = self.stderr_tty and clever_terminal()
        self._color = _color("auto", tty=self.stderr_tty)
        self._progress_shown = False
        self._at_line_start = True
        self._reasoning_open = False

    def configure(self, *, color: str, quiet: bool) -> None:
        """Apply the user's wishes, once they are known."""
        self.quiet = quiet
        self._color = _color(color, tty=self.stderr_tty)

    def answer(self, text: str) -> None:
        """The model's text, at once. Raises ReaderGone or OutputUnwritable."""
        if not text:
            return
        self._end_reasoning()
        self._at_line_start = text.endswith("\n")
        self._to_stdout(visible(text) if self.stdout_tty else text)

    def paint(self, text: str) -> None:
        """What the chat draws on stdout, control sequences and all; texts in it have gone through `visible`."""
        self._end_reasoning()
        self._at_line_start = text.endswith("\n")
        self._to_stdout(text)

    def echo(self, prompt: str, text: str) -> None:
        """What was typed; of very many lines the first and the last, of a very long one its beginning."""
        lines = [_shortened(line) for line in visible(text).split("\n")]
        if len(lines) > _ECHOED:
            left = len(lines) - _ECHOED
            lines = [*lines[: _ECHOED - 3], f"… {left:,} more lines …", *lines[-3:]]
        shown = prompt + ("\n" + " " * len(prompt)).join(lines) + "\n"
        (self._to_stdout if self.stdout_tty else self._to_stderr)(shown)

    def aside(self, text: str) -> None:
        """A dim line for a person: what the chat says about itself."""
        self._line(text, dim=self._color)

    def end_answer(self) -> None:
        """On a terminal the prompt of the shell starts on a line of its own."""
        self._end_reasoning()
        if self.stdout_tty and not self._at_line_start:
            self._to_stdout("\n")
            self._at_line_start = True

    def data(self, text: str) -> None:
        """Whole lines for stdout, for example a table."""
        self._to_stdout(visible(text) if self.stdout_tty else text)

    def json(self, text: str) -> None:
        """A JSON document for stdout; what a terminal must not execute is escaped as JSON does it."""
        self._to_stdout(text.translate(_ESCAPED) if self.stdout_tty else text)

    def reasoning(self, text: str) -> None:
        """What the model thinks, dim, on stderr."""
        self.clear_progress()
        shown = visible(text) if self.stderr_tty else text
        dim = f"{_DIM}{shown}{_PLAIN}" if self._color else shown
        self._reasoning_open = True
        self._to_stderr(dim if text else "")

    def note(self, text: str) -> None:
        """One line a person should see; silent with --quiet."""
        if not self.quiet:
            self._line(text)

    def block(self, text: str) -> None:
        """Several lines for stderr, as they are."""
        self.clear_progress()
        shown = visible(text) if self.stderr_tty else text
        self._to_stderr(shown.removesuffix("\n") + "\n")

    def statistics(self, lines: list[str]) -> None:
        """What --verbose asked for."""
        for line in lines:
            self._line(line)

    def error(self, error: InferError) -> None:
        """What went wrong, and below it what to do."""
        self._line(f"error: {error}")
        if error.hint:
            self._line(f"hint: {error.hint}")

    def confirm(self, question: str) -> bool | None:
        """Ask on the terminal, no is the default; None where there is no terminal that could be asked."""
        if not (self.stderr_tty and os.isatty(_STDIN)):
            return None
        self.clear_progress()
        self._to_stderr(f"{visible(without_secrets(question))} [y/N] ")
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(_STDIN, 1)):
            line += byte
        if not line.endswith(b"\n"):
            self._to_stderr("\n")
        return line.strip().lower() in (b"y", b"yes")

    @property
    def draws(self) -> bool:
        """Whether stderr is a terminal on which something may move."""
        return self._erases and not self.quiet

    @property
    def color(self) -> bool:
        """Whether stderr has colour."""
        return self._color

    def draw(self, text: str) -> None:
        """What a bar is made of, control sequences and all; texts in it have gone through `visible`."""
        self._to_stderr(text)

    def progress(self, text: str, *, dim: bool = False) -> None:
        """A line that the next one replaces; only on a terminal, and only as much as fits into one row there."""
        if self._erases and not self.quiet:
            self._progress_shown = True
            shown = visible(text)[: _columns() - 1]
            self._to_stderr(_ERASE_LINE + (f"{_DIM}{shown}{_PLAIN}" if dim and self._color else shown))

    def clear_progress(self) -> None:
        """Take the progress line away."""
        if self._progress_shown:
            self._progress_shown = False
            self._to_stderr(_ERASE_LINE)

    def _line(self, text: str, *, dim: bool = False) -> None:
        self.clear_progress()
        self._end_reasoning()
        if self.stdout_tty and self.stderr_tty and not self._at_line_start:
            self._to_stdout("\n")
            self._at_line_start = True
        line = " ".join(visible(without_secrets(text)).splitlines())
        self._to_stderr((f"{_DIM}{line}{_PLAIN}" if dim else line) + "\n")

    def _end_reasoning(self) -> None:
        self.clear_progress()
        if self._reasoning_open:
            self._reasoning_open = False
            self._to_stderr("\n")

    def _to_stdout(self, text: str) -> None:
        if not self._stdout_open:
            raise ReaderGone
        self._unwritten += text.encode("utf-8", "replace")
        try:
            while self._unwritten:
                with self._waiting():
                    ready = select.select([], [_STDOUT], [], self.patience)[1]
                if not ready:
                    raise ReaderGone
                del self._unwritten[: _written(_STDOUT, self._unwritten[:_PIPE_BYTES])]
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as error:
            raise OutputUnwritable(why=error.strerror or str(error)) from error

    def check_reader(self) -> None:
        """Raises ReaderGone when nobody reads stdout any more; a pipe tells so before anything is written."""
        poll = select.poll()
        poll.register(_STDOUT, 0)
        if any(event & select.POLLERR for _, event in poll.poll(0)):
            raise ReaderGone

    def _to_stderr(self, text: str) -> None:
        try:
            _write(_STDERR, text)
        except OSError:
            self.quiet = True  # a closed stderr must not cost the answer


def _color(wish: str, *, tty: bool) -> bool:
    if wish != "auto":
        return wish == "always"
    return tty and not os.environ.get("NO_COLOR") and clever_terminal()


def clever_terminal() -> bool:
    """Whether the terminal knows control sequences."""
    return os.environ.get("TERM", "dumb") != "dumb"


def _shortened(line: str) -> str:
    left = len(line) - _ECHOED_OF_A_LINE
    return line if left <= 0 else f"{line[:_ECHOED_OF_A_LINE]} … {left:,} more characters …"


def _columns() -> int:
    try:
        return os.get_terminal_size(_STDERR).columns or 80
    except OSError:
        return 80


def _write(descriptor: int, text: str) -> None:
    view = memoryview(text.encode("utf-8", "replace"))
    while view:
        count = _written(descriptor, view)
        if not count:
            select.select([], [descriptor], [])
        view = view[count:]


def _written(descriptor: int, data: bytearray | memoryview) -> int:
    """Write some of it: how many bytes, 0 when none can be taken now."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:  # somebody set the pipe to non-blocking
        return 0
    except OSError as error:
        if error.errno == errno.EIO:
            raise BrokenPipeError from error  # the terminal hung up
        raise
