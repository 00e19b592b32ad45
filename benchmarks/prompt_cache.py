"""The prompt cache against computing, whole processes, from the start to the first byte on stdout.

    python benchmarks/prompt_cache.py --model FILE [--peers DIR] [--runs N] [--json FILE]

Every run is a process of its own. In each round: a prompt that no cache knows (cold), the same again (seen), another
20-token question on the same document, a cold one without the cache (what a miss costs; every second round before the
first); the same with 2,000 tokens, where llama-completion takes its turns with its `--prompt-cache` file. Short runs
are made three times a round, in turn with the peer's, and the median counts. Ratios are of one round; medians are
quoted. A round in which other processes took more than a few per cent of the cores is done again.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import QUIET, machine, median, run, spread, wait_until_quiet

INFER = str(Path(sys.executable).parent / "infer")
THREADS = "2"
LONG, SHORT, QUESTION = 4096, 2000, 20  # tokens; the made-up vocabulary has one for each digit
TIMES = 3


class CacheJob:
    """`home` is an empty folder for infer's cache and for the peer's."""

    def __init__(self, model: Path, peers: Path | None, home: Path) -> None:
        self._model, self._peers, self._home = str(model), peers, home
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("INFER_", "LLAMA_", "GGML_"))}
        self._environment = keep | {"INFER_CACHE_DIR": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
        self._turn = 0
        self.others = 0.0  # the largest share of the cores that other processes took, since it was set to 0

    def document(self, size: int) -> str:
        """A prompt of `size` tokens that nothing before has begun like."""
        self._turn += 1
        digits = "".join(str((self._turn * 7919 + i * i) % 10) for i in range(size - 12))
        return f"{self._turn:012d}{digits}"

    def first_byte(self, prompt: str, *more: str) -> float:
        """Seconds from the start of `infer run` to its first byte."""
        head = [INFER, "run", self._model, prompt, "--raw", "--max-tokens", "1", "--threads", THREADS, "-t", "0"]
        return self._timed([*head, *more])

    def _timed(self, command: list[str]) -> float:
        wait_until_quiet()
        timed = run(command, self._environment)
        self.others = max(self.others, timed.others)
        return timed.first_byte

    def restore(self, prompt: str) -> tuple[float, float]:
        """Of a prompt seen before: seconds for the restore, and the share of its tokens that were not computed."""
        head = [INFER, "run", self._model, prompt, "--raw", "--max-tokens", "1", "--threads", THREADS, "-t", "0", "-v"]
        said = subprocess.run(
            head, env=self._environment, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
        ).stderr
        found = re.search(r"prompt ([\d,]+) tokens: ([\d,]+) from cache \(disk, (\d+) ms\)", said)
        assert found, said
        total, cached, milliseconds = (int(text.replace(",", "")) for text in found.groups())
        return milliseconds / 1000, cached / total

    def peer(self, prompt: str) -> float:
        """Seconds of llama-completion to its first byte, with one `--prompt-cache` file for each prompt."""
        assert self._peers is not None
        file = self._home / f"peer-{self._turn}.bin"
        head = [str(self._peers / "llama-completion"), "-m", self._model, "-p", prompt, "-n", "1", "-t", THREADS]
        command = [*head, "--temp", "0", "-no-cnv", "--no-display-prompt", "--no-warmup", "-c", "4096"]
        return self._timed([*command, "--prompt-cache", str(file)])

    def forget_peer(self) -> None:
        """Remove the peer's files."""
        for file in self._home.glob("peer-*.bin"):
            file.unlink()


def misses(job: CacheJob, prompt: str, *, uncached_first: bool) -> tuple[float, float]:
    """A prompt that no cache knows, and another with --no-cache, of the same size: whose turn is first, is changed.

    What runs first in a round pays for what the kernel has put away meanwhile.
    """
    other = job.document(len(prompt))
    if uncached_first:
        uncached = job.first_byte(other, "--no-cache")
        return job.first_byte(prompt), uncached
    cold = job.first_byte(prompt)
    return cold, job.first_byte(other, "--no-cache")


def one_round(job: CacheJob, *, with_peer: bool, uncached_first: bool) -> dict[str, float]:
    """Seconds of everything, once; of what is short, the median of three."""
    long, short = job.document(LONG), job.document(SHORT)
    found: dict[str, float] = {}
    found["cold"], found["uncached"] = misses(job, long, uncached_first=uncached_first)
    found["seen"] = median([job.first_byte(long) for _ in range(TIMES)])
    found["question"] = median([job.first_byte(long[: LONG - QUESTION] + str(n) * QUESTION) for n in range(TIMES)])
    found["short cold"], found["short uncached"] = misses(job, short, uncached_first=uncached_first)
    if with_peer:
        found["peer cold"] = job.peer(short)
    ours, theirs = [], []
    for _ in range(TIMES):
        ours.append(job.first_byte(short))
        if with_peer:
            theirs.append(job.peer(short))
    found["short seen"] = median(ours)
    if with_peer:
        found["peer seen"] = median(theirs)
        job.forget_peer()
    found["restore"], found["share"] = job.restore(long)
    return found


RATIOS: tuple[tuple[str, str, str, str], ...] = (
    ("4,096 tokens seen before / cold", "seen", "cold", "<= 0.05"),
    ("another 20-token question / cold", "question", "cold", "<= 0.10"),
    ("2,000 tokens seen before / cold", "short seen", "short cold", "<= 0.09"),
    ("restore alone / the prefill it replaces", "restore", "cold", "<= 0.02"),
    ("a miss of 4,096 tokens / --no-cache", "cold", "uncached", "<= 1.03"),
    ("a miss of 2,000 tokens / --no-cache", "short cold", "short uncached", "<= 1.03"),
    ("2,000 tokens seen / llama-completion --prompt-cache", "short seen", "peer seen", "<= 0.6"),
)


def report(rounds: list[dict[str, float]]) -> str:
    """A Markdown table."""
    lines = ["| | ours, s | theirs, s | ratio, median (min-max) | goal |", "|---|---|---|---|---|"]
    column: Callable[[str], list[float]] = lambda key: [one[key] for one in rounds]  # noqa: E731
    for name, ours, theirs, goal in RATIOS:
        if theirs in rounds[0]:
            ratios = [a / b for a, b in zip(column(ours), column(theirs), strict=True)]
            seconds = f"{median(column(ours)):.3f} | {median(column(theirs)):.3f}"
            lines.append(f"| {name} | {seconds} | {median(ratios):.3f} ({spread(ratios)}) | {goal} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as home:
        job = CacheJob(options.model, options.peers, Path(home))
        job.first_byte("7" * 100, "--no-cache")  # the file's pages and its header are known from here on
        spare = options.runs
        while len(rounds) < options.runs:
            job.others = 0.0
            found = one_round(job, with_peer=options.peers is not None, uncached_first=len(rounds) % 2 == 1)
            print(json.dumps(found | {"others": job.others}), file=sys.stderr)
            if job.others > QUIET and spare:
                spare -= 1
                continue
            rounds.append(found)
            if options.json:
                options.json.write_text(json.dumps({"machine": machine(), "rounds": rounds}, indent=1) + "\n")
    print(report(rounds))


if __name__ == "__main__":
    main()
