"""What of a model goes on which GPU: all of it on one, spread over several, experts left behind, or some layers.

llama.cpp counts layers from the last one, and the output matrix as one more. The token table stays in the computer's
memory; where it is the output matrix as well, both have a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from infer.machine import Gpu
from infer.models.estimate import Setting, cache_bytes, compute_bytes
from infer.types import Metadata

_RESERVE = 400 << 20  # bytes a GPU: the driver's context, and what its allocator cannot use


@dataclass(frozen=True, slots=True)
class Offload:
    """gpu_layers, tensor_split and cpu_experts as in EngineConfig; host: bytes of weights and cache that stay here."""

    gpu_layers: int
    tensor_split: tuple[float, ...] = ()
    cpu_experts: int = 0
    host: int = 0


def offload(metadata: Metadata, gpus: Sequence[Gpu], setting: Setting) -> Offload:
    """The best of these that fits: one GPU, several, experts behind, some layers (perhaps none)."""
    rooms = [_room(metadata, gpu, setting) for gpu in gpus]
    weights, cache = metadata.tensor_bytes - metadata.lookup_bytes, cache_bytes(metadata, setting)
    most = max(range(len(gpus)), key=lambda index: rooms[index])
    if weights + cache <= rooms[most]:
        alone = tuple(float(index == most) for index in range(len(gpus))) if len(gpus) > 1 else ()
        return Offload(-1, alone, host=metadata.lookup_bytes)
    if weights + cache <= sum(rooms) * _balance(metadata, gpus):
        return Offload(-1, _shares(rooms), host=metadata.lookup_bytes)
    return _behind(metadata, rooms, weights + cache) or _some(metadata, rooms, weights, cache)


def fits_entirely(metadata: Metadata, gpus: Sequence[Gpu], setting: Setting) -> bool:
    """Whether every layer and expert finds a place on the GPUs."""
    found = offload(metadata, gpus, setting)
    return found.gpu_layers < 0 and not found.cpu_experts


def _room(metadata: Metadata, gpu: Gpu, setting: Setting) -> int:
    """Bytes for weights and cache. Every GPU that takes part has compute buffers of its own."""
    reserve = 0 if gpu.unified else _RESERVE
    return max(0, gpu.memory_free - reserve - compute_bytes(metadata, setting))


def _balance(metadata: Metadata, gpus: Sequence[Gpu]) -> float:
    """What of the sum can be filled: a layer is not cut, so each GPU but the last may lose up to one."""
    return 1 - min(0.5, (len(gpus) - 1) / (metadata.block_count + 1))


def _shares(rooms: Sequence[int]) -> tuple[float, ...]:
    whole = sum(rooms)
    return tuple(round(room / whole, 3) for room in rooms)


def _behind(metadata: Metadata, rooms: Sequence[int], need: int) -> Offload | None:
    """Experts of as few layers as possible in the computer's memory: a token reads few of them."""
    each = metadata.expert_bytes // metadata.block_count
    if not each or not any(rooms):
        return None
    layers = -(-(need - sum(rooms)) // each) + len(rooms) - 1
    if layers > metadata.block_count:
        return None
    split = _spread(metadata, rooms, need, each, layers) if len(rooms) > 1 else ()
    return Offload(-1, split, cpu_experts=layers, host=metadata.lookup_bytes + layers * each)


def _spread(metadata: Metadata, rooms: Sequence[int], need: int, each: int, light: int) -> tuple[float, ...]:
    """Layers for each GPU: the first `light` ones weigh less, so the GPU that has them takes more."""
    whole = need / (metadata.block_count + 1)
    costs = [whole - each if layer < light else whole for layer in range(metadata.block_count + 1)]
    scale = sum(costs) / sum(rooms)
    counts, gpu, used = [0.0] * len(rooms), 0, 0.0
    for cost in costs:
        if used + cost / 2 > rooms[gpu] * scale and gpu < len(rooms) - 1:
            gpu, used = gpu + 1, 0.0
        counts[gpu] += 1
        used += cost
    return tuple(counts)


def _some(metadata: Metadata, rooms: Sequence[int], weights: int, cache: int) -> Offload:
    """As many layers as fit, the last ones of the model: the output matrix is the first that comes, on the last GPU."""
    layer = _layer(metadata, weights, cache)
    last = rooms[-1] - metadata.output_bytes
    counts = [int(room / layer) for room in (*rooms[:-1], max(0, last))]
    layers = min(sum(counts), metadata.block_count - 1) + 1 if last >= 0 and any(counts) else 0
    split = (*map(float, counts[:-1]), counts[-1] + 1.0) if len(rooms) > 1 and layers else ()
    return Offload(layers, split, host=_left_here(metadata, layers, weights, cache))


def given(metadata: Metadata, gpus: Sequence[Gpu], setting: Setting, layers: int) -> tuple[Offload, int]:
    """So many layers, as the user wishes, and the bytes that the GPUs lack for them (0: they have room)."""
    weights, cache = metadata.tensor_bytes - metadata.lookup_bytes, cache_bytes(metadata, setting)
    room = sum(_room(metadata, gpu, setting) for gpu in gpus)
    if layers > metadata.block_count:
        return Offload(-1, host=metadata.lookup_bytes), max(0, weights + cache - room)
    placed = metadata.output_bytes + (layers - 1) * _layer(metadata, weights, cache) if layers else 0
    host = _left_here(metadata, layers, weights, cache)
    return Offload(layers, host=host), max(0, round(placed) - room)


def _layer(metadata: Metadata, weights: int, cache: int) -> float:
    """Bytes of one layer with its part of the cache."""
    return max(1, weights - metadata.output_bytes + cache) / metadata.block_count


def _left_here(metadata: Metadata, layers: int, weights: int, cache: int) -> int:
    """Bytes in the computer's memory when so many layers (the output matrix is one of them) are elsewhere."""
    blocks = metadata.block_count - max(0, layers - 1)
    output = 0 if layers else metadata.output_bytes
    return round(metadata.lookup_bytes + output + blocks * _layer(metadata, weights, cache))
