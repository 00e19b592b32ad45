"""The main job against llama.cpp's own tools, side by side: one command, one table.

    python benchmarks/main_job.py --peers path/to/llama.cpp/build/bin [--model FILE] [--runs N]

Each round runs both sides one after the other, in turning order; a round in which other processes took more than a few
per cent of the cores is done again. A row's ratio is the median of the rounds' ratios. Greedy, 2 threads. The peers
should be built from the llama.cpp source inside the installed llama-cpp-python. The table goes to stdout as Markdown,
everything measured into a JSON file.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import make_model
from measure import QUIET, Timed, machine, median, peak_memory, run, spread, wait_until_quiet

THREADS = "2"
PROMPT, ANSWER, DEPTH_PROMPT = 512, 128, 500  # tokens; a digit is a token
UBATCH = "256"  # what infer computes at once on a CPU (src/infer/models/plan.py); llama-bench: 512
SHORT = "1234"
MIB = 2**20
RESULT = Path(__file__).parent / "results" / "main_job.json"
INFER = str(Path(sys.executable).parent / "infer")
Side = Callable[[], float]


@dataclass(slots=True)
class Row:
    """One line of the table: what `infer` and a peer measured in each round. goal: for the ratio, ('<=', 0.6)."""

    name: str
    peer: str
    unit: str
    goal: tuple[str, float] | None
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Ours / theirs, a round each."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def holds(self) -> bool:
        """Whether the median ratio meets the goal."""
        assert self.goal is not None
        sign, bound = self.goal
        return median(self.ratios) >= bound if sign == ">=" else median(self.ratios) <= bound

    def markdown(self) -> str:
        """The row of the table."""
        goal = f"{self.goal[0]} {self.goal[1]:.2f}" if self.goal else ""
        verdict = ("yes" if self.holds else "**no**") if self.goal else ""
        ours, theirs = (_shown(median(values), self.unit) for values in (self.ours, self.theirs))
        ratio = f"{median(self.ratios):.2f} ({spread(self.ratios)})"
        return f"| {self.name} | {ours} | {self.peer} | {theirs} | {ratio} | {goal} | {verdict} |"


def _shown(value: float, unit: str) -> str:
    return (
        f"{value * 1000:,.0f} ms" if unit == "s" else f"{value:,.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"
    )


class MainJob:
    """The two sides of every row. `home` is an empty folder for infer's caches and configuration."""

    def __init__(self, peers: Path, model: Path, home: Path) -> None:
        self._peers, self._model, self._home = peers, str(model), home
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("INFER_", "LLAMA_", "GGML_"))}
        places = {"XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
        self.environment = keep | places | {"INFER_NO_CACHE": "1"}  # a prompt read from disk is no prefill
        self.reported: dict[float, float] = {}  # decode, measured -> as --json said it of the same run
        self.others = 0.0  # the worst share of the cores that others had during a run, until somebody sets it back
        self.disturbance: list[float] = []  # that share in each round

    def _run(self, command: list[str]) -> Timed:
        timed = run(command, self.environment)
        self.others = max(self.others, timed.others)
        return timed

    def _infer(self, prompt: str, answer: int, *more: str) -> list[str]:
        sizes = ["--max-tokens", str(answer), "--threads", THREADS, "--temperature", "0"]
        return [INFER, "run", self._model, prompt, "--raw", *sizes, *more]

    def _completion(self, prompt: str, answer: int, *more: str) -> list[str]:
        head = [str(self._peers / "llama-completion"), "-m", self._model, "-p", prompt, "-n", str(answer)]
        return [*head, "-t", THREADS, "--temp", "0", "-no-cnv", "--no-display-prompt", *more]

    def _json(self, prompt: str, answer: int) -> dict[str, Any]:
        record = json.loads(self._run(self._infer(prompt, answer, "--json")).output)
        assert (record["usage"]["prompt"], record["usage"]["completion"]) == (len(prompt), answer), record["usage"]
        return record

    def _bench(self, *more: str) -> float:
        """Tokens a second of llama-bench: one repetition after its own warm-up."""
        command = [str(self._peers / "llama-bench"), "-m", self._model, "-t", THREADS, "-r", "1", "-o", "json", *more]
        return float(json.loads(self._run(command).output)[0]["avg_ts"])

    def decode(self) -> float:
        """Tokens a second from the first token to the last, all that happens in between included."""
        record = self._json("7" * DEPTH_PROMPT, ANSWER)
        timings = record["timings"]
        rate = (ANSWER - 1) / (timings["total_ms"] - timings["first_token_ms"]) * 1000
        self.reported[rate] = timings["decode_tps"]
        return rate

    def bench_decode(self) -> float:
        """llama-bench at the same settings and depth."""
        return self._bench("-p", "0", "-n", str(ANSWER), "-d", str(DEPTH_PROMPT), "--repack", "0", "-fa", "0")

    def prefill(self) -> float:
        """Tokens a second of the prompt, in a process that has just started."""
        return float(self._json("7" * PROMPT, 1)["timings"]["prefill_tps"])

    def bench_prefill(self, *settings: str) -> float:
        """llama-bench's prompt processing."""
        return self._bench("-p", str(PROMPT), "-n", "0", *settings)

    def first_token(self, *, forget: bool) -> float:
        """Seconds from before the start of `infer run` to its first byte. forget: the file is new to it."""
        if forget:
            shutil.rmtree(self._home / "cache", ignore_errors=True)
        return self._run(self._infer(SHORT, 1)).first_byte

    def completion_first_token(self) -> float:
        """Seconds from before the start of llama-completion to its first byte."""
        return self._run(self._completion(SHORT, 1, "--no-warmup", "-c", "4096")).first_byte

    def python(self, *words: str) -> float:
        """Seconds of a whole command that speaks."""
        return self._run(list(words)).end

    def memory(self, command: list[str]) -> tuple[float, float]:
        """(resident, anonymous) peak in MiB."""
        peak = peak_memory(command, self.environment)
        return peak.resident / MIB, peak.anonymous / MIB

    def memory_commands(self) -> dict[str, list[str]]:
        """The same job, 500 tokens in and 32 out, for the scale."""
        prompt = "7" * DEPTH_PROMPT
        return {
            "infer": self._infer(prompt, 32),
            "-c 4096": self._completion(prompt, 32, "-c", "4096"),
            "defaults": self._completion(prompt, 32),
        }


def compare(job: MainJob, rounds: int, *sides: Side) -> list[list[float]]:
    """Every side once a round, in turning order; per side, its figures.

    A round in which others disturbed a run is done again, as long as that is not half of the rounds.
    """
    found: list[list[float]] = [[] for _ in sides]
    spare = rounds // 2
    for turn in range(rounds):
        order = range(len(sides)) if turn % 2 == 0 else range(len(sides) - 1, -1, -1)
        while True:
            job.others = 0.0
            figures = {number: undisturbed(sides[number]) for number in order}
            if job.others <= QUIET or spare == 0:
                break
            spare -= 1
        job.disturbance.append(job.others)
        for number, figure in figures.items():
            found[number].append(figure)
    return found


def undisturbed(side: Side) -> float:
    """A figure measured from a quiet moment on."""
    wait_until_quiet()
    return side()


def rate_rows(job: MainJob, runs: int) -> list[Row]:
    """Decode and prefill."""
    ours, theirs = compare(job, runs, job.decode, job.bench_decode)
    reported = [job.reported[rate] for rate in ours]
    same = f"llama-bench tg{ANSWER} -d {DEPTH_PROMPT} --repack 0 -fa 0"
    rows = [
        Row("decode, first token to last, sampling included", same, "tok/s", (">=", 0.97), ours, theirs),
        Row("decode, as --json reports it", same, "tok/s", None, reported, theirs),
    ]
    equal = partial(job.bench_prefill, "--repack", "0", "-fa", "0", "-ub", UBATCH)
    ours, theirs, default = compare(job, runs, job.prefill, equal, job.bench_prefill)
    peer = f"llama-bench pp{PROMPT}"
    return [
        *rows,
        Row("prefill", f"{peer} --repack 0 -fa 0 -ub {UBATCH}", "tok/s", (">=", 0.97), ours, theirs),
        Row("prefill", f"{peer} at its defaults", "tok/s", (">=", 1.10), ours, default),
    ]


def start_rows(job: MainJob, runs: int) -> list[Row]:
    """From the start of the process to the first token, the file known and new."""
    known, new = partial(job.first_token, forget=False), partial(job.first_token, forget=True)
    job.first_token(forget=False)
    ours, theirs, first_ever = compare(job, runs, known, job.completion_first_token, new)
    peer = "llama-completion --no-warmup -c 4096 -n 1"
    return [
        Row("process start to first token, 4-token prompt", peer, "s", ("<=", 0.60), ours, theirs),
        Row("the same, the very first run on a file", peer, "s", None, first_ever, theirs),
    ]


def help_rows(job: MainJob, runs: int) -> list[Row]:
    """Commands that need no model."""
    imports = partial(job.python, sys.executable, "-c", "import typer; print()")
    sides = partial(job.python, INFER, "--help"), imports, partial(job.python, INFER, "--version")
    for side in sides:
        side()
    ours, theirs, version_ = compare(job, runs, *sides)
    peer = 'python -c "import typer"'
    return [
        Row("infer --help", peer, "s", ("<=", 1.50), ours, theirs),
        Row("infer --version", peer, "s", ("<=", 1.20), version_, theirs),
    ]


def memory_rows(job: MainJob, runs: int) -> list[Row]:
    """Peak memory of the same short job."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in job.memory_commands()}
    for _ in range(min(runs, 3)):  # a peak hardly varies, and does not mind company
        for name, command in job.memory_commands().items():
            found[name].append(job.memory(command))

    def row(kind: int, peer: str, goal: tuple[str, float] | None) -> Row:
        words = ("peak memory, resident, parent + worker", "of it anonymous, no page of the model file")
        ours, theirs = ([peak[kind] for peak in found[name]] for name in ("infer", peer))
        return Row(words[kind], f"llama-completion {peer}", "MiB", goal, ours, theirs)

    goal = ("<=", 0.80)
    return [row(0, "-c 4096", goal), row(1, "-c 4096", None), row(0, "defaults", goal), row(1, "defaults", None)]


def decode_gap(model: Path) -> dict[str, float]:
    """What lies between two calls of llama_decode."""
    script = Path(__file__).with_name("decode_gap.py")
    return json.loads(subprocess.run([sys.executable, script, model], check=True, capture_output=True).stdout)


def report(rows: list[Row], gap: dict[str, float]) -> str:
    """The table, and a line about Python's share."""
    head = "| what | infer | peer | | ratio (rounds) | goal | holds |\n|---|---|---|---|---|---|---|"
    decode, between, sample, share = (gap[key] for key in ("decode", "gap", "sample", "python_share"))
    line = (
        f"One decode step: {decode / 1000:.1f} ms in llama_decode, {between:.0f} us until the next call, of it "
        f"{sample:.0f} us in llama.cpp's sampler; Python's share of a step is {share:.2%}."
    )
    return "\n".join([head, *(row.markdown() for row in rows), "", line])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="measure infer against llama.cpp's own tools")
    parser.add_argument("--peers", type=Path, required=True, help="folder with llama-bench and llama-completion")
    parser.add_argument("--model", type=Path, help="GGUF file; default: the random one of make_model.py")
    parser.add_argument("--runs", type=int, default=7, help="rounds of the slow rows; quick ones get 2 or 4 times that")
    parser.add_argument("--out", type=Path, default=RESULT, help="JSON file")
    given = parser.parse_args()
    model = (given.model or make_model.make(make_model.DEFAULT_OUT)).absolute()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as home:
        job = MainJob(given.peers.absolute(), model, Path(home))
        job.completion_first_token()  # the page cache is warm, for both
        for make_rows, runs in ((start_rows, 2), (rate_rows, 1), (help_rows, 4), (memory_rows, 1)):
            rows += make_rows(job, runs * given.runs)
            save(given.out, model, job, rows)
    wait_until_quiet()
    gap = decode_gap(model)
    save(given.out, model, job, rows, gap)
    print(report(rows, gap))
    others = job.disturbance
    print(
        f"\nOthers used {median(others):.1%} of the cores in the median of the rounds, {max(others):.1%} in the worst."
    )


def save(path: Path, model: Path, job: MainJob, rows: list[Row], gap: dict[str, float] | None = None) -> None:
    """Write what is measured so far: whoever ends this early loses nothing."""
    versions = {name: version(name) for name in ("infer", "llama-cpp-python", "typer")}
    facts = machine() | versions | {"python": sys.version.split()[0], "model": model.name}
    facts |= {"date": datetime.now(UTC).date().isoformat()}
    ratios = [{"ratio": median(row.ratios), **asdict(row)} for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"facts": facts, "others": job.disturbance, "rows": ratios, "decode_gap": gap}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
