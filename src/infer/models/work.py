"""What one token costs a model: the bytes of weights that decoding it reads, the multiplications its prefill takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from infer.models.gguf import Header
from infer.models.metadata import describe
from infer.models.speed import bytes_per_token


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

    Of the experts a token meets as many as the model says. The output is computed only where logits are wanted: for
    each decoded token, for one of a prompt.
    """
    metadata = describe(headers)
    count, used = metadata.experts
    looked_up = [_elements(headers, role) for role in ("embedding", "output", "rows")]
    idle = _elements(headers, "experts") * (count - used) // count if count else 0
    multiplied = sum(header.parameters for header in headers) - sum(looked_up) - idle
    return Work(bytes_per_token(metadata), 2 * multiplied, _most(headers))


def _elements(headers: Sequence[Header], role: str) -> int:
    return sum(header.roles.get(role, (0, 0))[0] for header in headers)


def _most(headers: Sequence[Header]) -> int:
    totals: dict[int, int] = {}
    for header in headers:
        for kind, size in header.bytes_by_type.items():
            totals[kind] = totals.get(kind, 0) + size
    return max(totals, key=lambda kind: totals[kind])
