"""The models of a repository, and which of them a reference means. Pure: names and sizes in, a choice out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infer.errors import IntegrityError, VariantNotFound
from infer.models import hub_cache
from infer.models.hub import RemoteFile, Repository
from infer.models.metadata import shard_paths
from infer.models.plan import fit_by_size
from infer.models.ref import ModelRef

_QUANT = re.compile(
    r"(?:^|[-._/])((?:UD-)?(?:I?Q\d\w*|TQ\d\w*|MXFP4\w*|BF16|F16|F32))(?:-\d{5}-of-\d{5})?\.gguf\Z", re.I
)
# Of the same number of bits, in this order; what is not here comes last.
_ENDINGS = ("Q4_K_M", "_K_M", "_K_XL", "MXFP4", "_K_L", "_K_S", "_NL", "_XS", "_1", "_0", "_K")


@dataclass(frozen=True, slots=True)
class Variant:
    """One model of a repository: its quantisation where the name says it, its files in the order of the shards."""

    quant: str | None
    files: tuple[RemoteFile, ...]

    @property
    def name(self) -> str:
        """The first file."""
        return self.files[0].name

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def label(self) -> str:
        """What a person types behind the repository's name."""
        return self.quant or self.name


def variants(repository: Repository) -> list[Variant]:
    """The models there, smallest first; projectors (mmproj) and importance matrices are none.

    A model whose shards are not all there is left out.
    """
    files = {file.name: file for file in repository.files}
    found = []
    for name in files:
        parts = shard_paths(name)
        if hub_cache.is_model(name) and all(part in files for part in parts):
            match = _QUANT.search(name)
            found.append(Variant(match[1] if match else None, tuple(files[part] for part in parts)))
    return sorted(found, key=lambda variant: (variant.size, variant.name))


def choose(repository: Repository, ref: ModelRef, memory_free: int) -> Variant:
    """The model that a reference means; of a bare repository what fits in `memory_free` bytes, Q4_K_M preferred.

    Raises VariantNotFound with what there is.
    """
    found = variants(repository)
    if ref.file is not None:
        return named(repository, (ref.file,))
    if not found:
        raise VariantNotFound(name=repository.name, what="GGUF model", has=[])
    if ref.quant is not None:
        name = hub_cache.choose([variant.name for variant in found], ref.quant)
        if name is None:
            raise _no_quant(repository, found, ref.quant)
        return next(variant for variant in found if variant.name == name)
    return best(found, memory_free)


def named(repository: Repository, names: Sequence[str]) -> Variant:
    """The model of these files; the first of a sharded one stands for all. Raises VariantNotFound."""
    files = {file.name: file for file in repository.files}
    parts = names if len(names) > 1 else shard_paths(names[0])
    missing = [part for part in parts if part not in files]
    if missing:
        has = [variant.name for variant in variants(repository)]
        raise VariantNotFound(name=repository.name, what=f"file {missing[0]}", has=has)
    if not hub_cache.is_model(parts[0]):
        raise IntegrityError(what=f"{parts[0]} of {repository.name} is no model but a part of one, or of its making")
    match = _QUANT.search(parts[0])
    return Variant(match[1] if match else None, tuple(files[part] for part in parts))


def best(found: Sequence[Variant], memory_free: int) -> Variant:
    """What fits, Q4_K_M preferred, then the nearest; where nothing fits, what nearly does, else the smallest."""
    ranked = sorted(found, key=_distance)
    for verdict in ("fits", "partly"):
        for variant in ranked:
            if fit_by_size(variant.size, memory_free) == verdict:
                return variant
    return min(found, key=lambda variant: variant.size)


def _distance(variant: Variant) -> tuple[int, int, str]:
    """How far from Q4_K_M: fewer bits count double, since they cost more quality than more bits cost memory."""
    quant = (variant.quant or "").upper()
    digits = re.search(r"\d+", quant)
    bits = int(digits[0]) if digits else 64
    away = bits - 4 if bits >= 4 else 2 * (4 - bits)
    ending = next((rank for rank, text in enumerate(_ENDINGS) if quant.endswith(text)), len(_ENDINGS))
    return away, ending + quant.startswith("UD-"), variant.name


def _no_quant(repository: Repository, found: Sequence[Variant], quant: str) -> VariantNotFound:
    several = [variant.name for variant in found if (variant.quant or "").upper() == quant.upper()]
    if len(several) > 1:
        return VariantNotFound(name=repository.name, what=f"single {quant} file but {len(several)}", has=several)
    labels = [variant.label for variant in found]
    unique = [variant.name if labels.count(variant.label) > 1 else variant.label for variant in found]
    return VariantNotFound(name=repository.name, what=f"quantisation {quant}", has=unique)
