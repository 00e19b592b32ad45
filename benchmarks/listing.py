"""How long a listing of a thousand model files takes, and a Tab, by the clock.

    python benchmarks/listing.py [--runs N]

A home of its own: 500 repositories in a Hugging Face cache and 500 of LM Studio, one file of a few tensors each. The
first listing reads every header, the later ones remember them; a completion asks for all model names, as the shells do.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from measure import wait_until_quiet
from tests.ggufs import write_gguf

INFER = str(Path(sys.executable).parent / "infer")
COMMIT = "c" * 40
FILES = 1000
GOALS = {"list, the first time": None, "list": 0.3, "Tab after `infer run `": 0.15, "Tab after `infer run org49`": 0.15}


def make_home(home: Path) -> None:
    """Half of the files in the layout of each tool, every one with bytes of its own."""
    raw = write_gguf(home / "one.gguf").read_bytes()
    for number in range(FILES // 2):
        data = raw + str(number).encode()
        digest = hashlib.sha256(data).hexdigest()
        repository = home / f"hub/models--org{number}--repo"
        snapshot = repository / "snapshots" / COMMIT
        for place in (repository / "blobs", repository / "refs", snapshot):
            place.mkdir(parents=True)
        (repository / "blobs" / digest).write_bytes(data)
        (repository / "refs/main").write_text(COMMIT)
        (snapshot / "m-Q4_K_M.gguf").symlink_to(f"../../blobs/{digest}")
        other = home / f".lmstudio/models/publisher/r{number}/m-Q8_0.gguf"
        other.parent.mkdir(parents=True)
        other.write_bytes(data)


def seconds(arguments: list[str], environment: dict[str, str], least: int) -> float:
    """Wall clock of one command, which must print at least so many lines."""
    wait_until_quiet()
    started = time.perf_counter()
    done = subprocess.run(
        [INFER, *arguments], env=environment, capture_output=True, check=True, stdin=subprocess.DEVNULL
    )
    elapsed = time.perf_counter() - started
    lines = done.stdout.count(b"\n")
    if lines < least:
        raise SystemExit(f"{arguments} printed {lines} lines")
    return elapsed


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("INFER_", "HF_", "XDG_", "OLLAMA_"))}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        make_home(home)
        environment = keep | {"HOME": place, "HF_HUB_CACHE": str(home / "hub"), "INFER_CACHE_DIR": str(home / "cache")}
        found: dict[str, list[float]] = {name: [] for name in GOALS}
        found["list, the first time"].append(seconds(["list"], environment, FILES))
        for _ in range(runs):
            found["list"].append(seconds(["list"], environment, FILES))
            for name, word in (("Tab after `infer run `", ""), ("Tab after `infer run org49`", "org49")):
                typed = ["__complete", "fish", "run", word]
                found[name].append(seconds(typed, environment, FILES if not word else 10))
    print("| | ms, median | smallest to largest | goal |\n|---|---|---|---|")
    for name, values in found.items():
        goal = GOALS[name]
        middle, low, high = (round(of(values) * 1000) for of in (statistics.median, min, max))
        print(f"| {name} | {middle} | {low} to {high} | {f'<= {goal * 1000:.0f}' if goal else ''} |")


if __name__ == "__main__":
    main()
