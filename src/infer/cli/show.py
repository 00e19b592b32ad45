"""`infer show`: what a model is, what it can do, what memory it takes."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infer.cli import options
from infer.cli.models import ORIGINS, open_store, print_json
from infer.cli.session import Session
from infer.cli.table import size, table

if TYPE_CHECKING:
    from infer.models.catalog import CatalogEntry
    from infer.models.store import Located, Store

Template = Annotated[bool, typer.Option("--template", help="print the chat template and nothing else")]


def show(context: typer.Context, model: options.Model, template: Template = False, json_: options.Json = False) -> int:
    """Metadata, chat template, licence, capabilities, recommended sampling, memory at several contexts."""
    from infer.errors import NotDownloaded
    from infer.models.ref import ModelRef

    session: Session = context.obj
    store, ref = open_store(session), ModelRef.parse(model)
    try:
        located = store.locate(ref)
    except NotDownloaded as error:
        if ref.kind != "alias" or template:
            raise
        return _show_entry(session, store.catalog.resolve(ref.name), error, json_=json_)
    if template:
        return _show_template(session, located)
    facts = _facts(store, str(ref), located)
    if json_:
        return print_json(session, facts)
    session.output.data("\n".join(_lines(facts)) + "\n")
    return 0


def _facts(store: "Store", name: str, located: "Located") -> dict[str, Any]:
    """Everything that is known of a model that is here, as --json prints it. Reads and checks its header."""
    from infer.machine import detect
    from infer.models import about, metadata, verify

    headers = metadata.read_headers(str(located.path))
    read = metadata.describe(headers)
    free = detect().memory_free
    can, who = about.capabilities(read, located.entry, located.path)
    sampling, source = about.recommended(read, located.entry)
    sha256, sha256_source = verify.known_sha256(located, store.cache_dir)
    return {
        "name": name,
        "title": read.name,
        "origin": located.origin,
        "path": headers[0].path,
        "files": len(headers),
        "size": read.file_size,
        "sha256": sha256,
        "sha256_source": sha256_source,
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
        "license": read.license or (located.entry.license if located.entry else None),
        "capabilities": list(can),
        "capabilities_source": who,
        "projector": about.projector(located.path),
        "sampling": dict(sampling),
        "sampling_source": source or None,
        "memory_free": free,
        "memory": [asdict(row) for row in about.memory(read, free)],
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    window = f", a window of {facts['sliding_window']:,} in some layers" if facts["sliding_window"] else ""
    sha256 = f"{facts['sha256']} (by {facts['sha256_source']})" if facts["sha256"] else "infer verify computes it"
    images = f"; {facts['projector']} lies beside it, infer shows models no images yet" if facts["projector"] else ""
    pairs = [
        ("name", facts["name"]),
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
        ("can", f"{', '.join(facts['capabilities']) or 'complete text'} (by {facts['capabilities_source']}){images}"),
        ("sampling", _sampling(facts)),
        ("from", ORIGINS[facts["origin"]]),
        ("file", facts["path"] + (f" and {facts['files'] - 1} more" if facts["files"] > 1 else "")),
        ("size", f"{size(facts['size'])}"),
        ("sha256", sha256),
    ]
    width = max(len(name) for name, _ in pairs)
    return [f"{name:<{width}}  {_one_line(value)}" for name, value in pairs] + ["", *_memory_lines(facts)]


def _memory_lines(facts: dict[str, Any]) -> list[str]:
    words = {"fits": "fits", "partly": "with --kv-type q8_0", "no": "no"}
    trained = facts["context"]
    rows = [
        (
            f"{row['context']:,}",
            size(row["need"]),
            words[row["fit"]] + (" (as trained)" if row["context"] == trained else ""),
        )
        for row in facts["memory"]
    ]
    head = ("context", "memory", f"in {size(facts['memory_free'])} of free memory")
    return table(head, rows, right=range(2))


def _sampling(facts: dict[str, Any]) -> str:
    if not facts["sampling"]:
        return "nothing recommended: infer's own defaults"
    values = ", ".join(f"{key} {value:g}" for key, value in facts["sampling"].items())
    return f"{values} (by {facts['sampling_source']})"


def _count(parameters: int) -> str:
    for unit, length in (("B", 10**9), ("M", 10**6)):
        if parameters >= length:
            return f"{parameters / length:.2f} {unit}"
    return f"{parameters:,}"


def _one_line(value: object) -> str:
    return " ".join(str(value).splitlines())


def _show_template(session: Session, located: "Located") -> int:
    from infer.errors import UsageError
    from infer.models import metadata

    text = metadata.describe(metadata.read_headers(str(located.path))).chat_template
    if text is None:
        raise UsageError(what=f"{located.path} has no chat template", hint="infer run --raw needs none")
    session.output.data(text if text.endswith("\n") else text + "\n")
    return 0


def _show_entry(session: Session, entry: "CatalogEntry", absent: Exception, *, json_: bool) -> int:
    """What models.toml knows of a model that is not here."""
    from infer.machine import detect
    from infer.models.plan import fit_by_size

    free = detect().memory_free
    fits = fit_by_size(entry.size, free) if entry.size else None
    facts = {key: getattr(entry, key) for key in ("name", "repo", "revision", "quantization", "parameters", "context")}
    facts = {"name": entry.alias, "title": facts.pop("name") or None, "installed": False, **facts}
    facts |= {"files": list(entry.files), "size": entry.size, "sha256": list(entry.sha256), "license": entry.license}
    facts |= {"capabilities": list(entry.capabilities), "sampling": entry.recommended(), "fits": fits}
    facts |= {"memory_free": free, "source": entry.source}
    if json_:
        return print_json(session, facts)
    words = {"fits": "yes", "partly": "with a small context", "no": "no", None: "not known"}
    pairs = [
        ("name", f"{entry.alias} (not on this machine)"),
        ("title", entry.name),
        ("repository", entry.repo),
        ("files", ", ".join(entry.files)),
        ("size", size(entry.size) if entry.size else None),
        ("quantisation", entry.quantization),
        ("parameters", entry.parameters),
        ("context", f"{entry.context:,} tokens" if entry.context else None),
        ("licence", entry.license),
        ("can", ", ".join(entry.capabilities)),
        ("sampling", _sampling({"sampling": facts["sampling"], "sampling_source": "models.toml"})),
        ("fits here", f"{words[fits]}, {size(free)} of memory is free"),
    ]
    lines = [f"{name:<12}  {_one_line(value)}" for name, value in pairs if value]
    session.output.data("\n".join(lines) + "\n")
    session.output.note(f"note: {absent}; infer pull {entry.alias} downloads it")
    return 0
