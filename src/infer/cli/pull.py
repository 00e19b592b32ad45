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
    from infer.settings import Settings


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
    from infer.errors import BadModelFile, FileUnreadable, NotDownloaded
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
    except (BadModelFile, FileUnreadable) as error:
        if not _may_be_completed(ref, store, settings):
            raise
        session.output.note(f"{error}: what is missing is fetched")
        fetched = sum(file.fetched for file in fetch(ref, store, settings, session, yes=yes, wish=None))
        local, _ = store.resolve(ref)
    pin = _pinned(ref, local.path, store)
    if not json_:
        session.output.data(f"{local.path}\n")
        return 0
    record = {
        "model": ref.shown, "path": str(local.path), "sha256": local.sha256, "bytes": local.metadata.file_size,
        "fetched": fetched, "repository": pin and pin.repo, "commit": pin and pin.commit,
        "files": pin and list(pin.files),
    }  # fmt: skip
    session.output.json(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return 0


def _may_be_completed(ref: "ModelRef", store: "Store", settings: "Settings") -> bool:
    """Whether a bad file is one of a download (a shard is missing, it is cut) and the network may be used."""
    from infer.cli.fetch import require_network
    from infer.errors import Offline

    if ref.kind not in ("alias", "hub", "url") or store.locate(ref).origin not in ("hub", "url"):
        return False
    try:
        require_network(ref.shown, settings)
    except Offline:
        return False
    return True


def _pin_name(ref: "ModelRef", store: "Store") -> str | None:
    """Under which name a reference is pinned; None where it is not."""
    if ref.kind not in ("alias", "hub"):
        return None
    return store.catalog.resolve(ref.name).alias if ref.kind == "alias" else str(ref)


def _pinned(ref: "ModelRef", path: str, store: "Store") -> "Pin | None":
    """What the name stands for from now on; another tool may have brought the file, then it is not known yet."""
    from infer.models import hub_cache, pins
    from infer.models.partial import unwritable

    name = _pin_name(ref, store)
    if name is None or store.cache_dir is None:
        return None
    if (known := store.pin(ref)) is not None:
        return known
    try:
        root = hub_cache.directory(store.environment).absolute()
        if (pin := pins.of_file(name, ref.revision or "main", Path(path), root)) is not None:
            pins.save(pin, store.cache_dir)
    except OSError as error:
        raise unwritable(error, store.cache_dir / "pins") from error
    return pin
