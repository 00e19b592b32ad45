"""The devices that this build of llama.cpp can use."""

import ctypes
from typing import Any

from infer.engine.llama.library import bindings
from infer.errors import EngineFailure
from infer.types import Device

_KINDS = ("cpu", "gpu", "igpu", "accel", "meta")  # enum ggml_backend_dev_type


def function(name: str, result: Any, *arguments: Any) -> Any:
    """A function of ggml, which the bindings leave out, with the types of its result and arguments."""
    found = getattr(bindings._lib, name)
    found.restype = result
    found.argtypes = list(arguments)
    return found


def list_devices() -> tuple[Device, ...]:
    """What ggml's registry holds. Asking a GPU for its memory starts its driver (about 0.2 s on CUDA)."""
    return tuple(map(_device, _handles()))


def find_device(kind: str) -> int:
    """The handle of the first device of a kind."""
    for handle in _handles():
        if _kind(handle) == kind:
            return handle
    raise EngineFailure(what=f"llama.cpp has no device of the kind '{kind}'")


def _handles() -> list[int]:
    count = function("ggml_backend_dev_count", ctypes.c_size_t)
    get = function("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    return [get(index) for index in range(count())]


def _kind(handle: int) -> str:
    kind = function("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)(handle)
    return _KINDS[kind] if kind < len(_KINDS) else "unknown"


def list_backends() -> list[str]:
    """The names in ggml's registry, also of backends that find no device."""
    count = function("ggml_backend_reg_count", ctypes.c_size_t)
    get = function("ggml_backend_reg_get", ctypes.c_void_p, ctypes.c_size_t)
    name = function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)
    return [name(get(index)).decode("utf-8", "replace") for index in range(count())]


def system_info() -> str:
    """What llama.cpp was compiled with, in its own words."""
    text: bytes = bindings.llama_print_system_info()
    return text.decode("utf-8", "replace").strip()


def _device(handle: int) -> Device:
    pointer = ctypes.c_void_p
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    size = ctypes.POINTER(ctypes.c_size_t)
    function("ggml_backend_dev_memory", None, pointer, size, size)(handle, free, total)
    name = function("ggml_backend_dev_name", ctypes.c_char_p, pointer)(handle)
    description = function("ggml_backend_dev_description", ctypes.c_char_p, pointer)(handle)
    return Device(
        name=name.decode("utf-8", "replace"),
        description=description.decode("utf-8", "replace"),
        kind=_kind(handle),
        memory_free=free.value,
        memory_total=total.value,
    )
