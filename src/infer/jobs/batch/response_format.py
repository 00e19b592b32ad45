"""`response_format` of OpenAI's interface as a constraint."""

from collections.abc import Mapping
from typing import Any

from infer.errors import UsageError
from infer.jobs.batch.bad_item import BadItem
from infer.schema.check import enforceable
from infer.types import Constraint

_KINDS = ("text", "json_object", "json_schema")
_KEYS = frozenset({"name", "description", "schema", "strict"})
_WHERE = "response_format"


def read_response_format(given: Any) -> Constraint | None:
    """What the answer must look like, None for text. Raises BadItem for what cannot be enforced."""
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in _KINDS:
        raise BadItem(f"{_WHERE} is not an object with a type of {', '.join(_KINDS)}")
    if unknown := sorted(given.keys() - {"type", *((kind,) if kind == "json_schema" else ())}):
        raise BadItem(f"{_WHERE} has the key '{unknown[0]}', which is not supported")
    if kind == "text":
        return None
    schema = {"type": "object"} if kind == "json_object" else _schema(given.get("json_schema"))
    try:
        return Constraint(schema=enforceable(schema, _WHERE))
    except UsageError as error:
        raise BadItem(f"{error}; {error.hint}" if error.hint else str(error)) from error


def _schema(given: Any) -> Mapping[str, Any]:
    """The schema in json_schema. `strict` or not, it is enforced."""
    if not isinstance(given, dict) or not isinstance(given.get("schema"), dict):
        raise BadItem(f"{_WHERE}: json_schema is not an object with a schema")
    if unknown := sorted(given.keys() - _KEYS):
        raise BadItem(f"{_WHERE}: json_schema has the key '{unknown[0]}', which is not supported")
    schema: Mapping[str, Any] = given["schema"]
    return schema
