"""`infer list` and `infer show`: what is on this machine, what could be, and what a model is."""

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infer.cli.session import Session
from infer.cli.table import age, size, table

if TYPE_CHECKING:
    from infer.models.catalog import CatalogEntry
    from infer.models.inventory import Installed
    from infer.models.store import Store
    from infer.settings import Settings

Catalogue = Annotated[bool, typer.Option("--catalog", help="what models.toml knows, here or not, and what fits")]
JsonArray = Annotated[bool, typer.Option("--json", help="a JSON array on stdout")]
ORIGINS = {
    "embedded": "in infer itself",
    "hub": "Hugging Face cache",
    "ollama": "Ollama",
    "lmstudio": "LM Studio",
    "llama.cpp": "llama.cpp",
    "url": "a URL",
    "file": "your file",
}
_PROBLEMS = 5  # that are told in full


def list_(context: typer.Context, catalog: Catalogue = False, json_: JsonArray = False) -> int:
    """What is on this machine: name, size, quantisation, context, last used, where it came from."""
    from infer.models.inventory import installed

    session: Session = context.obj
    if catalog:
        return _catalogue(session, json_=json_)
    rows = installed(open_store(session))
    if json_:
        return print_json(session, [_listed(row) for row in rows])
    texts = [
        (
            _shown_name(row.name),
            size(row.size) if row.size else "-",
            row.quantization or "-",
            f"{row.context:,}" if row.context else "-",
            age(row.used),
            ORIGINS[row.origin] + (" (unusable)" if row.problem else ""),
        )
        for row in rows
    ]
    head = ("name", "size", "quant", "context", "used", "from")
    lines = table(head, texts, right=range(1, 5))
    session.output.data("\n".join(lines) + "\n")
    _tell_problems(session, rows)
    return 0


def open_store(session: Session, settings: "Settings | None" = None) -> "Store":
    """The store by the user's settings, whose warnings are told."""
    from infer.models.store import Store
    from infer.settings import cache_dir, resolve

    settings = settings or resolve({})
    for warning in settings.warnings:
        session.output.note(f"warning: {warning}")
    return Store(cache_dir(os.environ), settings.models)


def print_json(session: Session, value: object) -> int:
    """A document for `--json`."""
    session.output.json(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
    return 0


def _shown_name(name: str) -> str:
    """A path below the home as a person writes it; a line stays one line."""
    home = os.environ.get("HOME", "")
    short = f"~{name[len(home) :]}" if home and name.startswith(f"{home}/") else name
    return " ".join(short.splitlines())


def _listed(row: "Installed") -> dict[str, Any]:
    return {
        "name": row.name,
        "also": list(row.also),
        "origin": row.origin,
        "path": row.paths[0] if row.paths else None,
        "files": len(row.paths),
        "size": row.size,
        "architecture": row.architecture,
        "quantization": row.quantization,
        "context": row.context,
        "used": row.used or None,
        "sha256": row.sha256,
        "problem": row.problem or None,
    }


def _tell_problems(session: Session, rows: "list[Installed]") -> None:
    bad = [row for row in rows if row.problem]
    for row in bad[:_PROBLEMS]:
        session.output.note(f"note: {_shown_name(row.name)}: {row.problem}")
    if len(bad) > _PROBLEMS:
        session.output.note(f"note: {len(bad) - _PROBLEMS} more cannot be run; infer list --json says why")


def _catalogue(session: Session, *, json_: bool) -> int:
    """Every entry of models.toml and config.toml, with what fits this machine and what is here."""
    from infer.errors import ConfigError
    from infer.machine import detect

    store, free = open_store(session), detect().memory_free
    rows = []
    for name in store.catalog.entry_names():
        try:
            rows.append(_entry_row(store, store.catalog.resolve(name), free))
        except ConfigError as error:  # of the user's; the others are good
            session.output.note(f"warning: {error}")
    if json_:
        return print_json(session, rows)
    texts = [
        (
            _shown_name(row["name"]),
            row["parameters"] or "-",
            size(row["size"]) if row["size"] else "-",
            row["quantization"] or "-",
            f"{row['context']:,}" if row["context"] else "-",
            row["fits"] or "-",
            "here" if row["installed"] else "-",
            ", ".join(row["capabilities"]),
        )
        for row in rows
    ]
    head = ("name", "params", "size", "quant", "context", "fits", "here", "can")
    lines = table(head, texts, right=range(1, 5))
    session.output.data("\n".join([*lines, "", f"fits: in {size(free)} of free memory"]) + "\n")
    return 0


def _entry_row(store: "Store", entry: "CatalogEntry", free: int) -> dict[str, Any]:
    from infer.models.plan import fit_by_size
    from infer.models.store import embedded_path

    here = _size(_place(store, entry))
    known = embedded_path().stat().st_size if entry.embedded else entry.size or here
    return {
        "name": entry.alias,
        "title": entry.name or None,
        "repo": entry.repo,
        "files": list(entry.files),
        "size": known,
        "quantization": entry.quantization,
        "parameters": entry.parameters,
        "context": entry.context,
        "license": entry.license,
        "capabilities": list(entry.capabilities),
        "fits": fit_by_size(known, free) if known else None,
        "installed": here is not None,
    }


def _size(path: Path | None) -> int | None:
    """Bytes of a file; None where there is none, or none that may be looked at."""
    try:
        status = path.stat() if path is not None else None
    except (OSError, ValueError):
        return None
    return status.st_size if status is not None and stat.S_ISREG(status.st_mode) else None


def _place(store: "Store", entry: "CatalogEntry") -> Path | None:
    from infer.models.hub_cache import expanded
    from infer.models.store import embedded_path

    if entry.embedded:
        return embedded_path()
    return expanded(entry.path) if entry.path else store.file_of(entry)
