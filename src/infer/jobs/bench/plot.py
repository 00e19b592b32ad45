"""The picture of a benchmark: rates over prompt lengths and over sequences. The only door to matplotlib."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infer.errors import InferError, UsageError

_FORMATS = (".svg", ".png")
_FAR = 3  # times the highest rate


def check_plot(path: Path) -> None:
    """Before hours of measuring: raises UsageError when the picture could not be drawn or not be written."""
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(what=f"--plot {path}: a picture's name ends in .svg or .png", hint="--plot bench.svg")
    if find_spec("matplotlib") is None:
        raise UsageError(
            what="--plot needs matplotlib, which is not installed",
            hint="it is in the extra infer[plot]: pip install '.[plot]' in the checkout, or pip install matplotlib",
        )
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise UsageError(what=f"--plot {path}: there is no directory it could be written to")


def plot(record: Mapping[str, Any], path: Path) -> None:
    """Draw a record, whole or not at all."""
    from matplotlib.figure import Figure

    picture = Figure(figsize=(9, 3.6), layout="constrained")
    rows = record["rows"]
    single = [row for row in rows if row["parallel"] == 1]
    several = [row for row in rows if row["prompt"] == single[0]["prompt"]]
    left, middle, right = picture.subplots(1, 3)
    _line(left, single, "prompt", "prefill", "prefill, tokens/s")
    _line(middle, single, "prompt", "decode", "decode, tokens/s")
    _line(right, several, "parallel", "decode", "decode, all sequences, tokens/s")
    _limit(middle, record["limits"]["bandwidth"] / record["limits"]["read"])
    picture.suptitle(f"{record['model']}\n{record['machine']}", fontsize="medium")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        picture.savefig(temporary, format=path.suffix[1:].lower())
        temporary.replace(path)
    except OSError as error:
        raise InferError(what=f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _limit(axes: Any, limit: float) -> None:
    """What the memory allows, where that is not far beyond all that was measured."""
    highest = axes.get_ylim()[1]
    if limit < _FAR * highest:
        axes.axhline(limit, linestyle="--", color="grey", label="what the memory allows")
        axes.set_ylim(0, max(highest, 1.1 * limit))
        axes.legend(fontsize="small")


def _line(axes: Any, rows: list[Mapping[str, Any]], key: str, value: str, title: str) -> None:
    """The medians with the range of the repetitions."""
    places = [row[key] for row in rows]
    medians = [row[value]["median"] for row in rows]
    below = [row[value]["median"] - row[value]["low"] for row in rows]
    above = [row[value]["high"] - row[value]["median"] for row in rows]
    axes.errorbar(places, medians, yerr=(below, above), marker="o", capsize=3)
    axes.set_xscale("log", base=2)
    axes.set_xticks(places, [f"{place:,}" for place in places])
    axes.minorticks_off()
    axes.set_ylim(0, 1.1 * max(row[value]["high"] for row in rows))
    axes.set_title(title, fontsize="medium")
    axes.set_xlabel("tokens of the prompt" if key == "prompt" else "sequences")
