"""`infer show`: what a model is, what it can do, what memory it takes."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infer.cli import options
from infer.cli.models import ORIGINS, open_store, print_json
from infer.cli.session import Session
from infer.cli.table import size, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infer.models.catalog import CatalogEntry
    from infer.models.ref import ModelRef
    from infer.models.store import Located, Store
    from infer.types import Metadata

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="an alias, a path, org/repo[:QUANT], ollama:NAME, lmstudio:NAME")
]
Template = Annotated[bool, typer.Option("--template", help="print the chat template and nothing else")]
Ctx = Annotated[str | None, typer.Option("--ctx", metavar="N", help="the memory at a context of N tokens as well")]


def show(
    context: typer.Context,
    model: Model,
    ctx: Ctx = None,
    template: Template = False,
    json_: options.Json = False,
    offline: options.Offline = False,
) -> int:
    """Metadata, chat template, licence, capabilities, sampling, memory; of a model that is not here: what fits."""
    from infer.errors import NotDownloaded
    from infer.models.ref import ModelRef
    from infer.settings import resolve

    session: Session = context.obj
    settings = resolve({"ctx": ctx, "offline": offline or None})
    store, ref = open_store(session, settings), ModelRef.parse(model)
    try:
        located = store.owned(ref)
    except NotDownloaded:
        from infer.cli.show_remote import show_remote, show_url

        away = show_url if ref.kind == "url" else show_remote
        return away(session, store, ref, settings, template=template, json_=json_)
    if template:
        from infer.models import metadata

        with store.told_how_to_complete(ref, located):
            header = metadata.describe(metadata.read_headers(str(located.path)))
        return print_template(session, ref.shown, header.chat_template)
    facts = _facts(store, ref, located, settings["ctx"])
    if json_:
        return print_json(session, facts)
    session.output.data("\n".join(_lines(facts)) + "\n")
    return 0


def print_template(session: Session, name: str, text: str | None) -> int:
    """The chat template and nothing else. Raises UsageError when there is none."""
    from infer.errors import UsageError

    if text is None:
        raise UsageError(what=f"{name} has no chat template", hint="infer run --raw needs none")
    session.output.data(text if text.endswith("\n") else text + "\n")
    return 0


def _facts(store: "Store", ref: "ModelRef", located: "Located", wanted: int | None) -> dict[str, Any]:
    """Everything that is known of a model that is here, as --json prints it. Reads and checks its header."""
    from infer.machine import detect
    from infer.models import about, metadata, verify

    with store.told_how_to_complete(ref, located):
        headers = metadata.read_headers(str(located.path))
    read = metadata.describe(headers)
    sha256, source = verify.known_sha256(located, store.cache_dir)
    place = {"path": headers[0].path, "files": len(headers), "sha256": sha256, "sha256_source": source or None}
    facts = {"name": ref.shown, "installed": True, "origin": located.origin, **place}
    facts["projector"] = about.projector(located.path)
    return facts | model_facts(read, located.entry, detect().memory_free, wanted)


def model_facts(read: "Metadata", entry: "CatalogEntry | None", free: int, wanted: int | None) -> dict[str, Any]:
    """What a header says, what follows from it, what the catalogue adds. `free`: bytes; `wanted`: tokens of context."""
    from infer.models import about

    can, who = about.capabilities(read, entry)
    sampling, source = about.recommended(read, entry)
    return {
        "title": read.name,
        "size": read.file_size,
        "architecture": read.architecture,
        "parameters": read.parameter_count,
        "quantization": read.quantization,
        "context": read.context_length,
        "layers": read.block_count,
        "embedding": read.embedding_length,
        "heads": read.head_count,
        "heads_kv": max(read.head_count_kv),
        "sliding_window": read.sliding_window,
        "vocabulary": read.vocab_size,
        "tokenizer": read.tokenizer,
        "template": read.chat_template is not None,
        "license": read.license or (entry.license if entry else None),
        "capabilities": list(can),
        "capabilities_source": who,
        "sampling": dict(sampling),
        "sampling_source": source or None,
        "memory_free": free,
        "context_wanted": wanted,
        "memory": [asdict(row) for row in about.memory(read, free, wanted)],
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    sha256 = f"{facts['sha256']} (by {facts['sha256_source']})" if facts["sha256"] else "infer verify computes it"
    images = f"{facts['projector']} lies beside it; infer shows models no images yet" if facts["projector"] else ""
    more = f" and {facts['files'] - 1} more" if facts["files"] > 1 else ""
    pairs = [
        ("name", facts["name"]),
        *header_pairs(facts),
        ("images", images),
        ("from", ORIGINS[facts["origin"]]),
        ("file", facts["path"] + more),
        ("size", size(facts["size"])),
        ("sha256", sha256),
    ]
    return [*columns(pairs), "", *memory_lines(facts)]


def header_pairs(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The lines about what stands in a model's header."""
    window = f", a window of {facts['sliding_window']:,} in some layers" if facts["sliding_window"] else ""
    return [
        ("title", facts["title"]),
        ("architecture", facts["architecture"]),
        ("parameters", _count(facts["parameters"])),
        ("quantisation", facts["quantization"]),
        ("context", f"{facts['context']:,} tokens, as trained{window}"),
        ("layers", f"{facts['layers']:,}"),
        ("embedding", f"{facts['embedding']:,}"),
        ("heads", f"{facts['heads']:,}, for keys and values {facts['heads_kv']:,}"),
        ("vocabulary", f"{facts['vocabulary']:,} tokens"),
        ("template", "yes (--template prints it)" if facts["template"] else "no"),
        ("licence", facts["license"] or "not said"),
        ("can", f"{', '.join(facts['capabilities']) or 'complete text'} (by {facts['capabilities_source']})"),
        ("sampling", sampling_text(facts["sampling"], facts["sampling_source"])),
    ]


def columns(pairs: list[tuple[str, str]]) -> list[str]:
    """A line for each pair that has a value; a value stays one line."""
    return [f"{name:<12}  {' '.join(str(value).splitlines())}" for name, value in pairs if value]


def memory_lines(facts: dict[str, Any]) -> list[str]:
    """A table: what a run takes at several contexts."""
    words = {"fits": "fits", "partly": "with --kv-type q8_0", "no": "no"}
    rows = [
        (f"{row['context']:,}", size(row["need"]), words[row["fit"]] + _remarks(row["context"], facts))
        for row in facts["memory"]
    ]
    head = ("context", "memory", f"in {size(facts['memory_free'])} of free memory")
    return table(head, rows, right=range(2))


def _remarks(context: int, facts: dict[str, Any]) -> str:
    trained, wanted = facts["context"], facts["context_wanted"]
    said = {"as wanted": context == wanted, "as trained": context == trained, "longer than trained": context > trained}
    remarks = ", ".join(remark for remark, holds in said.items() if holds)
    return f" ({remarks})" if remarks else ""


def sampling_text(sampling: "Mapping[str, float]", source: str | None) -> str:
    """Recommended values on one line, and who recommends them."""
    if not sampling:
        return "nothing recommended: infer's own defaults"
    return ", ".join(f"{key} {value:g}" for key, value in sampling.items()) + f" (by {source})"


def _count(parameters: int) -> str:
    for unit, length in (("B", 10**9), ("M", 10**6)):
        if parameters >= length:
            return f"{parameters / length:.2f} {unit}"
    return f"{parameters:,}"
