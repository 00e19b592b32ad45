"""Whether a text is what a schema asks for, and whether a schema is one: the only door to jsonschema."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import FrameType
from typing import Any, NoReturn

from infer.errors import UsageError
from infer.schema.shorthand import expand
from infer.schema.supported import closed, refuse_unsupported

_LONGEST = 200  # characters of jsonschema's messages, which quote the whole instance
_PATIENCE = 5.0  # seconds for one text; a pattern with repetitions in repetitions can take `re` for ever
_OPTION = "--schema"


def parse_schema(text: str) -> str:
    """A schema as the user wrote it (JSON, or the short form) as the JSON text of one that can be enforced.

    Raises UsageError: neither of them, not a JSON Schema, or something in it cannot be enforced.
    """
    try:
        return enforceable(_json(text) if text.lstrip().startswith("{") else expand(text), _OPTION)
    except RecursionError as error:
        raise UsageError(what=f"{_OPTION} is nested too deeply") from error


def enforceable(schema: Any, where: str) -> str:
    """A JSON value as the JSON text of a schema that can be enforced. where: what it is called in messages.

    Raises UsageError: it is not a JSON Schema, or something in it cannot be enforced.
    """
    try:
        refuse_unsupported(schema, where)
        if wrong := malformed(schema):
            raise UsageError(what=f"{where} is not a JSON Schema: {wrong}")
        text = json.dumps(closed(schema), ensure_ascii=False, allow_nan=False)
        text.encode()
    except RecursionError as error:
        raise UsageError(what=f"{where} is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise UsageError(what=f"{where} has a half of a character (a lone surrogate)") from error
    except ValueError as error:
        raise UsageError(what=f"{where} holds a number that JSON has not (NaN or infinity)") from error
    return text


def checker(schema: str) -> Callable[[str], str | None]:
    """A function that says what is wrong with a text under a schema (JSON text), None when nothing is.

    Numbers are compared as decimals: 0.3 is a multiple of 0.1.
    """
    import jsonschema

    parsed = _decimals(schema)
    validator = jsonschema.validators.validator_for(parsed, default=jsonschema.Draft202012Validator)(parsed)

    def wrong(text: str) -> str | None:
        try:
            with _limited(_PATIENCE):
                problem = jsonschema.exceptions.best_match(validator.iter_errors(_decimals(text)))
        except _TooLong:
            return f"it could not be checked within {_PATIENCE:g} s; a simpler pattern can"
        except (ValueError, ArithmeticError, RecursionError) as error:
            return f"it is no JSON: {error}"
        if problem is None:
            return None
        return f"{_shortened(problem.message)} (at {problem.json_path})"

    return wrong


class _TooLong(Exception):
    """The time is up."""


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raises _TooLong in here when the time is up. In the main thread only, which is where texts are checked.

    `re` looks for signals while it searches, but knows no time limit of its own.
    """

    def give_up(number: int, frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def malformed(schema: Any) -> str | None:
    """What keeps a JSON value from being a JSON Schema, None when it is one."""
    import jsonschema

    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        return f"{_shortened(error.message)} (at {error.json_path})"
    return None


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = f"{_OPTION} is not valid JSON: {error.msg}, at line {error.lineno}, column {error.colno}"
        raise UsageError(what=what, hint='a schema in JSON, @FILE, or the short form: "name, age int"') from error
    except ValueError as error:
        raise UsageError(what=f"{_OPTION} is not valid JSON: {error}") from error


def _decimals(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _shortened(message: str) -> str:
    return message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"
