"""Sit the held-out exam with a GGUF file, through infer's engine, greedily and at the recommended temperature.

python evaluate.py [FILE] [--wrong]      prints a table; exit code 1 if a goal is missed
"""

import argparse
import sys
import time
from pathlib import Path

from engine import Model
from exam import GOALS, exam, overlaps, variety

FILE = Path(__file__).parents[1] / "src" / "infer" / "data" / "tiny.gguf"
TEMPERATURE = 0.7


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--wrong", action="store_true", help="show the wrong answers")
    parser.add_argument("--only", default="", help="one part of the exam")
    parser.add_argument("--greedy", action="store_true", help="greedy only")
    return parser.parse_args()


def judge(items, answers, wrong):
    """How many answers are right; the wrong ones are shown on request."""
    right = 0
    for item, answer in zip(items, answers, strict=True):
        good = bool(item.right(answer))
        right += good
        if wrong and not good:
            print(f"  [{item.note}] {item.messages[-1]['content'][-160:]!r}\n      -> {answer[:400]!r}")
    return right


def sit(model, options, modes):
    """Print the table; return the names of the missed goals."""
    missed = []
    for name, items in exam(model.length).items():
        if options.only not in name:
            continue
        answers = [model.answers([item.messages for item in items], mode) for mode in modes]
        scores = [judge(items, given, options.wrong) for given in answers]
        goal = GOALS.get(name)
        if goal and min(scores) < goal * len(items):
            missed.append(name)
        cells = "".join(f"{score:>8} of {len(items):<3}" for score in scores)
        print(f"{name:20}{cells}{f'{goal:.0%}' if goal else '':>8}", flush=True)
        if name == "known nouns":
            print(f"{'  variety':20}" + "   ".join(variety(given) for given in answers))
    return missed


def main():
    """Prove that the exam is fair, then sit it."""
    options = arguments()
    if found := overlaps():
        sys.exit("not held out: " + "; ".join(found))
    print("held out: no exam noun, pair, wording or message can be written by the corpus")
    start = time.time()
    modes = [0.0] if options.greedy else [0.0, options.temperature]
    print(f"{'':20}" + "".join(f"{f'at {mode}' if mode else 'greedy':>15}" for mode in modes) + f"{'goal':>8}")
    missed = sit(Model(options.file), options, modes)
    print(f"{time.time() - start:.0f} s", "missed: " + ", ".join(missed) if missed else "all goals met")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
