"""What belongs to one sequence beside its tokens: how its next token comes about."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from infer.engine.constraint import Matcher
from infer.engine.llama.context import Context
from infer.engine.llama.sampler import Sampler
from infer.engine.llama.vocabulary import Vocabulary
from infer.engine.loop_guard import LoopGuard

if TYPE_CHECKING:
    from infer.engine.llama.candidates import Candidates


class Running:
    """Forced tokens come first, then tokens are drawn: freely, or under a constraint while that is not held.

    held             the constraint does not count now
    logprobs         how many likely tokens are reported with each; None: nothing is
    instead_of_end   tokens that are forced when the model wants to end, once
    endless          the model's wish to end counts for nothing
    many             one of many: then numpy, which finds the best token faster, is worth loading
    """

    def __init__(self, sampler: Sampler, loop_guard: LoopGuard | None, *, many: bool = False) -> None:
        self.loop_guard = loop_guard
        self.held = False
        self.logprobs: int | None = None
        self.instead_of_end: tuple[int, ...] = ()
        self.endless = False
        self._sampler = sampler
        self._argmax = many and sampler.is_argmax
        self._forced: deque[int] = deque()
        self._matcher: Matcher | None = None
        self._candidates: Candidates | None = None

    def force(self, tokens: Iterable[int]) -> None:
        """Let these be the next tokens, whatever the model thinks of them."""
        self._forced.extend(tokens)

    def constrain(self, matcher: Matcher, candidates: "Candidates") -> None:
        """Draw under a constraint; it is closed with this object."""
        self._matcher, self._candidates = matcher, candidates

    def next_token(self, context: Context, row: int, vocabulary: Vocabulary) -> int | None:
        """The next token, from the logits of `row`; None where the answer ends."""
        if not self._forced:
            token = self._draw(context, row, vocabulary.size)
            if token is None or self.endless or not vocabulary.ends_generation(token):
                return token
            if not self.instead_of_end:
                return None
            self.force(self.instead_of_end)
            self.instead_of_end = ()
        token = self._forced.popleft()
        self._sampler.accept(token)
        return token

    def _draw(self, context: Context, row: int, vocabulary_size: int) -> int | None:
        """A token as the sampler draws it; None where the constraint leaves none."""
        if self._matcher is None or self._candidates is None or self.held:
            if self._argmax:
                from infer.engine.llama.logits import best

                return best(context.logits(row, vocabulary_size))
            return self._sampler.sample(context.pointer, row)
        return self._sampler.sample_matching(context.logits(row, vocabulary_size), self._matcher, self._candidates)

    @property
    def done(self) -> bool:
        """Whether nothing but the end can follow."""
        return self._matcher is not None and not self.held and self._matcher.done

    @property
    def satisfied(self) -> bool:
        """Whether the constraint, if there is one, allows the answer to end here."""
        return self._matcher is None or (not self.held and self._matcher.satisfied)

    @property
    def problem(self) -> str:
        """Why nothing can follow under the constraint, where that is known; else empty."""
        return self._matcher.problem if self._matcher else ""

    def close(self) -> None:
        """Free the native memory."""
        self._sampler.close()
        if self._matcher is not None:
            self._matcher.close()
            self._matcher = None
