"""What is known of a model that is not a number in its header: what it can do, how to sample, what memory it takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infer.models.catalog import CatalogEntry
from infer.models.plan import ROW, Fit, memory_need
from infer.types import Metadata

CONTEXTS = (4096, 8192, 32768, 131072)  # tokens: a question, a document, a book, what agents keep
_EMBEDDING = re.compile(r"bert|embed|t5encoder")
_TEMPLATE_LIMIT = 1 << 18  # characters that are searched for words


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that a run takes at a context of so many tokens, and with a KV cache in q8_0 (None: not possible).

    fit  fits; partly: only with the KV cache in q8_0; no
    """

    context: int
    need: int
    need_q8_0: int | None
    fit: Fit


def memory(metadata: Metadata, memory_free: int, wanted: int | None = None) -> list[Memory]:
    """What the model takes at usual contexts up to the trained one and at the wanted, against `memory_free` bytes."""
    trained = metadata.context_length
    rows = []
    for context in sorted({*(size for size in CONTEXTS if size < trained), trained, wanted or trained}):
        need, small = memory_need(metadata, context), None
        if not (metadata.key_length % ROW or metadata.value_length % ROW):
            small = memory_need(metadata, context, "q8_0")
        least = need if small is None else small
        fit: Fit = "fits" if need <= memory_free else "partly" if least <= memory_free else "no"
        rows.append(Memory(context, need, small, fit))
    return rows


def capabilities(metadata: Metadata, entry: CatalogEntry | None) -> tuple[tuple[str, ...], str]:
    """What a model can do, and who says so: the catalogue, else its architecture and chat template."""
    if entry is not None and entry.capabilities:
        return entry.capabilities, "models.toml"
    if metadata.pooling == "rank":
        return ("rerank",), "its pooling"
    if makes_embeddings(metadata):
        return ("embedding",), "its pooling" if metadata.pooling else "its architecture"
    template = (metadata.chat_template or "")[:_TEMPLATE_LIMIT]
    found = {
        "chat": bool(template),
        "thinking": "enable_thinking" in template or "<think>" in template or "reasoning_content" in template,
        "tools": re.search(r"\btools\b", template) is not None,
    }
    return tuple(word for word, true in found.items() if true), "its chat template"


def makes_embeddings(metadata: Metadata) -> bool:
    """Whether it was made for vectors, not for answers: its file says how to pool, or it is of such an architecture."""
    return metadata.pooling not in (None, "none") or _EMBEDDING.search(metadata.architecture) is not None


def projector(path: Path) -> str | None:
    """The projector (mmproj) that lies beside a model: with it, other tools show the model images."""
    try:
        names = sorted(found.name for found in path.parent.glob("*mmproj*.gguf"))
    except OSError:
        return None
    return names[0] if names else None


def recommended(metadata: Metadata, entry: CatalogEntry | None) -> tuple[Mapping[str, float], str]:
    """The sampling a model is run with when nobody says otherwise, and where it comes from; ({}, "") if nowhere."""
    ours = entry.recommended() if entry else {}
    sources = [name for name, there in (("the model's file", metadata.sampling), ("models.toml", ours)) if there]
    return {**ours, **metadata.sampling}, " and ".join(sources)
