"""A benchmark from the command line: what is asked, the model, the run, its history, what is said about it."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infer.cli.bench_text import compared, reported
from infer.cli.model import Opened, device_name, gpu, machine_name, open_model, wish_of
from infer.cli.session import Session
from infer.cli.tuning import ALONE, tune
from infer.errors import UsageError
from infer.jobs.bench import sizes
from infer.jobs.bench.bench import Names, bench
from infer.jobs.bench.compare import Comparison, compare
from infer.jobs.bench.history import History
from infer.jobs.bench.plot import check_plot, plot
from infer.jobs.bench.report import to_json
from infer.jobs.bench.runner import Target
from infer.models.plan import Wish, plan
from infer.settings import cache_dir, data_dir, resolve
from infer.tuned import model_key
from infer.worker.client import WorkerClient

_QUICK = (3, 12.0)  # rounds, and seconds for the rates
_USUAL = (5, 60.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands on the command line beside the settings."""

    model: str
    prompts: str | None
    parallel: str | None
    rounds: int | None
    quick: bool
    compare: bool
    tune: bool
    tune_kv: bool
    plot: str | None
    yes: bool
    as_json: bool
    quiet: bool


def run_bench(asked: Asked, flags: Mapping[str, Any], session: Session) -> int:
    """Measure, or tune, and return the exit code; raises the InferErrors of every room."""
    output = session.output
    settings = resolve(flags)
    output.configure(color=settings["color"], quiet=asked.quiet)
    for warning in settings.warnings:
        output.note(f"warning: {warning}")
    wanted = _sizes(asked)
    _refuse_together(asked)
    if asked.plot is not None:
        check_plot(Path(asked.plot))
    if asked.tune:
        return tune(asked.model, settings, session, wanted, kv=asked.tune_kv, yes=asked.yes, as_json=asked.as_json)
    most = max((*wanted.parallel, *sizes.PARALLEL))
    alone = settings.changed(ALONE, "infer bench")
    opened = open_model(asked.model, alone, (), session, yes=asked.yes, wish=Wish(parallel=most))
    return _measure(asked, wanted, opened, session)


def _measure(asked: Asked, wanted: sizes.Asked, opened: Opened, session: Session) -> int:
    names = _names(opened)
    history = History(data_dir(os.environ) / "bench", names.model, names.machine)
    before = history.last() if asked.compare else None
    single = plan(opened.model.metadata, opened.machine, wish_of(opened.settings))
    target = Target(opened.model.path, single, opened.config)

    def fresh() -> WorkerClient:
        session.renew()
        return session.worker()

    place, say = cache_dir(os.environ), session.output.progress
    report = bench(fresh, opened.worker, target, names, wanted, place, say)
    session.output.clear_progress()
    record = to_json(report)
    changes = compare(before, record) if before else None
    _remember(history, record, session)
    if asked.plot is not None:
        plot(record, Path(asked.plot))
    if asked.as_json:
        session.output.json(json.dumps(record | _comparison(asked, changes), ensure_ascii=False) + "\n")
        return 0
    lines = reported(report, opened.model)
    if asked.compare:
        lines += ["", *compared(changes)]
    session.output.data("\n".join(lines) + "\n")
    return 0


def _names(opened: Opened) -> Names:
    device = gpu(opened.worker.wait_devices()) if opened.config.gpu_layers else None
    machine, cores = machine_name(opened.machine), opened.machine.cores
    kind = device.kind if device else "cpu"
    return Names(model_key(opened.model.metadata), machine, device_name(opened), kind, cores)


def _remember(history: History, record: Mapping[str, Any], session: Session) -> None:
    """A history that cannot be kept costs no figures."""
    try:
        history.add(record)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        session.output.note(f"warning: this run is not in the history: {history.path}: {why}")


def _comparison(asked: Asked, changes: Comparison | None) -> dict[str, Any]:
    """compare: null where there is no earlier run."""
    return {"compare": asdict(changes) if changes else None} if asked.compare else {}


def _sizes(asked: Asked) -> sizes.Asked:
    rounds, seconds = _QUICK if asked.quick else _USUAL
    return sizes.Asked(
        prompts=_numbers("--prompts", asked.prompts, 1 << 20),
        parallel=_numbers("--parallel", asked.parallel, sizes.MOST_PARALLEL),
        rounds=asked.rounds or rounds,
        seconds=seconds,
    )


def _numbers(option: str, text: str | None, most: int) -> tuple[int, ...]:
    """The numbers of an option, ascending, each once."""
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and 0 < int(word[:12]) <= most for word in words):
        raise UsageError(what=f"{option} {text}: must be numbers from 1 to {most:,}", hint=f"{option} 1,8")
    return tuple(sorted({int(word) for word in words}))


def _refuse_together(asked: Asked) -> None:
    if asked.tune and (asked.compare or asked.plot or asked.prompts or asked.parallel):
        what = "--tune measures two jobs of its own, it goes with none of --compare, --plot, --prompts, --parallel"
        raise UsageError(what=what, hint=f"infer bench {asked.model} --tune")
    if asked.tune_kv and not asked.tune:
        raise UsageError(what="--tune-kv is a part of --tune", hint=f"infer bench {asked.model} --tune --tune-kv")
