"""`--schema`, `--grammar`, `--choices` through the real command: what goes to stdout has been checked."""

import json
import signal
from pathlib import Path

import pytest

from cli.command import Command
from ggufs import CHAT_TEMPLATE, write_gguf

WILD = ("-n", "-t", "1.5", "--top-k", "0", "--top-p", "1", "--min-p", "0", "--seed", "3", "--max-tokens", "400")
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 5}, "age": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["name", "age"],
}
THINKING = CHAT_TEMPLATE.removesuffix("{% endif %}") + "{{ '<think>' }}{# </think> #}{% endif %}"


@pytest.fixture(scope="module")
def thinking_model(models_dir: Path) -> Path:
    return write_gguf(models_dir / "thinking_free.gguf", context=1024, chat_template=THINKING)


def test_a_schema_inline(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", *WILD, "--schema", json.dumps(PERSON))
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert list(found) == ["name", "age"]
    assert 0 <= found["age"] <= 99


@pytest.mark.parametrize("form", ["@{}", "{}"])
def test_a_schema_in_a_file(infer: Command, random_model: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / "person.json"
    file.write_text(json.dumps(PERSON))
    result = infer.run("run", random_model, "hello", *WILD, "--schema", form.format(file))
    assert (result.code, list(json.loads(result.out))) == (0, ["name", "age"])


def test_the_short_form(infer: Command) -> None:
    result = infer.run("run", "tiny", "a fox", *WILD, "--schema", "size small|large, ok bool")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["size"] in ("small", "large"), type(found["ok"])) == (True, bool)


def test_with_json_the_object_holds_the_checked_text(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", *WILD, "--choices", "yes, no", "--json")
    assert (result.code, result.json["text"] in ("yes", "no")) == (0, True)
    assert result.json["finish_reason"] == "stop"


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_an_answer_that_is_cut_goes_to_stderr_with_exit_code_8(
    infer: Command, random_model: Path, more: tuple[str, ...]
) -> None:
    schema = '{"type": "string", "minLength": 50}'
    result = infer.run("run", random_model, "hello", *WILD[:-1], "7", "--schema", schema, *more)
    assert (result.code, result.out) == (8, b"")
    assert result.lines[0].startswith('"')
    assert result.lines[-2:] == [
        "error: the answer was cut after 7 tokens, before it was complete",
        "hint: a larger --max-tokens or --ctx lets it go on",
    ]


def test_a_schema_that_nothing_satisfies_is_exit_code_8(infer: Command, random_model: Path) -> None:
    schema = '{"type": "string", "minLength": 3, "maxLength": 2}'
    result = infer.run("run", random_model, "hello", "-n", "--schema", schema)
    assert (result.code, result.out) == (8, b"")
    assert result.lines == [
        "error: nothing can satisfy the schema: Unsatisfiable schema: minLength (3) is greater than maxLength (2)"
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--schema", '{"uniqueItems": true}'), "error: --schema: 'uniqueItems' is not supported (at #)"),
        (("--schema", "age innt"), "error: --schema, column 5: expected a type: str, int, float, bool"),
        (("--schema", ""), "error: --schema, column 1: expected the name of a field, found the end"),
        (("--choices", "a,,b"), "error: --choices holds an empty choice"),
        (("--choices", ""), "error: --choices holds an empty choice"),
        (("--choices", "[1]"), "error: --choices holds an empty choice"),
        (("--choices", "[a"), "error: --choices is not a JSON array"),
        (("--choices", "a", "--schema", "b"), "error: --schema, --grammar and --choices exclude each other"),
        (
            ("--schema", '{"oneOf": [{"type": "integer"}, {"type": "number"}]}'),
            "error: the schema cannot be enforced: oneOf",
        ),
        (("--schema", '{"pattern": "(?=a)b"}'), "error: the schema cannot be enforced: "),
    ],
)
def test_what_cannot_be_enforced_is_exit_code_2(
    infer: Command, random_model: Path, options: tuple[str, ...], message: str
) -> None:
    result = infer.run("run", random_model, "hello", "-n", *options)
    assert (result.code, result.out) == (2, b"")
    assert result.lines[0].startswith(message)


@pytest.mark.parametrize("option", ["--schema", "--choices"])
def test_an_option_that_is_no_utf_8_is_exit_code_2(infer: Command, random_model: Path, option: str) -> None:
    result = infer.run("run", random_model, "hello", "-n", option, b"a,\xff")
    assert (result.code, result.out) == (2, b"")
    assert result.lines[0] == f"error: {option} is not valid UTF-8: invalid byte at offset 2"


@pytest.mark.parametrize("schema", ['{"$ref": "#"}', '{"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}'])
def test_a_schema_that_only_refers_to_itself_is_exit_code_8(infer: Command, random_model: Path, schema: str) -> None:
    result = infer.run("run", random_model, "hello", *WILD, "--schema", schema)
    assert (result.code, result.out) == (8, b"")
    assert result.lines == ["error: the answer cannot go on under its constraint: no text can follow"]


def test_a_schema_file_that_is_not_there_is_exit_code_3(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", "-n", "--schema", "@nowhere.json")
    assert (result.code, result.lines[0]) == (3, "error: cannot read nowhere.json: no such file or directory")


def test_a_grammar(infer: Command, random_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "date.gbnf"
    file.write_text('root ::= [0-9]{4} "-" [0-9]{2}\n')
    result = infer.run("run", random_model, "hello", *WILD, "--grammar", file)
    assert result.code == 0, result.err
    year, month = result.out.decode().split("-")
    assert (len(year), len(month), (year + month).isdigit()) == (4, 2, True)


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ('root ::= "a"\nitem ::= (', "g.gbnf:2:10: this has no end: ) is missing"),
        ("root ::= other\n", "g.gbnf:1:10: there is no rule 'other'"),
        ('root ::= "a"{3,1}', "g.gbnf:1:13: a repetition from 3 to 1"),
        ('root ::= root "a" | "b"', "llama.cpp refuses the grammar"),
    ],
)
def test_a_grammar_that_is_wrong_is_exit_code_2_with_line_and_column(
    lonely: Command, random_model: Path, grammar: str, message: str
) -> None:
    (lonely.home / "g.gbnf").write_text(grammar)
    result = lonely.run("run", random_model, "hello", "-n", "--grammar", "g.gbnf")
    assert (result.code, result.lines[0]) == (2, f"error: {message}")


def test_choices_with_commas(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", *WILD, "--choices", '["a, b", "c, d"]')
    assert (result.code, result.out in (b"a, b", b"c, d")) == (0, True)


def test_reasoning_is_free_and_bounded_and_the_answer_fits(infer: Command, thinking_model: Path) -> None:
    result = infer.run("run", thinking_model, "hello", *WILD, "--think", "10", "--choices", "yes,no", "--json")
    assert result.code == 0, result.err
    assert result.json["text"] in ("yes", "no")
    assert result.json["reasoning"].strip()
    assert 10 < result.json["usage"]["completion"] < 40


def test_ctrl_c_leaves_nothing_on_stdout(infer: Command, slow_model: Path) -> None:
    schema = '{"type": "string", "minLength": 5000}'
    running = infer.start("run", slow_model, "hello", "-n", "--schema", schema, stderr="tty")
    running.until(lambda: "characters" in running.err)
    running.signal(signal.SIGINT)
    result = running.finish()
    assert (result.code, result.out) == (130, b"")
    assert '"' in result.err


def test_a_grammar_that_leads_nowhere_is_exit_code_8(lonely: Command, random_model: Path) -> None:
    """A class from z to a holds no character: after "ab" no token fits."""
    (lonely.home / "g.gbnf").write_text('root ::= "ab" [z-a]')
    result = lonely.run("run", random_model, "hello", *WILD, "--grammar", "g.gbnf")
    assert (result.code, result.out) == (8, b"")
    assert result.lines == ["ab", "error: the answer ended before it was complete"]


def test_an_empty_grammar_gives_an_empty_answer(lonely: Command, random_model: Path) -> None:
    (lonely.home / "g.gbnf").write_text('root ::= ""')
    result = lonely.run("run", random_model, "hello", *WILD, "--grammar", "g.gbnf")
    assert (result.code, result.out, result.err) == (0, b"", "")


def test_a_stop_text_that_cuts_is_exit_code_8(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", *WILD, "--choices", "abcd", "--stop", "bc")
    assert (result.code, result.out) == (8, b"")
    assert result.lines == ["a", "error: the answer ended before it was complete"]
