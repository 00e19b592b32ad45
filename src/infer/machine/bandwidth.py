"""How fast this machine's memory is read: what limits decoding, which reads every weight for each token.

libc's `memchr` looks through a large buffer for a byte that is not in it; ctypes lets go of the GIL meanwhile. It only
reads, as decoding does, so no write counts.
"""

import ctypes
import json
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from time import perf_counter

from infer.machine.cores import processor_name
from infer.machine.facts import Machine
from infer.machine.files import ROOT, read

FILE = "bandwidth-v3.json"
BUFFER = 256 << 20  # bytes; several times what the caches of a processor hold
_ROUNDS = 8  # the best one counts: what others take away is no limit of the memory
_LARGEST = 1 << 30
_MODEST = 10e9  # bytes per second, where measuring fails: two channels of old memory


def memory_bandwidth(threads: int, size: int = BUFFER, rounds: int = _ROUNDS) -> float:
    """Bytes a second that `threads` threads read together. Takes about 0.3 s with the defaults."""
    libc = ctypes.CDLL(None)
    libc.memchr.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    libc.memchr.restype = ctypes.c_void_p
    with mmap.mmap(-1, size) as buffer:
        first = ctypes.c_char.from_buffer(buffer)
        begin, share = ctypes.addressof(first), size // threads
        ctypes.memset(begin, 1, size)
        starts = [begin + number * share for number in range(threads)]
        best = min(_read_all(libc.memchr, starts, share) for _ in range(rounds))
        del first  # the map cannot be closed while somebody points into it
    return share * threads / best


def _read_all(memchr: "ctypes._NamedFuncPointer", starts: list[int], share: int) -> float:
    """Seconds from the moment in which the first thread begins with its share until the last one has looked through it.

    The threads look at the clock themselves: whoever waits for them gets a core only when they have done much of it.
    """
    together = Barrier(len(starts))
    spans: list[tuple[float, float]] = []

    def look_through(start: int) -> None:
        together.wait()
        began = perf_counter()
        memchr(start, 0, share)
        spans.append((began, perf_counter()))

    threads = [Thread(target=look_through, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(end for _, end in spans) - min(began for began, _ in spans)


def cache_size(root: Path = ROOT) -> int:
    """Bytes of the largest cache of the first core; 0: unknown."""
    sizes = [read(root, f"sys/devices/system/cpu/cpu0/cache/index{index}/size") for index in range(5)]
    return max((int(size[:-1]) << 10 for size in sizes if size[:-1].isdigit() and size.endswith("K")), default=0)


def measure(machine: Machine) -> float:
    """`memory_bandwidth` with a buffer that no cache of this machine holds, and that its free memory does."""
    size = min(_LARGEST, max(BUFFER, 4 * cache_size()), machine.memory_free // 4)
    try:
        return memory_bandwidth(machine.performance_cores or machine.cores, size)
    except (OSError, AttributeError, TypeError, MemoryError):  # no libc to ask, or no memory for the buffer
        return _MODEST


def key(machine: Machine) -> str:
    """What the memory of a processor is remembered under."""
    return f"{processor_name()}, {machine.cores} cores, {machine.memory_total} bytes"


def known(folder: Path, name: str, measured: Callable[[], float]) -> float:
    """Bytes a second as measured here before, else now. folder: where they are remembered under a device's name."""
    path, found = folder / FILE, _remembered(folder / FILE)
    try:
        value = float(found[name])  # type: ignore[arg-type]  # whatever stands in the file
        if 1e8 < value < 1e14:
            return value
    except (ValueError, TypeError, KeyError):
        pass
    value = measured()
    _remember(path, found | {name: value})
    return value


def _remembered(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(path: Path, facts: dict[str, object]) -> None:
    """A failure is silent: it costs another measurement."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_text(json.dumps(facts))
        temporary.replace(path)
    except OSError:
        return
