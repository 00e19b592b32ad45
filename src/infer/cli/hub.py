"""`infer search` and `infer update`: what the Hub has, and what it has that is newer than what is here."""

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infer.cli import options
from infer.cli.session import Session

if TYPE_CHECKING:
    from infer.models.hub import Found
    from infer.models.pins import Pin
    from infer.models.store import Store
    from infer.models.update import Change

Term = Annotated[str, typer.Argument(metavar="TERM", help="a part of the model's name")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100, help="how many at most")]
ListOnly = Annotated[bool, typer.Option("--list", help="only say what is newer")]
Name = Annotated[str | None, typer.Argument(metavar="[MODEL]", help="only this one; none: everything that was pulled")]
_BYTES_PER_PARAMETER = 0.61  # of a Q4_K_M file, with its larger tensors (4.85 bits)


def search(
    context: typer.Context,
    term: Term,
    limit: Limit = 20,
    json_: options.JsonArray = False,
    offline: options.Offline = False,
) -> int:
    """Find repositories of GGUF models, most downloaded first; the size is that of a Q4_K_M file, estimated."""
    from infer.cli.fetch import require_network
    from infer.errors import UsageError
    from infer.machine import detect
    from infer.models.hub import Hub
    from infer.settings import resolve

    session: Session = context.obj
    settings = resolve({"offline": offline or None})
    if not term.strip():
        raise UsageError(what="there is nothing to search for", hint="infer search TERM")
    require_network(f"what '{term}' finds", settings)
    free = detect().memory_free
    rows = [_row(found, free) for found in Hub().search(term, limit)]
    if json_:
        session.output.json(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return 0
    session.output.data("\n".join(_search_lines(rows) or [f"no GGUF repository has '{term}' in its name"]) + "\n")
    return 0


def update(
    context: typer.Context,
    model: Name = None,
    list_: ListOnly = False,
    yes: options.Yes = False,
    json_: options.JsonArray = False,
    quiet: options.Quiet = False,
    offline: options.Offline = False,
) -> int:
    """Look for newer files of what was pulled, say what changes, and download them (--list: only say it)."""
    from infer.cli.fetch import require_network
    from infer.cli.fetch import update as fetch_update
    from infer.errors import InferError, Interrupted, OutputUnwritable
    from infer.machine import detect
    from infer.models.hub import Hub
    from infer.models.store import Store
    from infer.models.update import Change, look
    from infer.settings import cache_dir, resolve

    session: Session = context.obj
    output = session.output
    settings = resolve({"offline": offline or None})
    output.configure(color=settings["color"], quiet=quiet)
    require_network(model or "what is newer", settings)
    store = Store(cache_dir(os.environ), settings.models)
    pins = _pins(model, store)
    server, free = Hub() if pins else None, detect().memory_free
    rows, worst = list[dict[str, Any]](), 0
    for pin in pins:
        assert server is not None
        change = Change(pin, None)
        try:
            change = look(pin, store, server, free)
            rows.append(_change(change, store))
            if not json_:
                output.data(_sentence(change, store) + "\n")
            if change.model is not None and not list_:
                fetch_update(change.model, store, server, output, yes=yes)
        except (Interrupted, OutputUnwritable):
            raise
        except InferError as error:  # the others are looked at all the same
            rows[len(rows) - (change.model is not None) :] = [_change(change, store) | {"state": "failed"}]
            if not json_ and change.model is None:
                output.data(f"{pin.name}: failed\n")
            output.error(error)
            worst = max(worst, error.exit_code)
    if json_:
        output.json(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    elif not rows:
        output.data("nothing was pulled yet\n")
    return worst


def _pins(model: str | None, store: "Store") -> "list[Pin]":
    """The pins to look at: what is here, or the one that is named. Raises NotDownloaded for what was never pulled."""
    from infer.errors import NotDownloaded
    from infer.models import pins
    from infer.models.ref import ModelRef

    if model is None:  # what was removed since is not fetched again
        every = pins.every(store.cache_dir) if store.cache_dir else ()
        return [pin for pin in every if pins.place(pin, store.environment)]
    ref = ModelRef.parse(model)
    named = store.pinned_as(ref)
    found = pins.load(named[0], store.cache_dir) if named else None
    if found is None:
        name = named[0] if named else ref.shown
        raise NotDownloaded(name=name, hint=f"infer pull {name} downloads it")
    return [found]


def _sentence(change: "Change", store: "Store") -> str:
    from infer.cli.table import size
    from infer.models import pins

    pin = change.pin
    here = pins.place(pin, store.environment) is not None
    if change.gone:
        return f"{pin.name}: gone ({change.gone}); {'what is here stays' if here else 'its file is not here either'}"
    if change.model is None:
        absent = "" if here else f", but not here: infer pull {pin.name} downloads it"
        return f"{pin.name}: up to date ({pin.commit[:8]}){absent}"
    new = change.model
    files = f"{pin.files[0]} -> {new.variant.name}" if new.variant.name != pin.files[0] else pin.files[0]
    commits = f"{pin.commit[:8]} -> {new.repository.commit[:8]}"
    return f"{pin.name}: newer, {commits}, {files}, {size(sum(pin.sizes))} -> {size(new.variant.size)}"


def _change(change: "Change", store: "Store") -> dict[str, Any]:
    from infer.models import pins

    new = change.model
    return {
        "model": change.pin.name, "repository": change.pin.repo, "commit": change.pin.commit,
        "here": pins.place(change.pin, store.environment) is not None,
        "state": "gone" if change.gone else "newer" if new else "same",
        "new_commit": new and new.repository.commit, "new_bytes": new and new.variant.size,
    }  # fmt: skip


def _row(found: "Found", free: int) -> dict[str, Any]:
    from infer.models.plan import fit_by_size

    estimate = round(found.parameters * _BYTES_PER_PARAMETER) if found.parameters else None
    return {
        "name": found.name, "downloads": found.downloads, "likes": found.likes, "gated": found.gated,
        "parameters": found.parameters, "architecture": found.architecture, "context": found.context,
        "modified": found.modified, "estimated_bytes": estimate,
        "fits": fit_by_size(estimate, free) if estimate else None,
    }  # fmt: skip


def _search_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    from infer.cli.table import size, table

    texts = [
        (
            row["name"] + (" (gated)" if row["gated"] else ""),
            f"{row['downloads']:,}",
            f"{row['parameters'] / 1e9:.1f} B" if row["parameters"] else "-",
            f"~{size(row['estimated_bytes'])}" if row["estimated_bytes"] else "-",
            f"{row['context']:,}" if row["context"] else "-",
            row["fits"] or "-",
        )
        for row in rows
    ]
    return table(("repository", "downloads", "parameters", "Q4_K_M", "context", "fits here"), texts, right=range(1, 5))
