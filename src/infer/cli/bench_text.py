"""A benchmark as people read it: a table, and what it means."""

from datetime import datetime

from infer.cli.table import size, table
from infer.jobs.bench.compare import Change, Comparison
from infer.jobs.bench.figures import NOISY_OTHERS, NOISY_SPREAD, Figure
from infer.jobs.bench.report import Report
from infer.jobs.bench.runner import described
from infer.models.ggml import TENSOR_TYPES
from infer.types import LocalModel

_SMALL = 64 << 20  # bytes of weights; fewer may stay in the caches of a processor


def reported(report: Report, model: LocalModel) -> list[str]:
    """The lines of a report."""
    metadata = model.metadata
    about = f"{metadata.architecture}, {metadata.parameter_count / 1e6:,.1f} M parameters, {metadata.quantization}"
    lines = [f"{model.ref}: {about}", f"{report.device} ({report.machine}), {described(report.config)}"]
    if report.many:
        streams = ", each in a stream of its own" if report.many.streams else ""
        lines.append(f"several sequences: {described(report.many)}{streams}")
    lines += ["", *_rows(report)]
    lines += ["", *_first_token(report), "", *_limits(report), *_noise(report)]
    return lines


def _rows(report: Report) -> list[str]:
    head = ("prompt", "sequences", "prefill tok/s", "", "decode tok/s", "")
    rows = [(f"{row.prompt:,}", str(row.parallel), *_shown(row.prefill), *_shown(row.decode)) for row in report.rows]
    return table(head, rows, right=range(6))


def _shown(figure: Figure) -> tuple[str, str]:
    digits = 0 if figure.median >= 100 else 1
    return f"{figure.median:,.{digits}f}", f"± {figure.spread:.0%}"


def _first_token(report: Report) -> list[str]:
    first = report.first_token
    lines = [f"first token after {first.prompt:,} tokens: {_seconds(first.computed)} computed"]
    if first.restored is not None:
        times = first.computed.median / first.restored.median
        lines[0] += (
            f", {_seconds(first.restored)} from the prompt cache ({first.cached:,} tokens, {times:.1f} x as fast)"
        )
    lines.append(
        f"start of the worker to a loaded model: {_seconds(first.start)}, {_seconds(first.load)} of it loading"
    )
    if first.memory is not None:
        lines.append(f"memory of that worker, at most: {size(first.memory)}, the mapped model file in it")
    return lines


def _seconds(figure: Figure) -> str:
    return f"{figure.median:.3f} s ± {figure.spread:.0%}"


def _limits(report: Report) -> list[str]:
    limits, work = report.limits, report.work
    kind = TENSOR_TYPES[work.weight_type][0]
    allowed = limits.bandwidth / work.read
    speed = f"{limits.bandwidth / 1e9:,.1f} GB/s and multiplies {limits.flops / 1e9:,.0f} GFLOP/s"
    decode = (
        f"decode reaches {report.decode_share:.0%} of what this memory allows "
        f"({allowed:,.0f} tok/s at {size(work.read)} of weights a token)"
    )
    if work.read < _SMALL:
        decode += "; so small a model is limited by the work around each token"
    return [
        f"this machine reads {speed} ({kind})",
        decode,
        f"prefill reaches {report.prefill_share:.0%} of what its products of matrices allow",
    ]


def _noise(report: Report) -> list[str]:
    noise = report.noise
    rounds = f"{report.rounds} rounds in turn, medians ± half the range"
    if noise.others is not None:
        rounds += f"; other programs used at most {noise.others:.0%} of the cores"
    if not noise.noisy:
        return [rounds]
    why = []
    if (noise.others or 0) > NOISY_OTHERS:
        why.append(f"other programs were busy (more than {NOISY_OTHERS:.0%})")
    if noise.spread > NOISY_SPREAD:
        why.append(f"the rounds differ by up to ± {noise.spread:.0%}")
    return [rounds, f"noisy: {' and '.join(why)}; do not rely on these figures"]


def compared(changes: Comparison | None) -> list[str]:
    """What has changed since the last run."""
    if changes is None:
        return ["there is no earlier run of this model on this machine to compare with"]
    when = datetime.fromtimestamp(changes.time).astimezone().strftime("%Y-%m-%d %H:%M")
    lines = [f"against the run of {when} (infer {changes.infer})"]
    lines += [f"  set otherwise: {key} was {before}, is {now}" for key, before, now in changes.settings]
    if changes.noisy:
        lines.append("  at least one of the two was noisy: what has changed may be the machine")
    rows = [(one.name, _number(one.before), _number(one.now), _change(one)) for one in changes.changes]
    return lines + table(("", "before", "now", "change"), rows)


def _number(figure: Figure) -> str:
    digits = 0 if figure.median >= 100 else 1 if figure.median >= 10 else 3
    return f"{figure.median:,.{digits}f}"


def _change(change: Change) -> str:
    word = "faster" if change.ratio > 1 else "slower"
    return f"{change.ratio:.2f} x, {word}" if change.real else f"{change.ratio:.2f} x, within noise"
