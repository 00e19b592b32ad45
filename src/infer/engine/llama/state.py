"""Cuts the KV state of a sequence into blocks and pastes blocks back, through llama.cpp's public state calls.

A block is the state of positions [start, end) of one sequence, as two byte strings:

    base   what attention to all earlier positions needs: rows of [start, end)
    part   what only the newest positions need: the rows of a sliding window, or the recurrent state at `end`;
           empty for models that have neither

`part` is the tail of the whole blob, and its length is that of the PARTIAL_ONLY blob without its 8-byte head; this is
asserted for each block, so a change of llama.cpp's layout is noticed, not trusted. A scratch sequence beside the real
ones carries every copy, which needs n_seq_max >= 2 and a unified cache.
"""

import ctypes
from enum import Enum
from typing import Any

from infer.engine.llama.library import bindings
from infer.errors import EngineFailure

_HEAD = 8  # bytes before the memory's own payload: u32 magic, i32 sequence
_PARTIAL = bindings.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY


class MemoryKind(Enum):
    """What a model's memory can do: be cut anywhere, inside its window, or nowhere."""

    FULL = "full attention"
    WINDOW = "sliding window"
    RECURRENT = "recurrent"  # hybrid models too: the state of one position, which cannot be rewound


def memory_kind(model: Any) -> MemoryKind:
    """The kind of a model's memory (a llama_model pointer)."""
    if bindings.llama_model_is_recurrent(model) or bindings.llama_model_is_hybrid(model):
        return MemoryKind.RECURRENT
    return MemoryKind.WINDOW if bindings.llama_model_n_swa(model) > 0 else MemoryKind.FULL


class StateCutter:
    """Copies between one context's sequences and blocks. `scratch`: a sequence id that nobody computes with."""

    def __init__(self, context: Any, scratch: int, kind: MemoryKind) -> None:
        self._context = context
        self._memory = bindings.llama_get_memory(context)
        self._scratch = scratch
        self.kind = kind
        self.no_part = bytes(self._read(_PARTIAL)[_HEAD:]) if kind is not MemoryKind.FULL else b""

    def cut(self, sequence: int, start: int, end: int) -> tuple[memoryview, bytes]:
        """Base and part of positions [start, end); the part of a recurrent memory is that of the present position.

        Raises EngineFailure when llama.cpp's blobs are not what they were found to be.
        """
        bindings.llama_memory_seq_cp(self._memory, sequence, self._scratch, start, end)
        try:
            whole = self._read(0)
            part = b"" if self.kind is MemoryKind.FULL else bytes(self._read(_PARTIAL)[_HEAD:])
        finally:
            bindings.llama_memory_seq_rm(self._memory, self._scratch, -1, -1)
        if whole[len(whole) - len(part) :] != part:
            raise EngineFailure(what="llama.cpp's state has another layout than expected")
        return memoryview(whole)[: len(whole) - len(part)], part

    def paste(self, sequence: int, state: memoryview, *, below: int | None = None) -> None:
        """Put a base and its part (or `no_part`), in one writable buffer, into a sequence.

        below: only its positions below this one. Raises EngineFailure when llama.cpp refuses it.
        """
        try:
            self._write(state)
            if below is not None and not bindings.llama_memory_seq_rm(self._memory, self._scratch, below, -1):
                raise EngineFailure(what="this model's memory cannot be cut")
            bindings.llama_memory_seq_cp(self._memory, self._scratch, sequence, -1, -1)
        finally:
            bindings.llama_memory_seq_rm(self._memory, self._scratch, -1, -1)

    def survives(self, base: memoryview, part: bytes) -> bool:
        """Whether a state that is pasted and cut again is the same, byte for byte."""
        state = bytearray(base) + part
        try:
            self._write(memoryview(state))
            return self._read(0) == state
        except EngineFailure:
            return False
        finally:
            bindings.llama_memory_seq_rm(self._memory, self._scratch, -1, -1)

    def _read(self, flags: int) -> bytearray:
        size = bindings.llama_state_seq_get_size_ext(self._context, self._scratch, flags)
        data = bytearray(size)
        buffer = (ctypes.c_uint8 * size).from_buffer(data)
        if bindings.llama_state_seq_get_data_ext(self._context, buffer, size, self._scratch, flags) != size:
            raise EngineFailure(what="llama.cpp could not copy the state of a sequence")
        return data

    def _write(self, state: memoryview) -> None:
        size = len(state)
        buffer = (ctypes.c_uint8 * size).from_buffer(state)  # no copy
        if bindings.llama_state_seq_set_data_ext(self._context, buffer, size, self._scratch, 0) != size:
            raise EngineFailure(what="llama.cpp refused a state")
