"""Draws what batch.py has measured: tokens a second over time, and against the number of sequences.

    pip install matplotlib          # the dependency group "benchmarks"
    python benchmarks/batch_plots.py [DIRECTORY]          # default: docs

Reads results/batch.json; writes batch-sequences.svg and batch-time.svg.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from batch import RESULT
from matplotlib import pyplot
from measure import median

BIN = 5.0  # seconds over which tokens are counted


def against_sequences(rows: dict[str, dict[str, list[float]]], out: Path) -> None:
    """Medians of the decode part."""
    found = {int(re.findall(r"\d+", row)[0]): sides for row, sides in rows.items() if row.startswith("decode")}
    figure, axes = pyplot.subplots(figsize=(7, 4))
    counts = sorted(found)
    for side in found[counts[0]]:
        axes.plot(counts, [median(found[count][side]) for count in counts], marker="o", label=side)
    axes.set(xscale="log", xlabel="sequences together", ylabel="tokens a second", ylim=(0, None))
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.legend()
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


def over_time(timelines: dict[str, list[list[float]]], out: Path) -> None:
    """Tokens of prompts and answers that were finished in each stretch of time, of the last round."""
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for side, done in timelines.items():
        end = max(at for at, _, _ in done)
        bins = [0.0] * (int(end / BIN) + 1)
        for at, prompt, answer in done:
            bins[int(at / BIN)] += (prompt + answer) / BIN
        axes.stairs(bins, [BIN * index for index in range(len(bins) + 1)], label=f"{side}, done after {end:.0f} s")
    axes.set(xlabel="seconds", ylabel="tokens a second, of finished requests", ylim=(0, None))
    axes.legend()
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


def main() -> None:
    """Command line."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs"
    measured: dict[str, Any] = json.loads(RESULT.read_text())
    pyplot.rcParams["svg.hashsalt"] = "infer"  # the same figures give the same file
    against_sequences(measured["rows"], out / "batch-sequences.svg")
    over_time(measured["timelines"], out / "batch-time.svg")


if __name__ == "__main__":
    main()
