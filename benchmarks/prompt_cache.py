"""The prompt cache against computing, whole processes, from the start to the first byte on stdout.

    python benchmarks/prompt_cache.py --model FILE [--peers DIR] [--runs N] [--json FILE]

Every run is a process of its own. In each round: a prompt that no cache knows (cold), the same again (seen), another
20-token question on the same document, a cold one without the cache (what a miss costs); and for a 2,000-token prompt
llama-completion with its `--prompt-cache` file. Ratios are of one round; medians are quoted.
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

from measure import machine, median, run, spread, wait_until_quiet

INFER = str(Path(sys.executable).parent / "infer")
THREADS = "2"
LONG, SHORT, QUESTION = 4096, 2000, 20  # tokens; the made-up vocabulary has one for each digit


class CacheJob:
    """`home` is an empty folder for infer's cache and for the peer's."""

    def __init__(self, model: Path, peers: Path | None, home: Path) -> None:
        self._model, self._peers, self._home = str(model), peers, home
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("INFER_", "LLAMA_", "GGML_"))}
        self._environment = keep | {"INFER_CACHE_DIR": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
        self._turn = 0

    def document(self, size: int) -> str:
        """A prompt of `size` tokens that nothing before has begun like."""
        self._turn += 1
        digits = "".join(str((self._turn * 7919 + i * i) % 10) for i in range(size - 12))
        return f"{self._turn:012d}{digits}"

    def first_byte(self, prompt: str, *more: str) -> float:
        """Seconds from the start of `infer run` to its first byte."""
        wait_until_quiet()
        head = [INFER, "run", self._model, prompt, "--raw", "--max-tokens", "1", "--threads", THREADS, "-t", "0"]
        return run([*head, *more], self._environment).first_byte

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

    def peer(self, prompt: str) -> tuple[float, float]:
        """llama-completion with a new `--prompt-cache` file: seconds to the first byte, cold and with the file."""
        assert self._peers is not None
        file = self._home / f"peer-{self._turn}.bin"
        head = [str(self._peers / "llama-completion"), "-m", self._model, "-p", prompt, "-n", "1", "-t", THREADS]
        command = [*head, "--temp", "0", "-no-cnv", "--no-display-prompt", "--no-warmup", "-c", "4096"]
        times = []
        for _ in range(2):
            wait_until_quiet()
            times.append(run([*command, "--prompt-cache", str(file)], self._environment).first_byte)
        file.unlink()
        return times[0], times[1]


def one_round(job: CacheJob, *, with_peer: bool) -> dict[str, float]:
    """Seconds of everything, once."""
    long, short = job.document(LONG), job.document(SHORT)
    found = {
        "cold": job.first_byte(long),
        "seen": job.first_byte(long),
        "question": job.first_byte(long[: LONG - QUESTION] + "9" * QUESTION),
        "uncached": job.first_byte(job.document(LONG), "--no-cache"),
        "short cold": job.first_byte(short),
        "short seen": job.first_byte(short),
    }
    found["restore"], found["share"] = job.restore(long)
    if with_peer:
        found["peer cold"], found["peer seen"] = job.peer(short)
    return found


RATIOS: tuple[tuple[str, str, str, str], ...] = (
    ("4,096 tokens seen before / cold", "seen", "cold", "<= 0.05"),
    ("another 20-token question / cold", "question", "cold", "<= 0.10"),
    ("2,000 tokens seen before / cold", "short seen", "short cold", "<= 0.09"),
    ("restore alone / the prefill it replaces", "restore", "cold", "<= 0.02"),
    ("a miss / --no-cache", "cold", "uncached", "<= 1.03"),
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
        for _ in range(options.runs):
            rounds.append(one_round(job, with_peer=options.peers is not None))
            print(json.dumps(rounds[-1]), file=sys.stderr)
            if options.json:
                options.json.write_text(json.dumps({"machine": machine(), "rounds": rounds}, indent=1) + "\n")
    print(report(rounds))


if __name__ == "__main__":
    main()
