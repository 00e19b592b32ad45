"""From messages to the token ids of a prompt: the template's text, and what was cut to make it fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from infer.chat.literal import mark_answers, pieces, shield
from infer.chat.template import Template
from infer.chat.tools import definition, replaced, texts
from infer.chat.turns import brought, with_brought
from infer.engine.engine import EXPECTED_ANSWER
from infer.engine.llama.vocabulary import Vocabulary
from infer.errors import BadTemplate, ContextOverflow, UsageError
from infer.types import Message, Request, TextPart

_CUT_ATTEMPTS = 8
_LARGE = 64  # characters for each token of the context: from here on the text's size is looked at first
_SAMPLE = 1 << 16  # characters
_NO_PLACE = "the model's chat template has no place for tools"
_NO_CALLS = "the model's chat template does not show calls of tools in earlier turns like these"
_NO_PLACE_HINT = "choose a model that was made for tools, or describe them in the system message"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as text and as token ids; `dropped` counts the tokens that an overflow policy took out."""

    text: str
    tokens: list[int]
    dropped: int = 0


class _Shielded(NamedTuple):
    """Messages and tools in which control texts are taken apart by a sentinel, and what the template makes of them."""

    messages: tuple[Message, ...]
    tools: list[dict[str, Any]]
    sentinel: str | None
    rendered: str


class PromptBuilder:
    """Renders and tokenises for one model.

    Text that a user brings never becomes a control token: where a message contains the text of one, it is taken
    apart there and its pieces are tokenised by themselves.
    """

    def __init__(self, vocabulary: Vocabulary, template_source: str | None, max_context: int, trained: int) -> None:
        self._vocabulary = vocabulary
        self._source = template_source
        self._max_context = max_context
        self._trained = trained
        self._template: Template | None = None

    def build(self, request: Request) -> Prompt:
        """The prompt of a request, cut to fit where the request allows it.

        Raises BadTemplate when the template cannot be rendered, ContextOverflow when the prompt does not fit
        (an answer needs at least one position).
        """
        if request.overflow == "error":
            self._refuse_if_hopeless(request)
        prompt = self.render(request)
        if len(prompt.tokens) < self._max_context:
            return prompt
        if request.overflow == "error":
            raise self._overflow(prompt)
        room = self._room_beside_answer(request)
        shorter = self._drop_messages(request, room) if request.overflow == "drop-oldest" else request
        return replace(fitted := self._cut(shorter, room), dropped=len(prompt.tokens) - len(fitted.tokens))

    def _refuse_if_hopeless(self, request: Request) -> None:
        """Raise before hundreds of megabytes are tokenised (minutes), when no tokenisation can make them fit."""
        text = max((message.text for message in request.messages), key=len)
        if len(text) > _LARGE * self._max_context and len(text) > self._vocabulary.longest_piece * self._max_context:
            sample = self._vocabulary.tokenize(text[:_SAMPLE], special=False)
            tokens = len(text) * len(sample) // len(text[:_SAMPLE])
            raise ContextOverflow(prompt=tokens, context=self._max_context, trained=self._trained, estimated=True)

    def _room_beside_answer(self, request: Request) -> int:
        """Tokens that a prompt is cut to: the answer gets what it asks for, but at most a quarter of the context."""
        answer = min(request.max_tokens or EXPECTED_ANSWER, self._max_context // 4)
        return self._max_context - max(1, answer)

    def render(self, request: Request) -> Prompt:
        """The whole prompt of a request, whether it fits or not. Raises BadTemplate, and UsageError for lost tools."""
        if request.raw:
            text = request.messages[-1].text
            return Prompt(text, self._with_bos(self._vocabulary.tokenize(text, special=False)))
        tools = [definition(tool) for tool in request.tools]
        rendered = self._render(request.messages, request.think, tools)
        if tools and not self._loaded().shows(tools):
            raise UsageError(what=_NO_PLACE, hint=_NO_PLACE_HINT)
        if not self._loaded().shows_calls(request.messages):
            raise UsageError(what=_NO_CALLS, hint="write what was called and what came of it into a message")
        tokens = self._vocabulary.tokenize(rendered, special=True)
        if self._brought_controls(tokens, request):
            shielded = self._shield(request.messages, tools, request.think)
            tokens = self._tokens(pieces(shielded.rendered, shielded.sentinel))
        else:
            shielded = _Shielded(request.messages, tools, None, rendered)
        answers = self._answers(request.messages)
        bare = [i for i in answers if request.messages[i].text == request.messages[i].text.strip()]
        for chosen in (answers, bare if bare != answers else []):  # most of what templates do to answers is to trim
            if chosen and (spliced := self._splice(request, chosen, shielded)):
                return spliced
        return Prompt("".join(pieces(shielded.rendered, shielded.sentinel)), self._with_bos(tokens))

    def question_start(self, request: Request, prompt: Prompt) -> int:
        """The position at which another question on the same attachments and turns would part from this prompt."""
        last = request.messages[-1]
        other = "y" if last.content[-1].text.startswith("x") else "x"
        message = replace(last, content=(*last.content[:-1], TextPart(other)))
        try:
            tokens = self.render(replace(request, messages=(*request.messages[:-1], message))).tokens
        except BadTemplate:
            return 0
        pairs = zip(prompt.tokens, tokens, strict=False)
        return next((at for at, (one, two) in enumerate(pairs) if one != two), 0)

    def _brought_controls(self, tokens: list[int], request: Request) -> bool:
        """Whether control tokens came out of what the user brought: the same turns without it have others.

        It looks at the result, so it also sees a control text that the template's own editing put together. A false
        alarm (a template that writes something else for other text) costs a walk over the vocabulary, nothing more.
        """
        tools = [definition(tool) for tool in request.tools]
        control_tokens = self._vocabulary.control_tokens
        beside = "\n".join(texts([tools, brought(request.messages)]))
        if control_tokens(self._vocabulary.tokenize(beside, special=True)):
            return True
        empty = tuple(replace(m, content=(TextPart("x" * bool(m.text)),)) for m in request.messages)
        try:
            expected = self._vocabulary.tokenize(self._render(empty, request.think, tools), special=True)
        except BadTemplate:
            return True
        return control_tokens(tokens) != control_tokens(expected)

    def _answers(self, messages: Sequence[Message]) -> list[int]:
        """Which messages are answers whose ids still spell their text, in this model's vocabulary."""
        return [
            index
            for index, message in enumerate(messages)
            if message.token_ids and self._vocabulary.spells(message.token_ids, message.text.encode("utf-8"))
        ]

    def _splice(self, request: Request, chosen: list[int], shielded: _Shielded) -> Prompt | None:
        """The prompt with the chosen answers as the ids they were generated as: text tokenised again may get others.

        None when the template does something else with an answer than to copy it.
        """
        messages, tools, sentinel, rendered = shielded
        marked, mark = mark_answers(messages, chosen, self._source or "")
        parts = self._render(marked, request.think, tools).split(mark)
        if len(parts) != 2 * len(chosen) + 1 or "".join(parts) != rendered:
            return None
        tokens: list[int] = []
        text = []
        for number, part in enumerate(parts):
            around = pieces(part, sentinel)
            text += around
            if number % 2:
                answer = request.messages[chosen[number // 2]]
                if "".join(around) != answer.text:
                    return None
                tokens += answer.token_ids
            else:
                tokens += self._tokens(around, goes_on=number > 0)
        return Prompt("".join(text), self._with_bos(tokens))

    def _shield(self, messages: tuple[Message, ...], tools: list[dict[str, Any]], think: bool | None) -> _Shielded:
        """The prompt with every control text in the messages and tools taken apart."""
        beside = [tools, brought(messages)]
        more = [Message("tool", (TextPart(text),)) for text in texts(beside)]
        all_of_it, sentinel = shield((*messages, *more), self._vocabulary.control_texts, self._source or "")
        tools, calls = replaced(beside, iter([message.text for message in all_of_it[len(messages) :]]))
        shielded = with_brought(all_of_it[: len(messages)], calls)
        return _Shielded(shielded, tools, sentinel, self._render(shielded, think, tools))

    def _tokens(self, parts: list[str], *, goes_on: bool = False) -> list[int]:
        """The ids of a text in pieces, each tokenised apart. goes_on: something stands before the first."""
        tokens: list[int] = []
        for number, part in enumerate(parts):
            inside = self._vocabulary.tokenize_inside if number or goes_on else self._vocabulary.tokenize
            tokens += inside(part, special=True)
        return tokens

    def _render(self, messages: tuple[Message, ...], think: bool | None, tools: list[dict[str, Any]]) -> str:
        return self._loaded().render(messages, think=think, tools=tools or None)

    def _loaded(self) -> Template:
        if self._template is None:
            text = self._vocabulary.text
            bos, eos = text(self._vocabulary.bos), text(self._vocabulary.eos)
            self._template = Template(self._source, bos, eos)
        return self._template

    def _with_bos(self, tokens: list[int]) -> list[int]:
        bos = self._vocabulary.bos
        if self._vocabulary.adds_bos and bos >= 0 and tokens[:1] != [bos]:
            return [bos, *tokens]
        return tokens

    def _drop_messages(self, request: Request, room: int) -> Request:
        """Without its oldest turns: system messages and the last message stay, and a user speaks first.

        With a result of a tool as the last message the whole exchange stays, from what the user asked.
        """
        while len(self.render(request).tokens) > room:
            turns = [m for m in _before_last(request.messages) if m.role != "system"]
            if not turns:
                break
            next_user = next((i for i, m in enumerate(turns) if i and m.role == "user"), len(turns))
            gone = {id(message) for message in turns[:next_user]}
            request = replace(request, messages=tuple(m for m in request.messages if id(m) not in gone))
        return request

    def _cut(self, request: Request, room: int) -> Prompt:
        """The last message shortened at its start (drop-oldest) or in its middle (drop-middle) until it fits."""
        prompt = self.render(request)
        ids = self._vocabulary.tokenize(request.messages[-1].text, special=False)
        keep = len(ids)
        for _ in range(_CUT_ATTEMPTS):
            if len(prompt.tokens) <= room:
                return prompt
            keep -= len(prompt.tokens) - room
            if keep <= 0:
                break
            half = keep // 2 if request.overflow == "drop-middle" else 0
            kept = self._text(ids[:half]) + self._text(ids[len(ids) - keep + half :])
            prompt = self.render(_with_last_text(request, kept))
        raise self._overflow(prompt)

    def _overflow(self, prompt: Prompt) -> ContextOverflow:
        return ContextOverflow(prompt=len(prompt.tokens), context=self._max_context, trained=self._trained)

    def _text(self, ids: list[int]) -> str:
        return b"".join(map(self._vocabulary.piece, ids)).decode("utf-8", "ignore")


def _before_last(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages before the one that is to be answered; a result of a tool belongs to what led to it."""
    start = len(messages) - 1
    while start > 0 and (messages[start].role == "tool" or messages[start].tool_calls):
        start -= 1
    return messages[:start]


def _with_last_text(request: Request, text: str) -> Request:
    last = replace(request.messages[-1], content=(TextPart(text),))
    return replace(request, messages=(*request.messages[:-1], last))
