"""`infer batch`: decode at many sequences against llama-batched-bench, and a shared prefix against single runs.

    python benchmarks/batch.py --model FILE --peers DIR [--rounds N]

decode    N prompts of 16 tokens, answers of 16 and of 80 tokens: the 64 * N tokens between, over the difference of
          the two times, so that start, load and prefill are not in it. The peer: llama-batched-bench's S_TG, with the
          flags that are best here (flash attention, no repacking) and with its defaults.
prefix    64 requests with 1,000 tokens in common, 20 of their own and 16-token answers, in one `infer batch`, against
          `infer run --no-cache` on some of them, one after the other, times 64.

Greedy, 2 threads, random weights: nothing ends before its last token. Ratios are of one round; medians are quoted.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import median, spread, wait_until_quiet

INFER = str(Path(sys.executable).parent / "infer")
THREADS = "2"
SEQUENCES = (1, 4, 8, 16, 32, 64)
SHORT, LONG = 16, 80  # tokens of an answer
REQUESTS, COMMON, OWN, ANSWER = 64, 1000, 20, 16
SINGLE = 4  # runs that are made alone; 64 would take minutes
BEST = ("-fa", "1", "--repack", "0")


class BatchJob:
    """`home` is an empty folder."""

    def __init__(self, model: Path, peers: Path, home: Path) -> None:
        self._model, self._peers, self._home = str(model), peers, home
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("INFER_", "LLAMA_", "GGML_"))}
        self._environment = keep | {"INFER_CACHE_DIR": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}

    def batch(self, prompts: list[str], tokens: int, parallel: int) -> float:
        """Seconds of `infer batch` over these prompts, the whole command."""
        place = self._home / "in.jsonl"
        place.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts))
        out = self._home / "out.jsonl"
        out.unlink(missing_ok=True)
        flags = ["--raw", "--no-cache", "-t", "0", "--max-tokens", str(tokens), "--parallel", str(parallel)]
        seconds = self._timed([INFER, "batch", self._model, str(place), "-o", str(out), "--threads", THREADS, *flags])
        counts = [json.loads(line)["usage"]["completion"] for line in out.read_text().splitlines()]
        if counts != [tokens] * len(prompts):
            raise SystemExit(f"not all answers have {tokens} tokens: {counts}")
        return seconds

    def decode(self, sequences: int) -> float:
        """Tokens a second of so many sequences together."""
        prompts = [f"{number:016d}" for number in range(1, sequences + 1)]
        short, long = (self.batch(prompts, tokens, sequences) for tokens in (SHORT, LONG))
        return sequences * (LONG - SHORT) / (long - short)

    def peer(self, flags: tuple[str, ...]) -> dict[int, float]:
        """S_TG of llama-batched-bench by the number of sequences."""
        wait_until_quiet()
        counts = ",".join(map(str, SEQUENCES))
        command = [str(self._peers / "llama-batched-bench"), "-m", self._model, "-c", "8192", "-t", THREADS]
        done = subprocess.run(
            [*command, "-npp", "16", "-ntg", "64", "-npl", counts, *flags], capture_output=True, text=True, check=True
        )
        rows = re.findall(r"^\|(.+)\|$", done.stdout, re.MULTILINE)
        numbers = [[float(cell) for cell in row.split("|")] for row in rows if re.match(r"\s*\d", row)]
        return {int(row[2]): row[7] for row in numbers}

    def shared(self) -> tuple[float, float]:
        """Seconds of the requests with a common beginning: in one batch, and one by one."""
        common = "".join(str(i * i % 10) for i in range(COMMON))
        prompts = [common + f"{number:020d}" for number in range(REQUESTS)]
        together = self.batch(prompts, ANSWER, REQUESTS)
        flags = ["--raw", "--no-cache", "-n", "-t", "0", "--max-tokens", str(ANSWER), "--threads", THREADS]
        alone = [self._timed([INFER, "run", self._model, prompt, *flags]) for prompt in prompts[:SINGLE]]
        return together, REQUESTS * sum(alone) / SINGLE

    def _timed(self, command: list[str]) -> float:
        wait_until_quiet()
        started = time.perf_counter()
        subprocess.run(command, env=self._environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ours: dict[int, list[float]] = {count: [] for count in SEQUENCES}
    best: dict[int, list[float]] = {count: [] for count in SEQUENCES}
    default: dict[int, list[float]] = {count: [] for count in SEQUENCES}
    prefix: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as home:
        job = BatchJob(given.model, given.peers, Path(home))
        for _ in range(given.rounds):
            for count in SEQUENCES:
                ours[count].append(job.decode(count))
            for count, rate in job.peer(BEST).items():
                best[count].append(rate)
            for count, rate in job.peer(()).items():
                default[count].append(rate)
            prefix.append(job.shared())
            print(ours, best, default, prefix, file=sys.stderr)
    print("| sequences | infer batch, tok/s | batched-bench, best flags | ratio | its defaults | ratio |")
    print("|---|---|---|---|---|---|")
    for count in SEQUENCES:
        ratios = [[a / b for a, b in zip(ours[count], other[count], strict=True)] for other in (best, default)]
        cells = [f"{median(ours[count]):.0f}"]
        for other, of in zip((best, default), ratios, strict=True):
            cells += [f"{median(other[count]):.0f}", f"{median(of):.2f} ({spread(of)})"]
        print(f"| {count} | " + " | ".join(cells) + " |")
    gains = [alone / together for together, alone in prefix]
    print(
        f"\nshared prefix: {median([one for one, _ in prefix]):.1f} s in one batch, {median(gains):.1f} times as fast"
    )
    print(f"as one by one ({spread(gains)})")


if __name__ == "__main__":
    main()
