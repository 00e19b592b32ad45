"""Which of several GGUF files a name means. Pure: names and sizes in, a choice out.

The one rule, for what is on this machine and for what is on the Hub: a name with a quantisation means the only model
that has it; a name without one means what fits into the free memory, Q4_K_M preferred, then the nearest. Projectors
(mmproj) and importance matrices (imatrix) are no models; of a model in several files the first stands for all.
"""

import re
from collections.abc import Iterable, Mapping

from infer.models.metadata import shard_paths
from infer.models.plan import fit_by_size

_NOT_MODELS = re.compile(r"mmproj|imatrix", re.IGNORECASE)
_QUANT = re.compile(
    r"(?:^|[-._/])((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4|BF16|F16|F32))(?=[-.]|$)", re.IGNORECASE
)
# Of the same number of bits, in this order; what is not here comes last.
_ENDINGS = ("Q4_K_M", "_K_M", "_K_XL", "MXFP4", "_K_L", "_K_S", "_NL", "_XS", "_1", "_0", "_K")


def is_model(name: str) -> bool:
    """Whether a .gguf file is a model by its name: the first file of one, no projector, no importance matrix."""
    return shard_paths(name)[0] == name and not _NOT_MODELS.search(name)


def quantization_in(name: str) -> str | None:
    """The quantisation that a file's name carries, the last one if there are several."""
    stem = re.sub(r"(?:-\d{5}-of-\d{5})?\.gguf$", "", name, flags=re.IGNORECASE)
    found = _QUANT.findall(stem)
    return str(found[-1]).upper() if found else None


def of_quant(names: Iterable[str], quant: str) -> str | None:
    """The only one of these models that has a quantisation at the end of its name."""
    matches = [name for name in names if _is_quant(name, quant)]
    return matches[0] if len(matches) == 1 else None


def best(sizes: Mapping[str, int], memory_free: int) -> str:
    """Of models (name -> bytes of all its files) what fits in `memory_free` bytes, Q4_K_M preferred, then the nearest.

    Where nothing fits, the nearest that fits with a small context, else the smallest.
    """
    ranked = sorted(sizes, key=_distance)
    for verdict in ("fits", "partly"):
        for name in ranked:
            if fit_by_size(sizes[name], memory_free) == verdict:
                return name
    return min(sizes, key=sizes.__getitem__)


def _is_quant(name: str, quant: str) -> bool:
    """Whether a file name carries the quantisation as a word of its own; UD-Q4_K_M is not Q4_K_M."""
    word = rf"(?:^|(?<!UD)[-./_])(?:{re.escape(quant)})(?:-\d{{5}}-of-\d{{5}})?\.gguf\Z"
    return re.search(word, name, re.IGNORECASE) is not None


def _distance(name: str) -> tuple[int, int, str]:
    """How far from Q4_K_M: fewer bits count double, since they cost more quality than more bits cost memory."""
    quant = quantization_in(name) or ""
    digits = re.search(r"\d+", quant)
    bits = int(digits[0]) if digits else 64
    away = bits - 4 if bits >= 4 else 2 * (4 - bits)
    ending = next((rank for rank, text in enumerate(_ENDINGS) if quant.endswith(text)), len(_ENDINGS))
    return away, ending + quant.startswith("UD-"), name
