"""What the answers of a chat have taken, and what a person must be told about it: counted and measured."""

from dataclasses import dataclass, field

from infer.cli.report import remarks
from infer.types import Completion, Request

_NEARLY_FULL = 0.8  # share of the context


@dataclass(slots=True)
class Totals:
    """Tokens and seconds since the chat was started."""

    answers: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    prefill: float = 0.0
    decode: float = 0.0
    restore: float = 0.0


@dataclass(slots=True)
class Account:
    """The chat's account.

    repeated    tokens that the last prompt had in common with what was computed for the one before, and that were
                computed again: the template wrote them differently
    """

    totals: Totals = field(default_factory=Totals)
    repeated: int = 0
    _warned: bool = False
    _known: int = 0  # tokens that were computed for the branch that ends at `_head`
    _head: int = 0

    def take(self, completion: Completion, request: Request, head: int, size: int, trained: int) -> list[str]:
        """Note an answer and return what there is to say, a line each.

        head: where the branch that was asked ends; size and trained: of the context, in tokens.
        """
        usage, timings, totals = completion.usage, completion.timings, self.totals
        totals.answers += 1
        totals.prompt, totals.cached = totals.prompt + usage.prompt, totals.cached + usage.cached
        totals.completion += usage.completion
        totals.prefill, totals.decode = totals.prefill + timings.prefill, totals.decode + timings.decode
        totals.restore += timings.restore
        lines = remarks(completion, request) + self._compare(completion, head)
        return lines + self._warning(completion.context.used, size, trained)

    def ends_at(self, head: int, completion: Completion | None) -> None:
        """The branch that ends at `head` is what this answer was computed for."""
        self._head, self._known = head, completion.context.used if completion else 0

    def begin_again(self) -> None:
        """What comes next goes on with nothing that was computed."""
        self._known, self._warned = 0, False

    def _compare(self, completion: Completion, head: int) -> list[str]:
        """What of the branch that was computed last had to be computed again; its last token always may be."""
        said = self.repeated > 0
        goes_on = self._known and self._head == head and not completion.context.dropped
        self.repeated = max(0, self._known - 1 - completion.usage.cached) if goes_on else 0
        if said or not self.repeated:
            return []
        why = "the chat template (or a stop string) makes another text of the answers than was generated"
        return [f"note: {self.repeated:,} tokens of the history were computed again: {why}"]

    def _warning(self, used: int, size: int, trained: int) -> list[str]:
        """Say that the context is nearly full before it is."""
        if used < _NEARLY_FULL * size:
            self._warned = False
        if used < _NEARLY_FULL * size or self._warned:
            return []
        self._warned = True
        note = f"note: {used:,} of {size:,} tokens of the context are in use, there is room for {size - used:,} more"
        return [note, ways_out(size, trained)]


def ways_out(size: int, trained: int) -> str:
    """What to do about a context of `size` tokens that is full."""
    ways = "hint: /compact has the model summarise the oldest exchanges, /forget N leaves N of them out"
    return ways + (f", /set ctx N (--ctx) makes it larger, up to {trained:,}" if trained > size else "")
