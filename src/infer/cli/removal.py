"""`infer rm`: take a model off this machine, after saying who else loses it."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infer.cli.models import JsonArray, open_store, print_json
from infer.cli.session import Session
from infer.cli.table import size
from infer.errors import UsageError

if TYPE_CHECKING:
    from infer.models.pins import Pin
    from infer.models.removal import Removal
    from infer.models.store import Located, Store

Models = Annotated[list[str], typer.Argument(metavar="MODEL", help="names that infer list shows")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]
_NAMES = 4  # of one blob that a hint repeats


@dataclass(frozen=True, slots=True)
class _Victim:
    name: str
    path: Path
    removal: "Removal"
    one_snapshot: bool = False


def rm(context: typer.Context, models: Models, yes: Yes = False, json_: JsonArray = False) -> int:
    """Remove a downloaded model. Files of other tools and your own files are never touched."""
    session: Session = context.obj
    store = open_store(session)
    _finish_earlier(store)
    victims = [_victim(store, name) for name in dict.fromkeys(models)]
    if not yes and not _agreed(session, victims):
        session.output.note("nothing has been removed")
        return 0
    rows = list[dict[str, Any]]()
    try:
        for victim in victims:
            rows.append(_take(session, store, victim))
            if not json_:  # at once: the next one may fail
                session.output.data(_told(rows[-1]))
    finally:
        if json_ and rows:  # what is gone is said, whatever has happened to the others
            print_json(session, rows)
    return 0


def _take(session: Session, store: "Store", planned: _Victim) -> dict[str, Any]:
    """Remove one, and what is known of it: its row."""
    from infer.models import pins

    every = pins.every(store.cache_dir) if store.cache_dir else ()
    before = {pin: pins.place(pin, store.environment) for pin in every}
    victim = _removed(session, store, planned)
    row = {"name": victim.name, "path": str(victim.path), "bytes": victim.removal.bytes}
    row["files"] = [str(path) for path in (*victim.removal.links, *victim.removal.blobs)]
    return row | {"prompt_cache": _forget(store, victim, before)}


def _finish_earlier(store: "Store") -> None:
    """What a killed `infer rm` has left is removed first: it was agreed to then."""
    from infer.models import hub_cache
    from infer.models.removal import finish_removals

    finish_removals(hub_cache.directory(store.environment))


def _victim(store: "Store", name: str) -> _Victim:
    """What a name's removal takes away. Raises UsageError for what is not ours to remove, FileUnreadable."""
    from infer.models import hub_cache, web_cache
    from infer.models.links import in_snapshot
    from infer.models.ref import ModelRef
    from infer.models.removal import plan_fetched_removal, plan_removal

    ref = ModelRef.parse(name)
    located = store.owned(ref)
    fetched = located.origin == "url" and located.path.parents[1] == web_cache.directory(store.cache_dir or Path())
    if fetched and located.path.name.lower().endswith(".gguf"):
        return _Victim(name, located.path, plan_fetched_removal(located.path))
    root = hub_cache.directory(store.environment)
    path = in_snapshot(root, located.path) if located.origin in ("hub", "file") else None
    if path is None:
        raise _refusal(store, str(ref), located)
    # A path is that of one snapshot, as a commit is; a name stands for the bytes.
    by_path = ref.kind == "file" or (located.entry is not None and located.entry.path is not None)
    one = by_path or ref.revision is not None
    return _Victim(name, path, plan_removal(root, path, one_snapshot=one), one)


def _removed(session: Session, store: "Store", victim: _Victim) -> _Victim:
    """Remove it, by a plan of this moment: things may have changed at the question and by the names before it."""
    from infer.models import hub_cache
    from infer.models.removal import remove, remove_model

    if victim.removal.home.name.startswith("models--"):
        root = hub_cache.directory(store.environment)
        told: list[bool] = []

        def waiting() -> None:
            if not told:
                told.append(True)
                session.output.note(f"{victim.name} is being downloaded; waiting for that")

        done = remove_model(root, victim.path, one_snapshot=victim.one_snapshot, waiting=waiting)
        return replace(victim, removal=done)
    remove(victim.removal)
    return victim


def _refusal(store: "Store", name: str, located: "Located") -> UsageError:
    """Whose it is, and the command that removes it there."""
    by_hand = f"rm {shlex.quote(str(located.path))}"
    if located.origin == "embedded":
        return UsageError(what=f"{name} is part of infer and cannot be removed")
    if located.origin == "ollama":
        own = name.removeprefix("ollama:") if name.startswith("ollama:") else "NAME"
        return UsageError(what=f"{name} belongs to Ollama", hint=f"ollama rm {own}")
    if located.origin == "lmstudio":
        hint = f"remove it in LM Studio, under My Models, or by hand: {by_hand}"
        return UsageError(what=f"{name} belongs to LM Studio", hint=hint)
    if located.origin == "llama.cpp":
        return UsageError(what=f"{name} belongs to llama.cpp", hint=by_hand)
    if refusal := _refusal_in_caches(store, name, located):
        return refusal
    entry = " and take its entry out of config.toml" if located.entry else ""
    return UsageError(what=f"{name} is a file of yours, infer did not download it", hint=f"{by_hand}{entry}")


def _refusal_in_caches(store: "Store", name: str, located: "Located") -> UsageError | None:
    """Of what lies beside the models in the caches: removing a blob by hand would leave names without bytes."""
    from infer.models import hub_cache
    from infer.models.links import names_of_blob

    names = names_of_blob(hub_cache.directory(store.environment), located.path)
    if names is None and located.origin not in ("hub", "url"):
        return None
    if names is None:
        what = f"{name} is no model, although it lies in a cache of models"
        return UsageError(what=what, hint="infer list shows the names that infer rm takes")
    if not names:
        what = f"{name} is no model: no snapshot of the Hugging Face cache names it"
        return UsageError(what=what, hint=f"unless something is being downloaded: rm {shlex.quote(str(located.path))}")
    models = [str(path) for path in names]
    more = f" and {len(models) - 1} more" if len(models) > 1 else ""
    hint = f"infer rm {shlex.join(models[:_NAMES])}{' ...' if len(models) > _NAMES else ''}"
    return UsageError(what=f"{name} holds the bytes of {models[0]}{more}", hint=hint)


def _agreed(session: Session, victims: list[_Victim]) -> bool:
    """Ask on the terminal. Raises UsageError where there is none."""
    for victim in victims:
        ours = not victim.removal.snapshots
        shared = "in infer's cache" if ours else "in the Hugging Face cache, which other programs use as well"
        where = f", in {victim.removal.snapshots} snapshots" if victim.removal.snapshots > 1 else ""
        kept = "" if victim.removal.bytes else "; another name needs the bytes, so none become free"
        what = f"{victim.path.name}, {size(victim.removal.bytes)}"
        session.output.note(f"{victim.name}: {what} {shared}{where}{kept}")
    names = ", ".join(victim.name for victim in victims)
    answer = session.output.confirm(f"remove {names}?")
    if answer is None:
        raise UsageError(what="infer rm asks first, and here is no terminal to ask on", hint="--yes removes it unasked")
    return answer


def _forget(store: "Store", victim: _Victim, before: "Mapping[Pin, Path | None]") -> dict[str, int]:
    """Clear the pins, the stamp and the prompt cache of a model that is gone. `before`: what the pins meant until then.

    A pin means bytes, in whichever snapshot: it goes with its own file, and with the last other one that has them.
    """
    from infer.engine.prefix.check import clear, contents
    from infer.models import pins, stamp

    if store.cache_dir is None:
        return {"entries": 0, "bytes": 0}
    for path in {victim.path, *victim.removal.links}:
        stamp.forget(os.path.abspath(path), store.cache_dir)  # noqa: PTH100
    for pin, place in before.items():
        own = victim.removal.home / "snapshots" / pin.commit / pin.files[0]
        gone = place in victim.removal.links and pins.place(pin, store.environment) is None
        if gone or own in victim.removal.links:
            pins.forget(pin.name, store.cache_dir)
    if not victim.removal.bytes:
        return {"entries": 0, "bytes": 0}
    paths = {os.path.abspath(path) for path in (victim.path, *victim.removal.links)}  # noqa: PTH100
    held = [one for one in contents(store.cache_dir) if one.identity and one.identity.path in paths]
    if not held:
        return {"entries": 0, "bytes": 0}
    removed = clear(store.cache_dir, {one.fingerprint for one in held})
    return {"entries": removed.entries, "bytes": removed.bytes}


def _told(row: dict[str, Any]) -> str:
    cache = row["prompt_cache"]
    also = f", and {size(cache['bytes'])} of its prompt cache" if cache["entries"] else ""
    return f"removed {row['name']}: {size(row['bytes'])} freed{also}\n"
