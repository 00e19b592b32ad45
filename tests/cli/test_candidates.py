"""What can stand at the cursor, without a shell: bash's lines taken apart, options and arguments in any order."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infer.cli.completion.candidates import candidates
from infer.cli.completion.grammar import COMMANDS
from infer.cli.completion.shells import BashLine

BREAKS = " \t\n\"'><=;|&(:@"


@pytest.mark.parametrize(
    ("line", "words", "word", "quote", "kept"),
    [
        ("infer", [], "infer", "", 0),
        ("infer ", ["infer"], "", "", 0),
        ("infer run  qw", ["infer", "run"], "qw", "", 0),
        ("infer run qwen3:4", ["infer", "run"], "qwen3:4", "", 6),
        ("infer run 'qwen3:4", ["infer", "run"], "qwen3:4", "'", 0),
        ('infer run a"b c', ["infer", "run"], "ab c", '"', 1),
        ('infer run a:"b"c', ["infer", "run"], "a:bc", "", 2),
        (r"infer run a\:b", ["infer", "run"], "a:b", "", 0),
        (r'infer run "a\"b\c', ["infer", "run"], r'a"b\c', '"', 0),
        (r"infer run 'a\b' ", ["infer", "run", r"a\b"], "", "", 0),
        ("infer run '' x", ["infer", "run", ""], "x", "", 0),
        ("infer --color=al", ["infer"], "--color=al", "", 8),
        ("infer run -s @f", ["infer", "run", "-s"], "@f", "", 0),
        ("infer run tiny <in >>out x", ["infer", "run", "tiny"], "x", "", 0),
        ("infer run tiny 2>err --j", ["infer", "run", "tiny"], "--j", "", 0),
        ("infer run a\\", ["infer", "run"], "a", "", 0),
    ],
)
def test_a_line_of_bash(line: str, words: list[str], word: str, quote: str, kept: int) -> None:
    """Words without their quotes, and how much of the last one readline keeps."""
    taken = BashLine(line, BREAKS)
    assert (taken.words, taken.word, taken.quote, taken.kept, taken.file) == (words, word, quote, kept, False)


@pytest.mark.parametrize("line", ["infer run tiny <", "infer run tiny < no", "infer run tiny 2> 'a b"])
def test_behind_a_redirection_stands_a_file(line: str) -> None:
    assert BashLine(line, BREAKS).file
    assert BashLine(line, BREAKS).words == ["infer", "run", "tiny"]


@given(st.text(st.sampled_from("ab \\'\"<>:=@$`;é\n"), max_size=20))
@example("a'")
def test_any_line_can_be_taken_apart(line: str) -> None:
    """No line is an error, and readline never keeps more than there is."""
    taken = BashLine(line, BREAKS)
    assert 0 <= taken.kept <= len(taken.word)


@pytest.mark.parametrize(
    ("line", "has", "lacks"),
    [
        ("", {"run", "cache", "config"}, {"list_", "__complete", "stats", "--version"}),
        ("-", {"--version", "--help"}, {"--json"}),
        ("cache ", {"stats", "clear"}, {"run"}),
        ("cache check --", {"--read-data", "--json"}, {"--color"}),
        ("run tiny --", {"--color", "--file", "-f"}, {"--chat", "--version"}),
        ("run tiny --color always --", {"--file"}, {"--color"}),
        ("run tiny -s x --", {"--file"}, {"--system", "-s"}),
        ("run tiny -f x --file=y --", {"--file", "-f"}, set()),  # may be repeated
        ("run tiny -qv --", {"--json"}, {"--quiet", "-v"}),
        ("run tiny -qs x --", {"--json"}, {"-s", "x"}),
        ("run tiny -- -", set(), {"--json"}),
        ("run --color ", {"auto", "always", "never"}, {"tiny"}),
        ("run --gpu-layers ", {"auto", "all"}, {"N"}),
        ("run --max-tokens ", set(), {"N", "tiny"}),
        ("run tiny ", set(), {"tiny"}),
        ("run --json ti", {"tiny"}, set()),
        ("nosuch ", set(), {"run"}),
        ("nosuch --", set(), {"--help"}),
        ("cache nosuch --", set(), {"--help"}),
        ("completions ", {"bash", "zsh", "fish", "powershell"}, set()),
    ],
)
def test_what_can_stand_there(line: str, has: set[str], lacks: set[str]) -> None:
    """Candidates come for the place, whatever has been typed of the word; the shell filters."""
    found = candidates(line.split(" ")).words
    assert has <= found.keys()
    assert not lacks & found.keys()
    assert has or not found


@pytest.mark.parametrize(
    ("line", "files", "skip"),
    [
        ("run tiny -f ", "any", 0),
        ("run tiny -fno", "any", 2),
        ("run tiny --file=no", "any", 7),
        ("run tiny -s no", "", 0),
        ("run tiny -s @no", "any", 1),
        ("run tiny --system=@no", "any", 10),
        ("run tiny -s@no", "any", 3),
        ("run tiny --lora a", "any", 0),
        ("run ./m", "gguf", 0),
        ("run file:m", "gguf", 5),
        ("run ti", "", 0),
        ("run tiny no", "", 0),
    ],
)
def test_where_paths_stand(line: str, files: str, skip: int) -> None:
    found = candidates(line.split(" "))
    assert (found.files, found.skip) == (files, skip)


@given(st.lists(st.sampled_from([*COMMANDS, "-f", "--", "-", "--color", "--color=", "-qf", "=", "x"]), min_size=1))
def test_any_words_have_an_answer(words: list[str]) -> None:
    candidates([*words, "--"])


def test_every_word_of_the_grammar_is_plain() -> None:
    """Commands and options need no quoting in any shell."""
    plain = set(string.ascii_letters + string.digits + "-_ ")
    texts = [*COMMANDS, *(name for command in COMMANDS.values() for names, *_ in command.options for name in names)]
    assert not [text for text in texts if set(text) - plain]
