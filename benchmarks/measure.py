"""Clocks and scales for processes: first byte, end, peak memory, and whether the machine is quiet."""

import contextlib
import ctypes
import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

QUIET = 0.08  # of all cores' time: others may use this much
_LOOK = 0.1  # seconds
_PATIENCE = 0.3  # seconds
_POLL = 0.005  # seconds between looks at a process's memory
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds; what /proc/stat counts in


@dataclass(frozen=True, slots=True)
class Timed:
    """One process and what it left behind.

    first_byte, end    seconds from before its start to the first byte on stdout, and to its end
    others             the share of all cores' time that went to processes that are not its descendants
    """

    first_byte: float
    end: float
    output: bytes
    others: float


def run(command: list[str], environment: dict[str, str]) -> Timed:
    """Run a command to its end; stdin is empty. Exits loudly when it fails or says nothing."""
    _adopt_orphans()
    busy, total, own = *_ticks(), _own_seconds()
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, bufsize=0
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.read(1)
        first_byte = time.perf_counter() - started
        rest, errors = process.communicate()
        end = time.perf_counter() - started
    if process.returncode != 0 or not first:
        raise SystemExit(f"{command} ended with {process.returncode}:\n{errors.decode(errors='replace')[-2000:]}")
    _reap_orphans()
    busy_after, total_after = _ticks()
    foreign = (busy_after - busy - 2) * _TICK - (_own_seconds() - own)  # two ticks: the counters are coarse
    others = max(0.0, foreign / ((total_after - total) * _TICK))
    return Timed(first_byte, end, first + rest, others)


def _adopt_orphans() -> None:
    """Have orphaned descendants become our children, so that the CPU time of a killed worker is counted as ours."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap_orphans() -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _own_seconds() -> float:
    """CPU seconds of this process and of all its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@dataclass(frozen=True, slots=True)
class Memory:
    """Peaks of a process and its descendants, in bytes.

    resident     the sum of each process's own peak (VmHWM): mapped pages of the model file count
    anonymous    the peak of the sum of RssAnon: no page of a file counts
    """

    resident: int
    anonymous: int


def peak_memory(command: list[str], environment: dict[str, str]) -> Memory:
    """Run a command to its end and look at its memory, and its children's, every 5 ms."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        highest: dict[int, int] = {}
        anonymous = 0
        ended = Event()
        waiter = Thread(target=lambda: (process.wait(), ended.set()))
        waiter.start()
        while not ended.wait(_POLL):
            now = {pid: _status(pid) for pid in _family(process.pid)}
            for pid, status in now.items():
                highest[pid] = max(highest.get(pid, 0), status.get("VmHWM", 0))
            anonymous = max(anonymous, sum(status.get("RssAnon", 0) for status in now.values()))
        waiter.join()
    if process.returncode != 0:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return Memory(sum(highest.values()), anonymous)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _status(pid: int) -> dict[str, int]:
    """The sizes in /proc/PID/status, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}


def busy_share(seconds: float = _LOOK) -> float:
    """The share of all cores' time that somebody uses while we sleep."""
    before = _ticks()
    time.sleep(seconds)
    used, total = (after - earlier for after, earlier in zip(_ticks(), before, strict=True))
    return used / max(total, 1)


def wait_until_quiet() -> float:
    """Wait for a moment in which the machine has nothing else to do; the share of time others used at the last look."""
    until = time.monotonic() + _PATIENCE
    while (share := busy_share()) > QUIET and time.monotonic() < until:
        pass
    return share


def _ticks() -> tuple[int, int]:
    numbers = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = numbers[3] + numbers[4]
    return sum(numbers) - idle, sum(numbers)


def machine() -> dict[str, str]:
    """Facts about this computer that the figures depend on; no names of it."""
    processor = _first(Path("/proc/cpuinfo"), "model name")
    memory = int(_first(Path("/proc/meminfo"), "MemTotal").split()[0]) / 2**20
    flags = _first(Path("/proc/cpuinfo"), "flags").split()
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")
    return {
        "processor": processor,
        "cores": str(os.cpu_count()),
        "instructions": ", ".join(flag for flag in wanted if flag in flags),
        "memory": f"{memory:.0f} GiB",
        "system": f"{os.uname().sysname} {os.uname().release.split('-')[0]}",
    }


def _first(path: Path, key: str) -> str:
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "unknown"


def spread(values: list[float]) -> str:
    """Smallest to largest, for a table."""
    return f"{min(values):.2f} to {max(values):.2f}"


def median(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)
