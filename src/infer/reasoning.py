"""Where the answer begins, in a model that reasons: what is forced at the start, and what closes the reasoning.

Reasoning is free; a constraint counts from where the answer begins. Whoever has a constraint has to know where that
is: when reasoning is wanted and the prompt does not open it, the opening marker is forced; when nothing is said, the
model may choose, if its marker is one token.
"""

from collections.abc import Callable
from dataclasses import dataclass

from infer.chat.formats import ReasoningFormat, starts_in_reasoning
from infer.types import Request

# What stands in front of every answer of a format, and what such a format ends its reasoning with.
_ANSWER = {
    "gpt-oss": "<|channel|>final<|message|>",
    "solar": "<|content|>",
    "kimi-3": "<|open|>response<|sep|>",
    "muse": " to=user<|message|>",
    "functionary": ">>>all\n",
}
_END = {
    "gpt-oss": "<|end|><|start|>assistant",
    "solar": "<|end|><|begin|>assistant",
    "kimi-3": "<|close|>think<|sep|>",
    "muse": "<|eom|><|start|>assistant",
    "apriel": "\n[BEGIN FINAL RESPONSE]\n",
}
_AFTER_REASONING = {"cohere": "<|START_RESPONSE|>", "granite": "<response>"}
_OWN_LINE = ("hunyuan", "seed", "minimax", "think")  # these models close their reasoning on a line of its own
Tokenize = Callable[[str], list[int]]


@dataclass(frozen=True, slots=True)
class ReasoningPlan:
    """What the engine does for one answer.

    forced      tokens that come first, whatever the model thinks
    starts      whether it begins with reasoning, by the prompt or by what is forced
    opener      a token with which the model may choose to reason first; None: it need not be asked
    closing     tokens that end the reasoning the way the model would
    answer      tokens that stand between the end of the reasoning and a constrained answer
    """

    forced: tuple[int, ...] = ()
    starts: bool = False
    opener: int | None = None
    closing: tuple[int, ...] = ()
    answer: tuple[int, ...] = ()


def plan_reasoning(request: Request, prompt: str, form: ReasoningFormat | None, tokenize: Tokenize) -> ReasoningPlan:
    """The plan for a request whose prompt has been rendered; tokenize: markers become control tokens."""
    if form is None or request.raw:
        return ReasoningPlan()
    opening, closing = _marker(form, "reasoning"), tuple(tokenize(_closing(form)))
    answer = tuple(tokenize(_AFTER_REASONING.get(form.name, "")))
    if opening and starts_in_reasoning(prompt, form):
        return ReasoningPlan((), True, None, closing, answer)
    if request.constraint is None:
        return ReasoningPlan(closing=closing)
    if not opening or request.think is False or _ends_closed(prompt, form):
        return ReasoningPlan(tuple(tokenize(_rest(_ANSWER.get(form.name, ""), prompt))))
    tokens = tuple(tokenize(_rest(opening, prompt)))
    if request.think or form.name in _ANSWER:
        return ReasoningPlan(tokens, True, None, closing, answer)
    return ReasoningPlan((), False, tokens[0] if len(tokens) == 1 else None, closing, answer)


def _closing(form: ReasoningFormat) -> str:
    if form.name in _END:
        return _END[form.name] + _ANSWER.get(form.name, "")
    return "\n" * (form.name in _OWN_LINE) + _marker(form, "content")


def _marker(form: ReasoningFormat, then: str) -> str:
    """The format's first marker that leads there, '' where it has none."""
    return next((marker.text for marker in form.markers if marker.then == then), "")


def _rest(marker: str, prompt: str) -> str:
    """What of a marker is missing at the end of the prompt."""
    sizes = range(len(marker), 0, -1)
    return marker[next((size for size in sizes if prompt.endswith(marker[:size])), 0) :]


def _ends_closed(prompt: str, form: ReasoningFormat) -> bool:
    """Whether the template has closed the reasoning already, as most do when it is switched off."""
    end = prompt.rstrip()
    return any(end.endswith(marker.text.rstrip()) for marker in form.markers if marker.then == "content")
