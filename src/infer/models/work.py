"""What one token costs a model: the bytes of weights that decoding it reads, the multiplications its prefill takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from infer.models.gguf import Header


@dataclass(frozen=True, slots=True)
class Work:
    """Of one token.

    read         bytes of weights that a decode step of one sequence reads; the KV cache comes on top
    operations   floating-point operations of a token of a prompt in the products with weights; attention comes on top
    weight_type  ggml's number of the type of most of the weights
    """

    read: int
    operations: int
    weight_type: int


def work_of(headers: Sequence[Header]) -> Work:
    """From the headers of a model's files.

    A token looks up one row of the embedding, which is nothing; where the output is tied to it, decoding reads it all.
    Of the experts it meets as many as the model says. The output is computed only where logits are wanted: for each
    decoded token, for one of a prompt.
    """
    embedding, output, experts = (_sum(headers, role) for role in ("embedding", "output", "experts"))
    elements = sum(header.parameters for header in headers)
    size = sum(sum(header.bytes_by_type.values()) for header in headers)
    idle = 1 - _used_experts(headers[0])
    tied = not output[1]
    read = size - (0 if tied else embedding[1]) - int(experts[1] * idle)
    multiplied = elements - embedding[0] - output[0] - int(experts[0] * idle)
    return Work(read, 2 * multiplied, _most(headers))


def _sum(headers: Sequence[Header], role: str) -> tuple[int, int]:
    found = [header.roles.get(role, (0, 0)) for header in headers]
    return sum(elements for elements, _ in found), sum(size for _, size in found)


def _used_experts(header: Header) -> Fraction:
    """The share of the experts that a token meets; all where the file does not say."""
    architecture = header.pairs.get("general.architecture")
    name = architecture.decode("utf-8", "replace") if isinstance(architecture, bytes) else ""
    used, count = (header.pairs.get(f"{name}.{key}") for key in ("expert_used_count", "expert_count"))
    if not isinstance(used, int) or not isinstance(count, int) or not 0 < used <= count:
        return Fraction(1)
    return Fraction(used, count)


def _most(headers: Sequence[Header]) -> int:
    totals: dict[int, int] = {}
    for header in headers:
        for kind, size in header.bytes_by_type.items():
            totals[kind] = totals.get(kind, 0) + size
    return max(totals, key=lambda kind: totals[kind])
