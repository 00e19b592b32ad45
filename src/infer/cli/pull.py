"""`infer pull`: a model's file on this machine, verified; its path on stdout."""

import json
import os

import typer

from infer.cli import options
from infer.cli.session import Session


def pull(
    context: typer.Context,
    model: options.RemoteModel,
    yes: options.Yes = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    offline: options.Offline = False,
) -> int:
    """Download and verify a model; nothing happens when it is here already (infer update looks for a newer one)."""
    from infer.cli.fetch import fetch
    from infer.errors import NotDownloaded
    from infer.models import pins
    from infer.models.ref import ModelRef
    from infer.models.store import Store
    from infer.settings import cache_dir, resolve

    session: Session = context.obj
    settings = resolve({"offline": offline or None})
    session.output.configure(color=settings["color"], quiet=quiet)
    for warning in settings.warnings:
        session.output.note(f"warning: {warning}")
    store = Store(cache_dir(os.environ), settings.models)
    ref, fetched = ModelRef.parse(model), 0
    try:
        local, _ = store.resolve(ref)
    except NotDownloaded:
        fetched = sum(file.fetched for file in fetch(ref, store, settings, session, yes=yes, wish=None))
        local, _ = store.resolve(ref)
    if not json_:
        session.output.data(f"{local.path}\n")
        return 0
    name = store.catalog.resolve(ref.name).alias if ref.kind == "alias" else str(ref)
    pin = pins.load(name, store.cache_dir)
    record = {
        "model": str(ref), "path": str(local.path), "sha256": local.sha256, "bytes": local.metadata.file_size,
        "fetched": fetched, "repository": pin and pin.repo, "commit": pin and pin.commit,
        "files": pin and list(pin.files),
    }  # fmt: skip
    session.output.json(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return 0
