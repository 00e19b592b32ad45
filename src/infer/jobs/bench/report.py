"""What a benchmark has found, as values; its JSON form is what --json prints and what the history keeps. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from infer.jobs.bench.figures import Figure, Noise
from infer.models.work import Work
from infer.types import EngineConfig, Limits

VERSION = 1  # of a record; raise it when a key changes its meaning
SETTINGS = ("threads", "ubatch", "flash_attention", "repack", "kv_type", "gpu_layers")
_TOGETHER = (*SETTINGS, "streams")


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens a second with so many sequences, each with a prompt of so many tokens; all sequences together."""

    prompt: int
    parallel: int
    prefill: Figure
    decode: Figure


@dataclass(frozen=True, slots=True)
class FirstToken:
    """Seconds from the question to the first token, the model loaded: computed, and with the prompt cache's help.

    prompt, cached   tokens of the prompt, and how many of them came from the cache
    restored         None where nothing came from it (a prompt too short, or a model that it does not serve)
    start            seconds from the start of the worker process until it has loaded the model
    load             of these, in llama.cpp's loading
    memory           bytes that the worker has had at most, mapped pages of the file too; None where nobody says
    """

    prompt: int
    cached: int
    computed: Figure
    restored: Figure | None
    start: Figure
    load: Figure
    memory: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """One run of `infer bench`.

    model, machine   the names under which runs are compared
    time             seconds since the epoch
    config, many     how one sequence was computed, and how several; None: they were not
    steps, rounds    of decoding that were measured at once; repetitions of everything
    """

    model: str
    machine: str
    device: str
    time: float
    infer: str
    config: EngineConfig
    many: EngineConfig | None
    steps: int
    rounds: int
    rows: tuple[Row, ...]
    first_token: FirstToken
    limits: Limits
    work: Work
    noise: Noise

    @property
    def decode_share(self) -> float:
        """What decoding the shortest prompt with one sequence reaches of what reading the weights allows."""
        return self.rows[0].decode.median * self.work.read / self.limits.bandwidth

    @property
    def prefill_share(self) -> float:
        """What the fastest prefill reaches of the device's products of matrices."""
        best = max(row.prefill.median for row in self.rows if row.parallel == 1)
        return best * self.work.operations / self.limits.flops


def to_json(report: Report) -> dict[str, Any]:
    """The record."""
    first = asdict(report.first_token)
    return {
        "version": VERSION,
        "time": round(report.time, 1),
        "infer": report.infer,
        "model": report.model,
        "machine": report.machine,
        "device": report.device,
        "settings": {key: getattr(report.config, key) for key in SETTINGS},
        "settings_together": report.many and {key: getattr(report.many, key) for key in _TOGETHER},
        "steps": report.steps,
        "rounds": report.rounds,
        "rows": [asdict(row) for row in report.rows],
        "first_token": first,
        "limits": asdict(report.limits) | asdict(report.work),
        "decode_share": report.decode_share,
        "prefill_share": report.prefill_share,
        "noise": asdict(report.noise) | {"noisy": report.noise.noisy},
    }


def figures_of(record: Mapping[str, Any]) -> dict[str, Figure]:
    """Every figure of a record under the name a table shows. Raises KeyError, TypeError, ValueError for no record."""
    found: dict[str, Figure] = {}
    for row in record["rows"]:
        name = f"{row['prompt']:,} tokens" + (f", {row['parallel']} sequences" if row["parallel"] > 1 else "")
        found[f"prefill of {name}, tok/s"] = _figure(row["prefill"])
        found[f"decode after {name}, tok/s"] = _figure(row["decode"])
    first = record["first_token"]
    found[f"first token of {first['prompt']:,}, computed, s"] = _figure(first["computed"])
    if first["restored"] is not None:
        found[f"first token of {first['prompt']:,}, from the cache, s"] = _figure(first["restored"])
    found["start, s"] = _figure(first["start"])
    return found


def _figure(data: Mapping[str, float]) -> Figure:
    """A figure that was kept in a file, where any number may stand."""
    median, low, high = (float(data[key]) for key in ("median", "low", "high"))
    if not all(0 < value < float("inf") for value in (median, low, high)):
        raise ValueError
    return Figure(median, low, high, int(data["count"]))
