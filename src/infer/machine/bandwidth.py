"""How fast this machine's memory is read, measured on the spot and remembered.

Every generated token reads the weights once, so bytes per second of memory decide how many tokens a second there are.
Measured as decode reads: all cores at once, each its own part of a buffer that no cache holds.
"""

import ctypes
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from infer.machine.facts import Machine
from infer.machine.files import ROOT, read

FILE = "bandwidth-v1.json"
_BUFFER = 128 << 20  # bytes, or four times the largest cache
_LARGEST = 1 << 30
_ROUNDS = 6  # the best counts: other programs only take away
_MODEST = 10e9  # bytes per second, where measuring fails: two channels of old memory


def cache_size(root: Path = ROOT) -> int:
    """Bytes of the largest cache of the first core; 0: unknown."""
    sizes = [read(root, f"sys/devices/system/cpu/cpu0/cache/index{index}/size") for index in range(5)]
    return max((int(size[:-1]) << 10 for size in sizes if size[:-1].isdigit() and size.endswith("K")), default=0)


def measure(threads: int, buffer_bytes: int = 0) -> float:
    """Bytes per second that so many threads read together; takes a tenth to half a second."""
    size = buffer_bytes or min(_LARGEST, max(_BUFFER, 4 * cache_size()))
    part = size // threads
    search = _search()
    if search is None:
        return _MODEST
    buffers = [ctypes.create_string_buffer(part) for _ in range(threads)]
    for buffer in buffers:  # a page nobody has written to is the one page of zeros, which caches hold
        ctypes.memset(buffer, 1, part)
    return part * threads / min(_round(search, buffers, part) for _ in range(_ROUNDS))


def known(place: Path, machine: Machine) -> float:
    """What was measured here before, else now; `place`: the folder where it is remembered."""
    path, key = place / FILE, f"{machine.cpu_name} {machine.architecture} {machine.cores} {machine.memory_total}"
    try:
        found = json.loads(path.read_bytes())
        value = float(found["bytes_per_second"])
        if found["machine"] == key and 1e8 < value < 1e14:
            return value
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass
    value = measure(machine.performance_cores or machine.cores)
    _remember(path, {"machine": key, "bytes_per_second": value})
    return value


def _remember(path: Path, facts: dict[str, object]) -> None:
    """A failure is silent: it costs another measurement."""
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.write_text(json.dumps(facts))
        temporary.replace(path)
    except OSError:
        return


def _search() -> Any:
    """libc's memchr, which reads with the widest instructions there are; called without the interpreter's lock."""
    try:
        function = (ctypes.CDLL("msvcrt") if sys.platform == "win32" else ctypes.CDLL(None)).memchr
    except (OSError, AttributeError, TypeError):
        return None
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], ctypes.c_void_p
    return function


def _round(search: Any, buffers: "list[ctypes.Array[ctypes.c_char]]", part: int) -> float:
    """Seconds until every thread has searched its buffer for what is not in it."""
    workers = [threading.Thread(target=search, args=(buffer, 2, part)) for buffer in buffers]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began
