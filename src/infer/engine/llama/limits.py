"""What a device can do at most, measured with ggml itself: the products of large matrices, and copies in its memory.

The matrix has the type of the model's weights, so the figure is what this build's kernels for that type reach when
nothing is in their way. All of its elements are zero: a product of zeros takes as long as any other.
"""

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import Any

from infer.engine.llama.devices import find_device, function
from infer.errors import EngineFailure

_COLUMNS = 512  # tokens of a prompt that are computed at once
_SIDE = {"cpu": 2048}  # of the square matrix of weights
_LARGE_SIDE = 8192  # of a GPU's
_COPIED = 256 << 20  # bytes
_ROUNDS = 8  # the best one counts
_POINTER, _SIZE, _INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
_F32 = 0  # enum ggml_type


class _InitParams(ctypes.Structure):
    """struct ggml_init_params."""

    _fields_ = (("mem_size", _SIZE), ("mem_buffer", _POINTER), ("no_alloc", ctypes.c_bool))


def multiplications(kind: str, threads: int, weight_type: int) -> float:
    """Floating-point operations a second of the first device of a kind ("cpu", "gpu"): weights times 512 columns."""
    side = _SIDE.get(kind, _LARGE_SIDE)

    def product(tensors: Any) -> Any:
        weights = _tensor(tensors, weight_type, side, side)
        return function("ggml_mul_mat", _POINTER, _POINTER, _POINTER, _POINTER)(
            tensors, weights, _tensor(tensors, _F32, side, _COLUMNS)
        )

    return 2 * side * side * _COLUMNS / _seconds(kind, threads, product)


def copies(kind: str, threads: int) -> float:
    """Bytes a second that a device moves when it copies in its own memory: each is read once and written once."""
    row = 1 << 20

    def copy(tensors: Any) -> Any:
        size = (_F32, row, _COPIED // row // 4)
        return function("ggml_cpy", _POINTER, _POINTER, _POINTER, _POINTER)(
            tensors, _tensor(tensors, *size), _tensor(tensors, *size)
        )

    return 2 * _COPIED / _seconds(kind, threads, copy)


def _tensor(tensors: Any, kind: int, columns: int, rows: int) -> Any:
    wide = ctypes.c_int64
    return function("ggml_new_tensor_2d", _POINTER, _POINTER, _INT, wide, wide)(tensors, kind, columns, rows)


def _seconds(kind: str, threads: int, build: Any) -> float:
    """The shortest of several computations of what `build` makes."""
    with ExitStack() as stack:
        backend = stack.enter_context(_backend(kind, threads))
        graph = stack.enter_context(_graph(backend, build))
        compute = function("ggml_backend_graph_compute", _INT, _POINTER, _POINTER)
        best = float("inf")
        for _ in range(1 + _ROUNDS):
            started = perf_counter()
            if compute(backend, graph) != 0:  # GGML_STATUS_SUCCESS; it waits for the device
                raise EngineFailure(what="llama.cpp could not measure what this device can do")
            best = min(best, perf_counter() - started)
    return best


@contextmanager
def _backend(kind: str, threads: int) -> Iterator[Any]:
    device = find_device(kind)
    backend = function("ggml_backend_dev_init", _POINTER, _POINTER, ctypes.c_char_p)(device, None)
    if not backend:
        raise EngineFailure(what=f"llama.cpp cannot use its device of the kind '{kind}'")
    try:
        registry = function("ggml_backend_dev_backend_reg", _POINTER, _POINTER)(device)
        find = function("ggml_backend_reg_get_proc_address", _POINTER, _POINTER, ctypes.c_char_p)
        if setter := find(registry, b"ggml_backend_set_n_threads"):
            ctypes.CFUNCTYPE(None, _POINTER, _INT)(setter)(backend, threads)
        yield backend
    finally:
        function("ggml_backend_free", None, _POINTER)(backend)


@contextmanager
def _graph(backend: Any, build: Any) -> Iterator[Any]:
    """A graph of one operation, its tensors in the device's memory and zero."""
    overhead = function("ggml_graph_overhead", _SIZE)() + 8 * function("ggml_tensor_overhead", _SIZE)()
    tensors = function("ggml_init", _POINTER, _InitParams)(_InitParams(overhead, None, True))
    memory = None
    try:
        graph = function("ggml_new_graph", _POINTER, _POINTER)(tensors)
        function("ggml_build_forward_expand", None, _POINTER, _POINTER)(graph, build(tensors))
        memory = function("ggml_backend_alloc_ctx_tensors", _POINTER, _POINTER, _POINTER)(tensors, backend)
        if not memory:
            raise EngineFailure(what="there is no memory to measure what this device can do")
        function("ggml_backend_buffer_clear", None, _POINTER, ctypes.c_uint8)(memory, 0)
        yield graph
    finally:
        if memory:
            function("ggml_backend_buffer_free", None, _POINTER)(memory)
        function("ggml_free", None, _POINTER)(tensors)
