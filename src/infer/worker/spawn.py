"""Starts the worker process, bare. Imports next to nothing: it runs before the parent's own libraries are loaded."""

import fcntl
import os
import sys

_SIGHUP, _SIGINT, _SIGTERM = 1, 2, 15  # the same everywhere; `import signal` costs 5 ms
_FIRST_OWN_DESCRIPTOR = 10


class Spawned:
    """A process and our ends of its pipes: events to read, messages to write, and its stderr."""

    __slots__ = ("pid", "reader", "stderr", "writer")

    def __init__(self, pid: int, reader: int, writer: int, stderr: int) -> None:
        self.pid, self.reader, self.writer, self.stderr = pid, reader, writer, stderr


def spawn() -> Spawned:
    """Start a bare worker: it imports llama.cpp while the caller goes on.

    It gets the wire as descriptors 3 and 4, /dev/null as stdin and stdout (a child that kept stdout open would keep
    `$(infer ...)` waiting) and a pipe as stderr. SIGINT, SIGHUP and SIGTERM stay blocked in it from before its exec:
    they often reach a whole process group, and the parent decides what they mean.
    """
    to_worker, from_worker, stderr = _pipe(), _pipe(), _pipe()
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, stderr[1], 2),
        (os.POSIX_SPAWN_DUP2, to_worker[0], 3),
        (os.POSIX_SPAWN_DUP2, from_worker[1], 4),
    ]
    # -S and our own path: the work of `site` is done in the parent already
    start = f"import sys; sys.path[:] = {sys.path!r}; from infer.worker.process import main; main()"
    command = [sys.executable, "-S", "-E", "-c", start]
    environment = _environment()
    pid = os.posix_spawn(
        sys.executable, command, environment, file_actions=actions, setsigmask=[_SIGINT, _SIGHUP, _SIGTERM]
    )
    for descriptor in (to_worker[0], from_worker[1], stderr[1]):
        os.close(descriptor)
    return Spawned(pid, from_worker[0], to_worker[1], stderr[0])


def _environment() -> dict[str, str]:
    """Ours, with two words to the libraries of the worker.

    ggml would start gdb on an assertion. And its threads meet at a barrier several hundred times a token: by default
    they spin there for milliseconds, so one thread that loses its core to another program stalls all (1 to 14 tok/s
    beside one busy program, 27 with a short spin; on a quiet machine no difference was measured: docs/LOG.md).
    """
    environment = {**os.environ, "GGML_NO_BACKTRACE": "1"}
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", "500")
    return environment


def _pipe() -> tuple[int, int]:
    """A pipe whose descriptors are out of the way of those that the child is given."""
    low = os.pipe()
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_OWN_DESCRIPTOR) for descriptor in low]
    for descriptor in low:
        os.close(descriptor)
    return high[0], high[1]
