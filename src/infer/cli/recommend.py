"""`infer recommend`: what to run on this machine."""

import os
from dataclasses import asdict
from typing import Annotated

import typer

from infer.cli.models import print_json
from infer.cli.session import Session
from infer.cli.table import size, table

JsonArray = Annotated[bool, typer.Option("--json", help="a JSON array on stdout")]


def recommend(context: typer.Context, json_: JsonArray = False) -> int:
    """What to run here: by use, the largest model that fits well and the fastest that is good enough."""
    from infer.jobs.recommend import recommend as choose
    from infer.machine import bandwidth, detect
    from infer.models.catalog import Catalog
    from infer.settings import cache_dir, resolve

    session: Session = context.obj
    machine = detect()
    catalog = Catalog.load(overrides=resolve({}).models)
    speed = bandwidth.known(cache_dir(os.environ), machine)
    rows = choose(map(catalog.resolve, catalog.entry_names()), machine.memory_free, speed)
    if json_:
        return print_json(session, [asdict(row) for row in rows])
    texts = [(row.use, row.kind, row.name, size(row.size), _tokens(row.tokens_per_second), row.command) for row in rows]
    head = ("for", "", "model", "size", "tokens/s", "try it")
    lines = table(head, texts, right=(3, 4)) or ["nothing in models.toml fits here"]
    session.output.data("\n".join(lines) + "\n")
    for note in dict.fromkeys(f"{row.use}: {row.note}" for row in rows if row.note):
        session.output.note(note)
    reads = f"reads {speed / 1e9:.0f} GB of memory a second, {size(machine.memory_free)} are free"
    session.output.note(f"this machine {reads}; tokens/s are expected on the CPU, not measured")
    return 0


def _tokens(speed: float | None) -> str:
    return "-" if speed is None else f"{speed:.0f}"
