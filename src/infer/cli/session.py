"""What one command line has in hand: its mouth, the worker that was started for it, the clock."""

import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from infer.cli.output import Output
from infer.cli.signals import Signals
from infer.errors import EngineFailure
from infer.worker.spawn import Spawned, spawn

if TYPE_CHECKING:
    from infer.worker.client import WorkerClient


class Session:
    """Passed to every command. `process`: the worker that was started early, if one was."""

    def __init__(self, output: Output, signals: Signals, process: Spawned | None) -> None:
        self.output, self.signals = output, signals
        self._process = process
        self._worker: WorkerClient | None = None
        self._started = _process_start()

    def worker(self) -> "WorkerClient":
        """The worker; started now if it has not been."""
        from infer.worker.client import WorkerClient

        if self._process is None:
            try:
                self._process = spawn()
            except OSError as error:
                what = f"the worker process cannot be started: {(error.strerror or str(error)).lower()}"
                raise EngineFailure(what=what) from error
        if self._worker is None:
            self._worker = WorkerClient(self._process, waiting=self.signals.waiting)
        return self._worker

    def renew(self) -> None:
        """Away with the worker, dead or alive; the next one is started when it is asked for."""
        if self._worker is not None:
            self._worker.close()
        self._worker = self._process = None

    def seconds(self) -> float:
        """Seconds since this process was started."""
        return now() - self._started

    def end(self) -> None:
        """End the worker, whatever it does."""
        if self._worker is not None:
            self._worker.kill()
        elif self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)


def now() -> float:
    """Seconds on a clock that the kernel's process start times can be compared with."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


def _process_start() -> float:
    """When the kernel started this process, from /proc (in steps of 10 ms); elsewhere: now."""
    try:
        with open("/proc/self/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")  # proc(5): starttime is field 22, after pid and comm
    except (OSError, ValueError, IndexError):
        return now()
