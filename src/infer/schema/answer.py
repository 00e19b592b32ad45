"""Whether a finished answer is what its constraint asked for."""

from functools import lru_cache

from infer.errors import ConstraintUnmet
from infer.schema.check import checker
from infer.types import Completion, Constraint

_CHECKERS = 64  # schemas that are kept compiled: a batch may have one on each line


class AnswerCheck:
    """Says what is wrong with answers; keeps the checkers of the schemas it has met."""

    def __init__(self) -> None:
        self._checker = lru_cache(maxsize=_CHECKERS)(checker)

    def problem(self, constraint: Constraint, text: str, completion: Completion) -> ConstraintUnmet | None:
        """The error that an answer is under its constraint, None where it is what was asked for."""
        if not completion.constraint_met:
            return ConstraintUnmet(what=f"the answer {_cut(completion)}", hint=_hint(completion))
        if constraint.schema is not None and (wrong := self._checker(constraint.schema)(text)):
            return ConstraintUnmet(what=f"the answer does not fit the schema: {wrong}")
        if constraint.choices and text not in constraint.choices:
            return ConstraintUnmet(what="the answer is none of the choices")
        return None


def _cut(completion: Completion) -> str:
    if completion.constraint_problem:
        return f"cannot go on under its constraint: {completion.constraint_problem}"
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
