"""What happens between two calls of llama_decode while `infer` generates: sampling, and Python.

    python benchmarks/decode_gap.py MODEL.gguf [SEQUENCES]

Runs the real worker process behind the real wire, with a clock around `llama_decode` and what finds the next token
(`llama_sampler_sample`, or in a batch the search for the best logit). Steps in which all sequences decode and nothing
else count. Prints one JSON object, times in microseconds. Greedy.
"""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from infer.machine import detect
from infer.models.metadata import describe, read_headers
from infer.models.plan import Wish, plan
from infer.types import Message, Request, SamplingParams, TextPart
from infer.worker.wire import Wire

THREADS, PROMPT, ANSWER = 2, 32, 64  # threads, tokens, tokens


def clocked(function: Any, spans: list[tuple[int, int, int]]) -> Any:
    """`function` with the begin and end of every call noted in `spans`, and the rows of its batch if it takes one."""

    def call(*arguments: Any) -> Any:
        started = perf_counter_ns()
        result = function(*arguments)
        spans.append((started, perf_counter_ns(), getattr(arguments[-1], "n_tokens", 0)))
        return result

    return call


def worker(reader: int, writer: int, sequences: int) -> None:
    """The child: the worker as it is, with clocks. It tells its spans when the last answer is finished."""
    from infer.engine.llama import logits
    from infer.engine.llama.library import bindings
    from infer.worker import process

    decodes: list[tuple[int, int, int]] = []
    samples: list[tuple[int, int, int]] = []
    bindings.llama_decode = clocked(bindings.llama_decode, decodes)
    bindings.llama_sampler_sample = clocked(bindings.llama_sampler_sample, samples)
    logits.best = clocked(logits.best, samples)
    send = Wire.send
    left = sequences

    def send_and_tell(self: Wire, message: dict[str, object]) -> None:
        nonlocal left
        left -= message.get("event") == "finished"
        if not left:
            send(self, {"event": "spans", "decodes": decodes, "samples": samples})
        send(self, message)

    Wire.send = send_and_tell  # type: ignore[method-assign]
    process.WIRE_IN, process.WIRE_OUT = reader, writer
    process.main()


def start_worker(sequences: int) -> tuple[subprocess.Popen[bytes], Wire]:
    """The child process and our end of its wire."""
    to_worker, from_worker = os.pipe(), os.pipe()
    theirs = (to_worker[0], from_worker[1])
    command = [sys.executable, __file__, "--worker", *map(str, theirs), str(sequences)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, pass_fds=theirs)
    for descriptor in theirs:
        os.close(descriptor)
    return child, Wire(from_worker[0], to_worker[1])


def answer(model: str, sequences: int) -> dict[str, list[list[int]]]:
    """Spans of so many greedy answers, computed together."""
    config = plan(describe(read_headers(model)), detect(), Wish(threads=THREADS, parallel=sequences))
    child, wire = start_worker(sequences)
    wire.send({"do": "load", "path": model, "config": asdict(config)})
    for number in range(sequences):
        messages = (Message("user", (TextPart(f"{number:0{PROMPT}d}"),)),)
        request = Request(messages, SamplingParams(temperature=0), raw=True, max_tokens=ANSWER, whole=sequences > 1)
        wire.send({"do": "submit", "id": number, "request": asdict(request)})
    spans: dict[str, list[list[int]]] = {}
    while not spans and (messages_in := wire.receive()) is not None:
        for message in messages_in:
            if message["event"] in ("failed", "error"):
                raise SystemExit(f"the worker says {message}")
            if message["event"] == "spans":
                spans = message
    wire.close()
    child.wait()
    return spans


def summary(spans: dict[str, list[list[int]]], sequences: int) -> dict[str, float]:
    """Medians over the steps in which everybody decodes."""
    steps = []
    for before, after in pairwise(spans["decodes"]):
        if before[2] == after[2] == sequences:
            sampled = sum(end - start for start, end, _ in spans["samples"] if before[1] <= start < after[0])
            steps.append((before[1] - before[0], after[0] - before[1], sampled))
    decode, gap, sample = (statistics.median(column) / 1000 for column in zip(*steps, strict=True))
    python = statistics.median(gap - sample for _, gap, sample in steps) / 1000
    shares = {"python_share": python / (gap + decode), "gap_share": gap / (gap + decode)}
    return {"steps": len(steps), "decode": decode, "gap": gap, "sample": sample, "python": python, **shares}


def main() -> None:
    """Command line."""
    if sys.argv[1] == "--worker":
        worker(*map(int, sys.argv[2:]))
    else:
        sequences = int(sys.argv[2]) if len(sys.argv) > 2 else 1
        print(json.dumps(summary(answer(str(Path(sys.argv[1]).absolute()), sequences), sequences)))


if __name__ == "__main__":
    main()
