"""Asks NVIDIA's driver library about its GPUs and writes the answer as JSON; run as a script, by itself.

The library is other people's code in our address space: a broken one may crash or hang whoever loads it. So this
file imports nothing of ours, and gpus.py starts it as a short-lived process.
"""

import ctypes
import json
import sys
from typing import Any

_LIBRARIES = ("nvml.dll",) if sys.platform == "win32" else ("libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1")
_TEXT = 96  # bytes of a name or version
_MANY = 64  # GPUs; more in one computer have not been seen


class _Memory(ctypes.Structure):
    """nvmlMemory_t, in bytes."""

    _fields_ = (("total", ctypes.c_uint64), ("free", ctypes.c_uint64), ("used", ctypes.c_uint64))


class Refused(Exception):
    """NVML answered with an error."""


class Nvml:
    """The library; its functions return 0 or the number of an error."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self.call("nvmlInit_v2")

    def call(self, name: str, *arguments: Any) -> None:
        """Raises Refused, with NVML's own words if it has any."""
        try:
            status = getattr(self._library, name)(*arguments)
        except AttributeError as error:
            raise Refused(f"it lacks {name}") from error
        if status:
            raise Refused(f"{name}: {self._words(status)}")

    def _words(self, status: int) -> str:
        try:
            function = self._library.nvmlErrorString
        except AttributeError:
            return f"error {status}"
        function.restype = ctypes.c_char_p
        said = function(status)
        return said.decode("utf-8", "replace") if said else f"error {status}"

    def text(self, name: str, *arguments: Any) -> str:
        """A text that the function writes."""
        buffer = ctypes.create_string_buffer(_TEXT)
        self.call(name, *arguments, buffer, ctypes.c_uint(_TEXT))
        return buffer.value.decode("utf-8", "replace")

    def integer(self, name: str) -> int:
        """A whole number that the function writes."""
        value = ctypes.c_int(0)
        self.call(name, ctypes.byref(value))
        return value.value


def gpus(nvml: Nvml) -> list[dict[str, Any]]:
    """The fields of machine.facts.Gpu for each GPU."""
    driver = nvml.text("nvmlSystemGetDriverVersion")
    cuda = nvml.integer("nvmlSystemGetCudaDriverVersion")  # 12040 is 12.4
    both = {"driver": driver, "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}"}
    count = min(nvml.integer("nvmlDeviceGetCount_v2"), _MANY)
    return [_gpu(nvml, index) | both for index in range(count)]


def _gpu(nvml: Nvml, index: int) -> dict[str, Any]:
    handle = ctypes.c_void_p()
    nvml.call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
    memory, major, minor = _Memory(), ctypes.c_int(0), ctypes.c_int(0)
    nvml.call("nvmlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
    nvml.call("nvmlDeviceGetCudaComputeCapability", handle, ctypes.byref(major), ctypes.byref(minor))
    return {
        "name": nvml.text("nvmlDeviceGetName", handle),
        "memory_total": memory.total,
        "memory_free": memory.free,
        "compute_capability": f"{major.value}.{minor.value}",
    }


def answer(names: tuple[str, ...]) -> dict[str, Any]:
    """{"gpus": [...], "problems": [...]} from the first library that can be loaded."""
    why = "it is not installed"
    for name in names:
        try:
            library = ctypes.CDLL(name)
        except OSError as error:
            if "No such file" not in str(error):
                why = str(error)
            continue
        try:
            return {"gpus": gpus(Nvml(library)), "problems": []}
        except Refused as error:
            return {"gpus": [], "problems": [f"NVIDIA's driver library refuses: {error}"]}
    return {"gpus": [], "problems": [f"NVIDIA's driver library cannot be loaded: {why}"]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(tuple(sys.argv[1:]) or _LIBRARIES)))
