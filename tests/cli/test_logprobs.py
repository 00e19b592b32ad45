"""`--logprobs N`: each token's probability in `--json`, as the model sees it."""

from math import exp
from pathlib import Path

import pytest

from cli.command import Command

GREEDY = ("-n", "-t", "0", "--max-tokens", "8", "--json")


def test_each_token_has_its_probability_and_the_likeliest_beside_it(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", *GREEDY, "--logprobs", "3")
    assert (result.code, result.err) == (0, "")
    tokens = result.json["logprobs"]
    assert len(tokens) == result.json["usage"]["completion"] == 8
    assert "".join(token["text"] for token in tokens) == result.json["text"] or "\ufffd" in result.json["text"]
    for token in tokens:
        scores = [other["logprob"] for other in token["top"]]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == 3
        assert (token["text"], token["logprob"]) == (token["top"][0]["text"], scores[0]), "greedy takes the likeliest"
        assert sum(map(exp, scores)) <= 1


def test_they_are_those_that_choose_tells(infer: Command) -> None:
    """The probability of a whole answer is the same by both ways."""
    run = infer.run("run", "tiny", "Tell me a story about a fox.", *GREEDY, "--logprobs", "0").json
    assert run["logprobs"][0]["top"] == []
    chosen = infer.run(
        "choose", "tiny", "Tell me a story about a fox.", run["text"], "x", "-n", "--json", "--tokens"
    ).json
    assert chosen[0]["text"] == run["text"]
    if [token["text"] for token in chosen[0]["tokens"]] == [token["text"] for token in run["logprobs"]]:
        for one, other in zip(chosen[0]["tokens"], run["logprobs"], strict=True):
            assert one["logprob"] == pytest.approx(other["logprob"], abs=1e-3)


def test_all_tokens_of_the_vocabulary_sum_up_to_one(infer: Command, random_model: Path) -> None:
    tokens = infer.run("run", random_model, "hello", *GREEDY, "--logprobs", "100").json["logprobs"]
    assert all(0.5 < sum(exp(other["logprob"]) for other in token["top"]) <= 1 + 1e-6 for token in tokens)


def test_a_constraint_does_not_change_what_the_model_thinks(infer: Command, random_model: Path) -> None:
    options = ("--choices", "yes,no", "--logprobs", "1")
    tokens = infer.run("run", random_model, "hello", *GREEDY, *options).json["logprobs"]
    assert all(token["logprob"] <= token["top"][0]["logprob"] for token in tokens)
    assert any(token["text"] != token["top"][0]["text"] for token in tokens)


def test_without_the_option_there_is_no_field(infer: Command, random_model: Path) -> None:
    assert "logprobs" not in infer.run("run", random_model, "hello", *GREEDY).json


@pytest.mark.parametrize(
    "options", [("--logprobs", "3"), ("--logprobs", "-1", "--json"), ("--logprobs", "x", "--json")]
)
def test_what_cannot_be_is_exit_code_2(infer: Command, random_model: Path, options: tuple[str, ...]) -> None:
    result = infer.run("run", random_model, "hello", "-n", *options)
    assert (result.code, result.out) == (2, b"")
    assert "--logprobs" in result.lines[0]
