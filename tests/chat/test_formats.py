"""Which reasoning markers a model has, and whether its prompt leaves one open."""

import os
from pathlib import Path

import pytest

from infer.chat.formats import FORMATS, ReasoningFormat, detect, starts_in_reasoning
from infer.chat.template import Template
from infer.types import Message, TextPart

FOLDER = os.environ.get("INFER_TEMPLATES")
HELLO = [Message("user", (TextPart("Hello <think>"),))]

# template -> (format, starts in reasoning: by default, thinking off, thinking on)
FAMILIES = {
    "Apertus-8B-Instruct": ("apertus", False, False, False),
    "Apriel-1.6-15b-Thinker-fixed": ("apriel", True, True, True),
    "ByteDance-Seed-OSS": ("seed", False, False, False),
    "Cohere2MoE": ("cohere", True, False, True),
    "GLM-4.7-Flash": ("think", True, False, True),
    "HuggingFaceTB-SmolLM3-3B": ("think", False, False, False),
    "Kimi-K3": ("kimi-3", True, False, True),
    "MiniMax-M3": ("minimax", False, False, True),
    "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": ("think", True, False, True),
    "Qwen-Qwen2.5-7B-Instruct": (None, False, False, False),
    "Qwen-Qwen3-0.6B": ("think", False, False, False),
    "Qwen3.5-4B": ("think", True, False, True),
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": ("think", True, True, True),
    "deepseek-ai-DeepSeek-V3.1": ("think", False, False, True),
    "google-gemma-4-31B-it": ("gemma", False, False, False),
    "ibm-granite-granite-3.3-2B-Instruct": ("granite", False, False, False),
    "ibm-granite-granite-4.0": (None, False, False, False),
    "inclusionai-ling-3.0-flash": ("think", True, False, True),
    "meta-llama-Llama-3.2-3B-Instruct": (None, False, False, False),
    "muse-glimmer": ("muse", False, False, False),
    "mistralai-Ministral-3-14B-Reasoning-2512": ("mistral", False, False, False),
    "openai-gpt-oss-120b": ("gpt-oss", False, False, False),
    "tencent-Hy3": ("hunyuan", False, False, False),
    "unsloth-Apriel-1.5": ("apriel", False, False, False),
    "upstage-Solar-Open-100B": ("solar", False, False, False),
}


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_format_is_found_by_its_own_texts(form: ReasoningFormat) -> None:
    """A template that writes a family's texts belongs to that family and no other."""
    assert detect("{{ '" + "' }} {{ '".join(form.needs) + "' }}") is form


def test_no_markers_no_format() -> None:
    assert detect(None) is None
    assert detect("{{ messages[0].content }}") is None
    assert not starts_in_reasoning("<think>", None)


@pytest.mark.parametrize(
    ("prompt", "starts"),
    [
        ("user: hi\nassistant: <think>\n", True),
        ("user: hi\nassistant: <think>", True),
        ("user: hi\nassistant: <think>\n\n</think>\n\n", False),
        ("user: <think>\nassistant: ", False),
        ("", False),
    ],
)
def test_an_open_marker_at_the_end_of_the_prompt(prompt: str, starts: bool) -> None:
    """Only there: what a user wrote further up does not count."""
    assert starts_in_reasoning(prompt, detect("<think></think>")) is starts


@pytest.mark.skipif(not FOLDER, reason="INFER_TEMPLATES names no folder with *.jinja (llama.cpp's models/templates)")
@pytest.mark.parametrize("name", FAMILIES)
def test_families(name: str) -> None:
    """From the models' own templates."""
    source = (Path(FOLDER or "") / f"{name}.jinja").read_text(encoding="utf-8")
    expected, *starts = FAMILIES[name]
    form, template = detect(source), Template(source, "", "")
    assert (form.name if form else None) == expected
    assert [starts_in_reasoning(template.render(HELLO, think=think), form) for think in (None, False, True)] == starts
