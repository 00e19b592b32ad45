"""The terminal's keyboard while a chat lasts: keys are shown by the line editor only, and none is lost between prompts.

    with Keyboard(paint) as keyboard:     keys wait in the terminal; Ctrl-C is a signal
        with keyboard.typing(): ...       the line editor reads; Ctrl-C is a key
        with keyboard.shell(): ...        a question is asked and answered as in a shell

It is never in the mode of a shell's line in between: there keys would be echoed into the answer, a paste of more than
4,096 bytes without a newline would be cut, and Ctrl-D or Ctrl-U would be taken by the terminal.
"""

import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

_STDIN = 0
_PASTE_ON, _PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"


class Keyboard:
    """Entered for the whole chat. `paint` writes control sequences to the terminal."""

    def __init__(self, paint: Callable[[str], None]) -> None:
        self._paint = paint
        self._before: list[Any] | None = None

    def __enter__(self) -> Self:
        with suppress(termios.error):  # no terminal: a test's pipe
            self._before = termios.tcgetattr(_STDIN)
        self._silence(ctrl_c=True)
        self._paint(_PASTE_ON)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            with suppress(termios.error):  # a terminal that has hung up
                termios.tcsetattr(_STDIN, termios.TCSANOW, self._before)
        self._paint(_PASTE_OFF)

    @contextmanager
    def typing(self) -> Iterator[None]:
        """While the line editor reads: what is typed before it is ready, or after, is a key for it as well."""
        self._silence(ctrl_c=False)
        try:
            yield
        finally:
            self._silence(ctrl_c=True)
        self._paint(_PASTE_ON)  # the line editor has switched it off

    @contextmanager
    def shell(self) -> Iterator[None]:
        """While somebody else asks a question: lines, as they were before the chat."""
        if self._before is not None:
            with suppress(termios.error):
                termios.tcsetattr(_STDIN, termios.TCSANOW, self._before)
        try:
            yield
        finally:
            self._silence(ctrl_c=True)

    def _silence(self, *, ctrl_c: bool) -> None:
        if self._before is None:
            return
        mode = list(self._before)
        mode[0] &= ~termios.ICRNL  # Enter stays the key that the line editor knows
        mode[3] &= ~(termios.ECHO | termios.ICANON)
        mode[3] |= termios.NOFLSH  # else Ctrl-C throws away what was typed before it, and what we wrote
        mode[3] = mode[3] | termios.ISIG if ctrl_c else mode[3] & ~termios.ISIG
        with suppress(termios.error):
            termios.tcsetattr(_STDIN, termios.TCSANOW, mode)
