"""Reasoning and constraints in one answer, on the real engine: reasoning is free, the answer is what was asked for.

Where a model has to say something certain, the tokens are forced upon it; the engine computes them like any others.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ggufs import CONTROL_TYPE, bpe, write_gguf
from infer.chat.formats import FORMATS
from infer.llm import LLM
from infer.reasoning import plan_reasoning
from infer.types import (
    Completion,
    Constraint,
    EngineConfig,
    Finished,
    Message,
    Request,
    SamplingParams,
    TextDelta,
    TextPart,
)

CONFIG = EngineConfig(max_context=1024, parallel=10, threads=1, batch=64, ubatch=64)
WILD = SamplingParams(temperature=1.5, top_k=0, top_p=1.0, min_p=0.0)
SCHEMA = Constraint(schema='{"enum": ["yes", "no"]}')
TURNS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|>"
SWITCH = "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
OPENED = TURNS + "<think>\n{# </think> #}"
CHANNELS = ("<|channel|>", "<|message|>", "<|start|>")


def write_model(path: Path, template: str, controls: tuple[str, ...], *, ends: bool = False) -> Path:
    """A random model whose last tokens are these control tokens, and `>{"` as a token of text."""
    tokens = bpe(300)
    names, types = tokens["tokenizer.ggml.tokens"], tokens["tokenizer.ggml.token_type"]
    for index, text in enumerate(controls, 1):
        names[-index], types[-index] = text, CONTROL_TYPE
    names[-20] = '>{"'
    return write_gguf(path, context=1024, tokens=tokens, chat_template=template, control_rows=ends)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, LLM]]:
    place = tmp_path_factory.mktemp("thinking")
    think = ("<think>", "</think>")
    files = {
        "switch": write_model(place / "switch.gguf", TURNS + SWITCH, think),
        "opened": write_model(place / "opened.gguf", OPENED, think),
        "text": write_model(place / "text.gguf", OPENED, ()),
        "ends": write_model(place / "ends.gguf", OPENED, think, ends=True),
        "channels": write_model(
            place / "channels.gguf",
            TURNS + "{# <|channel|>analysis<|message|> <|channel|>final<|message|> #}",
            CHANNELS,
        ),
    }
    llms = {name: LLM(str(path), CONFIG) for name, path in files.items()}
    yield llms
    for llm in llms.values():
        llm.close()


def ask(llm: LLM, *, says: str | list[int] = "", **options: Any) -> tuple[str, str, Completion]:
    """Reasoning, answer and end of one request, in which the model first says this."""
    seed = options.pop("seed", 1)
    defaults: dict[str, Any] = {"max_tokens": 200, "sampling": replace(WILD, seed=seed)}
    identity = llm.submit(Request((Message("user", (TextPart("hi"),)),), **{**defaults, **options}))
    tokens = llm._model.vocabulary.tokenize(says, special=True) if isinstance(says, str) else says
    llm._engine.force(llm._answers[identity].sequence, tokens)
    reasoning = content = ""
    while True:
        for event in llm.step():
            if isinstance(event, TextDelta):
                reasoning += event.delta.reasoning
                content += event.delta.content
            elif isinstance(event, Finished):
                return reasoning, content, event.completion


def test_reasoning_that_is_wanted_is_opened_and_the_constraint_waits_for_its_end(models: dict[str, LLM]) -> None:
    reasoning, content, end = ask(models["switch"], says='{"free": text</think>', think=True, constraint=SCHEMA)
    assert reasoning == '{"free": text'
    assert json.loads(content) in ("yes", "no")
    assert end.constraint_met


def test_without_reasoning_the_constraint_counts_from_the_start(models: dict[str, LLM]) -> None:
    reasoning, content, end = ask(models["switch"], think=False, constraint=SCHEMA)
    assert (reasoning, end.constraint_met) == ("", True)
    assert json.loads(content) in ("yes", "no")


def test_a_prompt_that_opens_the_reasoning_needs_no_marker(models: dict[str, LLM]) -> None:
    reasoning, content, end = ask(models["opened"], says="so\n</think>\n\n", constraint=SCHEMA)
    assert reasoning == "so\n"
    assert json.loads(content) in ("yes", "no")
    assert end.constraint_met


def test_where_nothing_is_said_the_model_chooses(models: dict[str, LLM]) -> None:
    reasoning, content, end = ask(models["switch"], says="<think>hm</think>", constraint=SCHEMA)
    assert (reasoning, json.loads(content) in ("yes", "no"), end.constraint_met) == ("hm", True, True)
    for seed in range(20):
        reasoning, content, end = ask(models["switch"], seed=seed, constraint=SCHEMA, think_limit=5)
        assert json.loads(content) in ("yes", "no")
        assert end.constraint_met


@pytest.mark.parametrize("limit", [1, 2, 7, 30])
@pytest.mark.parametrize("name", ["switch", "opened", "text", "channels"])
def test_a_limit_closes_the_reasoning_and_the_answer_follows(models: dict[str, LLM], name: str, limit: int) -> None:
    """In tokens: what is reasoning may be one more where the closing marker stands on a line of its own."""
    says = "x" * 100 if name == "text" else ""
    _, content, end = ask(models[name], says=says, think=True, think_limit=limit, constraint=SCHEMA)
    assert json.loads(content) in ("yes", "no")
    assert end.constraint_met
    if not says:
        assert end.usage.completion <= limit + 50  # a byte of a marker may be a token


def test_a_limit_without_a_constraint(models: dict[str, LLM]) -> None:
    reasoning, content, end = ask(models["opened"], think=True, think_limit=10, max_tokens=60)
    assert reasoning.strip()
    assert content.strip()
    tokens = len(models["opened"].tokenize(reasoning))
    assert end.usage.completion == 60
    assert tokens <= 45  # bytes that are no text are three as U+FFFD


def test_reasoning_shorter_than_the_limit_is_left_alone(models: dict[str, LLM]) -> None:
    reasoning, _, _ = ask(models["opened"], says="so</think>", think_limit=50, constraint=SCHEMA)
    assert reasoning == "so"


def test_a_model_may_not_end_before_it_has_answered(models: dict[str, LLM]) -> None:
    """A random model that may draw its end does so while it reasons: the reasoning is closed then, and it answers."""
    lengths = []
    for seed in range(30):
        _, content, end = ask(models["ends"], seed=seed, constraint=SCHEMA, max_tokens=900)
        if end.finish_reason == "stop":
            lengths.append(end.usage.completion)
            assert end.constraint_met
            assert json.loads(content) in ("yes", "no")
    assert len(lengths) > 10


def test_what_stands_in_the_same_token_as_the_end_of_the_reasoning_is_taken_back(models: dict[str, LLM]) -> None:
    """'</think' and then '>{"' in one token: the answer is no object, so that beginning may not stay."""
    llm = models["text"]
    brace = next(token for token in range(300) if llm._model.vocabulary.text(token) == '>{"')
    says = [*llm._model.vocabulary.tokenize("so</think", special=True), brace]
    reasoning, content, end = ask(llm, says=says, constraint=SCHEMA)
    assert (reasoning, end.constraint_met) == ("so", True)
    assert json.loads(content) in ("yes", "no")


def test_channels(models: dict[str, LLM]) -> None:
    """gpt-oss: reasoning and answer each have a channel, and the answer's is opened when reasoning is off."""
    llm = models["channels"]
    says = "so<|end|><|start|>assistant<|channel|>final<|message|>"
    reasoning, content, end = ask(llm, says=says, constraint=SCHEMA)
    assert (reasoning, end.constraint_met) == ("so", True)
    assert json.loads(content) in ("yes", "no")
    reasoning, content, end = ask(llm, think=False, constraint=SCHEMA)
    assert (reasoning, end.constraint_met) == ("", True)
    assert json.loads(content) in ("yes", "no")


def test_choices_after_reasoning_have_no_newlines_in_front(models: dict[str, LLM]) -> None:
    for seed in range(20):
        _, content, end = ask(models["opened"], says="so</think>", seed=seed, constraint=Constraint(choices=("a", "b")))
        assert content in ("a", "b")
        assert end.constraint_met


def test_grammars_after_reasoning(models: dict[str, LLM]) -> None:
    for seed in range(10):
        grammar = Constraint(grammar="root ::= [ab]{3}")
        _, content, end = ask(models["opened"], says="so</think>", seed=seed, constraint=grammar)
        assert re.fullmatch("[ab]{3}", content)
        assert end.constraint_met


def test_a_marker_in_a_constrained_answer_is_text(models: dict[str, LLM]) -> None:
    choice = "<think>a</think>b"
    assert ask(models["opened"], says="so</think>", constraint=Constraint(choices=(choice,)))[:2] == ("so", choice)
    assert ask(models["switch"], think=False, constraint=Constraint(choices=(choice,)))[:2] == ("", choice)


def test_a_stop_text_in_a_constrained_answer_leaves_it_unmet(models: dict[str, LLM]) -> None:
    _, _, end = ask(models["switch"], think=False, constraint=Constraint(choices=("abcd",)), stop=("bc",))
    assert (end.finish_reason, end.constraint_met) == ("stop", False)


def test_requests_with_and_without_a_constraint_side_by_side(models: dict[str, LLM]) -> None:
    llm = models["switch"]
    message = (Message("user", (TextPart("hi"),)),)
    sampling = replace(WILD, seed=1)
    wanted = [None, SCHEMA, Constraint(choices=("a",)), Constraint(grammar='root ::= "g"')]
    ids = [llm.submit(Request(message, sampling, think=False, max_tokens=20, constraint=each)) for each in wanted]
    texts = dict.fromkeys(ids, "")
    while llm.has_work:
        for event in llm.step():
            if isinstance(event, TextDelta):
                texts[event.id] += event.delta.content
    free, schema, choice, grammar = texts.values()
    assert (choice, grammar) == ("a", "g")
    assert json.loads(schema) in ("yes", "no")
    assert len(free) > 5


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_every_format_has_a_plan(form: Any) -> None:
    """What is forced are whole markers of the format; what closes the reasoning leads the parser to the answer."""
    from infer.chat.parser import StreamParser

    texts: list[str] = []

    def tokenize(text: str) -> list[int]:
        texts.append(text)
        return [len(texts) - 1] if text else []

    request = Request((), think=True, constraint=SCHEMA)
    plan = plan_reasoning(request, "hi", form, tokenize)
    if not any(marker.then == "reasoning" for marker in form.markers):
        assert not plan.starts
        return
    assert plan.starts
    parser = StreamParser((), form, False)
    parser.feed("".join(texts[token] for token in plan.forced))
    assert parser.in_reasoning
    parser.feed("thought" + "".join(texts[token] for token in plan.closing))
    assert not parser.in_reasoning
