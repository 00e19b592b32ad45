"""Matchers: what they allow is what they accept, token by token, for both libraries."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from infer.engine.constraint import Constraints, Matcher
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.llama.vocabulary import Vocabulary
from infer.errors import ConstraintUnmet, UsageError
from infer.types import Constraint, EngineConfig

ANSWERS = {
    "schema": Constraint(schema='{"type": "array", "items": {"enum": ["the", "fox"]}, "maxItems": 2}'),
    "choices": Constraint(choices=("the", "the fox", 'a "b"')),
    "grammar": Constraint(grammar='root ::= "the" [a-f]? | "fox"+'),
}
TEXTS = {
    "schema": ["[", '["t', '["the"', '["fox","the"]'],
    "choices": ["t", "the", "the f"],
    "grammar": ["t", "fox", "thea"],
}


@pytest.fixture(scope="module", params=["bpe", "spm"])
def vocabulary(request: pytest.FixtureRequest, random_model: Path, spm_model: Path) -> Iterator[Vocabulary]:
    path = random_model if request.param == "bpe" else spm_model
    with Model(str(path), EngineConfig(), Log()) as model:
        yield model.vocabulary


def bits(matcher: Matcher, size: int) -> set[int]:
    allowed = matcher.allowed()
    return {token for token in range(size) if allowed[token // 8] >> token % 8 & 1}


def accepted(make: Any, size: int) -> set[int]:
    """The tokens that a matcher takes, each asked of a fresh one."""
    found = set()
    for token in range(size):
        matcher = make()
        if matcher.accept(token):
            found.add(token)
        matcher.close()
    return found


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_mask_holds_tokens_that_are_accepted(vocabulary: Vocabulary, kind: str) -> None:
    constraints = Constraints(vocabulary)
    for text in ["", *TEXTS[kind]]:
        tokens = vocabulary.tokenize_inside(text, special=False)

        def make(tokens: list[int] = tokens) -> Matcher:
            matcher = constraints.matcher(ANSWERS[kind])
            assert all(map(matcher.accept, tokens)), "the beginning of an answer fits"
            return matcher

        matcher = make()
        allowed, fitting = bits(matcher, vocabulary.size), accepted(make, vocabulary.size)
        assert allowed == fitting if kind == "grammar" else allowed <= fitting
        assert allowed
        forced = len({vocabulary.piece(token)[:1] for token in fitting}) == 1
        assert allowed == fitting or forced, "a text that is forced may have its usual spelling alone"
        assert matcher.satisfied == bool(set(vocabulary.ends) & bits(matcher, vocabulary.size))
        matcher.close()


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_token_that_does_not_fit_changes_nothing(vocabulary: Vocabulary, kind: str) -> None:
    matcher = Constraints(vocabulary).matcher(ANSWERS[kind])
    before = matcher.allowed()
    wrong = vocabulary.tokenize_inside("~", special=False)[0]
    assert not matcher.accept(wrong)
    assert matcher.allowed() == before
    matcher.close()


@pytest.mark.parametrize("kind", ANSWERS)
def test_control_tokens_never_fit(vocabulary: Vocabulary, kind: str) -> None:
    matcher = Constraints(vocabulary).matcher(ANSWERS[kind])
    controls = set(vocabulary.control_tokens(list(range(vocabulary.size)))) - set(vocabulary.ends)
    assert controls
    assert not controls & bits(matcher, vocabulary.size)
    matcher.close()


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_opener_may_come_first_and_only_once(vocabulary: Vocabulary, kind: str) -> None:
    opener = vocabulary.control_tokens(list(range(vocabulary.size)))[-1]
    matcher = Constraints(vocabulary).matcher(ANSWERS[kind], opener=opener, after_reasoning=True)
    assert opener in bits(matcher, vocabulary.size)
    assert matcher.accept(opener)
    assert opener not in bits(matcher, vocabulary.size) - set(vocabulary.ends)
    newline = vocabulary.tokenize_inside("\n", special=False)[0]
    assert matcher.accept(newline), "newlines may stand between reasoning and answer"
    matcher.close()


@pytest.mark.parametrize("kind", ANSWERS)
def test_matchers_of_one_constraint_go_their_own_ways(vocabulary: Vocabulary, kind: str) -> None:
    constraints = Constraints(vocabulary)
    first = constraints.matcher(ANSWERS[kind])
    before = first.allowed()
    assert all(map(first.accept, vocabulary.tokenize_inside(TEXTS[kind][-1], special=False)))
    second = constraints.matcher(ANSWERS[kind])
    assert second.allowed() == before != first.allowed()
    first.close()
    second.close()


def test_one_that_gives_up_says_why_and_leaves_the_others_alone(vocabulary: Vocabulary) -> None:
    constraints = Constraints(vocabulary)
    large = Constraint(schema='{"type": "string", "pattern": "^((a{1,200}){20,200}){20,200}$"}')
    letter = vocabulary.tokenize_inside("a", special=False)[0]

    def accepted() -> int:
        matcher = constraints.matcher(large)
        assert matcher.accept(vocabulary.tokenize_inside('"', special=False)[0])
        count = next(count for count in range(1000) if not matcher.accept(letter))
        assert not any(matcher.allowed())
        assert not matcher.satisfied
        assert "too many expressions" in matcher.problem
        return count

    assert accepted() == accepted()
    assert constraints.matcher(ANSWERS["choices"]).problem == ""


@pytest.mark.parametrize("kind", ["schema", "choices"])
def test_masks_are_the_same_with_and_without_slices(vocabulary: Vocabulary, kind: str) -> None:
    one, other = Constraints(vocabulary, many=True), Constraints(vocabulary)
    for text in ["", *TEXTS[kind]]:
        tokens = vocabulary.tokenize_inside(text, special=False)
        matchers = [constraints.matcher(ANSWERS[kind]) for constraints in (one, other)]
        assert all(matcher.accept(token) for matcher in matchers for token in tokens)
        assert matchers[0].allowed() == matchers[1].allowed()


def test_the_pieces_of_all_tokens(vocabulary: Vocabulary) -> None:
    assert vocabulary.pieces() == [vocabulary.piece(token) for token in range(vocabulary.size)]


def test_nothing_but_the_end_can_follow_a_whole_answer(vocabulary: Vocabulary) -> None:
    matcher = Constraints(vocabulary).matcher(Constraint(choices=("the",)))
    assert not matcher.done
    assert all(map(matcher.accept, vocabulary.tokenize_inside("the", special=False)))
    assert matcher.done
    assert matcher.satisfied


def test_what_cannot_be_enforced_is_refused(vocabulary: Vocabulary) -> None:
    constraints = Constraints(vocabulary)
    with pytest.raises(UsageError, match="Unimplemented keys"):
        constraints.matcher(Constraint(schema='{"not": {}}'))
    with pytest.raises(ConstraintUnmet, match="nothing can satisfy"):
        constraints.matcher(Constraint(schema='{"type": "integer", "minimum": 2, "maximum": 1}'))
    with pytest.raises(UsageError, match=r"llama\.cpp refuses"):
        constraints.matcher(Constraint(grammar='root ::= root "a" | "b"'))


def test_a_vocabulary_without_an_end_cannot_be_constrained() -> None:
    endless = cast(Vocabulary, SimpleNamespace(ends=()))
    with pytest.raises(UsageError, match="no token that ends an answer"):
        Constraints(endless).matcher(Constraint(choices=("a",)))
