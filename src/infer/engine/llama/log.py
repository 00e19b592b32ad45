"""llama.cpp's log: the last lines in memory, nothing on a terminal."""

import ctypes
from collections import deque
from typing import ClassVar

from infer.engine.llama.library import bindings

_ERROR_LEVEL = 4  # enum ggml_log_level: NONE, DEBUG, INFO, WARN, ERROR, CONT
_CONTINUED = 5


class Log:
    """Receives llama.cpp's log. There is one per process, as in llama.cpp: the newest."""

    _installed: ClassVar["Log | None"] = None  # llama.cpp calls it, so it must not be collected

    def __init__(self, lines: int = 200) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=lines)
        self._callback = bindings.llama_log_callback(self._receive)
        bindings.llama_log_set(self._callback, ctypes.c_void_p(0))
        Log._installed = self

    def _receive(self, level: int, text: bytes, _: object) -> None:
        line = text.decode("utf-8", "replace").rstrip("\n")
        if level == _CONTINUED and self._lines:
            level, before = self._lines.pop()
            line = before + line
        self._lines.append((level, line))

    def last_error(self) -> str:
        """The newest error lines, joined, without llama.cpp's function names in front; empty if there is none."""
        errors = [line for level, line in self._lines if level == _ERROR_LEVEL and line.strip()]
        return "; ".join(_without_function(line) for line in errors[-2:])


def _without_function(line: str) -> str:
    head, colon, rest = line.partition(": ")
    return rest if colon and " " not in head else line
