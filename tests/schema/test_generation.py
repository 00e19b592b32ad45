"""What a model writes under a constraint: whatever is completed is what was asked for, with real decodes throughout."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemas import SCHEMAS

import infer
from infer.llm import LLM
from infer.schema.check import checker, parse_schema
from infer.types import Constraint, EngineConfig, Finished, Message, Request, SamplingParams, TextDelta, TextPart

TINY = Path(infer.__file__).parent / "data" / "tiny.gguf"
WILD = SamplingParams(temperature=1.5, top_k=0, top_p=1.0, min_p=0.0)
CONFIG = EngineConfig(max_context=512, parallel=10, threads=1, batch=64, ubatch=64)
TOKENS = 400


@pytest.fixture(scope="module", params=["tiny", "random", "spm"])
def llm(request: pytest.FixtureRequest, random_model: Path, spm_model: Path) -> Iterator[LLM]:
    path = {"tiny": TINY, "random": random_model, "spm": spm_model}[request.param]
    with LLM(str(path), CONFIG) as llm:
        yield llm


@pytest.fixture(scope="module")
def wild(random_model: Path) -> Iterator[LLM]:
    with LLM(str(random_model), CONFIG) as llm:
        yield llm


def answers(llm: LLM, requests: list[Request]) -> list[tuple[str, Finished]]:
    """Text and end of each request, all computed side by side."""
    ids = [llm.submit(request) for request in requests]
    texts, ends = dict.fromkeys(ids, ""), {}
    while llm.has_work:
        for event in llm.step():
            if isinstance(event, TextDelta):
                texts[event.id] += event.delta.content
            elif isinstance(event, Finished):
                ends[event.id] = event
    return [(texts[identity], ends[identity]) for identity in ids]


def request(constraint: Constraint, seed: int, *, tokens: int = TOKENS) -> Request:
    messages = (Message("user", (TextPart("{"),)),)
    return Request(messages, sampling=replace(WILD, seed=seed), raw=True, max_tokens=tokens, constraint=constraint)


def schema_request(schema: Any, seed: int) -> Request:
    return request(Constraint(schema=parse_schema(json.dumps(schema))), seed)


def complete(found: list[tuple[str, Finished]]) -> list[str]:
    return [text for text, end in found if end.completion.constraint_met]


def test_whatever_is_completed_under_a_schema_fits_it(llm: LLM) -> None:
    """150 schemas, two seeds each, a temperature of 1.5: all that is completed validates, and most is completed."""
    requests = {(name, seed): schema_request(schema, seed) for name, schema in SCHEMAS.items() for seed in (1, 2)}
    found = dict(zip(requests, answers(llm, list(requests.values())), strict=True))
    completed = {key: text for key, (text, end) in found.items() if end.completion.constraint_met}
    for (name, _), text in completed.items():
        jsonschema.validate(json.loads(text), SCHEMAS[name])
        assert checker(json.dumps(SCHEMAS[name]))(text) is None
    assert len(completed) > 0.95 * len(requests)
    cut = [end.completion.finish_reason for _, end in found.values() if not end.completion.constraint_met]
    assert set(cut) <= {"length"}


@pytest.mark.parametrize(
    "choices", [("yes", "no"), ("a", "ab", "abc"), ("two words", 'a "quote"', "line\nend"), ("日本", "🦊"), ("\\", "/")]
)
def test_exactly_one_of_the_choices_comes_out(llm: LLM, choices: tuple[str, ...]) -> None:
    found = answers(llm, [request(Constraint(choices=choices), seed) for seed in range(20)])
    texts = complete(found)
    assert len(texts) == 20
    assert set(texts) <= set(choices)


@pytest.mark.parametrize(
    ("grammar", "pattern"),
    [
        ('root ::= [a-z]{3} "-" [0-9]{2}', r"[a-z]{3}-[0-9]{2}"),
        ('root ::= item{2,3}\nitem ::= "(" [ab]? ")" | "[" item "]"', None),
        ('root ::= ("ja" | "nein") "!"?', r"(ja|nein)!?"),
        ('root ::= "日" [本語] [^a-y]{0}', r"日[本語]"),
    ],
)
def test_what_a_grammar_allows_comes_out(llm: LLM, grammar: str, pattern: str | None) -> None:
    texts = complete(answers(llm, [request(Constraint(grammar=grammar), seed) for seed in range(10)]))
    assert len(texts) == 10
    for text in texts:
        assert re.fullmatch(pattern or r"[(\[ab\])]+", text, re.DOTALL), text


def test_an_answer_that_is_cut_has_not_met_its_constraint(llm: LLM) -> None:
    long = Constraint(schema='{"type": "string", "minLength": 50}')
    _, end = answers(llm, [request(long, 1, tokens=5)])[0]
    assert end.completion.finish_reason == "length"
    assert end.completion.constraint_met is False


def test_the_same_seed_gives_the_same_answer(llm: LLM) -> None:
    one, two = (answers(llm, [schema_request(SCHEMAS["objects-9"], 7)])[0][0] for _ in range(2))
    assert one == two


def _between(kind: str, bound: str, least: int, more: int) -> dict[str, Any]:
    return {"type": kind, f"min{bound}": least, f"max{bound}": least + more}


def _schemas() -> st.SearchStrategy[Any]:
    """Schemas nested into each other, over most keywords."""
    names = st.text('abcäß "\\', min_size=1, max_size=4)
    values = st.none() | st.booleans() | st.integers(-99, 99) | st.text('aé"\\\n🦊', max_size=4)
    low, more = st.integers(-20, 20), st.integers(1, 50)
    leaves = st.one_of(
        st.builds(lambda least, more: _between("integer", "imum", least, more), low, more),
        st.builds(lambda least, more: _between("number", "imum", least, more), low, more),
        st.builds(lambda least, more: _between("string", "Length", least, more), st.integers(0, 3), st.integers(0, 5)),
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "string", "pattern": "^[a-f]{2,4}$"}]),
        st.lists(values, min_size=1, max_size=4).map(lambda found: {"enum": found}),
        values.map(lambda value: {"const": value}),
    )  # fmt: skip

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        arrays = st.builds(
            lambda items, least, more: {"type": "array", "items": items, "minItems": least, "maxItems": least + more},
            inner, st.integers(0, 2), st.integers(0, 2),
        )  # fmt: skip
        objects = st.builds(
            lambda properties, keep: {
                "type": "object",
                "properties": properties,
                "required": [name for index, name in enumerate(properties) if keep >> index & 1],
                "additionalProperties": False,
            },
            st.dictionaries(names, inner, max_size=3),
            st.integers(0, 7),
        )
        return arrays | objects | st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options})

    return st.recursive(leaves, nested, max_leaves=5)


@given(_schemas(), st.integers(0, 2**32 - 2))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_whatever_a_random_model_emits_under_a_schema_parses_and_fits(wild: LLM, schema: Any, seed: int) -> None:
    """Any schema, any seed: what is completed parses and validates, by jsonschema alone as well."""
    for text in complete(answers(wild, [schema_request(schema, seed)])):
        jsonschema.validate(json.loads(text), schema)
        assert checker(json.dumps(schema))(text) is None
