"""macOS's numbers: `sysctl` by name, without starting a process."""

import ctypes
from collections.abc import Callable

Sysctl = Callable[[str], bytes]


def sysctl(name: str) -> bytes:
    """The raw value of a name ("hw.physicalcpu"); empty where there is none, on other systems always."""
    try:
        function = ctypes.CDLL(None).sysctlbyname
    except (AttributeError, OSError, TypeError):
        return b""
    size = ctypes.c_size_t(256)
    buffer = ctypes.create_string_buffer(size.value)
    if function(name.encode(), buffer, ctypes.byref(size), None, ctypes.c_size_t(0)):
        return b""
    return buffer.raw[: size.value]


def integer(name: str, ask: Sysctl = sysctl) -> int:
    """A whole number; 0 where there is none."""
    value = ask(name)
    return int.from_bytes(value, "little") if len(value) in (4, 8) else 0


def text(name: str, ask: Sysctl = sysctl) -> str:
    """A text; "" where there is none."""
    return ask(name).rstrip(b"\0").decode("utf-8", "replace")


def memory_free(ask: Sysctl = sysctl) -> int:
    """Bytes that can be had without compressing or swapping: free pages, and those of files; 0: unknown."""
    pages = ("vm.page_free_count", "vm.page_pageable_external_count", "vm.page_purgeable_count")
    return integer("hw.pagesize", ask) * sum(integer(name, ask) for name in pages)
