"""What happens between two calls of llama_decode while `infer` generates: sampling, and Python.

    python benchmarks/decode_gap.py MODEL.gguf

Runs the real worker process behind the real wire, with a clock around `llama_decode` and `llama_sampler_sample`.
Prints one JSON object, times in microseconds.
"""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from infer.types import EngineConfig, Message, Request, SamplingParams, TextPart
from infer.worker.wire import Wire

THREADS, PROMPT, ANSWER = 2, 64, 128  # threads, tokens, tokens


def clocked(function: Any, spans: list[tuple[int, int]]) -> Any:
    """`function` with the begin and end of every call noted in `spans`."""

    def call(*arguments: Any) -> Any:
        started = perf_counter_ns()
        result = function(*arguments)
        spans.append((started, perf_counter_ns()))
        return result

    return call


def worker(reader: int, writer: int) -> None:
    """The child: the worker as it is, with clocks. Its spans go to stderr when the answer is finished."""
    from infer.engine.llama.library import bindings
    from infer.worker import process

    decodes: list[tuple[int, int]] = []
    samples: list[tuple[int, int]] = []
    bindings.llama_decode = clocked(bindings.llama_decode, decodes)
    bindings.llama_sampler_sample = clocked(bindings.llama_sampler_sample, samples)
    send = Wire.send

    def send_and_tell(self: Wire, message: dict[str, object]) -> None:
        if message.get("event") == "finished":
            os.write(2, json.dumps({"decodes": decodes, "samples": samples}).encode())
        send(self, message)

    Wire.send = send_and_tell  # type: ignore[method-assign]
    process.WIRE_IN, process.WIRE_OUT = reader, writer
    process.main()


def start_worker() -> tuple[subprocess.Popen[bytes], Wire]:
    """The child process and our end of its wire."""
    to_worker, from_worker = os.pipe(), os.pipe()
    theirs = (to_worker[0], from_worker[1])
    command = [sys.executable, __file__, "--worker", *map(str, theirs)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=theirs)
    for descriptor in theirs:
        os.close(descriptor)
    return child, Wire(from_worker[0], to_worker[1])


def answer(model: str) -> dict[str, list[list[int]]]:
    """Spans of one greedy answer."""
    config = EngineConfig(threads=THREADS)
    messages = (Message("user", (TextPart("7" * PROMPT),)),)
    request = Request(messages=messages, sampling=SamplingParams(temperature=0), raw=True, max_tokens=ANSWER)
    child, wire = start_worker()
    wire.send({"do": "load", "path": model, "config": asdict(config)})
    wire.send({"do": "submit", "id": 1, "request": asdict(request)})
    while (messages_in := wire.receive()) is not None:
        ends = [message for message in messages_in if message["event"] in ("finished", "failed", "error")]
        if ends:
            break
    wire.close()
    said = child.communicate()[1].decode()
    return json.loads(said[said.index("{") :])


def summary(spans: dict[str, list[list[int]]]) -> dict[str, float]:
    """Medians over the steps of the answer; the first decode is the prompt's."""
    decodes, samples = spans["decodes"][1:], spans["samples"][1:]
    steps = list(zip(decodes, decodes[1:], samples, strict=False))
    gap = statistics.median(after[0] - before[1] for before, after, _ in steps) / 1000
    sample = statistics.median(end - start for _, _, (start, end) in steps) / 1000
    decode = statistics.median(end - start for start, end in decodes) / 1000
    share = (gap - sample) / (gap + decode)
    return {"decode": decode, "gap": gap, "sample": sample, "python": gap - sample, "python_share": share}


def main() -> None:
    """Command line."""
    if sys.argv[1] == "--worker":
        worker(*map(int, sys.argv[2:]))
    else:
        print(json.dumps(summary(answer(str(Path(sys.argv[1]).absolute())))))


if __name__ == "__main__":
    main()
