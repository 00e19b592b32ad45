"""`--schema`, `--grammar` and `--choices`: what the answer must look like, and whether it does."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from infer.cli.inputs import read_file
from infer.errors import ConstraintUnmet, UsageError
from infer.types import Completion, Constraint

Check = Callable[[str, Completion], None]
_OPTIONS = "--schema, --grammar and --choices"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The three options as they were given; at most one may be."""

    schema: str | None
    grammar: str | None
    choices: str | None


def read_constraint(wanted: Wanted) -> Constraint | None:
    """The constraint that was asked for. Raises UsageError, FileUnreadable, InvalidText."""
    given = [text for text in (wanted.schema, wanted.grammar, wanted.choices) if text is not None]
    if len(given) > 1:
        raise UsageError(what=f"{_OPTIONS} exclude each other", hint="give one of them")
    if wanted.schema is not None:
        from infer.schema.check import parse_schema

        return Constraint(schema=parse_schema(_schema_text(wanted.schema)))
    if wanted.grammar is not None:
        return Constraint(grammar=_grammar(wanted.grammar))
    return Constraint(choices=_choices(wanted.choices)) if wanted.choices is not None else None


def checked(constraint: Constraint) -> Check:
    """A function that raises ConstraintUnmet for a text and the way it ended, when that is not what was asked for."""

    def check(text: str, completion: Completion) -> None:
        if not completion.constraint_met:
            raise ConstraintUnmet(what=f"the answer {_cut(completion)}", hint=_hint(completion))
        if constraint.schema is not None:
            from infer.schema.check import checker

            if wrong := checker(constraint.schema)(text):
                raise ConstraintUnmet(what=f"the answer does not fit the schema: {wrong}")
        if constraint.choices and text not in constraint.choices:
            raise ConstraintUnmet(what="the answer is none of the choices")

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


def _cut(completion: Completion) -> str:
    return {
        "length": f"was cut after {completion.usage.completion:,} tokens, before it was complete",
        "loop": "went in circles and was ended before it was complete",
        "abort": "was interrupted before it was complete",
    }.get(completion.finish_reason, "ended before it was complete")


def _hint(completion: Completion) -> str:
    return {
        "length": "a larger --max-tokens or --ctx lets it go on",
        "loop": "--max-tokens N lets it run",
    }.get(completion.finish_reason, "")
