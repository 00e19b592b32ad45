"""Bytes: of memory and disk, in all and free."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from infer.machine import cgroup, darwin
from infer.machine.files import read


def memory_total(root: Path) -> int:
    """Bytes of the whole computer; 0: unknown."""
    if found := _meminfo(root, "MemTotal:"):
        return found
    if sys.platform == "win32":
        return _windows()[0]
    with suppress(ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0


def memory_free(root: Path) -> int:
    """Bytes that can be taken without swapping: what the system has, the cgroup's room, the address space limit."""
    room = cgroup.memory_room(root)
    limits = [_system_free(root), _address_space(), sys.maxsize if room is None else room]
    return max(0, min(limits))


def _system_free(root: Path) -> int:
    if found := _meminfo(root, "MemAvailable:"):
        return found
    if sys.platform == "win32":
        return _windows()[1]
    if sys.platform == "darwin" and (found := darwin.memory_free()):
        return found
    return memory_total(root) or sys.maxsize


def _meminfo(root: Path, key: str) -> int:
    for line in read(root, "proc/meminfo").splitlines():
        words = line.split()
        if words[:1] == [key] and len(words) > 1 and words[1].isdigit():
            return int(words[1]) * 1024
    return 0


def _address_space() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return sys.maxsize
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


def _windows() -> tuple[int, int]:
    """(total, available) by GlobalMemoryStatusEx, whose structure is two u32 and seven u64."""
    import ctypes

    status = (ctypes.c_uint64 * 8)()
    ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 (mypy on other systems does not know it)
    return (status[1], status[2]) if kernel.GlobalMemoryStatusEx(status) else (0, 0)


def disk_free(place: Path) -> int:
    """Bytes that are free where `place` is or will be; 0 where nobody knows."""
    import shutil

    for directory in (place, *place.parents):
        with suppress(OSError):
            return shutil.disk_usage(directory).free
    return 0
