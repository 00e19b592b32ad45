"""Bytes that a model takes when llama.cpp runs it: weights, KV cache, recurrent state, compute buffers, ourselves.

The terms are llama.cpp's: a cache rounds its cells up to 256, layers with a window have a cache of their own, a
compute buffer holds what is alive at the widest point of a layer's graph. How wide that is was taken from what
llama.cpp allocates for 15 shapes (docs/LOG.md, "What a run takes"); tests/models/test_estimate.py holds it to 5 %.
"""

from dataclasses import dataclass

from infer.types import KvType, Metadata

# Bytes of one element of the KV cache: f16 2; q8_0 34 bytes for 32, q4_0 18 bytes for 32 (ggml's block formats).
ELEMENT_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
CELLS = 256  # llama.cpp rounds the number of cells up to a multiple
_F32 = 4
_PROCESSES = 68 << 20  # bytes: the two Python processes with llama.cpp's library, measured
_PER_TOKEN = 330  # bytes of a vocabulary's entry in llama.cpp: its text, its row, its merge, the hash tables


@dataclass(frozen=True, slots=True)
class Setting:
    """What of an EngineConfig decides about memory. cells: positions of all sequences together."""

    cells: int
    kv_type: KvType = "f16"
    ubatch: int = 256
    flash_attention: bool = False
    parallel: int = 1

    @property
    def sequences(self) -> int:
        """llama.cpp's: one copies states, and beside several one keeps what they begin with (context.spare_place)."""
        return self.parallel + 1 + (self.parallel > 1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes. compute: the buffers of a graph and the logits; processes: what is there whatever the context is."""

    weights: int
    cache: int
    compute: int
    processes: int

    @property
    def total(self) -> int:
        """All together."""
        return self.weights + self.cache + self.compute + self.processes


def estimate(metadata: Metadata, setting: Setting) -> Estimate:
    """What a run takes."""
    return Estimate(
        weights=metadata.tensor_bytes,
        cache=cache_bytes(metadata, setting),
        compute=compute_bytes(metadata, setting),
        processes=_PROCESSES + _PER_TOKEN * metadata.vocab_size,
    )


def padded(cells: int) -> int:
    """Cells as llama.cpp rounds them."""
    return -(-cells // CELLS) * CELLS


def window_cells(metadata: Metadata, setting: Setting) -> int:
    """Cells of the cache for layers with a sliding window; 0 where there are none."""
    if not metadata.windowed or not metadata.sliding_window:
        return 0
    ubatch = min(setting.ubatch, padded(setting.cells))
    return padded(min(padded(setting.cells), metadata.sliding_window * setting.sequences + ubatch))


def cache_bytes(metadata: Metadata, setting: Setting) -> int:
    """The KV caches of all layers and the recurrent states of all sequences."""
    full, windowed = padded(setting.cells), window_cells(metadata, setting)
    small = frozenset(metadata.windowed)
    element = ELEMENT_BYTES[setting.kv_type]
    rows = _rows(metadata, transposed=not setting.flash_attention)
    kv = sum(row * (windowed if layer in small else full) for layer, row in enumerate(rows))
    return round(kv * element) + setting.sequences * metadata.state_bytes


def _rows(metadata: Metadata, *, transposed: bool) -> list[int]:
    """Elements of a position in each layer. Transposed values of all layers are as wide as the widest."""
    small = frozenset(metadata.windowed)
    keys, values = [], []
    for layer, heads in enumerate(metadata.head_count_kv):
        other = metadata.window_lengths if layer in small else ()
        key, value = other or (metadata.key_length, metadata.value_length)
        keys.append(heads * key)
        values.append(heads * value)
    widest = max(values, default=0)
    if transposed and widest:
        values = [widest if key else 0 for key in keys]
    return [key + value for key, value in zip(keys, values, strict=True)]


def compute_bytes(metadata: Metadata, setting: Setting) -> int:
    """The compute buffers, and the logits of every sequence."""
    full, windowed = padded(setting.cells), window_cells(metadata, setting)
    rows = min(setting.ubatch, full)
    mask = _F32 if not setting.flash_attention else _F32 // 2
    masks = (full if any(metadata.head_count_kv) else 0) + windowed
    widest = max(_attention(metadata, setting, full), _feed_forward(metadata), _recurrent(metadata))
    layers = max(1, metadata.block_count - sum(heads > 0 for heads in metadata.head_count_kv))
    states = 3 * metadata.state_bytes // layers
    logits = 2 * _F32 * metadata.vocab_size * setting.sequences  # in the graph, and where the caller reads them
    return rows * (_F32 * widest + mask * masks) + states + logits


def _attention(metadata: Metadata, setting: Setting, cells: int) -> int:
    """Floats of a row while attention is computed; without flash attention the scores of every head among them."""
    if not any(metadata.head_count_kv):
        return 0
    queries = metadata.head_count * metadata.key_length
    keys = max(metadata.head_count_kv) * metadata.key_length
    if setting.flash_attention:
        return 3 * (metadata.embedding_length + queries) + 4 * keys
    return 3 * metadata.embedding_length + 2 * (queries + keys) + metadata.head_count * cells


def _feed_forward(metadata: Metadata) -> int:
    """Floats of a row while the feed-forward layer is computed."""
    used = metadata.experts[1]
    width = metadata.embedding_length
    dense = 3 * metadata.feed_forward
    experts = 2 * used * width + metadata.feed_forward if used else 0
    return 3 * width + max(dense, experts)


def _recurrent(metadata: Metadata) -> int:
    """Floats of a row while a recurrent layer is computed."""
    return 13 * metadata.inner // 2
