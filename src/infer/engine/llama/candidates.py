"""Candidates for the next token, as llama.cpp's samplers take them: an array of (id, logit, probability).

A sampler sorts the array, cuts it and marks what it has selected.
"""

import ctypes
from typing import Any

import numpy as np

from infer.engine.llama.library import bindings

_RECORD = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
_ENTRIES = ctypes.POINTER(bindings.llama_token_data)


class Candidates:
    """Room for the candidates of one vocabulary, used again for each token."""

    def __init__(self, vocabulary_size: int) -> None:
        assert ctypes.sizeof(bindings.llama_token_data) == _RECORD.itemsize, "llama.cpp has another layout"
        self._size = vocabulary_size
        self._ids = np.arange(vocabulary_size, dtype=np.int32)
        self._records = np.zeros(vocabulary_size, dtype=_RECORD)
        self._array = bindings.llama_token_data_array()

    def draw(self, sampler: Any, logits: Any, allowed: bytes | None = None) -> int | None:
        """What a sampler selects, None where no token is allowed.

        logits: a ctypes array, one for each token of the vocabulary; allowed: a bit for each token, None: all.
        """
        values = np.frombuffer(logits, dtype=np.float32)
        if allowed is None:
            return self._select(sampler, self._ids, values)
        ids = np.flatnonzero(_unpacked(allowed, self._size)).astype(np.int32)
        return self._select(sampler, ids, values[ids]) if ids.size else None

    def allowed_by(self, sampler: Any) -> bytes:
        """The tokens that a sampler does not refuse (with a logit of -inf), a bit each."""
        self._fill(self._ids, np.zeros(self._size, dtype=np.float32))
        self._apply(sampler, self._size)
        fits = np.zeros(self._size, dtype=bool)
        fits[self._records["id"]] = self._records["logit"] != -np.inf
        return np.packbits(fits, bitorder="little").tobytes()

    def _select(self, sampler: Any, ids: Any, logits: Any) -> int:
        self._fill(ids, logits)
        self._apply(sampler, len(ids))
        return int(self._array.data[self._array.selected].id)

    def _fill(self, ids: Any, logits: Any) -> None:
        self._records["id"][: len(ids)] = ids
        self._records["logit"][: len(ids)] = logits

    def _apply(self, sampler: Any, count: int) -> None:
        array = self._array
        array.data = ctypes.cast(self._records.ctypes.data, _ENTRIES)
        array.size, array.selected, array.sorted = count, -1, False
        bindings.llama_sampler_apply(sampler, ctypes.byref(array))


def _unpacked(bits: bytes, size: int) -> Any:
    return np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=size, bitorder="little")
