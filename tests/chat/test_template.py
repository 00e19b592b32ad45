"""Chat templates: rendered as their authors test them, and harmless when they are not meant well."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from world import MISSING, WORLD, reference

from infer.chat.template import MAX_SOURCE, Template, supports_thinking
from infer.errors import BadTemplate
from infer.types import Message, Role, TextPart


def say(role: Role, *texts: str) -> Message:
    return Message(role, tuple(map(TextPart, texts)))


HELLO = [say("user", "Hello")]
CHATML = (
    "{% for message in messages %}\n"
    "    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather at a place, in °C",
            "parameters": {"type": "object", "properties": {"place": {"type": "string", "description": "a town"}}},
        },
    }
]
CLOCK = {
    "type": "function",
    "function": {
        "name": "clock",
        "description": 'What time it is "there"',
        "parameters": {
            "type": "object",
            "properties": {
                "zone": {"type": "string", "enum": ["CET", "UTC"], "description": "<zone>"},
                "where": {
                    "type": "object",
                    "description": "a place",
                    "properties": {"lat": {"type": "number", "description": "north"}},
                    "additionalProperties": False,
                },
                "alarms": {"type": "array", "description": "when", "items": {"type": "integer"}},
            },
            "required": ["zone"],
        },
    },
}


def render(source: str, messages: list[Message] = HELLO, **options: Any) -> str:
    return Template(source, "<s>", "</s>").render(messages, **options)


# --- what a template sees -------------------------------------------------------------------------------------


def test_chatml() -> None:
    """Roles, contents and the generation prompt, byte for byte."""
    chat = [say("system", "Be kind."), say("user", "Hi"), say("assistant", "Hello!"), say("user", "a", "b")]
    assert render(CHATML, chat) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>user\na\n\nb<|im_end|>\n<|im_start|>assistant\n"
    )


def test_without_generation_prompt() -> None:
    assert render(CHATML, add_generation_prompt=False) == "<|im_start|>user\nHello<|im_end|>\n"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ bos_token }}|{{ eos_token }}", "<s>|</s>"),
        ("{{ tools is none }} {{ documents is none }}", "True True"),
        ("{{ enable_thinking is defined }}", "False"),
        ("{{ nothing }}|{{ messages[0].nothing }}", "|"),
        ("  {% if true %}\nx\n  {% endif %}\ny", "x\ny"),
        ("{% for i in 'abcd' %}{% if i == 'b' %}{% continue %}{% endif %}{{ i }}{% endfor %}", "acd"),
        ("{% for i in 'abcd' %}{% if i == 'c' %}{% break %}{% endif %}{{ i }}{% endfor %}", "ab"),
        ("a{% generation %}b{{ 1 }}{% endgeneration %}c", "ab1c"),
        ("{{ {'b': '<é&\"\\'>', 'a': 1} | tojson }}", '{"b": "<é&\\"\'>", "a": 1}'),
        ("{{ {'b': 1, 'a': 2} | tojson(indent=1, sort_keys=true) }}", '{\n "a": 2,\n "b": 1\n}'),
        ("{{ {'a': [1]} | tojson(separators=(',', ':')) }}", '{"a":[1]}'),
        ("{{ '<b>' }}", "<b>"),
        ("{{ messages[0]['content'].strip('H').split('l')[0] }}", "e"),
        ("{% set ns = namespace(n=2) %}{% set ns.n = ns.n * 3 ** 2 %}{{ ns.n }}", "18"),
        ("{{ 2.555 | round(2) }} {{ 2.5 | round(method='ceil') | int }}", "2.56 3"),
        ("last line\n", "last line"),
    ],
)
def test_the_reference_environment(source: str, text: str) -> None:
    """Variables, white space, extensions and filters are those of apply_chat_template."""
    assert render(source) == text


def test_strftime_now() -> None:
    assert render("{{ strftime_now('%Y') }}") in {str(year) for year in range(2020, 2200)}


def test_content_is_data() -> None:
    """Template syntax in a message is text."""
    text = "{{ 7 * 7 }} {% if %} <b>&amp;</b> {# #}"
    assert text in render(CHATML, [say("user", text)])


def test_tools_reach_the_template() -> None:
    assert json.loads(render("{{ tools | tojson }}", tools=TOOLS)) == TOOLS


def test_tools_under_the_name_that_smollm3_has_for_them() -> None:
    source = "{% if xml_tools %}{% for tool in xml_tools[:] %}{{ tool | string }}{% endfor %}{% endif %}"
    assert render(source, tools=TOOLS) == str(TOOLS[0])
    assert render(source) == ""


def test_a_template_that_shows_no_tools() -> None:
    """It would drop them without a word; one that cannot be rendered says so about the real conversation."""
    assert Template("{{ tools | tojson }}", "", "").shows(TOOLS)
    assert not Template(CHATML, "", "").shows(TOOLS)
    assert not Template("{{ tools[0].function.name }}", "", "").shows([*TOOLS, CLOCK])
    assert Template("{{ raise_exception('no') }}", "", "").shows(TOOLS)


@pytest.mark.parametrize(
    ("source", "think", "text"),
    [
        ("{{ enable_thinking is defined }}", None, "False"),
        ("{{ enable_thinking }}", True, "True"),
        ("{{ enable_thinking }}", False, "False"),
        ("{{ thinking }}", False, "False"),
        ("{{ thinking_mode }}", True, "enabled"),
        ("{{ thinking_option }}", False, "off"),
        ("{{ reasoning }}", True, "True"),
        ("{{ thinking_budget }}", False, "0"),
    ],
)
def test_the_switch_for_reasoning(source: str, think: bool | None, text: str) -> None:
    """Each family's own name for it; nothing is passed when nothing was asked for."""
    assert render(source, think=think) == text


def test_supports_thinking() -> None:
    assert supports_thinking("{% if enable_thinking %}")
    assert supports_thinking("{{ '<think>\\n' }}...{{ '</think>' }}")
    assert not supports_thinking(CHATML)


def test_typed_parts_where_strings_get_lost() -> None:
    """A template that only reads lists of parts would drop the user's words without a sound."""
    source = (
        "{% for m in messages %}{% for part in m['content'] %}{% if part['type'] == 'text' %}[{{ part['text'] }}]"
        "{% endif %}{% endfor %}{% endfor %}"
    )
    assert render(source) == "[Hello]"
    assert render("{% for m in messages %}{{ m.content is string }}{% endfor %}") == "True"


# --- what goes wrong ------------------------------------------------------------------------------------------

INJECTIONS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('touch pwned').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].system('touch pwned') }}",
    "{{ raise_exception.__globals__ }}",
    "{{ joiner.__init__.__globals__.__builtins__.eval('1') }}",
    "{{ (''|attr('__class__'))|attr('__mro__') }}",
    "{{ ''|attr('format')|attr('__self__')|attr('__class__') }}",
    "{{ '{0.__class__.__mro__}'.format(messages) }}",
    "{{ ('{0.__class__.__mro__}'|attr('format'))(1) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ messages.append({}) }}",
    "{{ messages[0].update(role='system') }}",
    "{{ (messages|map('upper')).gi_frame.f_globals }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{{ tools.__class__.__base__ }}",
]


@pytest.mark.parametrize("source", INJECTIONS)
def test_injections_are_refused(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing reaches Python, and the error says it was the template."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadTemplate) as caught:
        render(source)
    assert caught.value.exit_code == 5
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ 'a' * 200000000 }}", "writes more than"),
        ("{{ 'a' * 2000000000 }}", "MiB of memory"),
        (
            "{% set s = namespace(t='x') %}{% for i in range(99) %}{% set s.t = s.t ~ s.t %}{% endfor %}",
            "MiB of memory|longer than",
        ),
        (
            "{% set s = namespace(t=[1]) %}{% for i in range(99) %}{% set s.t = s.t + s.t %}{% endfor %}",
            "MiB of memory|longer than",
        ),
        ("{% for a in range(9999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "longer than"),
        ("{{ lipsum(n=1000000) }}", "longer than"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}0123456789{% endfor %}{% endfor %}", "writes more than"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself without end"),
        ("{{ '9' | int ** 999999999 }}", "number grows too large"),
        ("{% set s = namespace(n=9) %}{% for i in range(99) %}{% set s.n = s.n * s.n %}{% endfor %}", "too large"),
        ("{{ 1.5 | round(1000000000, 'ceil') }}", "too many digits"),
        ("{{ " + "(" * 9999 + " }}", "calls itself without end"),
        ("{% if true %}\n\n{{ oops", "line 3: "),
        ("{% endfor %}", "line 1: "),
        ("{{ undefined_function() }}", "'undefined_function' is undefined"),
        ("{{ raise_exception('roles must\nalternate') }}", "roles must alternate"),
        ("{{ range(1000000) | list }}", "Range too big"),
        ("{{ messages | first | unknown_filter }}", "unknown_filter"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ [1].x.y }}", "no attribute 'x'"),
    ],
)
def test_broken_and_hostile_templates(source: str, why: str) -> None:
    """Each ends within three seconds, with one line that says why, and gives its memory back."""
    before, started = resident(), time.monotonic()
    with pytest.raises(BadTemplate, match=why.replace("(", r"\(")) as caught:
        render(source)
    assert time.monotonic() - started < 3
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert resident() - before < 100 << 20


def resident() -> int:
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") if status.exists() else 0


def test_a_missing_template_has_no_substitute() -> None:
    with pytest.raises(BadTemplate, match="the file has none"):
        Template(None, "", "")


def test_a_template_has_a_largest_size() -> None:
    assert render("x" * MAX_SOURCE) == "x" * MAX_SOURCE
    with pytest.raises(BadTemplate, match="larger than 1 MiB"):
        Template("x" * (MAX_SOURCE + 1), "", "")


def test_a_long_message_is_not_the_templates_fault() -> None:
    """The limit counts what the template adds; a prompt that is too long is refused elsewhere, with numbers."""
    text = "é" * (8 << 20)
    assert text in render(CHATML, [say("user", text)])


def test_what_a_template_adds_can_be_limited() -> None:
    assert len(render("{{ 'a' * 1000 }}", max_added=1000)) == 1000
    with pytest.raises(BadTemplate, match="writes more than"):
        render("{{ 'a' * 1200 }}", max_added=1000)


# --- the templates of the world -------------------------------------------------------------------------------

CONVERSATIONS: list[tuple[list[Message], dict[str, Any]]] = [
    ([say("user", 'Hi <b>é</b> & "you"')], {}),
    ([say("system", "Be brief."), say("user", "Hi")], {}),
    ([say("user", "Hi"), say("assistant", "Hello!"), say("user", " And now?\n")], {}),
    ([say("system", "S"), say("user", "a"), say("assistant", "b"), say("user", "c")], {"think": True}),
    ([say("user", "Hi")], {"think": False}),
    ([say("user", "Weather in Umeå?")], {"tools": TOOLS}),
    ([say("system", "S"), say("user", "Weather?")], {"tools": [*TOOLS, CLOCK], "think": True}),
    ([say("user", "Hi"), say("assistant", "Hello!"), say("user", "Weather?")], {"tools": [CLOCK], "think": False}),
    ([say("user", "Hi"), say("assistant", "Hello!")], {"add_generation_prompt": False}),
]

# Templates that want more than a plain conversation, and how they say so.
NEED_MORE = {
    "CohereForAI-c4ai-command-r-plus-tool_use.jinja": "'NoneType' object is not iterable",  # tools
    "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja": "'NoneType' object is not iterable",  # tools
    "NousResearch-Hermes-3-Llama-3.1-8B-tool_use.jinja": "'NoneType' object is not iterable",  # tools
    "fireworks-ai-llama-3-firefunction-v2.jinja": "'functions' is undefined",
}


def plain(source: str, messages: list[Message], **options: Any) -> str:
    return reference(source, [{"role": m.role, "content": m.text} for m in messages], **options)


@pytest.mark.skipif(not WORLD, reason=MISSING)
@pytest.mark.parametrize("path", WORLD, ids=lambda path: path.stem)
def test_templates_of_the_world(path: Path) -> None:
    """Each renders as plain jinja2 does with the same inputs, or fails with the same reason."""
    source = path.read_text(encoding="utf-8")
    for messages, options in CONVERSATIONS:
        try:
            expected: str | None = plain(source, messages, **options)
        except Exception as error:
            reason = " ".join(str(error).split())[:150]
            with pytest.raises(BadTemplate) as caught:
                render(source, messages, **options)
            assert reason in str(caught.value)
        else:
            assert render(source, messages, **options) == expected


@pytest.mark.skipif(not WORLD, reason=MISSING)
@pytest.mark.parametrize("path", WORLD, ids=lambda path: path.stem)
def test_which_templates_take_a_plain_question(path: Path) -> None:
    """All but those listed, which say what they miss; and the user's words are in the prompt."""
    source = path.read_text(encoding="utf-8")
    if path.name in NEED_MORE:
        with pytest.raises(BadTemplate, match=NEED_MORE[path.name]):
            render(source)
    else:
        assert "Hello" in render(source)


# They render, and say nothing of the tools that were given.
NO_TOOLS = {
    "HuggingFaceTB-SmolLM3-3B.jinja",
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja",
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja",
    "deepseek-ai-DeepSeek-V3.1.jinja",
    "google-gemma-2-2b-it.jinja",
    "llama-cpp-rwkv-world.jinja",
    "microsoft-Phi-3.5-mini-instruct.jinja",
}
NO_TOOLS_BECAUSE = {
    "fireworks-ai-llama-3-firefunction-v2.jinja": "'functions' is undefined",
    "llama-cpp-deepseek-r1.jinja": "Object of type generator is not JSON serializable",
}


@pytest.mark.skipif(not WORLD, reason=MISSING)
@pytest.mark.parametrize("path", WORLD, ids=lambda path: path.stem)
def test_which_templates_take_tools(path: Path) -> None:
    """All but those listed; those that cannot be rendered with tools say why."""
    template = Template(path.read_text(encoding="utf-8"), "<s>", "</s>")
    if path.name in NO_TOOLS_BECAUSE:
        with pytest.raises(BadTemplate, match=NO_TOOLS_BECAUSE[path.name]):
            template.render(HELLO, tools=TOOLS)
    else:
        assert template.shows(TOOLS) == (path.name not in NO_TOOLS)
