"""A limit in time and memory around code that came with a model file.

Jinja's sandbox stops a template from reaching Python, not from counting to a billion. A template therefore
compiles and renders under a deadline and under a ceiling on the address space; both end as `BadTemplate`, and
both are gone when the call returns.

The deadline is an exception that a timer thread sets in the calling thread, so it works on any thread and
leaves the process's signal handlers alone. It takes effect between two bytecodes: a single C call is not cut
short, which is why `template` refuses the few operations whose one call can take minutes. The ceiling is the
process's: call this on the thread that owns the engine, or while no other thread allocates much.
"""

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from infer.errors import BadTemplate

Result = TypeVar("Result")

MEMORY = 512 << 20


class _TimedOut(BaseException):
    """Set in the calling thread by the timer. A BaseException, so that nothing on the way swallows it."""


class _Deadline:
    """Raises `_TimedOut` once in the thread that made it, after so many seconds; never after `leave`."""

    def __init__(self, seconds: float) -> None:
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._left = self._fired = False
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True
        self._timer.start()

    def _fire(self) -> None:
        with self._lock:
            if not self._left:
                self._fired = True
                thread, error = ctypes.c_ulong(self._thread), ctypes.py_object(_TimedOut)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, error)

    def leave(self) -> None:
        """No exception from now on; one that is set but has not surfaced yet surfaces here."""
        self._timer.cancel()
        with self._lock:
            self._left = True
        pending = self._fired and not isinstance(sys.exception(), _TimedOut)
        for _ in range(1000 if pending else 0):
            time.sleep(0.001)


def limited(function: Callable[[], Result], *, seconds: float, memory: int = MEMORY) -> Result:
    """Call `function` with at most `seconds` of wall time and `memory` more bytes of address space (Linux).

    Raises BadTemplate when a limit is met, and whatever `function` itself raises. The memory limit that was
    in place before is back in place afterwards.
    """
    with _ceiling(memory):  # around all that can be interrupted, so it is always lifted
        why = ""
        try:
            deadline = _Deadline(seconds)
            try:
                return function()
            finally:
                deadline.leave()
        except _TimedOut:
            why = f"it takes longer than {seconds:g} seconds"
        except MemoryError:
            why = f"it needs more than {memory >> 20} MiB of memory"
    raise BadTemplate(why=why)


@contextmanager
def _ceiling(memory: int) -> Iterator[None]:
    """Lower RLIMIT_AS to the present size plus `memory`; a no-op where the size cannot be known."""
    size = _address_space()
    if size is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = size + memory
    limits = [value for value in (wanted, soft, hard) if value != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int | None:
    """Bytes of address space in use (the first field of statm, in pages), None where there is no /proc."""
    import resource

    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return None
