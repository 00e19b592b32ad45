"""`infer cache`: what the prompt cache holds, whether it is sound, and how to empty it."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infer.cli import options
from infer.cli.models import open_store, print_json
from infer.cli.session import Session
from infer.cli.table import age, size, table
from infer.errors import InferError, IntegrityError, UsageError

if TYPE_CHECKING:
    from infer.engine.prefix.check import Held, Removed

Model = Annotated[str | None, typer.Argument(metavar="[MODEL]", help="only this model's; none: everything")]
ReadData = Annotated[bool, typer.Option("--read-data", help="verify every byte, not only the headers")]

_WORDS = {"temporary": "half written"}  # of what JSON calls by one word


def build() -> typer.Typer:
    """The sub-commands of `infer cache`."""
    app = typer.Typer(help="The prompt cache on disk: what is in it, is it sound, empty it.", no_args_is_help=True)
    app.command("stats")(stats)
    app.command("list")(list_)
    app.command("check")(check)
    app.command("prune")(prune)
    app.command("clear")(clear)
    return app


def stats(context: typer.Context, json_: options.Json = False) -> int:
    """How much it holds and how much it has saved."""
    session: Session = context.obj
    held = _contents()
    rows = [_row(one) | _saved(one) for one in held]
    sums = {key: sum(row[key] for row in rows) for key in ("entries", "bytes", *_saved_keys())}
    total = sums | {"hit_rate": _rate(sums["hits"], sums["lookups"])}
    if json_:
        return print_json(session, total | {"models": rows})
    saved = f"{total['reused']:,} of {total['prompt']:,} prompt tokens were not computed again"
    lines = [
        f"{total['entries']:,} entries, {size(total['bytes'])}, of {len(rows)} models and settings",
        f"{total['hits']:,} of {total['lookups']:,} prompts began with something known",
        f"{saved}: {total['seconds']:,.1f} s saved",
    ]
    shown = [(row["model"], f"{row['hits']}/{row['lookups']}", f"{row['reused']:,}", row["seconds"]) for row in rows]
    texts = [(model, hits, tokens, f"{seconds:,.1f} s") for model, hits, tokens, seconds in shown]
    session.output.data("\n".join([*lines, *table(("model", "hits", "tokens", "saved"), texts)]) + "\n")
    return 0


def list_(context: typer.Context, json_: options.Json = False) -> int:
    """What is stored, for which model and setting."""
    session: Session = context.obj
    rows = [_row(one) for one in _contents()]
    if json_:
        return print_json(session, rows)
    texts = [
        (row["model"], f"{row['entries']:,}", size(row["bytes"]), age(row["used"]), row["fingerprint"][:8])
        for row in rows
    ]
    lines = table(("model", "entries", "size", "used", "setting"), texts) or ["the prompt cache is empty"]
    session.output.data("\n".join(lines) + "\n")
    return 0


def check(context: typer.Context, read_data: ReadData = False, json_: options.Json = False) -> int:
    """Verify what is stored; exit code 5 when something is damaged."""
    from infer.engine.prefix.check import check as check_cache

    session: Session = context.obj
    report = check_cache(_place(), read_data=read_data)
    kinds = ("damaged", "temporary", "unreachable", "foreign")
    if json_:
        found = {kind: list(getattr(report, kind)) for kind in kinds}
        print_json(session, {"entries": report.entries, "bytes": report.bytes, "clean": report.clean, **found})
    else:
        lines = [f"{report.entries:,} entries, {size(report.bytes)}"]
        lines += [f"{_WORDS.get(kind, kind)}: {text}" for kind in kinds for text in getattr(report, kind)]
        session.output.data("\n".join(lines) + "\n")
    if not report.clean:
        wrong = len(report.damaged)
        raise IntegrityError(
            what=f"{wrong} files of the prompt cache are damaged", hint="infer cache prune removes them"
        )
    return 0


def prune(context: typer.Context, json_: options.Json = False) -> int:
    """Remove what is of no use: damaged, unreachable, of models that are gone."""
    from infer.engine.prefix.check import prune as prune_cache

    return _removed(context.obj, prune_cache(_place()), json_=json_)


def clear(context: typer.Context, model: Model = None, json_: options.Json = False) -> int:
    """Remove everything, or everything of one model."""
    from infer.engine.prefix.check import clear as clear_cache

    chosen = None if model is None else _fingerprints(context.obj, model)
    return _removed(context.obj, clear_cache(_place(), chosen), json_=json_)


def _place() -> Any:
    from infer.settings import cache_dir

    return cache_dir(os.environ)


def _contents() -> "list[Held]":
    from infer.engine.prefix.check import contents

    return contents(_place())


def _fingerprints(session: Session, model: str) -> set[str]:
    """Of a model's name, its file, or the beginning of a fingerprint. Raises UsageError when nothing is stored."""
    held = _contents()
    paths = {os.path.abspath(model), _path_of(session, model)}  # noqa: PTH100 (kept as it was given, links and all)
    known = [(one.fingerprint, one.identity) for one in held if one.identity]
    found = {text for text, identity in known if identity.model == model or identity.path in paths}
    if len(model) >= 8:
        found |= {one.fingerprint for one in held if one.fingerprint.startswith(model)}
    if not found:
        raise UsageError(what=f"the prompt cache has nothing of '{model}'", hint="infer cache list shows what it has")
    return found


def _path_of(session: Session, name: str) -> str | None:
    """Where the file lies that `infer run` takes by this name."""
    from infer.models.ref import ModelRef

    try:
        return str(open_store(session).locate(ModelRef.parse(name)).path)
    except InferError:
        return None


def _removed(session: Session, removed: "Removed", *, json_: bool) -> int:
    if json_:
        print_json(session, {"entries": removed.entries, "bytes": removed.bytes, "failed": removed.failed})
    else:
        session.output.data(f"removed {removed.entries:,} entries, {size(removed.bytes)}\n")
    if removed.failed:
        raise InferError(what=f"{removed.failed:,} entries of the prompt cache could not be removed")
    return 0


def _row(one: "Held") -> dict[str, Any]:
    model, path = (one.identity.model, one.identity.path) if one.identity else ("unknown", None)
    facts = {"fingerprint": one.fingerprint, "model": model, "path": path, "gone": one.dead}
    return facts | {"entries": one.entries, "bytes": one.bytes, "used": one.used}


def _saved_keys() -> tuple[str, ...]:
    return ("lookups", "hits", "prompt", "reused", "seconds")


def _saved(one: "Held") -> dict[str, Any]:
    usage = one.usage
    return {key: getattr(usage, key) for key in _saved_keys()} | {"hit_rate": _rate(usage.hits, usage.lookups)}


def _rate(hits: int, lookups: int) -> float | None:
    return round(hits / lookups, 4) if lookups else None
