"""`infer show --ctx N`: the memory at the context that is wanted, of what is here and of what is not."""

from pathlib import Path

import pytest

from cli.command import Command
from ggufs import write_gguf
from infer.models.metadata import describe, read_headers
from infer.models.plan import memory_need


@pytest.fixture(scope="module")
def model(models_dir: Path) -> Path:
    return write_gguf(models_dir / "show-ctx.gguf", context=8192)


def test_show_says_the_memory_at_the_wanted_context(infer: Command, model: Path) -> None:
    facts = infer.run("show", model, "--ctx", "6000", "--json").json
    assert facts["context_wanted"] == 6000
    assert [row["context"] for row in facts["memory"]] == [4096, 6000, 8192]
    metadata = describe(read_headers(str(model)))
    assert facts["memory"][1]["need"] == memory_need(metadata, 6000)
    lines = infer.run("show", model, "--ctx", "6000").out.decode().splitlines()
    (row,) = [line.split() for line in lines if line.strip().startswith("6,000 ")]
    assert row[-3:] == ["fits", "(as", "wanted)"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [("4096", "fits (as wanted)"), ("8192", "fits (as wanted, as trained)"), ("9000", "fits (as wanted, longer than")],
)
def test_the_wanted_context_stands_in_the_table_once(infer: Command, model: Path, wanted: str, said: str) -> None:
    lines = infer.run("show", model, "--ctx", wanted).out.decode().splitlines()
    (row,) = [line for line in lines if line.strip().startswith(f"{int(wanted):,} ")]
    assert said in row


def test_the_setting_counts_and_the_option_goes_before_it(infer: Command, model: Path) -> None:
    wish = {"INFER_CTX": "700"}
    assert infer.run("show", model, "--json", env=wish).json["context_wanted"] == 700
    assert infer.run("show", model, "--ctx", "800", "--json", env=wish).json["context_wanted"] == 800
    assert infer.run("show", model, "--json").json["context_wanted"] is None


def test_a_context_that_fits_nowhere_does_not_fit(infer: Command, model: Path) -> None:
    facts = infer.run("show", model, "--ctx", "2000000000", "--json").json
    assert facts["memory"][-1]["fit"] == "no"


@pytest.mark.parametrize("wrong", ["0", "-1", "x", "1.5"])
def test_a_context_that_is_none_is_refused(infer: Command, model: Path, wrong: str) -> None:
    result = infer.run("show", model, "--ctx", wrong)
    assert (result.code, result.out) == (2, b"")
    assert "--ctx" in result.err


def test_of_what_cannot_be_asked_about_the_memory_is_not_known(infer: Command) -> None:
    result = infer.run("show", "qwen3:4b", "--ctx", "12000", "--offline")
    assert result.code == 0
    assert "its header would say the memory at 12,000 tokens" in result.err
