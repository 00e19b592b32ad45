"""What a signal does: the first ends the command in good order, a second one at once (but see `patient`)."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

from infer.errors import Interrupted

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """While entered, the first signal raises Interrupted in the main thread.

    It does so anywhere, but inside `held` only where the program waits: an exception between taking text from the
    worker and writing it would leave a hole in the answer.

    patient    a second Ctrl-C ends nothing: somebody in a chat presses it to stop an answer, and more than once
    """

    def __init__(self) -> None:
        self.patient = False
        self._held = False
        self._received = 0
        self._pending = False
        self._tell: Callable[[], None] | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._receive) for number in _not_ignored()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def forgive(self) -> None:
        """The signal has been dealt with: the next one is a first one again."""
        self._received, self._pending = 0, False

    def settle(self) -> None:
        """What came while nothing was left to stop: Ctrl-C is forgotten, anything else raises Interrupted."""
        if self._pending and self._received == signal.SIGINT:
            self.forgive()
        with self.waiting():
            pass

    @contextmanager
    def held(self) -> Iterator[None]:
        """In here a signal is heard in `waiting` only."""
        held, self._held = self._held, True
        try:
            yield
        finally:
            self._held = held

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a system call that waits and takes nothing: the place where a signal may be heard."""
        held, self._held = self._held, False
        try:
            if self._pending:
                self._pending = False
                raise Interrupted(signal=self._received)
            yield
        finally:
            self._held = held

    @contextmanager
    def told(self, tell: Callable[[], None]) -> Iterator[None]:
        """Around a loop of callbacks, which would catch an exception and go on: `tell` has to end the loop instead.

        Raises Interrupted when it has ended, and before it begins for a signal that came earlier.
        """
        with self.waiting():
            pass
        held, self._held, self._tell = self._held, True, tell
        try:
            yield
        finally:
            self._held, self._tell = held, None
            with self.waiting():
                pass

    @property
    def pending(self) -> bool:
        """Whether a signal waits for the next `waiting`."""
        return self._pending

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received and self.patient and number == signal.SIGINT:
            return
        if self._received and not (self.patient and self._received == signal.SIGINT):
            os._exit(128 + number)
        self._received = number
        if not self._held:
            raise Interrupted(signal=number)
        self._pending = True
        if self._tell is not None:
            self._tell()


def _not_ignored() -> list[int]:
    """`nohup` and a shell's `&` ignore some of them for us, and mean it."""
    return [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
