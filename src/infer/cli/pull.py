"""`infer pull`: a model's file on this machine, verified; its path on stdout."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from infer.cli import options
from infer.cli.session import Session

if TYPE_CHECKING:
    from infer.models.download import Pulled
    from infer.models.pins import Pin
    from infer.models.ref import ModelRef
    from infer.models.store import Store
    from infer.settings import Settings
    from infer.types import LocalModel


def pull(
    context: typer.Context,
    model: options.RemoteModel,
    yes: options.Yes = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    offline: options.Offline = False,
) -> int:
    """Download and verify a model; nothing happens when it is here already (infer update looks for a newer one)."""
    from infer.models.ref import ModelRef
    from infer.models.store import Store
    from infer.settings import cache_dir, resolve

    session: Session = context.obj
    settings = resolve({"offline": offline or None})
    session.output.configure(color=settings["color"], quiet=quiet)
    for warning in settings.warnings:
        session.output.note(f"warning: {warning}")
    store = Store(cache_dir(os.environ), settings.models)
    ref = ModelRef.parse(model)
    local, pulled = _here(ref, store, settings, session, yes=yes)
    local = _hashed(ref, local, pulled, store, session)
    pin = _pinned(ref, local, store)
    if not json_:
        session.output.data(f"{local.path}\n")
        return 0
    record = {
        "model": ref.shown, "path": str(local.path), "sha256": local.sha256, "bytes": local.metadata.file_size,
        "fetched": sum(file.fetched for file in pulled), "repository": pin and pin.repo, "commit": pin and pin.commit,
        "files": pin and list(pin.files),
    }  # fmt: skip
    session.output.json(json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return 0


def _here(
    ref: "ModelRef", store: "Store", settings: "Settings", session: Session, *, yes: bool
) -> "tuple[LocalModel, Sequence[Pulled]]":
    """The model, downloaded when it is not here or not whole; and what of it was."""
    from infer.cli.fetch import fetch
    from infer.errors import BadModelFile, FileUnreadable, NotDownloaded

    try:
        return store.resolve(ref)[0], ()
    except NotDownloaded:
        pass
    except (BadModelFile, FileUnreadable) as error:
        if not _may_be_completed(ref, store, settings):
            raise
        session.output.note(f"{error}: what is missing is fetched")
    pulled = fetch(ref, store, settings, session, yes=yes, wish=None)
    return store.resolve(ref)[0], pulled


def _hashed(
    ref: "ModelRef", local: "LocalModel", pulled: "Sequence[Pulled]", store: "Store", session: Session
) -> "LocalModel":
    """The model once its bytes are known: what another tool brought is read to its end, the first time.

    Raises IntegrityError where they are not those that its name in the Hugging Face cache promises.
    """
    from infer.cli.verify import check, require_sound
    from infer.models.verify import files

    located = store.owned(ref)
    on_the_way = bool(pulled) and all(file.digest for file in pulled)
    # What several files have is remembered nowhere: they are read when the name is pulled, and not at every pull.
    earlier = local.sha256 or (not pulled and len(files(located)) > 1 and store.pin(ref))
    if located.origin != "hub" or on_the_way or earlier:
        return local
    row = check(session, store, ref.shown, located)
    require_sound([row])
    return replace(local, sha256=row["files"][0]["sha256"] if len(row["files"]) == 1 else None)


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


def _pinned(ref: "ModelRef", local: "LocalModel", store: "Store") -> "Pin | None":
    """What the name stands for from now on; another tool may have brought the file, then it is not known yet."""
    from infer.models import hub_cache, pins
    from infer.models.job import keep

    named = store.pinned_as(ref)
    if named is None or store.cache_dir is None:
        return None
    if (known := store.pin(ref)) is not None:
        return known
    root = hub_cache.directory(store.environment).absolute()
    if (pin := pins.of_file(*named, Path(local.path), root)) is not None:
        keep(pin, store.cache_dir)
    return pin
