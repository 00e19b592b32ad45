"""How fast this computer's memory is read, measured on the spot: what limits decoding, which reads every weight.

libc's `memchr` looks through a large buffer for a byte that is not in it; ctypes lets go of the GIL meanwhile. It only
reads, as decoding does, so no write counts.
"""

import ctypes
import mmap
from threading import Barrier, Thread
from time import perf_counter

BUFFER = 256 << 20  # bytes; several times what the caches of a processor hold
_ROUNDS = 8  # the best one counts: what others take away is no limit of the memory


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
    """Seconds in which each thread looks through its share."""
    together = Barrier(len(starts) + 1)

    def read(start: int) -> None:
        together.wait()
        memchr(start, 0, share)

    threads = [Thread(target=read, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    together.wait()
    began = perf_counter()
    for thread in threads:
        thread.join()
    return perf_counter() - began
