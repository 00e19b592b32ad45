"""A line of a batch becomes a request, or the reason why it cannot.

Three forms, told apart by what is in the object:

    {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [...], ...}}
    {"prompt": "..."} or {"messages": [...]}, with the body's parameters beside it if wanted, and a custom_id
    any object at all, when a template makes the prompt: "Summarise: {text}"

The first is OpenAI's batch format (platform.openai.com/docs/guides/batch), whose `model` is read over: the command
names the model. A key that would be ignored is an error, so that nobody believes it did something.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from string import Formatter
from typing import Any

from infer.chat.tools import tools_of
from infer.errors import UsageError
from infer.jobs.batch.bad_item import BadItem, text_of
from infer.jobs.batch.lines import Line
from infer.jobs.batch.response_format import read_response_format
from infer.jobs.batch.turns import read_messages
from infer.types import Message, Request, TextPart

_ENVELOPE = {"custom_id", "method", "url", "body"}
_READ_OVER = {"model", "user", "metadata", "store", "service_tier"}  # they change nothing about an answer
_ONLY = {  # other values are not supported
    "n": 1, "stream": False, "logprobs": False, "best_of": 1, "echo": False, "parallel_tool_calls": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the input: what is asked, or what is wrong.

    number       of the line, from 1
    custom_id    its own, else its number
    numbered     it has no id of its own
    """

    number: int
    custom_id: str
    request: Request | None = None
    problem: str | None = None
    numbered: bool = False


def parse_item(line: Line, base: Request, template: str | None = None) -> Item:
    """A line as an Item; never raises for what is in it.

    base: the request without its user's message: a system message, sampling, limits.
    """
    number = line.number
    custom_id, numbered = str(number), True
    try:
        fields = read_object(line)
        custom_id, numbered = read_custom_id(fields, custom_id), "custom_id" not in fields
        request = _from_template(fields, base, template) if template is not None else _request(fields, base)
        return Item(number, custom_id, request, numbered=numbered)
    except BadItem as problem:
        return Item(number, custom_id, problem=str(problem), numbered=numbered)


def check_template(template: str) -> str | None:
    """What is wrong with a template, None if nothing is: only {names} of fields may stand in braces."""
    try:
        names = [name for _, name, spec, conversion in Formatter().parse(template) if _plain(name, spec, conversion)]
    except (ValueError, BadItem) as error:
        return str(error)
    return None if names else "it has no {field}, so all prompts would be the same"


def _plain(name: str | None, spec: str | None, conversion: str | None) -> bool:
    if name is None:
        return False
    if not name or spec or conversion:
        raise BadItem(f"in braces only the name of a field may stand, not '{{{name}}}'; write {{{{ for a brace")
    return True


def read_object(line: Line) -> dict[str, Any]:
    """A line as a JSON object. Raises BadItem."""
    if line.data is None or line.problem:
        raise BadItem(line.problem or "the line is too long")
    try:
        value = json.loads(line.data.decode("utf-8"), object_pairs_hook=_no_twins)
    except UnicodeDecodeError as error:
        raise BadItem(f"not valid UTF-8: invalid byte at offset {error.start} of the line") from error
    except RecursionError as error:
        raise BadItem("not JSON: nested too deeply") from error
    except ValueError as error:
        raise BadItem(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadItem("not a JSON object")
    return value


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadItem("a key stands twice in one object")
    return found


def read_custom_id(fields: Mapping[str, Any], default: str) -> str:
    """A line's own id, else the default. Raises BadItem."""
    own = fields.get("custom_id", default)
    if isinstance(own, bool) or not isinstance(own, str | int) or own == "":
        raise BadItem("custom_id is neither a text nor a number")
    return text_of(str(own), "custom_id")


def _request(fields: Mapping[str, Any], base: Request) -> Request:
    if "body" not in fields:
        return _with_body({key: value for key, value in fields.items() if key != "custom_id"}, base)
    unknown = sorted(fields.keys() - _ENVELOPE)
    if unknown:
        raise BadItem(f"unknown key '{unknown[0]}' beside body")
    if not isinstance(fields["body"], dict):
        raise BadItem("body is not an object")
    url = fields.get("url", "/v1/chat/completions")
    if url not in ("/v1/chat/completions", "/v1/completions") or fields.get("method", "POST") != "POST":
        raise BadItem(f"{fields.get('method', 'POST')} {url} is not supported, only POST /v1/chat/completions")
    return _with_body(fields["body"], base)


def _with_body(body: Mapping[str, Any], base: Request) -> Request:
    """The request of a body: its messages or its prompt, and its parameters over those of the command."""
    if ("prompt" in body) == ("messages" in body):
        raise BadItem("a line needs either prompt or messages")
    request = replace(base, messages=_messages(body, base))
    for key, value in body.items():
        if key in _READ_OVER or key in ("prompt", "messages"):
            continue
        if key in _ONLY:
            if value is not None and value != _ONLY[key]:
                raise BadItem(f"{key}: only {json.dumps(_ONLY[key])} is supported")
        elif key not in _PARAMETERS:
            raise BadItem(f"unknown key '{key}'; --template makes prompts of other fields")
        elif value is not None:
            request = _PARAMETERS[key](request, value, key)
    request = replace(request, tools=()) if body.get("tool_choice") == "none" else request
    _refuse_together(request)
    return request


def _refuse_together(request: Request) -> None:
    """What asks for answers of two kinds, on the command line or here."""
    if request.tools and request.constraint is not None:
        raise BadItem("tools and a constraint (response_format, --schema, --grammar, --choices) exclude each other")
    if request.tools and request.raw:
        raise BadItem("--raw leaves out the chat template, which offers the tools")


def _messages(body: Mapping[str, Any], base: Request) -> tuple[Message, ...]:
    if "prompt" in body:
        return (*base.messages, _user(text_of(body["prompt"], "prompt")))
    messages = read_messages(body["messages"])
    if not any(message.text.strip() or message.tool_calls for message in messages):
        raise BadItem("the messages are empty")
    own_system = any(message.role == "system" for message in messages)
    return messages if own_system else (*base.messages, *messages)


def _from_template(fields: Mapping[str, Any], base: Request, template: str) -> Request:
    pieces = []
    for literal, name, _, _ in Formatter().parse(template):
        pieces.append(literal)
        if name is None:
            continue
        if name not in fields:
            raise BadItem(f"there is no field '{name}', which the template needs")
        value = fields[name]
        pieces.append(text_of(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), name))
    return replace(base, messages=(*base.messages, _user("".join(pieces))))


def _user(text: str) -> Message:
    if not text.strip():
        raise BadItem("the prompt is empty")
    return Message("user", (TextPart(text),))


def _number(low: float, high: float, *, whole: bool = False) -> Callable[[Any, str], float]:
    def check(value: Any, key: str) -> float:
        right = isinstance(value, int) if whole else isinstance(value, int | float)
        if isinstance(value, bool) or not right or not low <= value <= high:
            raise BadItem(f"{key} is not a {'whole ' if whole else ''}number from {low:,} to {high:,}")
        return value  # type: ignore[no-any-return]

    return check


def _sampling(name: str, check: Callable[[Any, str], float]) -> Callable[[Request, Any, str], Request]:
    def apply(request: Request, value: Any, key: str) -> Request:
        new: dict[str, Any] = {name: check(value, key)}
        return replace(request, sampling=replace(request.sampling, **new))

    return apply


def _max_tokens(request: Request, value: Any, key: str) -> Request:
    return replace(request, max_tokens=int(_number(1, 2**31 - 1, whole=True)(value, key)))


def _stop(request: Request, value: Any, key: str) -> Request:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise BadItem(f"{key} is neither a text nor a list of texts")
    return replace(request, stop=tuple(text_of(text, key) for text in texts))


def _response_format(request: Request, value: Any, key: str) -> Request:
    return replace(request, constraint=read_response_format(value))


def _tools(request: Request, value: Any, key: str) -> Request:
    try:
        return replace(request, tools=tools_of(value, key))
    except UsageError as error:
        raise BadItem(str(error)) from error


def _tool_choice(request: Request, value: Any, key: str) -> Request:
    if value not in ("auto", "none"):
        raise BadItem(f'{key}: only "auto" and "none" are supported')
    return request


_PARAMETERS: Mapping[str, Callable[[Request, Any, str], Request]] = {
    "max_tokens": _max_tokens,
    "max_completion_tokens": _max_tokens,
    "stop": _stop,
    "response_format": _response_format,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "temperature": _sampling("temperature", _number(0, 100)),
    "top_p": _sampling("top_p", _number(0, 1)),
    "min_p": _sampling("min_p", _number(0, 1)),
    "top_k": _sampling("top_k", _number(0, 2**31 - 1, whole=True)),
    "repeat_penalty": _sampling("repeat_penalty", _number(0.01, 10)),
    "presence_penalty": _sampling("presence_penalty", _number(-10, 10)),
    "frequency_penalty": _sampling("frequency_penalty", _number(-10, 10)),
    "seed": _sampling("seed", _number(0, 2**32 - 2, whole=True)),
}
