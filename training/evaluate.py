"""Sit the held-out exam with a GGUF file, through llama.cpp, greedily and at the recommended temperature.

    python evaluate.py [FILE] [--wrong]      prints a table; exit code 1 if a goal is missed
"""

import argparse
import sys
import time
from pathlib import Path

from exam import GOALS, exam, overlaps
from runtime import Runtime

FILE = Path(__file__).parents[1] / "src" / "infer" / "data" / "tiny.gguf"
TEMPERATURE = 0.7


def sit(runtime, items, temperature, wrong):
    """How many answers are right; the wrong ones are shown on request."""
    right = 0
    for seed, item in enumerate(items):
        out = runtime.chat(item.messages, temperature, seed=seed + 1)
        good = bool(item.right(out))
        right += good
        if wrong and not good:
            print(f"  [{item.note}] {item.messages[-1]['content'][-160:]!r}\n      -> {out[:300]!r}")
    return right


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=FILE)
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--wrong", action="store_true", help="show the wrong answers")
    parser.add_argument("--only", help="one part of the exam")
    parser.add_argument("--greedy", action="store_true", help="greedy only")
    options = parser.parse_args()
    if found := overlaps():
        sys.exit("not held out: " + "; ".join(found))
    print("held out: no exam noun, pair, wording or message can be written by the corpus")
    runtime, start, missed = Runtime(options.file), time.time(), False
    modes = [0.0] if options.greedy else [0.0, options.temperature]
    print(f"{'':20}" + "".join(f"{'greedy' if not mode else f'at {mode}':>14}" for mode in modes) + f"{'goal':>8}")
    for name, items in exam(lambda messages: len(runtime.render(messages))).items():
        if options.only and options.only not in name:
            continue
        scores = [sit(runtime, items, mode, options.wrong) for mode in modes]
        goal = GOALS.get(name)
        missed |= goal is not None and min(scores) < goal * len(items)
        cells = "".join(f"{score:>7} of {len(items):<3}" for score in scores)
        print(f"{name:20}{cells}{f'{goal:.0%}' if goal else '':>8}", flush=True)
    print(f"{time.time() - start:.0f} s")
    sys.exit(missed)


if __name__ == "__main__":
    main()
