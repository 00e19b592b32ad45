"""A line of texts becomes a request, or the reason why it cannot.

    {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"input": "...", "model": ...}}
    {"text": "..."} or {"input": "..."}, with a custom_id beside it if wanted

The first is OpenAI's batch format, whose `model` is read over: the command names the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from infer.jobs.batch.bad_item import BadItem, text_of
from infer.jobs.batch.items import read_custom_id, read_object
from infer.jobs.batch.lines import Line
from infer.types import EmbedRequest

_ENVELOPE = {"custom_id", "method", "url", "body"}
_READ_OVER = {"model", "user"}  # they change nothing about a vector
_URL = "/v1/embeddings"


@dataclass(frozen=True, slots=True)
class TextItem:
    """A text of the input, or what is wrong with it.

    index      its place among all texts, from 0: the row of its vector
    custom_id  its own, else the number of its line, or the name of its file
    numbered   it is the number of its line
    """

    index: int
    custom_id: str
    request: EmbedRequest | None = None
    problem: str | None = None
    numbered: bool = False


def parse_text(index: int, line: Line, base: EmbedRequest) -> TextItem:
    """A line of JSON as a TextItem; never raises for what is in it. base: the request without its text."""
    custom_id, numbered = str(line.number), True
    try:
        fields = read_object(line)
        custom_id, numbered = read_custom_id(fields, custom_id), "custom_id" not in fields
        return TextItem(index, custom_id, replace(base, text=_read_input(fields)), numbered=numbered)
    except BadItem as problem:
        return TextItem(index, custom_id, problem=str(problem), numbered=numbered)


def plain_text(index: int, line: Line, base: EmbedRequest) -> TextItem:
    """A line that is a text itself as a TextItem; never raises for what is in it."""
    custom_id = str(line.number)
    if line.data is None:
        return TextItem(index, custom_id, problem="the line is too long")
    try:
        return TextItem(index, custom_id, replace(base, text=line.data.decode("utf-8")))
    except UnicodeDecodeError as error:
        problem = f"not valid UTF-8: invalid byte at offset {error.start} of the line"
        return TextItem(index, custom_id, problem=problem)


def _read_input(fields: Mapping[str, Any]) -> str:
    if "body" not in fields:
        return _text_of({key: value for key, value in fields.items() if key != "custom_id"}, ("text", "input"))
    unknown = sorted(fields.keys() - _ENVELOPE)
    if unknown:
        raise BadItem(f"unknown key '{unknown[0]}' beside body")
    method, url = fields.get("method", "POST"), fields.get("url", _URL)
    if (method, url) != ("POST", _URL):
        raise BadItem(f"{method} {url} is not supported, only POST {_URL}")
    if not isinstance(fields["body"], dict):
        raise BadItem("body is not an object")
    return _text_of(fields["body"], ("input",))


def _text_of(body: Mapping[str, Any], names: tuple[str, ...]) -> str:
    given = [name for name in names if name in body]
    if len(given) != 1:
        raise BadItem(f"a line needs {' or '.join(names)}, once")
    for key in body.keys() - _READ_OVER - {given[0]}:
        if key != "encoding_format" or body[key] != "float":
            raise BadItem(
                'encoding_format: only "float" is supported' if key == "encoding_format" else f"unknown key '{key}'"
            )
    value = body[given[0]]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        raise BadItem(f"{given[0]} is a list; one text a line, so that each has a record")
    text = text_of(value, given[0])
    if not text.strip():
        raise BadItem(f"{given[0]} is empty")
    return text
