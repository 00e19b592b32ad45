"""`infer recommend`: what to run on this machine."""

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from infer.cli.model import gpu, usable_gpus
from infer.cli.models import print_json
from infer.cli.session import Session
from infer.cli.table import size, table

if TYPE_CHECKING:
    from infer.jobs.recommend import Place
    from infer.worker.client import WorkerClient

_Q4_K = 12  # ggml's number of the type of most weights that people run
JsonArray = Annotated[bool, typer.Option("--json", help="a JSON array on stdout")]


def recommend(context: typer.Context, json_: JsonArray = False) -> int:
    """What to run here: by use, the largest model that fits well and the fastest that is good enough."""
    from infer.jobs.recommend import recommend as choose
    from infer.models.catalog import Catalog
    from infer.settings import resolve

    session: Session = context.obj
    catalog = Catalog.load(overrides=resolve({}).models)
    places = _places(session)
    rows = choose(map(catalog.resolve, catalog.entry_names()), places)
    if json_:
        return print_json(session, [asdict(row) for row in rows])
    texts = [(row.use, row.kind, row.name, size(row.size), _tokens(row.tokens_per_second), row.command) for row in rows]
    head = ("for", "", "model", "size", "tokens/s", "try it")
    lines = table(head, texts, right=(3, 4)) or ["nothing in models.toml fits here"]
    session.output.data("\n".join(lines) + "\n")
    for note in dict.fromkeys(f"{row.use}: {row.note}" for row in rows if row.note):
        session.output.note(note)
    for place in places:
        speed = f"{place.bandwidth / 1e9:.0f} GB of memory a second"
        session.output.note(f"{place.name}: {speed}, {size(place.memory_free)} are free")
    session.output.note("tokens/s are expected from that, not measured")
    return 0


def _places(session: Session) -> "list[Place]":
    """The GPUs that this build can use, as one, and the processor; their speed is measured once and remembered."""
    from infer.jobs.recommend import Place
    from infer.machine import bandwidth, detect
    from infer.settings import cache_dir

    folder, machine = cache_dir(os.environ), detect()
    cores = machine.performance_cores or machine.cores
    speed = bandwidth.known(folder, bandwidth.key(machine), lambda: bandwidth.measure(machine))
    places = [Place("CPU", machine.memory_free, speed)]
    if gpus := usable_gpus(machine, session):
        name = ", ".join(one.name for one in gpus)
        speed = bandwidth.known(folder, name, lambda: _bandwidth(session.worker(), cores))
        places.insert(0, Place(name, sum(one.memory_free for one in gpus), speed))
    return places


def _bandwidth(worker: "WorkerClient", cores: int) -> float:
    """Of the first GPU."""
    device = gpu(worker.wait_devices())
    assert device is not None, "there is one"
    return worker.limits(device.kind, cores, _Q4_K).bandwidth


def _tokens(speed: float | None) -> str:
    return "-" if speed is None else f"{speed:.0f}"
