"""How much of the machine other programs use while we measure: what /proc counts. None where there is no /proc."""

import os
from pathlib import Path

_BUSY_COLUMNS = slice(1, 9)  # user nice system idle iowait irq softirq steal, proc(5)
_IDLE, _WAITING = 3, 4
_COARSE = 2  # ticks that the counters may be wrong by


class Others:
    """Counts from its making, or from the last `share`. pid: the worker, whose time is ours too."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = self._now()

    def share(self) -> float | None:
        """Share of all cores' time that went to others since the last look; another machine's time on ours counts."""
        before, now = self._before, self._now()
        self._before = now
        if before is None or now is None or now[1] <= before[1]:
            return None
        busy, total, own = (after - earlier for after, earlier in zip(now, before, strict=True))
        return max(0.0, min(1.0, (busy - own - _COARSE) / total))

    def _now(self) -> tuple[float, float, float] | None:
        """Ticks: of all cores' work, of all cores' time, of our own work."""
        try:
            numbers = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[_BUSY_COLUMNS]]
            worker = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        mine = os.times()
        own = (
            (mine.user + mine.system) * os.sysconf("SC_CLK_TCK") + int(worker[11]) + int(worker[12])
        )  # utime and stime, proc(5)
        total = sum(numbers)
        return total - numbers[_IDLE] - numbers[_WAITING], total, own


def peak_memory(pid: int) -> int | None:
    """Bytes of memory that a process has had at most, mapped pages of the model's file among them."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
    except (OSError, ValueError, IndexError):
        return None
