"""A model's own chat template: messages become the prompt. The only door to jinja2.

The reference is what the models' authors test with, `apply_chat_template` of Hugging Face transformers: an
immutable sandbox with trim_blocks, lstrip_blocks and loop controls; `raise_exception`, `strftime_now`, a
`tojson` that leaves <, > and letters beyond ASCII alone; a `{% generation %}` block that is only its body; the
variables messages, tools, documents, add_generation_prompt, bos_token and eos_token.

A template comes from a stranger: it compiles and renders under `guard.limited`, its source and its output have
a largest size, and everything that can go wrong in it is a `BadTemplate` with one line that says why. There is
no other template to fall back to: a prompt in the wrong format gives wrong answers without a word.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from infer.chat import formats, guard
from infer.chat.tools import definition
from infer.chat.turns import FORMS, PROBE_TOOL, CallForm, CallShape, dictionary, probe, shape_of, shown
from infer.errors import BadTemplate
from infer.types import Message, TextPart

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_SOURCE = 1 << 20
MAX_ADDED = 4 << 20
SECONDS_COMPILE, SECONDS_RENDER = 1.0, 1.9
LARGEST_NUMBER = 1 << 4096

# How templates name the switch for reasoning, and its values (off, on). From the templates themselves: Qwen3,
# GLM, SmolLM3, Nemotron 3, Gemma 4 / DeepSeek V3.1, Granite 3, Kimi K3 / MiniMax M3 / Ling / Command A / Seed-OSS.
_SWITCHES: Mapping[str, tuple[object, object]] = {
    "enable_thinking": (False, True),
    "thinking": (False, True),
    "thinking_mode": ("disabled", "enabled"),
    "thinking_option": ("off", "on"),
    "reasoning": (False, True),
    "thinking_budget": (0, -1),
}
_PROBE = "needle-in-a-haystack"
Result = TypeVar("Result")


def supports_thinking(source: str) -> bool:
    """Whether a template knows reasoning: it has a switch for it, or writes the markers around it."""
    return "enable_thinking" in source or formats.detect(source) is not None


class Template:
    """A compiled chat template. `Template(source, bos, eos)` raises BadTemplate when it cannot be used.

    source   Jinja text as in the GGUF's tokenizer.chat_template; None: the file has none
    bos      the texts of the model's first and last token, "" where it has none
    """

    def __init__(self, source: str | None, bos: str, eos: str) -> None:
        if source is None:
            raise BadTemplate(why="the file has none")
        if len(source.encode("utf-8", "replace")) > MAX_SOURCE:
            raise BadTemplate(why=f"it is larger than {MAX_SOURCE >> 20} MiB")
        self.source = source
        self._tokens = {"bos_token": bos, "eos_token": eos}
        environment = _environment()
        self._compiled = _guarded(lambda: environment.from_string(source), SECONDS_COMPILE, guard.MEMORY)
        self._typed: bool | None = None
        self._call_forms: dict[CallShape, CallForm | None] = {}

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        think: bool | None = None,
        tools: Sequence[Mapping[str, object]] | None = None,
        max_added: int = MAX_ADDED,
    ) -> str:
        """The prompt for a conversation.

        think      None: the template's default; else the switch it has for reasoning, if it has one
        tools      functions in OpenAI's form
        max_added  characters the template may add to the messages' own

        Raises BadTemplate. A message's content is one string, as the reference passes it; a template that
        loses strings and only reads lists of typed parts gets [{"type": "text", "text": ...}].
        """
        size = sum(len(message.text) + len(str(message.tool_calls or "")) for message in messages)
        size += len(str(tools or ""))
        variables = {"add_generation_prompt": add_generation_prompt, "tools": tools, **self._switches(think)}
        if tools and "xml_tools" in self.source:  # SmolLM3's name for them
            variables["xml_tools"] = tools

        def work() -> str:
            typed, form = self._wants_parts(), self._form(shape_of(messages)) or FORMS[0]
            content = [dictionary(message, form, typed=typed) for message in messages]
            return self._write(content, variables, 2 * size + max_added)

        return _guarded(work, SECONDS_RENDER, guard.MEMORY + 16 * size)

    def shows(self, tools: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the prompt names all these tools: a template without a place for them drops them without a word."""
        try:
            text = self.render([Message("user", (TextPart(_PROBE),))], tools=tools)
        except BadTemplate:
            return True  # the real conversation will say why
        return all(str(tool["function"]["name"]) in text for tool in tools)

    def shows_calls(self, messages: Sequence[Message]) -> bool:
        """Whether the prompt has the calls of tools in these messages, and their results, if there are any."""
        shape = shape_of(messages)
        return shape is None or _guarded(lambda: self._form(shape), SECONDS_RENDER, guard.MEMORY) is not None

    def _form(self, shape: CallShape | None) -> CallForm | None:
        """The form in which the template shows calls of this shape; None where it shows them in none.

        Arguments as an object before those as text; then what is shortest: a template writes an empty answer, or the
        word None, for a content it does not expect.
        """
        if shape is None:
            return None
        if shape not in self._call_forms:
            texts = [(form, self._probe_of_calls(shape, form)) for form in FORMS]
            right = [(form.text, len(text), form.none) for form, text in texts if text and shown(text, shape)]
            self._call_forms[shape] = CallForm(min(right)[0], min(right)[2]) if right else None
        return self._call_forms[shape]

    def _probe_of_calls(self, shape: CallShape, form: CallForm) -> str | None:
        typed, tools = self._wants_parts(), [definition(PROBE_TOOL)]
        messages = [dictionary(message, form, typed=typed) for message in probe(shape)]
        return self._tried(messages, {"add_generation_prompt": True, "tools": tools, "xml_tools": tools})

    def _switches(self, think: bool | None) -> dict[str, object]:
        named = [] if think is None else [n for n in _SWITCHES if re.search(rf"\b{n}\b", self.source)]
        return {name: _SWITCHES[name][bool(think)] for name in named}

    def _wants_parts(self) -> bool:
        """Whether a string as content gets lost, and a list of typed parts does not."""
        if self._typed is None:
            self._typed = not self._shows_probe(typed=False) and self._shows_probe(typed=True)
        return self._typed

    def _shows_probe(self, *, typed: bool) -> bool:
        message = dictionary(Message("user", (TextPart(_PROBE),)), FORMS[0], typed=typed)
        return _PROBE in (self._tried([message], {"tools": None}) or "")

    def _tried(self, messages: list[dict[str, Any]], variables: dict[str, Any]) -> str | None:
        """What the template makes of a conversation, None where it refuses it: it says so about the real one, too."""
        try:
            return self._write(messages, variables, MAX_ADDED)
        except (BadTemplate, MemoryError):
            raise
        except Exception:
            return None

    def _write(self, messages: list[dict[str, Any]], variables: dict[str, Any], limit: int) -> str:
        given = {"messages": messages, "documents": None, **self._tokens, **variables}
        return "".join(_bounded(self._compiled.generate(given), limit))


def _bounded(chunks: Iterator[str], limit: int) -> Iterator[str]:
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length > limit:
            raise BadTemplate(why=f"it writes more than {limit:,} characters")
        yield chunk


def _guarded(work: Callable[[], Result], seconds: float, memory: int) -> Result:
    """Run template code under its limits; whatever it raises becomes BadTemplate."""
    try:
        return guard.limited(work, seconds=seconds, memory=memory)
    except BadTemplate as error:
        why = str(error.facts["why"])
    except Exception as error:
        why = _reason(error)
    gc.collect()  # the frames of a failed template hold its memory, in cycles
    raise BadTemplate(why=why)


def _reason(error: Exception) -> str:
    """One line, at most 200 characters: what a person can tell the model's author."""
    text = " ".join(str(error).split()) or type(error).__name__
    line = getattr(error, "lineno", None)
    if isinstance(error, RecursionError):
        text = "it calls itself without end"
    text = f"line {line}: {text}" if line else text
    return text if len(text) <= 200 else text[:199] + "…"


def _environment() -> ImmutableSandboxedEnvironment:
    """The reference's environment, less the operations that can keep one C call busy for minutes."""
    from jinja2 import nodes
    from jinja2.exceptions import SecurityError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}` marks what the assistant said, for training; it renders as its body."""

        tags: set[str] = {"generation"}  # noqa: RUF012

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return list(parser.parse_statements(("name:endgeneration",), drop_needle=True))

    class Environment(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if isinstance(left, int) and isinstance(right, int):
                bits = left.bit_length() * (right if operator == "**" else 1) + right.bit_length()
                if bits > LARGEST_NUMBER.bit_length():
                    raise SecurityError("a number grows too large")
            return super().call_binop(context, operator, left, right)

        def unsafe_undefined(self, obj: Any, attribute: str) -> NoReturn:
            """Reaching for Python's inside ends the rendering, where the reference goes on with nothing."""
            raise SecurityError(f"access to attribute '{attribute}' of '{type(obj).__name__}' is unsafe")

    environment = Environment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    environment.filters["tojson"] = _tojson
    environment.filters["round"] = _limited_round(environment.filters["round"])
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


def _tojson(value: object, ensure_ascii: bool = False, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _limited_round(original: Callable[..., object]) -> Callable[..., object]:
    def limited_round(value: object, precision: int = 0, method: str = "common") -> object:
        if abs(precision) > 300:
            raise ValueError("round: too many digits")
        return original(value, precision, method)

    return limited_round


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)


def _raise_exception(message: str) -> NoReturn:
    from jinja2.exceptions import TemplateError

    raise TemplateError(message)


def preload() -> None:
    """Import Jinja ahead of the first template, for example while a model loads."""
    import jinja2.ext
    import jinja2.sandbox  # noqa: F401
