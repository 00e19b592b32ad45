"""The worker process: holds the LLM, because llama.cpp may abort the process it lives in.

The main thread owns llama.cpp, renders templates and steps the engine; a second thread reads the wire, so an abort is
heard in the middle of a decode. The end of the wire ends the process at once.
"""

import ctypes
import os
import signal
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, replace
from queue import SimpleQueue
from threading import Thread
from typing import Any

from infer.errors import DoesNotFit, InferError, InternalError
from infer.types import EmbedRequest, EngineConfig, Event
from infer.worker.messages import config_from_json, event_to_json, request_from_json
from infer.worker.wire import Wire

Json = dict[str, Any]
WIRE_IN, WIRE_OUT = 3, 4  # the descriptors that the parent hands over
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Worker:
    """Answers the parent's messages with an LLM, one engine step at a time between them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._inbox: SimpleQueue[Json] = SimpleQueue()
        self._llm: Any = None
        self._ids: dict[int, int] = {}  # the LLM's id of a request -> the parent's

    def run(self) -> None:
        """Serve until the wire ends (the reader thread then ends the process)."""
        Thread(target=self._read, daemon=True).start()
        self._guarded({"do": "hello"})
        while True:
            while not self._inbox.empty() or self._llm is None or not self._llm.has_work:
                self._guarded(self._inbox.get())
            self._guarded({"do": "step"})

    def _read(self) -> None:
        """The reader thread. Whatever happens to the wire, the process has to end."""
        try:
            while (messages := self._wire.receive()) is not None:
                for message in messages:
                    self._hear(message)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def _hear(self, message: Json) -> None:
        if message["do"] == "abort" and self._llm is not None:
            self._llm.abort_flag.set()
        if message["do"] == "expect":
            _import_constraints_early(guidance=bool(message["guidance"]))
            return
        self._inbox.put(message)
        if message["do"] == "load":
            _import_jinja_early()

    def _guarded(self, message: Json) -> None:
        """Do what a message asks; whatever goes wrong becomes an answer."""
        try:
            self._do(message)
        except BrokenPipeError:
            os._exit(0)
        except InferError as error:
            self._fail(message, error)
        except MemoryError:
            hint = "try a smaller --ctx or a smaller model"
            self._fail(message, DoesNotFit(what="what this takes", need=None, have=None, hint=hint))
        except Exception as error:
            traceback.print_exc()
            self._fail(message, InternalError(what=f"{type(error).__name__}: {error}"))

    def _fail(self, message: Json, error: InferError) -> None:
        if message["do"] == "submit":
            self._wire.send({"event": "failed", "id": message["id"], **error.to_wire()})
        elif message["do"] == "step":
            for identity in self._ids.values():
                self._wire.send({"event": "failed", "id": identity, **error.to_wire()})
            os._exit(0)  # a context that failed is not to be trusted with the next request
        else:
            self._wire.send({"event": "error", **error.to_wire()})

    def _do(self, message: Json) -> None:
        match message["do"]:
            case "load":
                self._load(message["path"], config_from_json(message["config"]))
            case "submit":
                self._submit(message)
            case "submit_all" | "embed":
                group = {"group": message["ids"][0]} if message["do"] == "embed" else {}
                for identity, request in zip(message["ids"], message["requests"], strict=True):
                    self._guarded({"do": "submit", "id": identity, "request": request, **group})
            case "abort":
                self._abort(message["id"])
            case "prompt":
                prompt = self._llm.prompt(request_from_json(message["request"]))
                self._wire.send({"event": "prompt", "text": prompt.text, **self._pieces(prompt.tokens)})
            case "tokenize":
                self._wire.send({"event": "tokens", **self._pieces(self._llm.tokenize(message["text"]))})
            case "score":
                found = self._llm.score(request_from_json(message["request"]), tuple(message["texts"]))
                self._wire.send({"event": "scores", "scores": [one.tokens for one in found]})
            case "close":
                if self._llm is not None:
                    self._llm.save(message["timeout"])
                    self._wire.send({"event": "closed", "warning": self._llm.warning})
                os._exit(0)
            case "step":
                self._send_events(self._llm.step())
            case _:
                self._tell(message)

    def _tell(self, message: Json) -> None:
        """What machine, build and model can do."""
        match message["do"]:
            case "hello":
                self._hello()
            case "measure":
                pace = self._llm.measure(*(message[key] for key in ("prompt", "steps", "parallel", "room")))
                self._wire.send({"event": "measured", **asdict(pace)})
            case "limits":
                self._limits(message["kind"], message["threads"], message["weight_type"])
            case "build":
                self._build()

    def _hello(self) -> None:
        from infer.engine.llama.devices import list_devices

        self._wire.send({"event": "hello", "devices": [asdict(device) for device in list_devices()]})
        import infer.llm  # noqa: F401  (the parent is still finding out what to load)

    def _build(self) -> None:
        from infer.engine.llama.devices import list_backends, system_info

        self._wire.send({"event": "build", "backends": list_backends(), "info": system_info()})

    def _load(self, path: str, config: EngineConfig) -> None:
        if self._llm is not None and self._llm.serves(path, config):
            self._llm.configure(config)
        else:
            if self._llm is not None:
                self._llm.close()
            self._llm = _keystone(path, config)
        self._wire.send({"event": "loaded", "seconds": self._llm.load_seconds})

    def _limits(self, kind: str, threads: int, weight_type: int) -> None:
        from infer.engine.llama.limits import copies, multiplications
        from infer.machine.bandwidth import memory_bandwidth

        bandwidth = memory_bandwidth(threads) if kind == "cpu" else copies(kind, threads)
        flops = multiplications(kind, threads, weight_type)
        self._wire.send({"event": "limits", "bandwidth": bandwidth, "flops": flops})

    def _submit(self, message: Json) -> None:
        """Queue a request, or a text of a group that is to be embedded."""
        if "group" in message:
            ours = self._llm.submit(EmbedRequest(**message["request"]), message["group"])
        else:
            ours = self._llm.submit(request_from_json(message["request"]))
        self._ids[ours] = message["id"]

    def _pieces(self, tokens: list[int]) -> Json:
        return {"tokens": list(zip(tokens, self._llm.pieces(tokens), strict=True))}

    def _abort(self, identity: int) -> None:
        if self._llm is None:
            return
        self._llm.abort_flag.clear()  # also when the request has ended by now: else nothing would be computed again
        ours = next((own for own, parents in self._ids.items() if parents == identity), None)
        self._send_events([] if ours is None else self._llm.abort(ours))

    def _send_events(self, events: list[Event]) -> None:
        for event in events:
            data = event_to_json(replace(event, id=self._ids[event.id]))
            if data["event"] in ("finished", "embedded", "failed"):
                del self._ids[event.id]
            self._wire.send(data)


def _keystone(path: str, config: EngineConfig) -> Any:
    """What does with a model what is to be done with it; both have the same surface."""
    if config.pooling is None:
        from infer.llm import LLM

        return LLM(path, config)
    from infer.embedder import Embedder

    return Embedder(path, config)


def _import_jinja_early() -> None:
    """Most prompts need Jinja: import it here while the main thread is in llama.cpp's loading, which frees the GIL."""
    import infer.chat.template

    with suppress(ImportError):  # rendering says so, if it is needed
        infer.chat.template.preload()


def _import_constraints_early(*, guidance: bool) -> None:
    """The same for what a constraint needs, where one is going to come."""
    import infer.engine.constraint

    with suppress(ImportError):  # the request that needs it says so
        infer.engine.constraint.preload(guidance=guidance)


def _die_with_parent() -> None:
    """Ask Linux for SIGKILL when the parent ends; elsewhere the end of the wire does it alone."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _leave_no_core() -> None:
    """A core dump of a process that has a model mapped takes minutes and gigabytes."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def main() -> None:
    """Entry of the child process."""
    _die_with_parent()
    _leave_no_core()
    Worker(Wire(WIRE_IN, WIRE_OUT)).run()


if __name__ == "__main__":
    main()
