"""What a name costs: `infer run org/repo:Q4_K_M` against `infer run /path/file.gguf`, both downloaded already.

    python benchmarks/by_name.py [--model FILE] [--runs N] [--json FILE]

Both names mean the same bytes: the file stands in a Hugging Face cache of the benchmark's own, as another tool would
have left it, and `infer pull` hashes it and pins its name (it is an error if there is no pin of that name then). Each
round runs both, one after the other, in turning order; a round in which other processes took more
than a few per cent of the cores is done again. What counts is the median of the rounds' ratios, by name / by path. The
Hub that the commands know is a socket that only counts who connects: nobody may.
"""

import argparse
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measure import QUIET, Timed, machine, median, run, spread, wait_until_quiet

NAME = "org/repo:Q4_K_M"
COMMIT = "c" * 40
PROMPT, ANSWER = "Tell me a story about a fox.", "4"  # tokens; a short answer: what is left is the start
TRIES = 10  # of a round that others disturb
GOAL = 1.02
INFER = str(Path(sys.executable).parent / "infer")
TINY = Path(__file__).parents[1] / "src" / "infer" / "data" / "tiny.gguf"


@dataclass(slots=True)
class Seconds:
    """A way to name the model: from before the start of `infer run` to its first byte, and to its end; each round."""

    first_byte: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)


class ByName:
    """The two commands. `home` is an empty folder for the caches."""

    def __init__(self, model: Path, home: Path, port: int) -> None:
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("INFER_", "HF_", "LLAMA_"))}
        places = {"XDG_CACHE_HOME": str(home / "cache"), "XDG_CONFIG_HOME": str(home / "config")}
        self._environment = keep | places | {"HF_ENDPOINT": f"http://127.0.0.1:{port}", "INFER_NO_CACHE": "1"}
        lay_out(model, home / "cache" / "huggingface" / "hub")
        subprocess.run([INFER, "pull", NAME], env=self._environment, check=True, stdout=subprocess.DEVNULL)
        require_pin(home / "cache" / "infer" / "pins")
        self.ways = {"name": NAME, "path": str(model)}

    def run(self, way: str) -> Timed:
        """A whole command."""
        sizes = ["--max-tokens", ANSWER, "--threads", "2", "-t", "0", "-n"]
        return run([INFER, "run", self.ways[way], PROMPT, *sizes], self._environment)


def lay_out(model: Path, root: Path) -> None:
    """The file in the cache's layout, as huggingface_hub leaves it; the blob is a link, so nothing is copied."""
    digest = hashlib.sha256()
    with model.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    home = root / "models--org--repo"
    snapshot = home / "snapshots" / COMMIT
    for directory in (home / "blobs", home / "refs", snapshot):
        directory.mkdir(parents=True)
    (home / "blobs" / digest.hexdigest()).symlink_to(model)
    (snapshot / "model-Q4_K_M.gguf").symlink_to(f"../../blobs/{digest.hexdigest()}")
    (home / "refs" / "main").write_text(COMMIT)


def require_pin(pins: Path) -> None:
    """A name that is not pinned would be looked for anew at each run: that is not what is measured."""
    names = [json.loads(path.read_text())["name"] for path in pins.glob("*.json")]
    if names != [NAME]:
        raise SystemExit(f"infer pull has pinned {names or 'nothing'}, not {NAME}")


def one_round(job: ByName, number: int) -> dict[str, Timed]:
    """Both, in turning order; again while others use the machine, the last try counts."""
    order = ("name", "path") if number % 2 else ("path", "name")
    for _ in range(TRIES):
        wait_until_quiet()
        timed = {way: job.run(way) for way in order}
        if max(one.others for one in timed.values()) <= QUIET:
            break
    return timed


def report(ways: dict[str, Seconds]) -> str:
    """A Markdown table."""
    lines = ["| | by name, ms | by path, ms | ratio, median (min-max) | goal |", "|---|---|---|---|---|"]
    for row, what in (("first_byte", "first byte"), ("end", "whole command")):
        name, path = (getattr(ways[way], row) for way in ("name", "path"))
        ratios = [a / b for a, b in zip(name, path, strict=True)]
        times = f"{median(name) * 1000:.1f} | {median(path) * 1000:.1f}"
        lines.append(f"| {what} | {times} | {median(ratios):.3f} ({spread(ratios)}) | <= {GOAL} |")
    return "\n".join(lines)


def connections(listener: socket.socket) -> int:
    """How many have knocked."""
    listener.settimeout(0)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, default=TINY, help="default: the embedded model, the quickest to load")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    ways = {"name": Seconds(), "path": Seconds()}
    with tempfile.TemporaryDirectory() as home, socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        job = ByName(options.model.absolute(), Path(home), listener.getsockname()[1])
        one_round(job, 0)  # the header of each is read and remembered, the file comes into memory
        for number in range(options.runs):
            for way, timed in one_round(job, number).items():
                ways[way].first_byte.append(timed.first_byte)
                ways[way].end.append(timed.end)
        asked = connections(listener)
    print(report(ways))
    print(f"\n{options.runs} rounds; connections to the Hub: {asked}")
    if options.json:
        facts = {"machine": machine(), "ways": {way: asdict(seconds) for way, seconds in ways.items()}}
        options.json.write_text(json.dumps(facts | {"connections": asked}, indent=1) + "\n")
    if asked:
        raise SystemExit("a model that is here was asked for on the network")


if __name__ == "__main__":
    main()
