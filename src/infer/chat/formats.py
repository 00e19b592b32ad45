"""How model families mark their reasoning: a table of markers, chosen by what the chat template contains.

Markers are text. Some are control tokens, whose text an engine must show for the parser to see them. How the
same families write tool calls stands in `infer.chat.syntax`.
"""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["content", "reasoning"]


@dataclass(frozen=True, slots=True)
class Marker:
    """A text that is taken out of the stream.

    then       what follows it; None: what came before goes on
    anywhere   also inside an answer that has begun; otherwise an answer may say "<think>" and it is just text
    """

    text: str
    then: Mode | None
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class ReasoningFormat:
    """One family's markers. `needs`: the texts that a chat template of this family all contains."""

    name: str
    needs: tuple[str, ...]
    markers: tuple[Marker, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The markers' texts; a control token that is part of one has to be shown as text."""
        return tuple(marker.text for marker in self.markers)


def _pair(name: str, start: str, end: str, *needs: str) -> ReasoningFormat:
    """Reasoning between two tags, before the answer. `needs`: where the template does not write the end tag out."""
    return ReasoningFormat(name, needs or (end,), (Marker(start, "reasoning"), Marker(end, "content")))


_GPT_OSS = ReasoningFormat(
    "gpt-oss",
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
    (
        Marker("<|channel|>analysis<|message|>", "reasoning", anywhere=True),
        Marker("<|channel|>commentary<|message|>", "content", anywhere=True),
        Marker("<|channel|>final<|message|>", "content", anywhere=True),
        Marker("<|start|>assistant", None, anywhere=True),
        Marker("<|end|>", None, anywhere=True),
    ),
)

_SOLAR = ReasoningFormat(
    "solar",
    ("<|begin|>assistant<|think|>", "<|begin|>assistant<|content|>"),
    (
        Marker("<|think|>", "reasoning", anywhere=True),
        Marker("<|content|>", "content", anywhere=True),
        Marker("<|begin|>assistant", None, anywhere=True),
        Marker("<|end|>", None, anywhere=True),
    ),
)

_KIMI_3 = ReasoningFormat(
    "kimi-3",
    ("<|open|>", "open_tag('think'", "open_tag('response'"),
    (
        Marker("<|open|>think<|sep|>", "reasoning", anywhere=True),
        Marker("<|open|>response<|sep|>", "content", anywhere=True),
        Marker("<|close|>think<|sep|>", None, anywhere=True),
        Marker("<|close|>response<|sep|>", None, anywhere=True),
    ),
)

_COHERE = ReasoningFormat(
    "cohere",
    ("<|END_THINKING|>",),
    (
        Marker("<|START_THINKING|>", "reasoning", anywhere=True),
        Marker("<|END_THINKING|>", "content", anywhere=True),
        *(Marker(f"<|START_{name}|>", "content", anywhere=True) for name in ("TEXT", "RESPONSE")),
        *(Marker(f"<|END_{name}|>", None, anywhere=True) for name in ("TEXT", "RESPONSE")),
    ),
)

_APRIEL = ReasoningFormat(
    "apriel",
    ("[BEGIN FINAL RESPONSE]",),
    (
        Marker("Here are my reasoning steps:\n", "reasoning"),
        Marker("[BEGIN FINAL RESPONSE]", "content"),
        Marker("<thinking>", "reasoning"),
        Marker("</thinking>", "content"),
        Marker("[END FINAL RESPONSE]", None, anywhere=True),
    ),
)

_MUSE = ReasoningFormat(
    "muse",
    (" to=self<|message|>", "<|eom|>"),
    (
        Marker(" to=self<|message|>", "reasoning", anywhere=True),
        Marker(" to=user<|message|>", "content", anywhere=True),
        Marker("<|start|>assistant", None, anywhere=True),
        Marker("<|eom|>", None, anywhere=True),
    ),
)

_GRANITE = ReasoningFormat(
    "granite",
    ("<think></think>", "<response></response>"),
    (
        Marker("<think>", "reasoning"),
        Marker("</think>", "content"),
        Marker("<response>", "content"),
        Marker("</response>", None, anywhere=True),
    ),
)

# Ordered: the first whose texts a template all contains. Sources: the chat templates of the models named.
FORMATS: tuple[ReasoningFormat, ...] = (
    _GPT_OSS,  # OpenAI's harmony format: channels analysis, commentary and final
    _SOLAR,  # Solar Open
    _KIMI_3,  # Kimi K3
    _COHERE,  # Command R7B, Command A
    _APRIEL,  # Apriel 1.5, 1.6: the reasoning opens with a sentence
    _MUSE,  # Muse Glimmer: one channel for each that is addressed
    _GRANITE,  # Granite 3: the answer has tags as well
    _pair("hunyuan", "<think:opensource>", "</think:opensource>", "':opensource'", "</think{}>"),  # Hunyuan 3
    _pair("seed", "<seed:think>", "</seed:think>"),  # ByteDance Seed-OSS
    _pair("minimax", "<mm:think>", "</mm:think>"),  # MiniMax M3
    _pair("mistral", "[THINK]", "[/THINK]"),  # Magistral, Ministral 3 Reasoning
    _pair("apertus", "<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    _pair("gemma", "<|channel>thought\n", "<channel|>"),  # Gemma 4
    _pair("think", "<think>", "</think>"),  # Qwen 3, DeepSeek, GLM, SmolLM3, Nemotron, Kimi K2, MiniMax M2, ...
)


def detect(template: str | None) -> ReasoningFormat | None:
    """The format of a model with this chat template; None: no reasoning, or none that is marked."""
    if template is None:
        return None
    return next((form for form in FORMATS if all(text in template for text in form.needs)), None)


def starts_in_reasoning(prompt: str, form: ReasoningFormat | None) -> bool:
    """Whether the rendered prompt ends with an open marker: the model goes on inside the reasoning."""
    if form is None:
        return False
    end = prompt.rstrip()
    return any(end.endswith(m.text.rstrip()) for m in form.markers if m.then == "reasoning")
