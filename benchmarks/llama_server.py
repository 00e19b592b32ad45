"""llama-server, driven with the same requests as a batch: started, asked by one client for each slot, ended."""

import http.client
import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

PORT = 18_421
_PATIENCE = 120  # seconds a server may load
# What is best on the CPUs measured: flash attention, no repacking; nothing that is not asked for here (no page, no
# warm-up, no copies of idle slots).
FLAGS = ("-fa", "on", "--no-repack", "--no-ui", "--no-warmup", "--cache-ram", "0", "--fit", "off")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its prompt as text, and the tokens of its answer."""

    prompt: str
    answer: int


@dataclass(frozen=True, slots=True)
class Setting:
    """How a server runs: slots, and whether they share one KV memory."""

    slots: int
    unified: bool

    def __str__(self) -> str:
        return f"-np {self.slots} {'-kvu' if self.unified else '-no-kvu'}"


@dataclass(frozen=True, slots=True)
class Done:
    """When a request was done, in seconds after the first was sent, and the tokens it took (prompt and answer)."""

    at: float
    prompt: int
    answer: int


@contextmanager
def server(binary: Path, model: str, setting: Setting, each: int, threads: str) -> Iterator[None]:
    """A server that is ready, with this many positions for each slot."""
    context = setting.slots * (-(-each // 256) * 256)
    command = [str(binary), "-m", model, "-t", threads, "-c", str(context), "--port", str(PORT), *str(setting).split()]
    with TemporaryFile() as log:
        child = subprocess.Popen([*command, *FLAGS], stdout=subprocess.DEVNULL, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait(child)
            yield
        except SystemExit:
            log.seek(0)
            print(log.read().decode(errors="replace")[-2000:])
            raise
        finally:
            child.terminate()
            child.wait()


def ask_all(requests: Sequence[Asked], slots: int) -> list[Done]:
    """Send all requests, as many at a time as there are slots, and wait for their answers."""
    started = time.perf_counter()

    def ask(asked: Asked) -> Done:
        answer = _post(asked)
        if answer["tokens_predicted"] != asked.answer:
            raise SystemExit(f"llama-server answered {answer['tokens_predicted']} tokens, not {asked.answer}")
        return Done(time.perf_counter() - started, answer["tokens_evaluated"], answer["tokens_predicted"])

    with ThreadPoolExecutor(slots) as pool:
        return list(pool.map(ask, requests))


def _post(asked: Asked) -> dict[str, Any]:
    body = {
        "prompt": asked.prompt,
        "n_predict": asked.answer,
        "temperature": 0,
        "cache_prompt": True,
        "ignore_eos": True,
    }
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=3600)
    connection.request("POST", "/completion", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"llama-server: {answer.status} {data[:300]!r}")
    found: dict[str, Any] = json.loads(data)
    return found


def _wait(child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise SystemExit(f"llama-server ended with {child.returncode}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=1)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("llama-server is not ready")


def batched_bench(binary: Path, model: str, sequences: int, tokens: tuple[int, int], *flags: str) -> float:
    """Tokens a second of llama-batched-bench's decode: S_TG. tokens: of a prompt and of an answer.

    A second series of one token each follows: what it says of its last one it may not have written when it ends.
    """
    context = sequences * (-(-sum(tokens) // 256) * 256)
    sizes = ["-c", str(context), "-npp", str(tokens[0]), "-ntg", f"{tokens[1]},1", "-npl", str(sequences)]
    done = subprocess.run([str(binary), "-m", model, *sizes, *flags], capture_output=True, text=True, check=True)
    rows = [row.split("|") for row in re.findall(r"^\|(\s*\d.+)\|$", done.stdout, re.MULTILINE)]
    if not rows or int(rows[0][1]) != tokens[1]:
        raise SystemExit(f"llama-batched-bench printed no row:\n{done.stdout[-500:]}{done.stderr[-1000:]}")
    return float(rows[0][7])
