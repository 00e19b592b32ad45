"""`--schema`, `--grammar` and `--choices`: what the answer must look like, and whether it does."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infer.cli.inputs import argument, read_file
from infer.errors import UsageError
from infer.types import Completion, Constraint

Check = Callable[[str, Completion], None]
_OPTIONS = "--schema, --grammar and --choices"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The three options as they were given; at most one may be."""

    schema: str | None = None
    grammar: str | None = None
    choices: str | None = None


def read_constraint(wanted: Wanted) -> Constraint | None:
    """The constraint that was asked for. Raises UsageError, FileUnreadable, InvalidText."""
    given = [text for text in (wanted.schema, wanted.grammar, wanted.choices) if text is not None]
    if len(given) > 1:
        raise UsageError(what=f"{_OPTIONS} exclude each other", hint="give one of them")
    if wanted.schema is not None:
        return schema_constraint(argument(wanted.schema, "--schema"))
    if wanted.grammar is not None:
        return Constraint(grammar=_grammar(wanted.grammar))
    return Constraint(choices=_choices(argument(wanted.choices, "--choices"))) if wanted.choices is not None else None


def schema_constraint(given: str) -> Constraint:
    """The constraint of a schema: JSON, the short form, or a file. Raises UsageError, FileUnreadable, InvalidText."""
    from infer.schema.check import parse_schema

    return Constraint(schema=parse_schema(_schema_text(given)))


def kept_constraint(value: Any) -> Constraint | None:
    """The constraint that a conversation keeps, as `asdict` made it. Raises UsageError when somebody changed it."""
    if value is None:
        return None
    try:
        schema, grammar, choices = value["schema"], value["grammar"], tuple(value["choices"])
        texts = all(isinstance(text, str) for text in [schema or "", grammar or "", *choices])
    except (TypeError, KeyError):
        texts = False
    if not texts or sum(map(bool, (schema, grammar, choices))) != 1:
        raise UsageError(what="what the session keeps of a schema cannot be read", hint="/schema off takes it away")
    return Constraint(schema, grammar, choices)


def described(constraint: Constraint | None) -> str:
    """What answers must look like, in a line."""
    if constraint is None:
        return "answers are free (/schema JSON, FIELDS or FILE holds them to a schema)"
    if constraint.choices:
        return "answers are one of " + ", ".join(constraint.choices)
    return (
        f"answers fit this {'grammar' if constraint.grammar else 'schema'}: {constraint.schema or constraint.grammar}"
    )


def checked(constraint: Constraint) -> Check:
    """A function that raises ConstraintUnmet for a text and the way it ended, when that is not what was asked for."""
    from infer.schema.answer import AnswerCheck

    answers = AnswerCheck()

    def check(text: str, completion: Completion) -> None:
        if problem := answers.problem(constraint, text, completion):
            raise problem

    return check


def _schema_text(given: str) -> str:
    """A schema itself, or what a file holds: @FILE, or a name with a slash or one that ends in .json."""
    if given.startswith("@"):
        return read_file(given[1:])
    inline = given.lstrip().startswith("{")
    is_file = not inline and (given.endswith(".json") or ("/" in given and "\n" not in given and " " not in given))
    return read_file(given) if is_file else given


def _grammar(path: str) -> str:
    from infer.schema.gbnf import check_grammar

    text = read_file(path)
    check_grammar(text, path)
    return text


def _choices(given: str) -> tuple[str, ...]:
    """A,B,C or a JSON array of texts, for choices that hold commas."""
    texts = [part.strip() for part in given.split(",")]
    if given.lstrip().startswith("["):
        try:
            texts = json.loads(given)
        except ValueError as error:
            raise UsageError(what=f"--choices is not a JSON array: {error}") from error
    if not all(isinstance(text, str) and text for text in texts) or not texts:
        raise UsageError(what="--choices holds an empty choice", hint='--choices yes,no or --choices \'["a, b", "c"]\'')
    return tuple(dict.fromkeys(texts))
