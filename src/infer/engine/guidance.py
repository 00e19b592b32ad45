"""Schemas and choices as masks over the vocabulary: the only door to llguidance.

Its compiler refuses what it does not know, so nothing in a schema is ignored.
"""

import json
import re
from functools import cached_property
from typing import Any

from infer.engine.llama.vocabulary import Vocabulary
from infer.errors import ConstraintUnmet, UsageError
from infer.types import Constraint

# White space between the parts of a JSON text: as much as pretty printing needs, so that no model can go on with it
# for ever. The same bound as in llama.cpp's own converter.
_WHITESPACE = r"( |\n[ \t]{0,20})"
_SHOWN = re.compile(r"\s*(\d+ \||\^)")  # a line of the grammar, or the mark below it
_MASK_TOO_LARGE = "the mask of allowed tokens has another size than the vocabulary"


class Guidance:
    """Compiles constraints for one vocabulary. The tokenizer that llguidance needs is made once, when first needed.

    many: answers under constraints will come by the hundred. Then llguidance's slices, sets of tokens that are known to
    fit inside a string, are made at the start; they take as long as all the rest of it, and save 1 ms of each mask
    inside a string at 150k tokens (docs/decisions/0003).
    """

    def __init__(self, vocabulary: Vocabulary, *, many: bool) -> None:
        self._vocabulary = vocabulary
        self._slices: list[str] | None = None if many else []

    def matcher(self, constraint: Constraint, *, after_reasoning: bool) -> "GuidanceMatcher":
        """A matcher at the start of an answer. after_reasoning: newlines may stand in front of it.

        Raises UsageError when the schema holds something that cannot be enforced, ConstraintUnmet when nothing at all
        can satisfy it.
        """
        import llguidance

        gap = "GAP? " if after_reasoning else ""
        grammar = f"start: {gap}answer\nGAP: /\\n{{1,2}}/\nanswer: {_answer(constraint)}\n"
        # compiled for each answer, 1 ms: copies of one would share its lexer, and so the limits that it has reached
        matcher = llguidance.LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise _refusal(matcher.get_error())
        return GuidanceMatcher(matcher, self._vocabulary)

    @cached_property
    def _tokenizer(self) -> Any:
        import llguidance

        ends = list(self._vocabulary.ends)
        return llguidance.LLTokenizer(_Tokens(self._vocabulary), eos_token=ends, slices=self._slices)


class _Tokens:
    """The vocabulary as llguidance reads one: the bytes of each token; control tokens have none, so none is allowed.

    It is called to spell text that is forced, so that the model gets the tokens it is used to.
    """

    is_tokenizer_wrapper = True

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.eos_token_id = vocabulary.eos
        self.bos_token_id = vocabulary.bos if vocabulary.bos >= 0 else None
        self.tokens = vocabulary.pieces()
        self.special_token_ids = [token for token, piece in enumerate(self.tokens) if not piece]

    def __call__(self, text: str | bytes) -> list[int]:
        whole = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return self._vocabulary.tokenize_inside(whole, special=False)


class GuidanceMatcher:
    """One answer under a schema or a list of choices."""

    def __init__(self, matcher: Any, vocabulary: Vocabulary) -> None:
        self._matcher = matcher
        self._bytes = -(-vocabulary.size // 8)
        self._ends = vocabulary.ends

    @property
    def satisfied(self) -> bool:
        """Whether the answer may end here."""
        return bool(self._matcher.is_accepting())

    @property
    def done(self) -> bool:
        """Whether nothing but the end can follow."""
        return bool(self._matcher.is_stopped()) and not self._matcher.is_error()

    @property
    def problem(self) -> str:
        """Why llguidance has given up, empty while it has not: a limit was reached, or no text can follow."""
        return _reason(self._matcher.get_error()) if self._matcher.is_error() else ""

    def accept(self, token: int) -> bool:
        """Take the next token if it fits."""
        if self.done:
            return token in self._ends
        return bool(self._matcher.try_consume_tokens([token]) == 1)

    def allowed(self) -> bytes:
        """The tokens that fit, a bit each; none when llguidance gives up, and `problem` says why."""
        mask: bytes = self._matcher.compute_bitmask()
        if self._matcher.is_error():
            return bytes(self._bytes)
        assert len(mask) >= self._bytes, _MASK_TOO_LARGE
        return mask

    def close(self) -> None:
        """Nothing to free: llguidance's objects are Python's."""


def _answer(constraint: Constraint) -> str:
    """The right side of a rule in llguidance's notation."""
    if constraint.choices:
        return " | ".join(json.dumps(choice, ensure_ascii=False) for choice in constraint.choices)
    schema = json.loads(constraint.schema or "true")
    options = {"x-guidance": {"whitespace_pattern": _WHITESPACE}}
    return "%json " + json.dumps({**options, **schema} if isinstance(schema, dict) else options, ensure_ascii=False)


def _reason(why: str) -> str:
    """llguidance's reason for giving up: it shows its state behind it."""
    reason = " ".join(why.partition("<state>")[0].split())
    return "no text can follow" if reason.startswith("NoExtension") else reason


def _refusal(why: str) -> UsageError | ConstraintUnmet:
    """llguidance's reason as ours: it puts a place in its own notation in front, and shows that behind it."""
    lines = why.rpartition("failed to compile JSON schema: ")[2].splitlines()
    reason = " ".join(" ".join(line for line in lines if not _SHOWN.match(line)).split())
    if "nsatisfiable" in why:
        return ConstraintUnmet(what=f"nothing can satisfy the schema: {reason}")
    return UsageError(
        what=f"the schema cannot be enforced: {reason}", hint="docs/structured.md lists what is supported"
    )


def preload() -> None:
    """Import llguidance ahead of the first schema."""
    import llguidance  # noqa: F401
