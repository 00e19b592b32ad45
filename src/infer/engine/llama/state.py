"""Cuts the KV state of a sequence into blocks and pastes blocks back, through llama.cpp's public state calls.

A block is the state of positions [start, end) of one sequence, as two byte strings:

    base   what attention to all earlier positions needs: rows of [start, end)
    part   what only the newest positions need: the rows of a sliding window, or the recurrent state at `end`;
           empty for models that have neither

`part` is the tail of the whole blob, and its length is that of the PARTIAL_ONLY blob without its 8-byte head; this is
asserted for each block, so a change of llama.cpp's layout is noticed, not trusted. Whether the memory still has the
rows that a part should hold is asked each time, when it is cut and when it is pasted: llama.cpp gives rows of a window
away while a later chunk is computed. A scratch sequence beside the real ones carries every copy, which needs
n_seq_max >= 2 and a unified cache.
"""

import ctypes
from enum import Enum
from threading import Lock
from typing import Any

from infer.engine.llama.library import bindings
from infer.errors import EngineFailure

_HEAD = 8  # bytes before the memory's own payload: u32 magic, i32 sequence
_PARTIAL = bindings.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
_ANOTHER = "the prompt cache cannot serve this model: llama.cpp's state has another layout than expected"
_MOST_SPARE = 2  # buffers: one is filled while another is written
_HIDDEN_WINDOWS = ("deepseek4",)  # llama.cpp says it has none, because it cannot be rewound


class MemoryKind(Enum):
    """What a model's memory can do: be cut anywhere, inside its window, or nowhere."""

    FULL = "full attention"
    WINDOW = "sliding window"
    RECURRENT = "recurrent"  # hybrid models too: the state of one position, which cannot be rewound
    MIXED = "recurrent with a window"  # its part holds rows of a window and a state of one position: not cut here


def memory_kind(model: Any) -> MemoryKind:
    """The kind of a model's memory (a llama_model pointer)."""
    window = bindings.llama_model_n_swa(model) > 0 or _architecture(model) in _HIDDEN_WINDOWS
    if bindings.llama_model_is_recurrent(model) or bindings.llama_model_is_hybrid(model):
        return MemoryKind.MIXED if window else MemoryKind.RECURRENT
    return MemoryKind.WINDOW if window else MemoryKind.FULL


def first_needed(kind: MemoryKind, end: int, window: int) -> int:
    """The earliest position that whoever computes position `end` reads from a memory of this kind.

    window: the size of the sliding window; position `end` sees itself and the window - 1 positions before it.
    """
    if kind is MemoryKind.FULL:
        return 0
    return max(0, end - 1 if kind is MemoryKind.RECURRENT else min(end - window + 1, end - 1))


def _architecture(model: Any) -> str:
    buffer = ctypes.create_string_buffer(64)
    bindings.llama_model_meta_val_str(model, b"general.architecture", buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace")


class StateCutter:
    """Copies between one context's sequences and blocks. `scratch`: a sequence id that nobody computes with.

    Raises EngineFailure when the memory is not of this kind: a model may name a window that llama.cpp does not use.
    """

    def __init__(self, context: Any, scratch: int, kind: MemoryKind) -> None:
        model = bindings.llama_get_model(context)
        self._context = context
        self._memory = bindings.llama_get_memory(context)
        self._scratch = scratch
        self._window = int(bindings.llama_model_n_swa(model))
        self._has_base = kind is MemoryKind.WINDOW or bool(bindings.llama_model_is_hybrid(model))
        self.kind = kind
        self._spare: list[memoryview] = []
        self._sparing = Lock()
        self.no_part = b""
        if kind is not MemoryKind.FULL:
            self.no_part = self._read_part()
            self._check(self._size(0), len(self.no_part))

    def cut(self, sequence: int, start: int, end: int) -> tuple[memoryview, bytes]:
        """Base and part of positions [start, end); no part where the memory no longer has all that belongs to it.

        The part of a recurrent memory is that of the present position. The base is the caller's until it gives it
        back. Raises EngineFailure when llama.cpp's blobs are not what they were found to be; MemoryError.
        """
        bindings.llama_memory_seq_cp(self._memory, sequence, self._scratch, start, end)
        try:
            whole = self._read(0)
            part = b"" if self.kind is MemoryKind.FULL else self._read_part()
            first = max(start, first_needed(self.kind, end, self._window))
            is_whole = self._holds(self._scratch, first, end)
        finally:
            bindings.llama_memory_seq_rm(self._memory, self._scratch, -1, -1)
        self._check(len(whole), len(part))
        border = len(whole) - len(part)
        if bytes(whole[border:]) != part:
            raise EngineFailure(what=_ANOTHER)
        return whole[:border], part if is_whole else b""

    def give_back(self, memory: memoryview) -> None:
        """Let a later `cut` use memory again, that of a base or another, from any thread; its content is lost.

        The largest two are kept, the others freed: there may be no later cut.
        A copy into fresh memory costs ten times as much as one into memory that was used before (docs/LOG.md).
        """
        whole = memoryview(memory.obj)
        with self._sparing:
            self._spare = sorted([*self._spare, whole], key=len)[-_MOST_SPARE:]

    def paste(
        self, sequence: int, state: memoryview, *, below: int | None = None, rows: tuple[int, int] | None = None
    ) -> None:
        """Put a base and its part (or `no_part`), in one writable buffer, into a sequence.

        below: only its positions below this one. rows: positions [first, end) that its part must bring, or the state
        at end - 1. Raises EngineFailure when llama.cpp refuses it or rows are missing.
        """
        try:
            self._write(state)
            if rows and not self._holds(self._scratch, *rows):
                raise EngineFailure(what="a stored state lacks positions of the window")
            if below is not None and not bindings.llama_memory_seq_rm(self._memory, self._scratch, below, -1):
                raise EngineFailure(what="this model's memory cannot be cut")
            bindings.llama_memory_seq_cp(self._memory, self._scratch, sequence, -1, -1)
        finally:
            bindings.llama_memory_seq_rm(self._memory, self._scratch, -1, -1)

    def is_ready(self, sequence: int, end: int) -> bool:
        """Whether a sequence has all that position `end` needs, and nothing from there on."""
        return self._holds(sequence, first_needed(self.kind, end, self._window), end)

    def put_beside(self, state: memoryview) -> int:
        """Put a whole state into the scratch sequence, for a look; returns that, `clear` empties it."""
        self._write(state)
        return self._scratch

    def copy_beside(self, sequence: int, end: int) -> int:
        """Let the scratch sequence share the first `end` positions; returns that, `clear` empties it."""
        bindings.llama_memory_seq_cp(self._memory, sequence, self._scratch, 0, end)
        return self._scratch

    def clear(self) -> None:
        """Empty the scratch sequence."""
        bindings.llama_memory_seq_rm(self._memory, self._scratch, -1, -1)

    def _holds(self, sequence: int, first: int, end: int) -> bool:
        """Whether positions [first, end) are there. llama.cpp keeps those between the first and the last together.

        For sliding windows it tells those of the window; for hybrid memories the later of the two first ones.
        """
        start = bindings.llama_memory_seq_pos_min(self._memory, sequence)
        last = bindings.llama_memory_seq_pos_max(self._memory, sequence)
        return bool(0 <= start <= first and last == end - 1)

    def _check(self, whole: int, part: int) -> None:
        """That a state has a base where its kind has one: PARTIAL_ONLY is ignored by memories that it means nothing to.

        A base that is only the head would leave all its rows to the part, which most blocks are loaded without.
        """
        if whole < _HEAD + part + self._has_base:
            raise EngineFailure(what=_ANOTHER)

    def _size(self, flags: int) -> int:
        return int(bindings.llama_state_seq_get_size_ext(self._context, self._scratch, flags))

    def _read(self, flags: int) -> memoryview:
        size = self._size(flags)
        data = self._memory_of(size)
        buffer = (ctypes.c_uint8 * size).from_buffer(data)
        if bindings.llama_state_seq_get_data_ext(self._context, buffer, size, self._scratch, flags) != size:
            raise EngineFailure(what="llama.cpp could not copy the state of a sequence")
        return data[:size]

    def _read_part(self) -> bytes:
        whole = self._read(_PARTIAL)
        part = bytes(whole[_HEAD:])
        self.give_back(whole)
        return part

    def _memory_of(self, size: int) -> memoryview:
        """At least `size` bytes, of those that were given back if one is large enough."""
        with self._sparing:
            fitting = (index for index, spare in enumerate(self._spare) if len(spare) >= size)
            index = next(fitting, None)
            if index is not None:
                return self._spare.pop(index)
        return memoryview(bytearray(size))

    def _write(self, state: memoryview) -> None:
        size = len(state)
        buffer = (ctypes.c_uint8 * size).from_buffer(state)  # no copy
        if bindings.llama_state_seq_set_data_ext(self._context, buffer, size, self._scratch, 0) != size:
            raise EngineFailure(what="llama.cpp refused a state")
