"""Where a model's layers lie: split over several GPUs, and experts that stay in the computer's memory."""

import ctypes
from typing import Any

from infer.engine.llama.library import bindings
from infer.types import EngineConfig

# The weights of experts in llama.cpp's names; the pattern is a std::regex that is searched in a tensor's name.
_EXPERTS = r"^blk\.%d\.ffn_(up|down|gate|gate_up)_(ch|)exps"


class _Override(ctypes.Structure):
    """llama_model_tensor_buft_override: a pattern, and the type of buffer for what matches it."""

    _fields_ = (("pattern", ctypes.c_char_p), ("buffer", ctypes.c_void_p))


class Placement:
    """The arrays that a model's parameters point to; llama.cpp reads them while it loads, so keep this until then."""

    def __init__(self, config: EngineConfig) -> None:
        self._split = _split(config.tensor_split)
        takers = [index for index, part in enumerate(config.tensor_split) if part]
        self._alone = takers[0] if len(takers) == 1 else None
        self._overrides = _overrides(config.cpu_experts)

    def put_into(self, params: Any) -> None:
        """Set the fields; without a wish they stay llama.cpp's own."""
        if self._alone is not None:  # with a split, llama.cpp would open the other devices too
            params.split_mode, params.main_gpu = bindings.LLAMA_SPLIT_MODE_NONE, self._alone
        elif self._split is not None:
            params.tensor_split = self._split
        if self._overrides is not None:
            params.tensor_buft_overrides = ctypes.cast(self._overrides, ctypes.c_void_p)


def _split(parts: tuple[float, ...]) -> Any:
    """One number for each device llama.cpp may have, 0 for those that get nothing; None: no wish."""
    count = int(bindings.llama_max_devices())
    if not parts:
        return None
    return (ctypes.c_float * max(count, len(parts)))(*parts)


def _overrides(layers: int) -> Any:
    """Experts of the first `layers` layers in ordinary memory, ended by an empty entry; None: no wish."""
    if not layers:
        return None
    function = bindings._lib.ggml_backend_cpu_buffer_type
    function.restype, function.argtypes = ctypes.c_void_p, []
    rows = [_Override((_EXPERTS % layer).encode(), function()) for layer in range(layers)]
    return (_Override * (layers + 1))(*rows, _Override(None, None))
