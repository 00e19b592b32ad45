"""A llama.cpp context that makes embeddings: texts in, one vector each out. It keeps nothing between two calls.

Tokens of all texts stand in one batch, each with the number of its text as sequence id; llama.cpp pools by that id.

    whole       every text stands in one ubatch (n_batch = n_ubatch = n_ctx): llama.cpp pools each ubatch for itself,
                and without a KV memory tokens of two ubatches do not see each other. A smaller one gives wrong vectors
    in pieces   a causal model with `last` pooling: all tokens but the last fill the KV memory in pieces, without
                outputs; then one batch with the last token of each text. The head over the vocabulary, which llama.cpp
                computes for every output, is computed once a text instead of once a token
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from infer.engine.llama.context import ABORTED, AbortFlag, Row
from infer.engine.llama.library import bindings
from infer.engine.llama.model import Model
from infer.errors import DoesNotFit, EngineFailure
from infer.types import EngineConfig

_POOLING = {"mean": "MEAN", "cls": "CLS", "last": "LAST"}


class PooledContext:
    """Room for texts of `size` tokens together; `size` is rounded up by llama.cpp to a multiple of 256.

    Raises DoesNotFit when the memory cannot be had.
    """

    def __init__(self, model: Model, config: EngineConfig, size: int, abort: AbortFlag) -> None:
        self._in_pieces, self._encodes = config.in_pieces, model.encodes
        self.size = -(-size // 256) * 256
        self.batch_size = min(config.batch, self.size) if config.in_pieces else self.size
        params = _params(config, self.size, self.batch_size)
        params.abort_callback = abort.callback
        params.abort_callback_data = abort.data
        self._abort = abort  # llama.cpp reads its buffer as long as this context lives
        self.pointer: Any = bindings.llama_init_from_model(model.pointer, params)
        if not self.pointer:
            why = model.log.last_error()
            if why and "alloc" not in why:
                raise EngineFailure(what=f"llama.cpp makes no context of {size:,} tokens: {why}")
            raise DoesNotFit(what=f"a text of {size:,} tokens", need=None, have=None, hint="split it")
        self._memory = bindings.llama_get_memory(self.pointer)
        self._batch = bindings.llama_batch_init(self.batch_size, 0, 1)
        self._width = int(bindings.llama_model_n_embd_out(model.pointer))

    def embed(self, texts: Sequence[Sequence[int]]) -> list[Any] | None:
        """A vector (numpy, float32) for each text; None when it was aborted. Raises EngineFailure."""
        if self._memory:
            bindings.llama_memory_clear(self._memory, False)
        rows = _rows(texts)
        if self._in_pieces:
            early = [row for row in rows if not row.logits]
            bindings.llama_set_embeddings(self.pointer, False)
            for start in range(0, len(early), self.batch_size):
                if not self._process(early[start : start + self.batch_size]):
                    return None
            bindings.llama_set_embeddings(self.pointer, True)
            rows = [row for row in rows if row.logits]
        return [self._vector(text) for text in range(len(texts))] if self._process(rows) else None

    def _process(self, rows: list[Row]) -> bool:
        """Compute one batch; False when it was aborted. In pieces, only a text's last token is an output."""
        assert 0 < len(rows) <= self.batch_size, "llama.cpp aborts the process on a batch over n_batch"
        batch = self._batch
        batch.n_tokens = len(rows)
        tokens, positions, counts = batch.token, batch.pos, batch.n_seq_id
        sequences, outputs = batch.seq_id, batch.logits
        for index, row in enumerate(rows):
            tokens[index] = row.token
            positions[index] = row.position
            counts[index] = 1
            sequences[index][0] = row.sequence
            outputs[index] = row.logits or not self._in_pieces
        process = bindings.llama_encode if self._encodes else bindings.llama_decode
        status = process(self.pointer, batch)
        if status not in (0, ABORTED):
            raise EngineFailure(what=f"llama.cpp could not compute a batch of {len(rows)} tokens (status {status})")
        return bool(status == 0)

    def _vector(self, text: int) -> Any:
        """A copy: the next computation writes over llama.cpp's own."""
        pointer = bindings.llama_get_embeddings_seq(self.pointer, text)
        if not pointer:
            raise EngineFailure(what="llama.cpp has made no embedding of a text")
        values = (ctypes.c_float * self._width).from_address(ctypes.addressof(pointer.contents))
        return np.ctypeslib.as_array(values).astype("<f4", copy=True)

    def close(self) -> None:
        """Free the native memory."""
        if self.pointer:
            bindings.llama_batch_free(self._batch)
            bindings.llama_free(self.pointer)
            self.pointer = None


def checked(vector: Any, *, normalized: bool) -> Any:
    """A vector that is one, with length 1 if wanted. Raises EngineFailure for NaN, and for one without a direction."""
    if not np.isfinite(vector).all():
        raise EngineFailure(what="the model gives an embedding that is no number (NaN or infinite)")
    length = float(np.sqrt(np.square(vector, dtype=np.float64).sum()))
    if not normalized:
        return vector
    if not length:
        raise EngineFailure(what="the model gives an embedding that is all zeros, which has no direction")
    return (vector / length).astype("<f4")


def _rows(texts: Sequence[Sequence[int]]) -> list[Row]:
    return [
        Row(token, position, number, position == len(text) - 1)
        for number, text in enumerate(texts)
        for position, token in enumerate(text)
    ]


def _params(config: EngineConfig, size: int, batch: int) -> Any:
    assert config.pooling in _POOLING, "others make no vector of a text"
    params = bindings.llama_context_default_params()
    params.n_ctx = size
    params.n_batch = batch
    params.n_ubatch = min(config.ubatch, batch) if config.in_pieces else batch
    params.n_seq_max = config.parallel
    params.n_outputs_max = config.parallel if config.in_pieces else batch
    params.n_threads = params.n_threads_batch = config.threads
    params.embeddings = True
    params.pooling_type = getattr(bindings, f"LLAMA_POOLING_TYPE_{_POOLING[config.pooling]}")
    params.flash_attn_type = bindings.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.kv_unified = True
    params.swa_full = False
    return params
