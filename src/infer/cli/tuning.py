"""`infer bench --tune`: the settings this model is fastest with here, measured, and written to config.toml."""

import json
import os
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from time import localtime, strftime
from typing import Any

from infer.cli.model import Opened, machine_name, open_model
from infer.cli.session import Session
from infer.jobs.bench.figures import NOISY_OTHERS
from infer.jobs.bench.others import Others
from infer.jobs.bench.runner import ANSWER, Jobs, described, job_times, pilot, tuning_jobs
from infer.jobs.bench.sizes import Asked
from infer.jobs.bench.tune import LEAST_GAIN, Trial, Tuning, Values, candidates, search, times_measured
from infer.settings import Settings, config_path
from infer.tuned import KEYS, Tuned, model_key, rewrite, with_table, without_table

ALONE = {"no_cache": True, "ctx": None}  # what is measured is computed, in a context as large as that needs
_SHARE = 1 / 30  # of the budget of time: the prefill of the longer job, measured some fifty times


def tune(name: str, settings: Settings, session: Session, asked: Asked, *, kv: bool, yes: bool, as_json: bool) -> int:
    """Try, write what is faster, say by how much. On a busy machine nothing is written: another one was measured."""
    plain = replace(settings.changed(ALONE, "infer bench"), tuned=())
    opened = open_model(name, plain, (), session, yes=yes)
    fixed = [key for key in KEYS if settings.is_given(key)]
    tried = candidates(
        opened.config, fixed, opened.machine.cores, os.cpu_count() or 1, gpu=bool(opened.machine.gpus), kv=kv
    )
    load = opened.worker.wait_loaded()
    rates = pilot(opened.worker)
    jobs = tuning_jobs(rates, opened.config.max_context, asked.seconds * _SHARE)
    output, others = session.output, Others(opened.worker.pid)
    output.note(f"note: {_jobs(jobs)}; the defaults are {described(opened.config)}")
    for key in fixed:
        output.note(f"note: {key} stays {settings[key]} ({settings.values[key].origin})")
    output.note(f"note: this takes about {_time(times_measured(tried, asked.rounds) * (load + jobs.seconds(rates)))}")
    measure = job_times(opened.worker, opened.model.path, jobs, output.progress)
    found = search(opened.config, tried, measure, asked.rounds, lambda trial: output.note(_trial(trial)))
    output.clear_progress()
    share = others.share()
    noisy = (share or 0.0) > NOISY_OTHERS
    place = None if noisy else _write(opened, found)
    record = _record(opened, found, jobs, share, place)
    if as_json:
        output.json(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        output.data("\n".join(_lines(found, place, share if noisy else None)) + "\n")
    return 0


def _write(opened: Opened, found: Tuning) -> Path | None:
    """Put the values into config.toml, or take out what stands there of an earlier time; None: nothing has changed."""
    path = config_path(os.environ)
    values = {key: _plain(key, value) for key, value in found.values.items()}
    mine = Tuned(model_key(opened.model.metadata), machine_name(opened.machine), values)
    if values and found.final:
        remark = f"infer bench --tune, {strftime('%Y-%m-%d', localtime())}: {_percent(found.final.gain)} faster"
        rewrite(path, partial(with_table, tuned=mine, remark=remark), mine, gone=False)
        return path
    stands = any((one.model, one.machine) == (mine.model, mine.machine) for one in _tuned_now())
    if stands:
        rewrite(path, partial(without_table, tuned=mine), mine, gone=True)
    return path if stands else None


def _tuned_now() -> tuple[Tuned, ...]:
    from infer.settings import resolve

    return resolve({}).tuned


def _plain(key: str, value: Any) -> Any:
    """A value as config.toml spells it."""
    return ("on" if value else "off") if key == "flash_attention" else value


def _record(opened: Opened, found: Tuning, jobs: Jobs, others: float | None, place: Path | None) -> dict[str, Any]:
    return {
        "model": model_key(opened.model.metadata),
        "machine": machine_name(opened.machine),
        "jobs": [{"prompt": prompt, "answer": ANSWER} for prompt in jobs.prompts],
        "defaults": {key: _plain(key, getattr(opened.config, key)) for key in KEYS},
        "trials": [asdict(trial) for trial in found.trials],
        "settings": _spelt(found.values),
        "final": asdict(found.final) if found.final else None,
        "config": str(place) if place else None,
        "others": others,
    }


def _spelt(values: Values) -> Values:
    return {key: _plain(key, value) for key, value in values.items()}


def _jobs(jobs: Jobs) -> str:
    prompts = " and ".join(f"{prompt:,}" for prompt in jobs.prompts)
    return f"measured is loading, a prompt of {prompts} tokens, an answer of {ANSWER}"


def _time(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min" if seconds >= 90 else f"{seconds:,.0f} s"


def _trial(trial: Trial) -> str:
    verdict = trial.verdict
    said = "faster" if verdict.better else "no gain" if verdict.gain < LEAST_GAIN else "not surely faster"
    rounds = f"{_percent(verdict.low)} to {_percent(verdict.high)}"
    changes = "; it changes the answers" if trial.key == "kv_type" else ""
    return f"{_setting(trial.key, trial.value)}: {_percent(verdict.gain)} ({rounds}), {said}{changes}"


def _lines(found: Tuning, place: Path | None, disturbed: float | None) -> list[str]:
    """What came out, for people. disturbed: what others used of the cores, where that was too much."""
    lines = []
    if found.final is None:
        lines.append("the defaults are kept: nothing that was tried is surely faster")
    elif found.values:
        lines.append(f"{_percent(found.final.gain)} faster than the defaults: {_settings(found.values)}")
        lines.append(f"  measured against them in turn: {_range(found)}")
    else:
        lines.append(f"the defaults are kept: {_settings(found.best)} was no sure gain against them ({_range(found)})")
    if found.values and "kv_type" in found.values:
        lines.append("  a smaller KV cache changes the answers a little: take the line out if that matters")
    if found.values and place:
        lines.append(f"written to {place}; --threads and the like, and INFER_ variables, go before it")
    elif place:
        lines.append(f"what an earlier --tune had written to {place} is taken out")
    if disturbed is not None:
        used = f"other programs used {disturbed:.0%} of the cores meanwhile"
        lines.append(f"nothing is written: {used}, so this says little about a quiet machine; tune again on one")
    return lines


def _range(found: Tuning) -> str:
    assert found.final
    return f"{_percent(found.final.gain)}, the rounds {_percent(found.final.low)} to {_percent(found.final.high)}"


def _settings(values: Values) -> str:
    return ", ".join(_setting(key, value) for key, value in values.items())


def _setting(key: str, value: Any) -> str:
    plain = _plain(key, value)
    return f"{key} = {json.dumps(plain) if isinstance(plain, bool) else plain}"


def _percent(gain: float) -> str:
    return f"{gain:+.0%}" if abs(gain) >= 0.0995 else f"{gain:+.1%}"
