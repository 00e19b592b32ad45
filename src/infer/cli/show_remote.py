"""`infer show` of a model that is not on this machine: what its repository offers and what of it fits."""

from typing import TYPE_CHECKING, Any

from infer.cli.models import print_json
from infer.cli.session import Session
from infer.cli.show import columns, header_pairs, memory_lines, model_facts, print_template, sampling_text
from infer.cli.table import size, table
from infer.errors import NetworkError

if TYPE_CHECKING:
    from infer.models.catalog import CatalogEntry
    from infer.models.ref import ModelRef
    from infer.models.remote import Fits, RemoteFacts
    from infer.models.store import Store
    from infer.settings import Settings

_WORDS = {"fits": "fits", "partly": "with a small context", "no": "no", None: "not known"}


def show_remote(
    session: Session, store: "Store", ref: "ModelRef", settings: "Settings", *, template: bool, json_: bool
) -> int:
    """Read the header on the Hub by ranges. Without the network an alias is what models.toml says of it."""
    from infer.cli.fetch import require_network
    from infer.machine import detect
    from infer.models.hub import Hub
    from infer.models.remote import remote_facts

    free, wanted = detect().memory_free, settings["ctx"]
    entry = store.catalog.resolve(ref.name) if ref.kind == "alias" else None
    try:
        require_network(ref.shown, settings)
        found = remote_facts(ref, store, Hub(), free, wanted)
    except NetworkError as error:
        if entry is None or template:
            raise
        more = f"; its header would say the memory at {wanted:,} tokens" if wanted else ""
        return _show_entry(session, entry, free, f"{error}{more}", json_=json_)
    if template:
        return print_template(session, str(ref), found.metadata.chat_template)
    facts = _facts(str(ref), found, entry, free, wanted)
    if json_:
        return print_json(session, facts)
    session.output.data("\n".join(_lines(facts)) + "\n")
    return 0


def show_url(
    session: Session, store: "Store", ref: "ModelRef", settings: "Settings", *, template: bool, json_: bool
) -> int:
    """Read the header of a URL's file by ranges, and say whether it fits."""
    from infer.cli.fetch import require_network
    from infer.machine import detect
    from infer.models.job import look
    from infer.models.remote import header_at

    require_network(ref.shown, settings)
    web, length = look(ref.name)
    if length is None:
        raise NetworkError(what=f"{ref.shown}: the server does not say how large it is", hint=f"infer pull {ref.shown}")
    header = header_at(web, ref.name, length)
    if template:
        return print_template(session, ref.shown, header.chat_template)
    facts: dict[str, Any] = {"name": ref.shown, "installed": False}
    facts |= model_facts(header, None, detect().memory_free, settings["ctx"]) | {"size": length}
    if json_:
        return print_json(session, facts)
    here = f"{ref.shown} (not on this machine; infer pull downloads it)"
    pairs = [("name", here), *header_pairs(facts), ("size", size(length))]
    session.output.data("\n".join([*columns(pairs), "", *memory_lines(facts)]) + "\n")
    return 0


def _facts(
    name: str, found: "RemoteFacts", entry: "CatalogEntry | None", free: int, wanted: int | None
) -> dict[str, Any]:
    model = found.model
    place = {
        "name": name,
        "installed": False,
        "repo": model.repository.name,
        "commit": model.repository.commit,
        "files": [file.name for file in model.variant.files],
        "sha256": [file.digest for file in model.variant.files],
    }
    facts = place | model_facts(found.metadata, entry, free, wanted)
    facts["license"] = facts["license"] or model.repository.license
    return facts | {"size": model.variant.size, "variants": [_variant(row) for row in found.fits]}


def _variant(row: "Fits") -> dict[str, Any]:
    variant = row.variant
    facts = {"name": variant.label, "quantization": variant.quant, "files": [file.name for file in variant.files]}
    return facts | {"size": variant.size, "context": row.context, "need": row.need, "fits": row.verdict}


def _lines(facts: dict[str, Any]) -> list[str]:
    more = f" and {len(facts['files']) - 1} more" if len(facts["files"]) > 1 else ""
    pairs = [
        ("name", f"{facts['name']} (not on this machine; infer pull {facts['name']} downloads it)"),
        *header_pairs(facts),
        ("repository", facts["repo"]),
        ("revision", facts["commit"]),
        ("file", facts["files"][0] + more),
        ("size", size(facts["size"])),
    ]
    rows = [
        (
            row["name"],
            size(row["size"]),
            size(row["need"]),
            _WORDS[row["fits"]],
            "<-" * (row["files"] == facts["files"]),
        )
        for row in facts["variants"]
    ]
    context = facts["variants"][0]["context"] if rows else 0
    head = ("in the repository", "size", f"memory at {context:,}", "here", "")
    return [*columns(pairs), "", *memory_lines(facts), "", *table(head, rows, right=range(1, 3))]


def _show_entry(session: Session, entry: "CatalogEntry", free: int, why: str, *, json_: bool) -> int:
    """What models.toml knows of a model that is not here and cannot be asked about."""
    from infer.models.plan import fit_by_size

    fits = fit_by_size(entry.size, free) if entry.size else None
    facts: dict[str, Any] = {
        "name": entry.alias,
        "installed": False,
        "title": entry.name or None,
        **{key: getattr(entry, key) for key in ("repo", "revision", "quantization", "parameters", "context")},
        "files": list(entry.files),
        "size": entry.size,
        "sha256": list(entry.sha256),
        "license": entry.license,
        "capabilities": list(entry.capabilities),
        "sampling": entry.recommended(),
        "source": entry.source,
        "memory_free": free,
        "fits": fits,
    }
    if json_:
        return print_json(session, facts)
    pairs = [
        ("name", f"{entry.alias} (not on this machine)"),
        ("title", entry.name),
        ("repository", entry.repo or ""),
        ("files", ", ".join(entry.files)),
        ("size", size(entry.size) if entry.size else ""),
        ("quantisation", entry.quantization or ""),
        ("parameters", entry.parameters or ""),
        ("context", f"{entry.context:,} tokens" if entry.context else ""),
        ("licence", entry.license or ""),
        ("can", ", ".join(entry.capabilities)),
        ("sampling", sampling_text(facts["sampling"], "models.toml")),
        ("memory", f"{_WORDS[fits]}, {size(free)} is free"),
    ]
    session.output.data("\n".join(columns(pairs)) + "\n")
    session.output.note(f"note: this is what models.toml knows: {why}")
    return 0
