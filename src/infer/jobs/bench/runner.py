"""Drives the engine in the worker process for `infer bench`: what is measured, in which order, how configured.

Everything is repeated in turns (all shapes, then all again), so that a machine that is slow for a while is slow for
each of them. The first round only warms up.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from infer.errors import EngineFailure
from infer.jobs.bench.figures import Figure, figure
from infer.jobs.bench.others import Others, peak_memory
from infer.jobs.bench.prompts import text_of
from infer.jobs.bench.report import FirstToken, Row
from infer.jobs.bench.sizes import PILOT, PILOT_STEPS, Rates, Shape, Sizes, room, seconds, steps_for
from infer.jobs.bench.tune import Measure, Times
from infer.types import EngineConfig, Failed, Finished, Message, Pace, Request, SamplingParams, TextPart, Usage
from infer.worker.client import WorkerClient

_LAST_BLOCKS = 60.0  # seconds the prompt cache has to write the prompt that the next process is to find
ANSWER = 128  # tokens of the answer in the jobs that settings are tuned with
_WARM = Shape(32)
_OWN = "bench-"  # what the directory of our own cache begins with
_ABANDONED = 86400  # seconds after which nobody measures in it any more
Say = Callable[[str], None]
Fresh = Callable[[], WorkerClient]


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured: a model's file, how it is configured for one sequence, and for many."""

    path: str
    single: EngineConfig
    many: EngineConfig


@dataclass(frozen=True, slots=True)
class Jobs:
    """What settings are tuned with: a run for each prompt of so many tokens; `steps` of its answer are measured."""

    prompts: tuple[int, ...]
    steps: int

    def seconds(self, found: Rates) -> float:
        """About how long they take with a model so fast."""
        return sum(seconds(Shape(prompt), self.steps, found) for prompt in self.prompts)


def pilot(worker: WorkerClient) -> Rates:
    """About how fast the model is, from a short prompt; the first one warms up."""
    shape = Shape(PILOT)
    for _ in range(2):
        pace = _measure(worker, shape, PILOT_STEPS)
    return Rates(PILOT / pace.prefill, PILOT_STEPS / pace.decode)


def configure(worker: WorkerClient, path: str, config: EngineConfig) -> float:
    """Have a worker go on with another configuration, and compute something in it; seconds of the loading."""
    worker.load(path, config)
    load = worker.wait_loaded()
    _measure(worker, _WARM, PILOT_STEPS)
    return load


def rates(worker: WorkerClient, target: Target, sizes: Sizes, say: Say) -> tuple[tuple[Row, ...], list[float | None]]:
    """Every shape of `sizes`, as a run or a batch would compute it; and what others used of the machine meanwhile."""
    rows, shares = list[Row](), list[float | None]()
    alone = tuple(shape for shape in sizes.shapes if shape.parallel == 1)
    together = tuple(shape for shape in sizes.shapes if shape.parallel > 1)
    for shapes, config in ((alone, target.single), (together, target.many)):
        if shapes:
            configure(worker, target.path, config)
            more, others = _round_by_round(worker, replace(sizes, shapes=shapes), say)
            rows, shares = [*rows, *more], [*shares, *others]
    return tuple(rows), shares


def _round_by_round(worker: WorkerClient, sizes: Sizes, say: Say) -> tuple[tuple[Row, ...], list[float | None]]:
    found: dict[Shape, list[Pace]] = {shape: [] for shape in sizes.shapes}
    others, shares = Others(worker.pid), []
    for number in range(1 + sizes.rounds):
        for shape in sizes.shapes:
            say(_step("warming up" if not number else f"round {number} of {sizes.rounds}", shape))
            pace = _measure(worker, shape, sizes.steps)
            if number:
                found[shape].append(pace)
        share = others.share()
        if number:
            shares.append(share)
    return tuple(_row(shape, paces) for shape, paces in found.items()), shares


def first_tokens(fresh: Fresh, target: Target, prompt: int, rounds: int, folder: Path, say: Say) -> FirstToken:
    """Ask a question in a process that has just started, then the same in another one, which finds it in the cache.

    The cache is one of our own below `folder`, and goes away.
    """
    computed, restored, started, loaded = list[float](), list[float](), list[float](), list[float]()
    memory, usage = list[int | None](), Usage()
    with _own_cache(folder) as place:
        config = replace(target.single, cache_dir=str(place), cache_bytes=None)
        for number in range(1 + rounds):
            say(f"first token: {'warming up' if not number else f'round {number} of {rounds}'}")
            asked = ""
            for times in (computed, restored):
                worker, start, load = _start(fresh, target.path, config)
                asked = asked or text_of(prompt, number, worker.tokenize)
                waited, usage = _ask(worker, asked)
                memory.append(peak_memory(worker.pid))
                worker.finish(_LAST_BLOCKS)
                if number:
                    times.append(waited)
                    started.append(start)
                    loaded.append(load)
    peaks = [peak for peak in memory if peak is not None]
    return FirstToken(
        prompt=usage.prompt,
        cached=usage.cached,
        computed=figure(computed),
        restored=figure(restored) if usage.cached else None,
        start=figure(started),
        load=figure(loaded),
        memory=max(peaks) if peaks else None,
    )


def job_times(worker: WorkerClient, path: str, jobs: Jobs, say: Say) -> Measure:
    """What `tune` measures with: load the model, compute a prompt, answer; seconds for each of the prompts.

    The few steps of decoding that are measured stand for an answer of 128 tokens.
    """

    def measure(config: EngineConfig) -> Times:
        load = configure(worker, path, config)
        times = []
        for prompt in jobs.prompts:
            say(f"{prompt:,} tokens, {described(config)}")
            pace = _measure(worker, Shape(prompt), jobs.steps)
            times.append(load + pace.prefill + pace.decode * ANSWER / jobs.steps)
        return tuple(times)

    return measure


def tuning_jobs(found: Rates, longest: int, patience: float) -> Jobs:
    """Two typical jobs: a question, and a document as long as `patience` seconds of prefill, at most 2,048 tokens."""
    steps = steps_for(found, longest)
    most = max(1, longest - room(Shape(1), steps))
    document = max(256, min(2048, int(found.prefill * patience)))
    return Jobs(tuple(dict.fromkeys(min(tokens, most) for tokens in (128, document))), steps)


def described(config: EngineConfig) -> str:
    """A configuration in the words of its settings."""
    flash = "on" if config.flash_attention else "off"
    parts = [f"threads {config.threads}", f"ubatch {config.ubatch}", f"flash attention {flash}"]
    return ", ".join([*parts, f"KV {config.kv_type}", *(["repacked"] if config.repack else [])])


def _measure(worker: WorkerClient, shape: Shape, steps: int) -> Pace:
    return worker.measure(shape.prompt, steps, shape.parallel, room(shape, steps))


def _row(shape: Shape, paces: list[Pace]) -> Row:
    prompts = shape.prompt * shape.parallel
    prefill = figure([prompts / pace.prefill for pace in paces])
    return Row(shape.prompt, shape.parallel, prefill, _decode(shape, paces))


def _decode(shape: Shape, paces: list[Pace]) -> Figure:
    return figure([shape.parallel * pace.steps / pace.decode for pace in paces])


def _step(phase: str, shape: Shape) -> str:
    sequences = f", {shape.parallel} sequences" if shape.parallel > 1 else ""
    return f"{phase}: {shape.prompt:,} tokens{sequences}"


def _start(fresh: Fresh, path: str, config: EngineConfig) -> tuple[WorkerClient, float, float]:
    """A new worker that has loaded the model; seconds from its start, and of these in the loading."""
    began = perf_counter()
    worker = fresh()
    worker.load(path, config)
    load = worker.wait_loaded()
    return worker, perf_counter() - began, load


def _ask(worker: WorkerClient, text: str) -> tuple[float, Usage]:
    """Seconds until the first token of an answer, and what the prompt was made of."""
    message = Message("user", (TextPart(text),))
    request = Request((message,), SamplingParams(temperature=0), raw=True, max_tokens=1)
    began = perf_counter()
    worker.submit(request)
    for event in worker.events():
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, Finished):
            return perf_counter() - began, event.completion.usage
    raise EngineFailure(what="the worker ended without an answer")


@contextmanager
def _own_cache(folder: Path) -> Iterator[Path]:
    """A directory for a prompt cache of our own, on the disk where the user's lies; nothing of it stays."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.glob(f"{_OWN}*"):  # what one that was killed left behind
        with suppress(OSError):
            if time.time() - old.stat(follow_symlinks=False).st_mtime > _ABANDONED:
                shutil.rmtree(old)
    with tempfile.TemporaryDirectory(prefix=_OWN, dir=folder) as place:
        yield Path(place)
