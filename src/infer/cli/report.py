"""What is said about an answer once it has ended: the JSON record, the statistics, a remark."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

from infer.cli.model import Opened, device_name
from infer.types import Completion, Request, TokenScore, ToolCall


@dataclass(frozen=True, slots=True)
class Result:
    """An answer that has ended. `first_token` and `total` are seconds since the process was started."""

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    completion: Completion
    first_token: float | None
    total: float

    @property
    def computed(self) -> int:
        """Tokens of the prompt that were not in the cache."""
        return self.completion.usage.prompt - self.completion.usage.cached

    @property
    def prefill_rate(self) -> float | None:
        """Tokens a second, computed ones only."""
        return _rate(self.computed, self.completion.timings.prefill)

    @property
    def decode_rate(self) -> float | None:
        """Decode steps a second: the prefill brings the first token, the last step may bring the end instead of one."""
        ended_by_itself = self.completion.finish_reason == "stop"
        return _rate(self.completion.usage.completion - 1 + ended_by_itself, self.completion.timings.decode)


def record(opened: Opened, result: Result) -> str:
    """The object that --json prints (CONTRACT.md), on one line."""
    model, completion = opened.model, result.completion
    timings: dict[str, Any] = {
        "load_ms": _milliseconds(completion.timings.load),
        "first_token_ms": _milliseconds(result.first_token),
        "prefill_tps": result.prefill_rate,
        "decode_tps": result.decode_rate,
        "total_ms": _milliseconds(result.total),
    }
    fields: dict[str, Any] = {
        "model": {"ref": model.ref, "file": model.path, "sha256": model.sha256},
        "text": result.text,
        "reasoning": result.reasoning,
        "tool_calls": [asdict(call) for call in result.tool_calls],
        "finish_reason": completion.finish_reason,
        "usage": asdict(completion.usage),
        "timings": timings,
        "seed": completion.seed,
        "context": asdict(completion.context),
        "device": device_name(opened),
    }
    if completion.logprobs is not None:
        fields["logprobs"] = [_token(score) for score in completion.logprobs]
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _token(score: TokenScore) -> dict[str, Any]:
    top = [{"text": text, "logprob": logprob} for text, logprob in score.top]
    return {"text": score.text, "logprob": score.logprob, "top": top}


def statistics(opened: Opened, result: Result) -> list[str]:
    """What --verbose prints, a line each."""
    completion, model, metadata = result.completion, opened.model, opened.model.metadata
    usage, context = completion.usage, completion.context
    millions = metadata.parameter_count / 1e6
    first = result.total if result.first_token is None else result.first_token
    return [
        f"model {model.ref}: {metadata.architecture}, {millions:,.1f} M parameters, {metadata.quantization}",
        f"file {model.path}",
        f"prompt {usage.prompt:,} tokens: {_from_cache(completion)}, {result.computed:,} computed"
        + _shown_rate(result.prefill_rate),
        f"answer {usage.completion:,} tokens{_shown_rate(result.decode_rate)}, ended by: {completion.finish_reason}",
        f"time: first token {first:.2f} s, total {result.total:.2f} s, of it loading {completion.timings.load:.2f} s",
        f"context {context.used:,} of {context.size:,} tokens (trained for {metadata.context_length:,})",
        f"device {device_name(opened)}, {_threads(opened.config.threads)}; seed {completion.seed}",
    ]


def remarks(completion: Completion, request: Request) -> list[str]:
    """What a person must know about the prompt and about how the answer ended, a line each."""
    said = []
    if dropped := completion.context.dropped:
        said.append(f"note: {dropped:,} tokens of the prompt were dropped (--overflow {request.overflow})")
    if completion.verified:
        cached, difference, spread = completion.verified
        said.append(
            f"note: cache verified: {cached:,} tokens from the cache, largest difference of the logits "
            f"{difference:.2g} (their standard deviation is {spread:.2g})"
        )
    if completion.finish_reason == "loop":
        said.append("note: the answer went in circles and was ended; --max-tokens N lets it run")
    full = completion.usage.completion < (request.max_tokens or sys.maxsize)
    if completion.finish_reason == "length" and full:
        said.append(f"note: the context of {completion.context.used:,} tokens is full, the answer is cut here")
    return said


def called(call: ToolCall) -> str:
    """A tool call for people to read."""
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    invalid = f"; it is invalid: {call.error}" if call.error else ""
    return f"tool call: {call.name} {arguments}{invalid}"


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds, 1) if count > 0 and seconds > 0 else None


def _from_cache(completion: Completion) -> str:
    cached = completion.usage.cached
    restored = completion.timings.restore
    where = f"disk, {restored * 1000:.0f} ms" if restored else "memory"
    return f"{cached:,} from cache" + (f" ({where})" if cached else "")


def _shown_rate(rate: float | None) -> str:
    return f" ({rate:,.0f} tok/s)" if rate else ""


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
