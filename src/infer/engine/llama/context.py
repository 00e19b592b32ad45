"""One llama.cpp context: the KV memory of several sequences, and the decode that fills it.

A decode takes rows. A row is (token, position, sequence, wants logits). The arrays below are parallel, one entry a
row, allocated once for the largest batch.
"""

import ctypes
from collections.abc import Sequence as Rows
from typing import Any, NamedTuple

from infer.engine.llama.library import bindings
from infer.engine.llama.model import Model
from infer.engine.llama.state import MemoryKind, StateCutter
from infer.errors import DoesNotFit, EngineFailure, InferError
from infer.types import EngineConfig

_KV_TYPES = {"f16": "GGML_TYPE_F16", "q8_0": "GGML_TYPE_Q8_0", "q4_0": "GGML_TYPE_Q4_0"}
ABORTED = 2  # llama_decode's answer when the abort callback said so


class Row(NamedTuple):
    """One token of a batch: its id, its position in its sequence, the sequence, and whether logits are wanted."""

    token: int
    position: int
    sequence: int
    logits: bool


class AbortFlag:
    """A flag that llama.cpp reads between graph nodes, set from another thread.

    The callback is libc's `strlen` on a two-byte buffer: a Python callback would need the GIL at every node and
    slowed prefill by two thirds (measured). strlen of "" is 0, of "\\x01" 1, and the caller reads it as a bool.
    """

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(2)
        libc = ctypes.CDLL(None)
        self.callback = ctypes.cast(libc.strlen, bindings.ggml_abort_callback)
        self.data = ctypes.cast(self._buffer, ctypes.c_void_p)

    def set(self) -> None:
        """End the decode that is running, or the next one."""
        self._buffer[0] = b"\x01"

    @property
    def is_set(self) -> bool:
        """Whether nothing is computed until somebody clears it."""
        return bool(self._buffer[0] != b"\x00")

    def clear(self) -> None:
        """Let decodes run again."""
        self._buffer[0] = b"\x00"


class Context:
    """KV memory for `config.parallel` sequences over `size` positions, shared by all (unified).

    streams: so many sequences have memories of their own instead, of size / streams positions each. Attention then
    reads no other sequence's cells, but nothing can be shared without copying it, states cannot be cut, and only
    sequences whose ids lie side by side are computed together.

    size is rounded up by llama.cpp to a multiple of 256. Raises DoesNotFit when the memory cannot be had.
    """

    def __init__(self, model: Model, config: EngineConfig, size: int, abort: AbortFlag, *, streams: int = 0) -> None:
        params = _params(config, size)
        if streams:
            params.kv_unified = False
            params.n_seq_max = params.n_outputs_max = streams
        params.abort_callback = abort.callback
        params.abort_callback_data = abort.data
        self._abort = abort  # llama.cpp reads its buffer as long as this context lives
        self.pointer: Any = bindings.llama_init_from_model(model.pointer, params)
        if not self.pointer:
            raise _refusal(size, model.log.last_error())
        self.size: int = bindings.llama_n_ctx(self.pointer)
        self.streams = streams
        self._memory = bindings.llama_get_memory(self.pointer)
        self._batch = bindings.llama_batch_init(config.batch, 0, 1)
        self._capacity = config.batch
        self._scratch = config.parallel
        self._vocabulary_size = model.vocabulary.size
        model.apply_adapters(self.pointer)

    def decode(self, rows: Rows[Row]) -> bool:
        """Compute one batch. False when it was aborted; EngineFailure when llama.cpp cannot do it."""
        assert 0 < len(rows) <= self._capacity, "llama_decode aborts the process on a batch over n_batch"
        batch = self._batch
        batch.n_tokens = len(rows)
        tokens, positions, counts = batch.token, batch.pos, batch.n_seq_id
        sequences, logits = batch.seq_id, batch.logits
        for index, row in enumerate(rows):
            tokens[index] = row.token
            positions[index] = row.position
            counts[index] = 1
            sequences[index][0] = row.sequence
            logits[index] = row.logits
        status = bindings.llama_decode(self.pointer, batch)
        if status == ABORTED:
            return False
        if status != 0:
            raise EngineFailure(what=f"llama.cpp could not compute a batch of {len(rows)} tokens (status {status})")
        return True

    def logits(self, row: int, vocabulary_size: int) -> Any:
        """The logits of a row of the last decode: a ctypes view of `vocabulary_size` floats, valid until the next."""
        pointer = bindings.llama_get_logits_ith(self.pointer, row)
        return (ctypes.c_float * vocabulary_size).from_address(ctypes.addressof(pointer.contents))

    def probe(self, row: Row) -> list[float]:
        """The logits of one row, which is computed for that; empty when it was aborted."""
        return list(self.logits(0, self._vocabulary_size)) if self.decode([row]) else []

    def remove(self, sequence: int, start: int = 0) -> bool:
        """Forget positions >= start of a sequence; False where the memory type cannot cut there."""
        return bool(bindings.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def positions(self, sequence: int) -> int:
        """How many positions the sequence holds (the last position + 1)."""
        return int(bindings.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    @property
    def each(self) -> int:
        """Positions that one sequence may have."""
        return self.size // self.streams if self.streams else self.size

    def share(self, source: int, sequence: int, length: int) -> None:
        """Give a sequence the first `length` positions of another one, without copying them; streams are copied.

        The copy is made with the next decode: until then the state of `sequence` must not be read.
        """
        end = -1 if self.streams else length  # from one stream to another only all of it can be copied
        bindings.llama_memory_seq_cp(self._memory, source, sequence, 0, end)
        if self.streams:
            self.remove(sequence, length)

    @property
    def free(self) -> int:
        """Positions that are certainly free: sequences that share cells are counted each for itself."""
        return self.size - sum(self.positions(sequence) for sequence in range(self._scratch))

    def state(self, sequence: int) -> Any:
        """The sequence's KV state as an opaque buffer."""
        size = bindings.llama_state_seq_get_size(self.pointer, sequence)
        buffer = (ctypes.c_uint8 * size)()
        if bindings.llama_state_seq_get_data(self.pointer, buffer, size, sequence) != size:
            raise EngineFailure(what="llama.cpp could not copy the state of a sequence")
        return buffer

    def restore(self, sequence: int, state: Any) -> None:
        """Put a state from `state` of another context of the same model into this one."""
        size = len(state)
        if bindings.llama_state_seq_set_data(self.pointer, state, size, sequence) != size:
            raise EngineFailure(what="llama.cpp could not restore the state of a sequence")

    def cutter(self, kind: MemoryKind) -> StateCutter:
        """What copies this context's states; it uses the sequence id after the real ones."""
        return StateCutter(self.pointer, self._scratch, kind)

    def close(self) -> None:
        """Free the native memory."""
        if self.pointer:
            bindings.llama_batch_free(self._batch)
            bindings.llama_free(self.pointer)
            self.pointer = None


def spare_place(config: EngineConfig) -> int:
    """A sequence id for rows that are kept, behind those of the places and the one that states are copied with.

    Where there is one place nothing is kept beside it: then it is the copying one, and not to be used.
    """
    return config.parallel + (config.parallel > 1)


def _refusal(size: int, why: str) -> InferError:
    """Why llama.cpp made no context: no memory, or something it cannot do."""
    if not why or "alloc" in why:
        return DoesNotFit(what=f"a context of {size:,} tokens", need=None, have=None, hint="try a smaller --ctx")
    return EngineFailure(what=f"llama.cpp makes no context of {size:,} tokens: {why}")


def _params(config: EngineConfig, size: int) -> Any:
    params = bindings.llama_context_default_params()
    params.n_ctx = size
    params.n_batch = config.batch
    params.n_ubatch = config.ubatch
    params.n_seq_max = spare_place(config) + 1
    params.n_outputs_max = max(params.n_seq_max, config.outputs)  # llama.cpp asserts it is no less
    params.n_threads = params.n_threads_batch = config.threads
    on = bindings.LLAMA_FLASH_ATTN_TYPE_ENABLED
    params.flash_attn_type = on if config.flash_attention else bindings.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.type_k = params.type_v = getattr(bindings, _KV_TYPES[config.kv_type])
    params.kv_unified = True
    params.swa_full = False
    return params
