"""The devices that this build of llama.cpp can use."""

import ctypes
from typing import Any

from infer.engine.llama.library import bindings
from infer.types import Device

_KINDS = ("cpu", "gpu", "igpu", "accel", "meta")  # enum ggml_backend_dev_type


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(bindings._lib, name)
    function.restype = result
    function.argtypes = list(arguments)
    return function


def list_devices() -> tuple[Device, ...]:
    """What ggml's registry holds. Asking a GPU for its memory starts its driver (about 0.2 s on CUDA)."""
    count = _function("ggml_backend_dev_count", ctypes.c_size_t)
    get = _function("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    return tuple(_device(get(index)) for index in range(count()))


def list_backends() -> list[str]:
    """The names in ggml's registry, also of backends that find no device."""
    count = _function("ggml_backend_reg_count", ctypes.c_size_t)
    get = _function("ggml_backend_reg_get", ctypes.c_void_p, ctypes.c_size_t)
    name = _function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)
    return [name(get(index)).decode("utf-8", "replace") for index in range(count())]


def system_info() -> str:
    """What llama.cpp was compiled with, in its own words."""
    text: bytes = bindings.llama_print_system_info()
    return text.decode("utf-8", "replace").strip()


def _device(handle: int) -> Device:
    pointer = ctypes.c_void_p
    free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
    size = ctypes.POINTER(ctypes.c_size_t)
    _function("ggml_backend_dev_memory", None, pointer, size, size)(handle, free, total)
    kind = _function("ggml_backend_dev_type", ctypes.c_int, pointer)(handle)
    name = _function("ggml_backend_dev_name", ctypes.c_char_p, pointer)(handle)
    description = _function("ggml_backend_dev_description", ctypes.c_char_p, pointer)(handle)
    return Device(
        name=name.decode("utf-8", "replace"),
        description=description.decode("utf-8", "replace"),
        kind=_KINDS[kind] if kind < len(_KINDS) else "unknown",
        memory_free=free.value,
        memory_total=total.value,
    )
