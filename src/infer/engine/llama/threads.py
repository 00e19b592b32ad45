"""Makes the threads that llama.cpp computes with before they are needed.

OpenMP makes them in the first computation. Linux puts a new thread onto the core of its parent and may take 80 ms to
move it, while both wait for each other at every barrier. Made before the file is loaded they lie on cores of their
own by then. A thread's pool is its own: the caller must be the thread that will compute.
"""

import ctypes
import os
from contextlib import suppress


def start_threads(count: int) -> None:
    """Have the calling thread's pool ready for `count` threads in all; nothing where llama.cpp has no GNU OpenMP.

    Every thread calls free(NULL), which does nothing: GOMP_parallel(function, data, threads, flags) of libgomp.h.
    """
    if count < 2 or not hasattr(os, "RTLD_NOLOAD"):
        return
    with suppress(OSError, AttributeError):
        openmp = ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD)  # the one ggml has loaded, or none
        nothing = ctypes.cast(ctypes.CDLL(None).free, ctypes.c_void_p)
        openmp.GOMP_parallel(nothing, None, ctypes.c_uint(count), 0)
