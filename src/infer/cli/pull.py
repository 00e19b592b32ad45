"""`infer pull`: a model's file on this machine, verified; its path on stdout."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from infer.cli import options
from infer.cli.session import Session

if TYPE_CHECKING:
    from infer.models.pins import Pin
    from infer.models.ref import ModelRef
    from infer.models.store import Store


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
    pin = _pinned(ref, local.path, store)
    if not json_:
        session.output.data(f"{local.path}\n")
        return 0
    record = {
        "model": str(ref), "path": str(local.path), "sha256": local.sha256, "bytes": local.metadata.file_size,
        "fetched": fetched, "repository": pin and pin.repo, "commit": pin and pin.commit,
        "files": pin and list(pin.files),
    }  # fmt: skip
    session.output.json(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return 0


def _pinned(ref: "ModelRef", path: str, store: "Store") -> "Pin | None":
    """What the name stands for from now on; another tool may have brought the file, then it is not known yet."""
    from infer.models import hub_cache, pins
    from infer.models.partial import unwritable

    if ref.kind not in ("alias", "hub") or store.cache_dir is None:
        return None
    name = store.catalog.resolve(ref.name).alias if ref.kind == "alias" else str(ref)
    known = pins.find(name, store.cache_dir, store.environment)
    if known is not None:
        return known[0]
    try:
        root = hub_cache.directory(store.environment)
        if (pin := pins.of_file(name, ref.revision or "main", Path(path), root)) is not None:
            pins.save(pin, store.cache_dir)
    except OSError as error:
        raise unwritable(error, store.cache_dir / "pins") from error
    return pin
