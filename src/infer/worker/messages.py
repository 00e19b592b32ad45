"""What is said over the wire, as JSON objects.

    to the worker    load {path, config} · expect {guidance} · submit {id, request} ·
                     submit_all {ids, requests} · embed {ids, requests} · abort {id} ·
                     prompt {request} · tokenize {text} · score {request, texts} ·
                     measure {prompt, steps, parallel, room} · limits {kind, threads, weight_type} · build {} ·
                     close {timeout}
    from the worker  hello {devices} · loaded {seconds} · prompt {text, tokens} · tokens {tokens: [[id, text]]} ·
                     scores {scores: [[[text, logprob]]]} · measured {prefill, decode, steps} ·
                     limits {bandwidth, flops} · build {backends, info} · closed {warning}
                     events {id}: progress · delta · finished · failed · embedded (the vector's bytes in base64)
                     error {code, facts}: what was asked last (all but a submit) cannot be done

Every request of the parent is answered (expect is none, it only hurries); ids are the parent's.
"""

from base64 import b64decode, b64encode
from dataclasses import asdict
from typing import Any

from infer.errors import from_wire
from infer.types import (
    Completion,
    Constraint,
    ContextUse,
    Delta,
    Embedded,
    EngineConfig,
    Event,
    Failed,
    Finished,
    Message,
    Progress,
    Request,
    SamplingParams,
    TextDelta,
    TextPart,
    Timings,
    TokenScore,
    Tool,
    ToolCall,
    Usage,
)

Json = dict[str, Any]


def config_from_json(data: Json) -> EngineConfig:
    """An EngineConfig from `asdict`'s object."""
    lora = tuple((str(path), float(scale)) for path, scale in data["lora"])
    return EngineConfig(**{**data, "lora": lora, "tensor_split": tuple(data["tensor_split"])})


def request_from_json(data: Json) -> Request:
    """A Request from `asdict`'s object."""
    messages = tuple(map(_message_from_json, data["messages"]))
    sampling = SamplingParams(**data["sampling"])
    rest = {
        "stop": tuple(data["stop"]),
        "constraint": _constraint_from_json(data["constraint"]),
        "tools": tuple(Tool(**tool) for tool in data["tools"]),
    }
    return Request(**{**data, "messages": messages, "sampling": sampling, **rest})


def _constraint_from_json(data: Json | None) -> Constraint | None:
    return None if data is None else Constraint(data["schema"], data["grammar"], tuple(data["choices"]))


def _message_from_json(data: Json) -> Message:
    rest = {
        "content": tuple(TextPart(part["text"]) for part in data["content"]),
        "token_ids": tuple(data["token_ids"]),
        "tool_calls": tuple(ToolCall(**call) for call in data["tool_calls"]),
    }
    return Message(**{**data, **rest})


def event_to_json(event: Event) -> Json:
    """An event as a message of the worker."""
    match event:
        case Progress(id, done, total):
            return {"event": "progress", "id": id, "done": done, "total": total}
        case TextDelta(id, delta):
            return {"event": "delta", "id": id, **asdict(delta)}
        case Finished(id, completion):
            return {"event": "finished", "id": id, "completion": asdict(completion)}
        case Embedded(id, vector, tokens):
            return {"event": "embedded", "id": id, "vector": b64encode(vector).decode("ascii"), "tokens": tokens}
        case Failed(id, error):
            return {"event": "failed", "id": id, **error.to_wire()}


def event_from_json(data: Json) -> Event:
    """The event in a message of the worker."""
    match data["event"]:
        case "progress":
            return Progress(data["id"], data["done"], data["total"])
        case "delta":
            calls = tuple(ToolCall(**call) for call in data["tool_calls"])
            return TextDelta(data["id"], Delta(data["content"], data["reasoning"], calls))
        case "embedded":
            return Embedded(data["id"], b64decode(data["vector"]), data["tokens"])
        case "failed":
            return Failed(data["id"], from_wire(data))
        case _:
            return Finished(data["id"], _completion_from_json(data["completion"]))


def _completion_from_json(data: Json) -> Completion:
    usage, timings = Usage(**data["usage"]), Timings(**data["timings"])
    context = ContextUse(**data["context"])
    rest = {
        "verified": tuple(data["verified"]) if data["verified"] else None,
        "logprobs": None if data["logprobs"] is None else tuple(map(_score_from_json, data["logprobs"])),
        "tokens": tuple(data["tokens"]),
    }
    return Completion(**{**data, "usage": usage, "timings": timings, "context": context, **rest})


def _score_from_json(data: Json) -> TokenScore:
    return TokenScore(data["text"], data["logprob"], tuple((text, score) for text, score in data["top"]))
