"""The parent's side of the worker: the surface of `infer.llm.LLM`, in a child process.

worker = WorkerClient(spawn())      the process is started bare, see infer.worker.spawn
worker.load(path, config)
id = worker.submit(request)
for event in worker.events(): ...
worker.finish(0.2)
"""

import os
import re
import select
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from time import monotonic
from typing import Any

from infer.errors import InferError, WorkerDied, from_wire
from infer.types import (
    Build,
    Constraint,
    Continuation,
    Device,
    EmbedRequest,
    EngineConfig,
    Event,
    Limits,
    Pace,
    Request,
)
from infer.worker.messages import event_from_json
from infer.worker.spawn import Spawned
from infer.worker.wire import Wire

Json = dict[str, Any]
_STDERR_BYTES = 1 << 16
_FAREWELL = 0.1  # seconds of the time to finish in which a worker ends its thread, tidies up and says goodbye
_NO_MEMORY = ("bad_alloc", "mem_buffer != NULL")  # last words of C++ and of ggml
_FOLDERS = re.compile(r"\S*/(?=[^/\s]+:\d)")  # of the machine that llama.cpp was compiled on


class WorkerClient:
    """A worker process and the wire to it. One thread uses it.

    `waiting` is entered around the one call that waits: an exception from a signal handler loses nothing there.
    `owes`: such an exception came while an answer was waited for, so the next one may be that.
    """

    def __init__(self, process: Spawned, waiting: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self.pid = process.pid
        self._wire = wire = Wire(process.reader, process.writer)
        self._stderr = stderr = process.stderr
        self._said = b""
        self._poll = select.poll()
        self._poll.register(wire.reader, select.POLLIN)
        self._poll.register(stderr, select.POLLIN)
        self._pending: deque[Json] = deque()
        self._next_id = 0
        self.devices: tuple[Device, ...] | None = None
        self.loaded = False
        self._load_seconds: float | None = None  # of the load that was asked for last
        self.owes = False
        self._waiting = waiting
        self._reaped = False

    def load(self, path: str, config: EngineConfig) -> None:
        """Start loading a model file. Returns at once; a failure is raised by whatever waits next."""
        self._load_seconds = None
        self._send({"do": "load", "path": path, "config": asdict(config)})

    def expect(self, constraint: Constraint) -> None:
        """Say while the model loads that such a constraint will come: what it needs is imported meanwhile."""
        self._send({"do": "expect", "guidance": constraint.grammar is None})

    def submit(self, request: Request) -> int:
        """Queue a request and return its id. Returns at once; a failure comes as a `Failed` event."""
        self._next_id += 1
        self._send({"do": "submit", "id": self._next_id, "request": asdict(request)})
        return self._next_id

    def submit_all(self, requests: Sequence[Request]) -> list[int]:
        """Queue several requests and return their ids. None is begun before all are there: memory is made for all."""
        return self._queue("submit_all", requests)

    def embed(self, requests: Sequence[EmbedRequest]) -> list[int]:
        """Queue texts, where the model makes embeddings, and return their ids. Their vectors come as events.

        Only texts of one call are computed together: so the bits of a vector do not depend on how fast calls follow.
        """
        return self._queue("embed", requests)

    def _queue(self, what: str, requests: Sequence[Request] | Sequence[EmbedRequest]) -> list[int]:
        ids = list(range(self._next_id + 1, self._next_id + 1 + len(requests)))
        self._next_id += len(ids)
        if ids:
            self._send({"do": what, "ids": ids, "requests": [asdict(request) for request in requests]})
        return ids

    def abort(self, identity: int) -> None:
        """Ask for a request's end; its `Finished` comes as an event."""
        self._send({"do": "abort", "id": identity})

    def prompt(self, request: Request) -> tuple[str, list[tuple[int, str]]]:
        """The whole prompt as text, and as token ids each with its text."""
        self._send({"do": "prompt", "request": asdict(request)})
        answer = self._wait_for("prompt")
        return answer["text"], _pairs(answer)

    def tokenize(self, text: str) -> list[tuple[int, str]]:
        """Token ids of plain text, each with its text."""
        self._send({"do": "tokenize", "text": text})
        return _pairs(self._wait_for("tokens"))

    def score(self, request: Request, texts: tuple[str, ...]) -> list[Continuation]:
        """How likely each text is as the continuation of a prompt."""
        self._send({"do": "score", "request": asdict(request), "texts": texts})
        scores = self._wait_for("scores")["scores"]
        pairs = (tuple((piece, score) for piece, score in found) for found in scores)
        return [Continuation(text, tokens) for text, tokens in zip(texts, pairs, strict=True)]

    def measure(self, prompt: int, steps: int, parallel: int, room: int) -> Pace:
        """How long `parallel` prompts of random tokens take, and `steps` steps of their answers (see `LLM.measure`)."""
        how = {"prompt": prompt, "steps": steps, "parallel": parallel, "room": room}
        self._send({"do": "measure", **how})
        answer = self._wait_for("measured")
        return Pace(answer["prefill"], answer["decode"], answer["steps"])

    def limits(self, kind: str, threads: int, weight_type: int) -> Limits:
        """What a device of this kind can do at most; weight_type: ggml's number of the weights' type."""
        self._send({"do": "limits", "kind": kind, "threads": threads, "weight_type": weight_type})
        answer = self._wait_for("limits")
        return Limits(answer["bandwidth"], answer["flops"])

    def wait_loaded(self) -> float:
        """Wait until the load that was asked for last is done; the seconds that took inside the worker."""
        while self._load_seconds is None:
            self._note(self._receive(None))
        return self._load_seconds

    def events(self, timeout: float | None = None) -> Iterator[Event | None]:
        """Events as they come; None whenever `timeout` seconds passed without one.

        Raises the error of a failed load, and WorkerDied when the process is gone.
        """
        while True:
            message = self._next(timeout)
            yield None if message is None else event_from_json(message)

    def wait_devices(self) -> tuple[Device, ...]:
        """What the build of llama.cpp can use; waits for the worker's hello."""
        while self.devices is None:
            self._note(self._receive(None))
        return self.devices

    def build(self, timeout: float) -> Build | None:
        """What the installed llama.cpp is; None where that is not known within `timeout` seconds."""
        self._send({"do": "build"})
        deadline = monotonic() + timeout
        while (left := deadline - monotonic()) > 0:
            message = self._next(left)
            if message is not None and message["event"] == "build":
                return Build(tuple(message["backends"]), self.devices or (), message["info"])
        return None

    def finish(self, timeout: float) -> str | None:
        """Let the worker write what the prompt cache still holds and end by itself, in `timeout` seconds altogether.

        Returns what the cache could not do.
        """
        deadline = monotonic() + timeout
        self._send({"do": "close", "timeout": max(0.0, timeout - _FAREWELL)})
        while (left := deadline - monotonic()) > 0:
            for message in self._receive(left):
                if message["event"] == "closed":
                    warning: str | None = message["warning"]
                    return warning
        return "the prompt cache did not end in time"

    def kill(self) -> None:
        """End the process now."""
        if not self._reaped:  # its number may be another's by now
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the worker: the end of its wire ends it. Reaps it, so no zombie is left in a long-lived parent."""
        self._wire.close()
        self.kill()
        self._reap()
        os.close(self._stderr)

    def _send(self, message: Json) -> None:
        try:
            self._wire.send(message)
        except BrokenPipeError:
            raise self._death() from None

    def _wait_for(self, event: str) -> Json:
        self.owes = True
        while True:
            message = self._next(None)
            if message is not None and message["event"] == event:
                self.owes = False
                return message

    def _next(self, timeout: float | None) -> Json | None:
        """The next message that is not hello, loaded or an error; None after `timeout` seconds without one."""
        deadline = None if timeout is None else monotonic() + timeout
        while not self._pending:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return None
            self._note(self._receive(left))
        return self._pending.popleft()

    def _note(self, messages: list[Json]) -> None:
        for message in messages:
            match message["event"]:
                case "hello":
                    self.devices = tuple(Device(**device) for device in message["devices"])
                case "loaded":
                    self.loaded = True
                    self._load_seconds = message["seconds"]
                case "error":
                    raise from_wire(message)
                case _:
                    self._pending.append(message)

    def _receive(self, timeout: float | None) -> list[Json]:
        """Messages that arrive within `timeout` seconds; what the worker writes to stderr is kept aside."""
        with self._waiting():
            ready = self._poll.poll(None if timeout is None else timeout * 1000)
        for descriptor, _ in ready:
            if descriptor == self._wire.reader:
                messages = self._wire.receive()
                if messages is None:
                    raise self._death()
                return messages
            self._drain_stderr()
        return []

    def _drain_stderr(self) -> None:
        data = os.read(self._stderr, _STDERR_BYTES)
        if not data:
            self._poll.unregister(self._stderr)
        self._said = (self._said + data)[-_STDERR_BYTES:]
        if os.environ.get("INFER_DEBUG") and data:
            os.write(2, data)

    def _reap(self) -> int:
        """Wait for its end; its exit status, 0 when that has been fetched before."""
        if self._reaped:
            return 0
        self._reaped = True
        return os.waitpid(self.pid, 0)[1]

    def _death(self) -> InferError:
        """What became of the worker, from its exit status and its last words."""
        status = self._reap()
        while (data := os.read(self._stderr, _STDERR_BYTES)) != b"":
            self._said = (self._said + data)[-_STDERR_BYTES:]
        return _death(status, self._said.decode("utf-8", "replace"))


def _pairs(answer: Json) -> list[tuple[int, str]]:
    return [(token, piece) for token, piece in answer["tokens"]]


def _death(status: int, said: str) -> WorkerDied:
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
    detail = f": {_FOLDERS.sub('', last)}" if last else ""
    if not os.WIFSIGNALED(status):
        return WorkerDied(cause=f"ended with exit code {os.waitstatus_to_exitcode(status)}", detail=detail)
    number = os.WTERMSIG(status)
    if number == signal.SIGKILL:
        cause = "was killed by the system, most likely because memory ran out"
        return WorkerDied(cause=cause, detail="", exit_code=6, hint="try a smaller --ctx or a smaller model")
    if number == signal.SIGBUS:
        detail = ": the model file changed or became unreadable while it was in use"
        return WorkerDied(cause="was ended by SIGBUS", detail=detail, exit_code=5)
    if any(sign in said for sign in _NO_MEMORY):
        cause = "could not get the memory it needs"
        return WorkerDied(cause=cause, detail="", exit_code=6, hint="try a smaller --ctx or a smaller model")
    name = signal.Signals(number).name
    return WorkerDied(cause=f"was ended by {name}, inside llama.cpp", detail=detail)
