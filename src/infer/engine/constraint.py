"""What a constraint is to the engine: something that knows which tokens may come next.

Two kinds compute it: `engine.guidance` (schemas and choices, by llguidance) and `engine.llama.gbnf` (grammars in
llama.cpp's own notation, by llama.cpp). Their libraries are imported when the first constraint comes.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from infer.engine.llama.vocabulary import Vocabulary
from infer.errors import UsageError
from infer.types import Constraint

if TYPE_CHECKING:
    from infer.engine.guidance import Guidance
    from infer.engine.llama.candidates import Candidates


class Matcher(Protocol):
    """Follows one answer token by token. A token that ends generation fits where the answer may end."""

    @property
    def satisfied(self) -> bool:
        """Whether the answer may end here."""

    @property
    def done(self) -> bool:
        """Whether nothing but the end can follow."""

    @property
    def problem(self) -> str:
        """Why nothing can follow any more, where the library says so; else empty."""

    def accept(self, token: int) -> bool:
        """Take the next token if it fits; False, and nothing has changed, where it does not."""

    def allowed(self) -> bytes:
        """The tokens that fit: bit i % 8 of byte i // 8 stands for token i.

        Where only one text can follow, it may hold one spelling of it and leave out others that fit as well.
        """

    def close(self) -> None:
        """Free what is native."""


class AfterOpener:
    """A matcher in front of which one token may come that the constraint knows nothing of."""

    def __init__(self, matcher: Matcher, opener: int) -> None:
        self._matcher, self._opener = matcher, opener
        self._fresh = True

    @property
    def satisfied(self) -> bool:
        """Whether the answer may end here."""
        return self._matcher.satisfied

    @property
    def done(self) -> bool:
        """Whether nothing but the end can follow."""
        return self._matcher.done

    @property
    def problem(self) -> str:
        """Why nothing can follow any more, where the library says so; else empty."""
        return self._matcher.problem

    def accept(self, token: int) -> bool:
        """Take the next token if it fits, or if it is the opener in front of all."""
        fits = (self._fresh and token == self._opener) or self._matcher.accept(token)
        self._fresh = self._fresh and not fits
        return fits

    def allowed(self) -> bytes:
        """The tokens that fit, a bit each."""
        allowed = bytearray(self._matcher.allowed())
        if self._fresh:
            allowed[self._opener // 8] |= 1 << self._opener % 8
        return bytes(allowed)

    def close(self) -> None:
        """Free what is native."""
        self._matcher.close()


class Constraints:
    """Makes matchers for one vocabulary, and keeps what they share. many: they will come by the hundred."""

    def __init__(self, vocabulary: Vocabulary, *, many: bool = False) -> None:
        self._vocabulary, self._many = vocabulary, many

    def matcher(self, constraint: Constraint, *, opener: int | None = None, after_reasoning: bool = False) -> Matcher:
        """A matcher at the start of an answer.

        opener: a token that may come in front of all; after_reasoning: newlines may stand in front of the answer.
        Raises UsageError when the constraint cannot be enforced, ConstraintUnmet when nothing can satisfy it.
        """
        if not self._vocabulary.ends:
            raise UsageError(what="this model has no token that ends an answer, so no constraint can be met")
        matcher = self._compile(constraint, after_reasoning)
        return matcher if opener is None else AfterOpener(matcher, opener)

    def _compile(self, constraint: Constraint, after_reasoning: bool) -> Matcher:
        if constraint.grammar is None:
            return self._guidance.matcher(constraint, after_reasoning=after_reasoning)
        from infer.engine.llama.gbnf import GbnfMatcher

        vocabulary, candidates = self._vocabulary, self.candidates
        return GbnfMatcher(constraint.grammar, vocabulary, candidates, after_reasoning=after_reasoning)

    @cached_property
    def candidates(self) -> "Candidates":
        """Room for the candidates of one token: one token is drawn at a time."""
        from infer.engine.llama.candidates import Candidates

        return Candidates(self._vocabulary.size)

    @cached_property
    def _guidance(self) -> "Guidance":
        from infer.engine.guidance import Guidance

        return Guidance(self._vocabulary, many=self._many)


def preload(*, guidance: bool) -> None:
    """Import what constraints need ahead of the first one, for example while a model loads."""
    import infer.engine.llama.candidates

    if guidance:
        import infer.engine.guidance

        infer.engine.guidance.preload()
