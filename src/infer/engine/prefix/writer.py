"""The background writer: a queue that is bounded in bytes, and one thread that empties it.

The caller never waits: what does not fit is declined, and so is everything that hangs at it.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from infer.engine.prefix.files import Stopped
from infer.engine.prefix.window import Span

CAPACITY = 256 << 20  # bytes of payload that may wait


@dataclass(frozen=True, slots=True)
class Job:
    """A span and its payloads. The buffers are the writer's until it calls `done`: written, failed or declined."""

    span: Span
    base: memoryview
    part: memoryview
    done: Callable[[], None]

    @property
    def size(self) -> int:
        """Bytes of payload."""
        return len(self.base) + len(self.part)


class Writer:
    """Calls `write` for one job after the other, in the order in which they came, in a thread of its own.

    write: returns whether to go on; after a False everything is declined. Stopped ends the thread as well.
    """

    def __init__(self, write: Callable[[Job], bool], capacity: int = CAPACITY) -> None:
        self._write, self._capacity = write, capacity
        self._jobs: deque[Job] = deque()
        self._waiting = 0
        self._busy = False
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._declined: set[bytes] = set()
        self.stopped = False

    def put(self, job: Job) -> bool:
        """Queue a job; False when it is declined: the queue is full, its parent was declined, the writer has ended."""
        accepted = self._accept(job)
        if not accepted:
            job.done()
        return accepted

    def waiting(self) -> list[Span]:
        """What is queued or being written."""
        with self._changed:
            return [] if self.stopped else [job.span for job in self._jobs]

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything is written; False when `timeout` seconds were not enough."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs or self.stopped, timeout)

    def close(self, timeout: float) -> int:
        """Write for at most `timeout` seconds more, drop the rest, end the thread. Returns how many were dropped."""
        self.flush(timeout)
        with self._changed:
            self.stopped = True
            self._changed.notify_all()
            dropped = len(self._jobs)
        if self._thread is not None:
            self._thread.join(0.05)  # the chunk that is being written
        return dropped

    def _accept(self, job: Job) -> bool:
        with self._changed:
            late = self.stopped or job.span.name.parent in self._declined
            if late or (self._jobs and self._waiting + job.size > self._capacity):
                self._declined.add(job.span.name.key)
                return False
            if self._thread is None and not self._start():
                return False
            self._declined.discard(job.span.name.key)
            self._jobs.append(job)
            self._waiting += job.size
            self._changed.notify_all()
            return True

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name="prefix-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had
            self.stopped = True
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self.stopped)
                if self.stopped:
                    return
                job = self._jobs[0]
            try:
                going_on = self._write(job)
            except Stopped:
                return
            job.done()
            with self._changed:
                self._waiting -= self._jobs.popleft().size
                self.stopped = self.stopped or not going_on
                self._changed.notify_all()
