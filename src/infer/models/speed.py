"""How many tokens a second a model will generate here: the bytes a token reads, over what memory delivers.

Decoding waits for memory: a token reads every weight once (of experts only those it uses, of a lookup table one row)
and the KV cache up to its position. To that comes what each layer costs whatever its size.
"""

from dataclasses import dataclass

from infer.models.estimate import ELEMENT_BYTES
from infer.types import KvType, Metadata

# Of the bandwidth that a plain read reaches, what llama.cpp's matrix kernels reach on the CPU measured (2 cores, Q4).
EFFICIENCY = 0.70
_TYPICAL_LAYERS = 30  # 16 to 48 in models of 1 to 30 billion parameters
_LAYER = 100e-6  # seconds a layer: graph nodes, barriers between threads, norms and rotations


@dataclass(frozen=True, slots=True)
class Speed:
    """bytes: that a token reads; tokens_per_second: what comes of it."""

    bytes: int
    tokens_per_second: float


def bytes_per_token(metadata: Metadata, position: int = 0, kv_type: KvType = "f16") -> int:
    """Bytes that generating a token reads when so many positions lie before it."""
    count, used = metadata.experts
    idle = metadata.expert_bytes * (count - used) // count if count else 0
    return metadata.tensor_bytes - metadata.lookup_bytes - idle + _context(metadata, position, kv_type)


def decode(metadata: Metadata, bandwidth: float, position: int = 0, kv_type: KvType = "f16") -> Speed:
    """The speed where memory delivers `bandwidth` bytes per second."""
    needed = bytes_per_token(metadata, position, kv_type)
    return Speed(needed, 1 / _seconds(needed, bandwidth, metadata.block_count))


def by_size(size: int, share: float, bandwidth: float) -> float:
    """Tokens a second of a file of which only the size is known; share: of its weights, what a token uses."""
    return 1 / _seconds(round(size * share), bandwidth, _TYPICAL_LAYERS)


def _seconds(needed: int, bandwidth: float, layers: int) -> float:
    """Of one token."""
    return needed / (EFFICIENCY * bandwidth) + _LAYER * layers


def _context(metadata: Metadata, position: int, kv_type: KvType) -> int:
    """Bytes of the cache and of the recurrent state that are read: each layer's window at most."""
    small = frozenset(metadata.windowed)
    window = min(position, metadata.sliding_window or position)
    cells = sum(heads * (window if layer in small else position) for layer, heads in enumerate(metadata.head_count_kv))
    row = metadata.key_length + metadata.value_length
    return round(cells * row * ELEMENT_BYTES[kv_type]) + metadata.state_bytes
