"""`infer rm`: take a model off this machine, after saying who else loses it."""

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infer.cli.models import JsonArray, open_store, print_json
from infer.cli.session import Session
from infer.cli.table import size
from infer.errors import UsageError

if TYPE_CHECKING:
    from infer.models.removal import Removal
    from infer.models.store import Located, Store

Models = Annotated[list[str], typer.Argument(metavar="MODEL", help="names that infer list shows")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask")]


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
    victims = [_victim(store, name) for name in dict.fromkeys(models)]
    if not yes and not _agreed(session, victims):
        session.output.note("nothing has been removed")
        return 0
    rows = []
    for planned in victims:
        victim = _removed(session, store, planned)
        row = {"name": victim.name, "path": str(victim.path), "bytes": victim.removal.bytes}
        row["files"] = [str(path) for path in (*victim.removal.links, *victim.removal.blobs)]
        rows.append(row | {"prompt_cache": _forget(store, victim)})
    if json_:
        return print_json(session, rows)
    session.output.data("".join(_told(row) for row in rows))
    return 0


def _victim(store: "Store", name: str) -> _Victim:
    """What a name's removal takes away. Raises UsageError for what is not ours to remove."""
    from infer.models import hub_cache, web_cache
    from infer.models.ref import ModelRef
    from infer.models.removal import is_in_cache, plan_fetched_removal, plan_removal

    ref = ModelRef.parse(name)
    located = store.owned(ref)
    if located.origin == "url" and located.path.parents[1] == web_cache.directory(store.cache_dir or Path()):
        return _Victim(name, located.path, plan_fetched_removal(located.path))
    root = hub_cache.directory(store.environment)
    if located.origin != "hub" or not is_in_cache(root, located.path):
        raise _refusal(str(ref), located)
    one = ref.revision is not None
    return _Victim(name, located.path, plan_removal(root, located.path, one_snapshot=one), one)


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


def _refusal(name: str, located: "Located") -> UsageError:
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
    entry = " and take its entry out of config.toml" if located.entry else ""
    return UsageError(what=f"{name} is a file of yours, infer did not download it", hint=f"{by_hand}{entry}")


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


def _forget(store: "Store", victim: _Victim) -> dict[str, int]:
    """Clear the pins, the stamp and the prompt cache of a model that is gone."""
    from infer.engine.prefix.check import clear, contents
    from infer.models import pins, stamp

    if store.cache_dir is None:
        return {"entries": 0, "bytes": 0}
    stamp.forget(str(victim.path), store.cache_dir)
    for pin in pins.every(store.cache_dir):
        place = victim.removal.home / "snapshots" / pin.commit / pin.files[0]
        if place in victim.removal.links:
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
