"""Calls of tools in earlier turns, as chat templates want them: each gets the form that it shows."""

from pathlib import Path

import pytest
from world import MISSING, WORLD, reference

from infer.chat.template import Template
from infer.chat.tools import definition
from infer.chat.turns import (
    PROBE_TOOL,
    CallForm,
    CallShape,
    brought,
    dictionary,
    probe,
    shape_of,
    shown,
    with_brought,
)
from infer.errors import BadTemplate
from infer.types import Message, TextPart, ToolCall

ONE, TWO = CallShape(False, False, True), CallShape(False, True, True)
BESIDE = CallShape(True, False, True)
EACH = "{% for m in messages %}<{{ m.role }}>"


def written(arguments: str, before: str = "{{ m.content }}", after: str = "") -> str:
    """A template that shows calls with their arguments like this."""
    calls = "{% for c in m.tool_calls or [] %}[{{ c.function.name }} " + arguments + "]{% endfor %}"
    return EACH + before + calls + after + "{% endfor %}"


ITEMS = "{% for key, value in c.function.arguments.items() %}{{ key }}={{ value }}{% endfor %}"
INSTEAD = written(
    "{{ c.function.arguments | tojson }}", "{% if m.content is not none %}{{ m.content }}{% else %}", "{% endif %}"
)
TEMPLATES = {
    "an object": (written("{{ c.function.arguments | tojson }}"), CallForm()),
    "a text": (written("{{ c.function.arguments }}"), CallForm(text=True)),
    "keys and values": (written(ITEMS), CallForm()),
    "instead of the content": (INSTEAD, CallForm(none=True)),
}


def messages(*arguments: str, text: str = "") -> list[Message]:
    calls = tuple(ToolCall(f"c{at}", "f", {"where": value}) for at, value in enumerate(arguments))
    results = [Message("tool", (TextPart("r"),), tool_call_id=call.id, name="f") for call in calls]
    return [Message("user", (TextPart("Hi"),)), Message("assistant", (TextPart(text),), tool_calls=calls), *results]


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_form_that_a_template_shows(name: str) -> None:
    source, form = TEMPLATES[name]
    template = Template(source, "", "")
    assert template._form(ONE) == form
    text = template.render(messages("here"))
    assert "here" in text
    assert "None" not in text
    assert template.shows_calls(messages("here"))


def test_what_a_template_drops() -> None:
    """Calls, the second of two, calls beside text, results: each shape is tried by itself."""
    silent = Template(EACH + "{{ m.content }}{% endfor %}", "", "")
    assert not silent.shows_calls(messages("a"))
    assert silent.shows_calls(messages("a")[:1])
    first = Template(
        EACH + "{{ m.content }}{% if m.tool_calls %}{{ m.tool_calls[0].function | tojson }}{% endif %}{% endfor %}",
        "",
        "",
    )
    assert first.shows_calls(messages("a"))
    assert not first.shows_calls(messages("a", "b"))
    either = Template(INSTEAD, "", "")
    assert either.shows_calls(messages("a"))
    assert not either.shows_calls(messages("a", text="Let me look."))
    deaf = Template(
        EACH.replace("messages", "messages if m.role != 'tool'") + "{{ (m.tool_calls or []) | tojson }}{% endfor %}",
        "",
        "",
    )
    assert not deaf.shows_calls(messages("a"))
    assert deaf.shows_calls(messages("a")[:2])


def test_a_template_that_refuses_says_why() -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}{% endfor %}"
    )
    with pytest.raises(BadTemplate, match="no tools here"):
        Template(source, "", "").render(messages("a"))


def test_what_was_brought_can_be_exchanged() -> None:
    given = messages("one", "two")
    value = brought(given)
    assert with_brought(given, value) == tuple(given)
    value[1][0] = "thought"
    value[1][3][0][2] = {"where": "there"}
    changed = with_brought(given, value)[1]
    assert (changed.reasoning, changed.tool_calls[0].arguments) == ("thought", {"where": "there"})


# They show no calls, or cannot be rendered with them; only one call in an answer; none beside text.
NO_CALLS = {
    "HuggingFaceTB-SmolLM3-3B", "Kimi-K2-Instruct", "Kimi-K2-Thinking", "LFM2-8B-A1B", "LFM2.5-Instruct",
    "fireworks-ai-llama-3-firefunction-v2", "google-gemma-2-2b-it", "ibm-granite-granite-3.3-2B-Instruct",
    "llama-cpp-deepseek-r1", "llama-cpp-rwkv-world", "microsoft-Phi-3.5-mini-instruct",
}  # fmt: skip
ONE_CALL = {
    "GigaChat3-10B-A1.8B", "GigaChat3.1-10B-A1.8B", "meta-llama-Llama-3.1-8B-Instruct",
    "meta-llama-Llama-3.2-3B-Instruct", "meta-llama-Llama-3.3-70B-Instruct", "openai-gpt-oss-120b",
}  # fmt: skip
NOT_BESIDE_TEXT = {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B"}
TOOLS = [definition(PROBE_TOOL)]


@pytest.mark.skipif(not WORLD, reason=MISSING)
@pytest.mark.parametrize("path", WORLD, ids=lambda path: path.stem)
def test_templates_of_the_world(path: Path) -> None:
    """Calls are shown, and as plain jinja2 renders the same dictionaries; or it is known that they are not."""
    source = path.read_text(encoding="utf-8")
    template = Template(source, "<s>", "</s>")
    refused = {ONE: NO_CALLS, TWO: NO_CALLS | ONE_CALL, BESIDE: NO_CALLS | NOT_BESIDE_TEXT}
    for shape, names in refused.items():
        conversation = probe(shape)
        assert shape_of(conversation) == shape
        form = template._form(shape)
        assert (form is None) == (path.stem in names), shape
        if form is not None:
            text = template.render(conversation, tools=TOOLS)
            given = [dictionary(message, form, typed=template._wants_parts()) for message in conversation]
            assert text == reference(source, given, tools=TOOLS, **_more(source))
            assert shown(text, shape)


def _more(source: str) -> dict[str, object]:
    return {"xml_tools": TOOLS} if "xml_tools" in source else {}
