"""`infer choose` through the real command."""

from math import exp
from pathlib import Path

import pytest

from cli.command import Command
from ggufs import CHAT_TEMPLATE, write_gguf

THINKING = CHAT_TEMPLATE.removesuffix("{% endif %}") + "{{ '<think>' }}{# </think> #}{% endif %}"


def test_the_likeliest_comes_first_and_probabilities_sum_up_to_one(infer: Command) -> None:
    result = infer.run("choose", "tiny", "Tell me a story about a fox.", "The", "Once", "One", "-n", "--json")
    assert (result.code, result.err) == (0, "")
    rows = result.json
    assert rows[0]["text"] == "Once"
    assert {row["text"] for row in rows} == {"The", "Once", "One"}
    assert [row["logprob"] for row in rows] == sorted((row["logprob"] for row in rows), reverse=True)
    assert sum(row["probability"] for row in rows) == pytest.approx(1)
    for row in rows:
        assert row["probability"] / rows[0]["probability"] == pytest.approx(exp(row["logprob"] - rows[0]["logprob"]))


def test_tokens_add_up(infer: Command, random_model: Path) -> None:
    result = infer.run("choose", random_model, "hi", "a b", "the fox", "--tokens", "--json", "-n")
    for row in result.json:
        assert "".join(token["text"] for token in row["tokens"]) == row["text"]
        assert sum(token["logprob"] for token in row["tokens"]) == pytest.approx(row["logprob"])
        assert row["logprob_per_token"] == pytest.approx(row["logprob"] / len(row["tokens"]))


def test_the_table(infer: Command, random_model: Path) -> None:
    lines = infer.run("choose", random_model, "hi", "a", "b", "-n", "--tokens").out.decode().splitlines()
    assert lines[0].split() == ["choice", "probability", "logprob", "a", "token"]
    assert {line.split()[0] for line in lines[1:3]} == {"'a'", "'b'"}


def test_a_sentencepiece_model_gets_no_space_in_front(infer: Command, spm_model: Path) -> None:
    rows = infer.run("choose", spm_model, "hi", "the", "fox", "--tokens", "--json", "-n").json
    assert {row["tokens"][0]["text"] for row in rows} == {"the", "fox"}


def test_reasoning_is_closed_first(infer: Command, models_dir: Path) -> None:
    """The answer's probability, not that of a thought: as if the prompt had closed the reasoning."""
    open_, closed = (
        write_gguf(models_dir / f"choose{index}.gguf", context=1024, chat_template=template)
        for index, template in enumerate((THINKING, THINKING.replace("'<think>'", "'<think>\\n</think>'")))
    )
    asked = ("hi", "yes", "no", "-n", "--json")
    one, other = (infer.run("choose", model, *asked).json for model in (open_, closed))
    assert [row["logprob"] for row in one] == pytest.approx([row["logprob"] for row in other], abs=1e-3)


def test_stdin_comes_before_the_question(infer: Command, random_model: Path) -> None:
    piped = infer.run("choose", random_model, "which", "a", "b", "--json", stdin=b"a document")
    without = infer.run("choose", random_model, "which", "a", "b", "--json", "-n")
    assert piped.code == 0
    assert piped.json != without.json


def test_the_prompt_cache_serves_the_next_choice(lonely: Command, random_model: Path) -> None:
    words = "word " * 150
    cached = {"INFER_NO_CACHE": None}
    first = lonely.run("choose", random_model, words, "a", "b c", "--json", "-n", env=cached)
    second = lonely.run("choose", random_model, words, "a", "b c", "--json", "-n", env=cached)
    assert (first.code, second.code) == (0, 0)
    for one, other in zip(first.json, second.json, strict=True):
        assert one["text"] == other["text"]
        assert one["logprob"] == pytest.approx(other["logprob"], abs=1e-2)


@pytest.mark.parametrize(
    ("choices", "code", "message"),
    [
        (("a", "a"), 2, "error: a choice is empty or given twice"),
        (("a", ""), 2, "error: a choice is empty or given twice"),
        ((), 2, "error: missing argument"),
        (("a", b"\xff"), 2, "error: choice 2 is not valid UTF-8: invalid byte at offset 0"),
    ],
)
def test_what_cannot_be_chosen_from(
    infer: Command, random_model: Path, choices: tuple[str | bytes, ...], code: int, message: str
) -> None:
    result = infer.run("choose", random_model, "hi", *choices, "-n")
    assert (result.code, result.out) == (code, b"")
    assert result.lines[0].startswith(message)


def test_a_choice_that_does_not_fit_is_exit_code_7(infer: Command, random_model: Path) -> None:
    result = infer.run("choose", random_model, "hi", "a", "b " * 1100, "-n")
    assert (result.code, result.out) == (7, b"")
