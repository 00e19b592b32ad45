"""What one command line has in hand: its mouth, the worker that was started for it, the clock."""

import os
import sys
import time
from dataclasses import dataclass, field

from infer.cli.output import Output
from infer.worker.client import WorkerClient, spawn


@dataclass(slots=True)
class Session:
    """Passed to every command. `started` is on the clock of `now`."""

    output: Output
    early_worker: WorkerClient | None = None
    started: float = field(default_factory=lambda: _process_start())

    def worker(self) -> WorkerClient:
        """The worker that was started early, or one started now."""
        if self.early_worker is None:
            self.early_worker = spawn()
        return self.early_worker

    def seconds(self) -> float:
        """Seconds since this process was started."""
        return now() - self.started

    def end(self) -> None:
        """End the worker, whatever it does."""
        if self.early_worker is not None:
            self.early_worker.kill()


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
