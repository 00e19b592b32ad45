"""One run of `infer bench` from its beginning to its report."""

import time
from dataclasses import dataclass
from pathlib import Path

import infer
from infer.jobs.bench.figures import noise
from infer.jobs.bench.report import Report
from infer.jobs.bench.runner import Fresh, Say, Target, configure, first_tokens, pilot, rates
from infer.jobs.bench.sizes import Asked, Shape, choose, room
from infer.models.metadata import read_headers
from infer.models.work import work_of
from infer.types import Limits
from infer.worker.client import WorkerClient

_LONGEST_FIRST = 2048  # tokens of the prompt whose first token is waited for
_FIRST_SHARE = 0.5  # of the budget of time that goes into first tokens, on top of it
_LEAST_FIRST = 128


@dataclass(frozen=True, slots=True)
class Names:
    """What a run is filed under: the model, the machine, the device.

    kind    ggml's word for the device      cores    of the machine: its limits are those of all of them
    """

    model: str
    machine: str
    device: str
    kind: str
    cores: int


def bench(
    fresh: Fresh, first: WorkerClient, target: Target, names: Names, asked: Asked, folder: Path, say: Say
) -> Report:
    """Measure everything. `first` is a worker that loads the model; folder: where our own prompt cache may lie."""
    work = work_of(read_headers(target.path))
    longest, positions = target.many.max_context, target.many.positions
    first.wait_loaded()
    configure(first, target.path, target.single)
    say("what this machine can do")
    before = first.limits(names.kind, names.cores, work.weight_type)
    say("how fast the model is, about")
    found = pilot(first)
    sizes = choose(asked, found, longest, positions)
    rows, shares = rates(first, target, sizes, say)
    after = first.limits(names.kind, names.cores, work.weight_type)
    most = int(found.prefill * asked.seconds * _FIRST_SHARE / (1 + asked.rounds))
    prompt = min(_LONGEST_FIRST, max(_LEAST_FIRST, most), longest - room(Shape(1), 1))
    answered = first_tokens(fresh, target, prompt, asked.rounds, folder, say)
    figures = [one for row in rows for one in (row.prefill, row.decode)]
    return Report(
        model=names.model,
        machine=names.machine,
        device=names.device,
        time=time.time(),
        infer=infer.__version__,
        config=target.single,
        many=target.many if any(row.parallel > 1 for row in rows) else None,
        steps=sizes.steps,
        rounds=sizes.rounds,
        rows=rows,
        first_token=answered,
        limits=Limits(max(before.bandwidth, after.bandwidth), max(before.flops, after.flops)),
        work=work,
        noise=noise(figures, shares),
    )
