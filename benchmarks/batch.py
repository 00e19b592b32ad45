"""`infer batch` against llama.cpp's own tools, in turns: decode, a shared prefix, mixed requests, and our own share.

    python benchmarks/batch.py --peers DIR [--part decode|prefix|mixed|python]... [--rounds N] [--small]
        [--sequences 8,32] [--requests 64] [--slots 16]

decode    N prompts of 16 tokens together, answers of 8 and of 56 tokens: the 48 * N tokens between, over the
          difference of the two times, so that start, load and prefill are not in it. The peer: llama-batched-bench's
          S_TG for answers of 48, with the flags that are best here (flash attention, no repacking) and its defaults.
prefix    64 requests with 1,000 tokens in common, 20 of their own and 16-token answers in one `infer batch`, start
          and load included, against `infer run --no-cache` on some of them one after the other, times 64 / some, and
          against llama-server with cache_prompt, already loaded, in the setting that is best for it (-np, -kvu).
mixed     256 requests with prompts of 16 to 1,500 tokens and answers of 8 to 256 (both log-uniform), the same peers.
python    what happens between two calls of llama_decode at 32 sequences (decode_gap.py).

Greedy, 2 threads, random weights: nothing ends before its last token. A round runs all sides one after the other, in
turning order; ratios are those of a round, medians are quoted. --small: sizes with which a part takes a minute.
Everything measured goes to results/batch.json (`batch_plots.py` draws it).
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import decode_gap
import make_model
from llama_server import Asked, Done, Setting, ask_all, batched_bench, server
from measure import machine, median, spread, wait_until_quiet

INFER = str(Path(sys.executable).parent / "infer")
THREADS = "2"
PROMPT, SHORT, LONG = 16, 8, 56  # tokens of the prompts and answers of `decode`
BEST = ("-t", THREADS, "-fa", "on", "--no-repack")
DEFAULT = ("-t", THREADS)
COMMON, OWN, ANSWER = 1000, 20, 16  # tokens of the requests of `prefix`
RESULT = Path(__file__).parent / "results" / "batch.json"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. single: requests of `prefix` that are run alone; slots: what llama-server is tried with."""

    sequences: tuple[int, ...] = (1, 4, 8, 16, 32, 64)
    prefix: int = 64
    single: int = 4
    mixed: int = 256
    longest: int = 1500
    prefix_slots: tuple[int, ...] = (2, 4, 8, 16)
    mixed_slots: tuple[int, ...] = (8, 16, 32)


SMALL = Sizes((1, 8, 32), prefix=16, single=1, mixed=16, longest=400, prefix_slots=(4,), mixed_slots=(8,))


@dataclass(slots=True)
class Table:
    """A part's measurements: by row and side one number a round, tokens a second."""

    numbers: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, row: str, side: str, number: float) -> None:
        """Note what a side measured in this round."""
        self.numbers.setdefault(row, {}).setdefault(side, []).append(number)

    def lines(self) -> list[str]:
        """Ours in tok/s, then each peer and the ratio of ours to it."""
        found = []
        for row, sides in self.numbers.items():
            (_, ours), *others = sides.items()
            cells = [row, f"{median(ours):.1f}"]
            for name, theirs in others:
                ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
                cells += [f"{name}: {median(theirs):.1f}", f"{median(ratios):.2f} ({spread(ratios)})"]
            found.append("| " + " | ".join(cells) + " |")
        return found


class Batch:
    """Both sides of every part. `home` is an empty folder."""

    def __init__(self, model: Path, peers: Path, home: Path, sizes: Sizes) -> None:
        self._model, self._peers, self._home, self.sizes = str(model), peers, home, sizes
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("INFER_", "LLAMA_", "GGML_"))}
        self._environment = keep | {"INFER_CACHE_DIR": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
        self._settings: dict[str, Setting] = {}
        self.timelines: dict[str, list[tuple[float, ...]]] = {}

    def batch(self, requests: Sequence[Asked], *flags: str) -> list[Done]:
        """`infer batch` over these requests, the whole command; records as they come out."""
        lines = [{"prompt": asked.prompt, "max_tokens": asked.answer} for asked in requests]
        place = self._home / "in.jsonl"
        place.write_text("".join(json.dumps(line) + "\n" for line in lines))
        command = [INFER, "batch", self._model, str(place), "--threads", THREADS, "--as-completed"]
        started, done = time.perf_counter(), []
        with subprocess.Popen(
            [*command, "--raw", "--no-cache", "-t", "0", *flags],
            env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        ) as child:  # fmt: skip
            assert child.stdout is not None
            for line in child.stdout:
                usage = json.loads(line)["usage"]
                done.append(Done(time.perf_counter() - started, usage["prompt"], usage["completion"]))
        if child.returncode or sorted(one.answer for one in done) != sorted(one.answer for one in requests):
            raise SystemExit(f"infer batch ended with {child.returncode}, {len(done)} records")
        return [*done, Done(time.perf_counter() - started, 0, 0)]

    def decode(self, sequences: int) -> float:
        """Tokens a second of so many sequences together."""
        prompts = [f"{number:0{PROMPT}d}" for number in range(sequences)]
        flags = ("--parallel", str(sequences))
        short, long = (
            self.batch([Asked(prompt, tokens) for prompt in prompts], *flags)[-1].at for tokens in (SHORT, LONG)
        )
        return sequences * (LONG - SHORT) / (long - short)

    def bench(self, sequences: int, flags: tuple[str, ...]) -> float:
        """The same of llama-batched-bench."""
        tokens = (PROMPT, LONG - SHORT)
        return batched_bench(self._peers / "llama-batched-bench", self._model, sequences, tokens, *flags)

    def alone(self, requests: Sequence[Asked]) -> float:
        """Seconds of all these requests one after the other, from a few of them."""
        flags = ["--raw", "--no-cache", "-n", "-t", "0", "--threads", THREADS]
        started = time.perf_counter()
        for asked in requests[: self.sizes.single]:
            command = [INFER, "run", self._model, asked.prompt, "--max-tokens", str(asked.answer), *flags]
            subprocess.run(command, env=self._environment, check=True, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - started) * len(requests) / self.sizes.single

    def served(self, part: str, requests: Sequence[Asked], choices: tuple[int, ...]) -> list[Done]:
        """The requests through llama-server, in the setting that was best the first time."""
        tried: dict[Setting, list[Done]] = {}
        longest = max(len(one.prompt) + one.answer for one in requests)
        settings = [Setting(slots, unified) for slots in choices for unified in (True, False)]
        for setting in [self._settings[part]] if part in self._settings else settings:
            with server(self._peers / "llama-server", self._model, setting, longest + 8, THREADS):
                tried[setting] = ask_all(requests, setting.slots)
        seconds = {setting: max(one.at for one in done) for setting, done in tried.items()}
        best = self._settings[part] = min(seconds, key=lambda setting: seconds[setting])
        if len(tried) > 1:
            shown = ", ".join(f"{setting}: {value:.1f} s" for setting, value in seconds.items())
            print(f"{part}: llama-server {shown}", file=sys.stderr)
        return tried[best]


def mixed_requests(count: int, longest: int) -> list[Asked]:
    """Prompts of digits, a token each, of very different lengths; the same ones each time."""
    rng = random.Random(7)

    def size(low: int, high: int) -> int:
        return round(math.exp(rng.uniform(math.log(low), math.log(high))))

    return [Asked("".join(rng.choices("0123456789", k=size(16, longest))), size(8, 256)) for _ in range(count)]


def prefix_requests(count: int) -> list[Asked]:
    """Prompts that begin with the same 1,000 digits."""
    rng = random.Random(3)
    common, *own = ("".join(rng.choices("0123456789", k=size)) for size in (COMMON, *[OWN] * count))
    return [Asked(common + digits, ANSWER) for digits in own]


def in_turns(sides: dict[str, Callable[[], float]], number: int) -> dict[str, float]:
    """What each side measures; who begins changes with the round."""
    names = list(sides)
    order = names[number % len(names) :] + names[: number % len(names)]
    found = {}
    for name in order:
        wait_until_quiet()
        found[name] = sides[name]()
    return {name: found[name] for name in names}


def decode(job: Batch, number: int, table: Table) -> None:
    """A round of the first part."""
    for count in job.sizes.sequences:
        sides = {
            "infer": lambda count=count: job.decode(count),
            "batched-bench best": lambda count=count: job.bench(count, BEST),
            "defaults": lambda count=count: job.bench(count, DEFAULT),
        }
        for side, rate in in_turns(sides, number).items():
            table.add(f"decode, {count} sequences", side, rate)


def prefix(job: Batch, number: int, table: Table) -> None:
    """A round of the second part."""
    requests = prefix_requests(job.sizes.prefix)
    tokens = len(requests) * ANSWER
    sides = {
        "infer": lambda: tokens / job.batch(requests)[-1].at,
        "infer run": lambda: tokens / job.alone(requests),
        "llama-server": lambda: tokens / max(one.at for one in job.served("prefix", requests, job.sizes.prefix_slots)),
    }
    for side, rate in in_turns(sides, number).items():
        table.add(f"{len(requests)} requests, {COMMON:,} tokens in common", side, rate)


def mixed(job: Batch, number: int, table: Table) -> None:
    """A round of the third part; tokens of prompts and answers count."""
    requests = mixed_requests(job.sizes.mixed, job.sizes.longest)
    tokens = sum(len(one.prompt) + one.answer for one in requests)

    def side(name: str, run: Callable[[], list[Done]]) -> float:
        done = run()
        job.timelines[name] = [astuple(one) for one in done]
        return tokens / max(one.at for one in done)

    sides = {
        "infer": lambda: side("infer", lambda: job.batch(requests)),
        "llama-server": lambda: side("llama-server", lambda: job.served("mixed", requests, job.sizes.mixed_slots)),
    }
    for name, rate in in_turns(sides, number).items():
        table.add(f"{len(requests)} mixed requests", name, rate)


PARTS = {"decode": decode, "prefix": prefix, "mixed": mixed}


def python(model: Path, rounds: int) -> None:
    """The fourth part: our share of a decode step."""
    for sequences in (1, 8, 32):
        found = [decode_gap.summary(decode_gap.answer(str(model), sequences), sequences) for _ in range(rounds)]
        cells = {key: median([one[key] for one in found]) for key in found[0]}
        shown = [f"{cells['decode'] / 1000:.1f} ms", f"{cells['gap']:.0f} us", f"{cells['sample']:.0f} us"]
        shares = [f"{cells['python']:.0f} us", f"{cells['python_share']:.2%}", f"{cells['gap_share']:.2%}"]
        print(f"| {sequences} sequences | " + " | ".join(shown + shares) + " |", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, help="GGUF file; default: the random one of make_model.py")
    parser.add_argument("--peers", type=Path, required=True, help="folder of llama.cpp's tools")
    parser.add_argument("--part", action="append", choices=[*PARTS, "python"], help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true", help="sizes with which a part takes a minute")
    parser.add_argument("--sequences", type=lambda text: tuple(map(int, text.split(","))), help="of decode: 8,32")
    parser.add_argument("--requests", type=int, help="of mixed: 64")
    parser.add_argument("--slots", type=lambda text: tuple(map(int, text.split(","))), help="llama-server's -np: 8,16")
    return parser.parse_args()


def main() -> None:
    """Measure, and print the tables."""
    given = arguments()
    model = (given.model or make_model.make(make_model.DEFAULT_OUT)).absolute()
    sizes = SMALL if given.small else Sizes()
    sizes = replace(sizes, sequences=given.sequences or sizes.sequences, mixed=given.requests or sizes.mixed)
    if given.slots:
        sizes = replace(sizes, prefix_slots=given.slots, mixed_slots=given.slots)
    parts = given.part or [*PARTS, "python"]
    table = Table()
    with tempfile.TemporaryDirectory() as home:
        job = Batch(model, given.peers, Path(home), sizes)
        for number in range(given.rounds):
            for part in parts:
                if part in PARTS:
                    PARTS[part](job, number, table)
                    save(job, table)
            print(f"round {number + 1} of {given.rounds}\n" + "\n".join(table.lines()), file=sys.stderr)
    print("\n".join(table.lines()))
    if "python" in parts:
        print("\n| | llama_decode | until the next | of it sampling | Python | share | with sampling |")
        python(model, given.rounds)


def save(job: Batch, table: Table) -> None:
    """Everything measured so far, over what an earlier run has left of other rows."""
    known = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    rows = known.get("rows", {}) | table.numbers
    timelines = known.get("timelines", {}) | job.timelines
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"machine": machine(), "rows": rows, "timelines": timelines}, indent=1))


if __name__ == "__main__":
    main()
