"""Draw the loss curve of one or more runs after each other: python plot.py RUN [RUN ...] writes loss.png."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def curve(runs):
    """Millions of tokens, training loss and check loss over all runs; check loss is None where not measured."""
    points, before = [], 0
    for run in runs:
        lines = [json.loads(line) for line in (Path(run) / "log.jsonl").read_text().splitlines()]
        points += [((before + line["tokens"]) / 1e6, line["loss"], line.get("check")) for line in lines]
        before += lines[-1]["tokens"]
    return points


def main():
    """Both losses over the tokens seen."""
    points = curve(sys.argv[1:])
    figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=110)
    axes.plot([p[0] for p in points], [p[1] for p in points], lw=0.8, label="training, mean of 20 steps")
    checked = [p for p in points if p[2] is not None]
    axes.plot([p[0] for p in checked], [p[2] for p in checked], "o-", ms=3, label="rows never trained on")
    axes.set(xlabel="million tokens", ylabel="cross entropy per token of the answers", ylim=(0, 3))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(Path(__file__).with_name("loss.png"))


if __name__ == "__main__":
    main()
