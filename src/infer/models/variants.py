"""The models of a repository on the Hub, and which of them a reference means (the rule: quants.py)."""

from collections.abc import Sequence
from dataclasses import dataclass

from infer.errors import IntegrityError, VariantNotFound
from infer.models.hub import RemoteFile, Repository
from infer.models.metadata import shard_paths
from infer.models.quants import best, is_model, of_quant, quantization_in
from infer.models.ref import ModelRef


@dataclass(frozen=True, slots=True)
class Variant:
    """One model of a repository: the quantisation it can be asked for by, its files in the order of the shards."""

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
        if is_model(name) and all(part in files for part in parts):
            found.append(_variant([files[part] for part in parts]))
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
        name = of_quant([variant.name for variant in found], ref.quant)
        if name is None:
            raise _no_quant(repository, found, ref.quant)
    else:
        name = best({variant.name: variant.size for variant in found}, memory_free)
    return next(variant for variant in found if variant.name == name)


def named(repository: Repository, names: Sequence[str]) -> Variant:
    """The model of these files; the first of a sharded one stands for all. Raises VariantNotFound."""
    files = {file.name: file for file in repository.files}
    parts = names if len(names) > 1 else shard_paths(names[0])
    missing = [part for part in parts if part not in files]
    if missing:
        has = [variant.name for variant in variants(repository)]
        raise VariantNotFound(name=repository.name, what=f"file {missing[0]}", has=has)
    if not is_model(parts[0]):
        raise IntegrityError(what=f"{parts[0]} of {repository.name} is no model but a part of one, or of its making")
    return _variant([files[part] for part in parts])


def _variant(files: Sequence[RemoteFile]) -> Variant:
    name = files[0].name
    quant = quantization_in(name)
    return Variant(quant if quant and of_quant([name], quant) else None, tuple(files))


def _no_quant(repository: Repository, found: Sequence[Variant], quant: str) -> VariantNotFound:
    several = [variant.name for variant in found if (variant.quant or "").upper() == quant.upper()]
    if len(several) > 1:
        return VariantNotFound(name=repository.name, what=f"single {quant} file but {len(several)}", has=several)
    labels = [variant.label for variant in found]
    unique = [variant.name if labels.count(variant.label) > 1 else variant.label for variant in found]
    return VariantNotFound(name=repository.name, what=f"quantisation {quant}", has=unique)
