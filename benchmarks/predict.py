"""Compares the tokens per second that infer expects with those it reaches, for models given as files.

    python benchmarks/predict.py MODEL.gguf [MODEL.gguf ...] [--tokens 96] [--runs 3]

On a quiet machine. Each model runs once to be in memory, then `--runs` times, and before each run the bandwidth is
measured; medians count, for a machine is not equally fast at all times. Off by more than 20 % is marked and makes the
exit code 1.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from infer.machine import bandwidth, detect
from infer.models import metadata
from infer.models.speed import bytes_per_token, decode

INFER = Path(sys.executable).parent / "infer"
TOLERANCE = 0.2


def measured(model: Path, tokens: int, runs: int) -> tuple[float, float, int]:
    """Tokens per second of decode, bytes per second of memory (medians), and the position in the answer's middle."""
    words = ["run", str(model), "7 8 9", "-n", "--raw", "--json", "--no-cache", "-t", "0", "--max-tokens", str(tokens)]
    found, speeds = [], []
    for _ in range(runs + 1):
        speeds.append(bandwidth.measure(detect()))
        done = subprocess.run([str(INFER), *words], capture_output=True, check=True, text=True)
        found.append(json.loads(done.stdout))
    middle = found[0]["usage"]["prompt"] + tokens // 2
    rates = [one["timings"]["decode_tps"] for one in found[1:]]
    return statistics.median(rates), statistics.median(speeds[1:]), middle


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="expected against measured decode speed")
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--runs", type=int, default=3)
    given, off = parser.parse_args(), 0
    print(f"{'model':<40} {'MB/token':>9} {'GB/s':>6} {'expected':>9} {'measured':>9} {'off':>6}")
    for path in given.models:
        described = metadata.describe(metadata.read_headers(str(path)))
        real, speed, position = measured(path, given.tokens, given.runs)
        expected = decode(described, speed, position).tokens_per_second
        error = expected / real - 1
        off += abs(error) > TOLERANCE
        megabytes = bytes_per_token(described, position) / 1e6
        mark = " !" if abs(error) > TOLERANCE else ""
        print(f"{path.name:<40} {megabytes:9.0f} {speed / 1e9:6.1f} {expected:9.1f} {real:9.1f} {error:6.0%}{mark}")
    return int(bool(off))


if __name__ == "__main__":
    sys.exit(main())
