"""The text side of one answer: tokens become text, reasoning is told from the answer, and the constraint takes over.

It says to the engine what follows from the text: where a constraint begins to count, when reasoning has lasted long
enough, which tokens are forced.
"""

from dataclasses import replace
from typing import Literal

from infer.chat.calls import CallReader
from infer.chat.formats import ReasoningFormat, starts_in_reasoning
from infer.chat.parser import StreamParser
from infer.chat.syntax import CallFormat, opened
from infer.chat.utf8 import Utf8Stream
from infer.engine.engine import Engine
from infer.engine.llama.vocabulary import Vocabulary
from infer.engine.scheduler import Sequence
from infer.errors import UsageError
from infer.reasoning import plan_reasoning
from infer.schema.check import checker
from infer.types import Delta, Request

_UNKNOWN_CALLS = "infer does not know how this model writes tool calls"
_UNKNOWN_CALLS_HINT = "its chat template has none of the known ways; docs/tools.md lists them"
# free: no constraint; choosing: the first token decides whether there is reasoning; reasoning: a constraint waits for
# its end; answer: the constraint counts
Phase = Literal["free", "choosing", "reasoning", "answer"]


class TextStream:
    """Feed it the tokens of a sequence, get Deltas.

    Raises what `Engine.constrain` raises: a constraint is compiled here, before anything is computed. And UsageError
    where tools are offered to a model whose calls nobody could read.
    """

    def __init__(
        self, request: Request, prompt: str, form: ReasoningFormat | None, calls: tuple[CallFormat, ...],
        sequence: Sequence, engine: Engine, vocabulary: Vocabulary,
    ) -> None:  # fmt: skip
        self._request, self._form = request, None if request.raw else form
        self._sequence, self._engine, self._vocabulary = sequence, engine, vocabulary
        self._utf8 = Utf8Stream()
        self._calls = _call_reader(request, calls)
        self._visible = _marker_tokens(self._form, self._calls, vocabulary)
        start = opened(prompt, self._calls.formats) if self._calls else ""
        self._parser = self._parser_of_format(starts_in_reasoning(prompt, self._form), start)
        self._plan = plan_reasoning(request, prompt, self._form, self._tokens)
        self._phase: Phase = "free"
        self._hidden = 0  # forced tokens that are neither reasoning nor answer
        self._thought = 0  # tokens of reasoning so far
        self._closed = False
        self._strips = False
        if request.constraint is not None:
            self._constrain()

    @property
    def stopped(self) -> bool:
        """Whether a stop string has come."""
        return self._parser.stopped

    @property
    def called(self) -> bool:
        """Whether the model has called a tool."""
        return self._parser.called

    def feed(self, token: int) -> Delta:
        """What a token brings."""
        if self._phase == "choosing":
            self._choose(token)
        if self._hidden:
            self._hidden -= 1
            return Delta()
        was_reasoning = self._parser.in_reasoning
        delta = self._parser.feed(self._text(token))
        if was_reasoning or self._parser.in_reasoning:
            self._count()
        if self._phase == "reasoning" and was_reasoning and not self._parser.in_reasoning:
            delta = self._begin_answer(token, delta)
        return self._stripped(delta)

    def finish(self) -> Delta:
        """What was held back, now that nothing more can come."""
        first, last = self._parser.feed(self._utf8.finish()), self._parser.finish()
        rest = Delta(first.content + last.content, first.reasoning + last.reasoning, first.tool_calls + last.tool_calls)
        return self._stripped(rest)

    def _constrain(self) -> None:
        constraint, plan = self._request.constraint, self._plan
        assert constraint is not None
        reasons = plan.starts or plan.opener is not None
        self._engine.constrain(self._sequence, constraint, opener=plan.opener, after_reasoning=reasons)
        self._engine.force(self._sequence, plan.forced)
        self._strips = reasons
        if plan.starts:
            self._reason()
        else:
            self._phase = "choosing" if plan.opener is not None else "answer"
            self._hidden = len(plan.forced)
            self._parser = self._plain_parser()

    def _choose(self, token: int) -> None:
        self._phase = "answer"
        if token == self._plan.opener:
            self._parser = self._parser_of_format(False)
            self._reason()

    def _reason(self) -> None:
        """Reasoning comes first: the constraint waits, and the model may not end before it has answered."""
        self._phase = "reasoning"
        self._engine.hold_constraint(self._sequence, True)
        self._engine.force_at_end(self._sequence, self._plan.closing)

    def _count(self) -> None:
        self._thought += 1
        limit = self._request.think_limit
        if limit is not None and self._thought >= limit and self._parser.in_reasoning and not self._closed:
            self._closed = True
            self._engine.force(self._sequence, self._plan.closing)

    def _begin_answer(self, token: int, delta: Delta) -> Delta:
        """The reasoning has ended: the constraint counts from the next token on.

        A token that ends the reasoning may hold the beginning of an answer as well (">{"), of which the constraint
        knows nothing: what is too much of it is taken back.
        """
        engine, sequence, plan = self._engine, self._sequence, self._plan
        if delta.content:
            again = self._tokens(self._vocabulary.text(token).removesuffix(delta.content))
            engine.replace_last(sequence, again)
            self._hidden += len(again) - 1
        engine.force(sequence, plan.answer)
        engine.force_at_end(sequence, ())
        engine.hold_constraint(sequence, False)
        self._hidden += len(plan.answer)
        self._phase = "answer"
        self._parser = self._plain_parser()
        return replace(delta, content="")

    def _stripped(self, delta: Delta) -> Delta:
        """Newlines between reasoning and answer are neither."""
        if not self._strips or self._phase not in ("answer", "choosing") or not delta.content:
            return delta
        content = delta.content.lstrip("\n")
        self._strips = not content
        return replace(delta, content=content)

    def _text(self, token: int) -> str:
        shown = token in self._visible and self._phase in ("free", "reasoning")
        return self._utf8.feed(self._vocabulary.piece(token, special=shown))

    def _tokens(self, text: str) -> list[int]:
        return self._vocabulary.tokenize(text, special=True) if text else []

    def _parser_of_format(self, inside: bool, start: str = "") -> StreamParser:
        return StreamParser(self._request.stop, self._form, inside, self._calls, start)

    def _plain_parser(self) -> StreamParser:
        """Under a constraint the text of a marker is just text."""
        return StreamParser(self._request.stop, None, False)


def _call_reader(request: Request, formats: tuple[CallFormat, ...]) -> CallReader | None:
    """What reads the calls of an answer; without tools text that looks like a call is text."""
    if not request.tools:
        return None
    if not formats:
        raise UsageError(what=_UNKNOWN_CALLS, hint=_UNKNOWN_CALLS_HINT)
    return CallReader(formats, request.tools, checker)


def _marker_tokens(form: ReasoningFormat | None, calls: CallReader | None, vocabulary: Vocabulary) -> frozenset[int]:
    """Control tokens whose text the parser must see, because it marks the reasoning or a call."""
    texts = [*(form.texts if form else ()), *(text for one in (calls.formats if calls else ()) for text in one.texts)]
    return frozenset(token for text in texts for token in vocabulary.tokenize(text, special=True))
