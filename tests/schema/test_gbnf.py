"""The syntax of GBNF: llama.cpp's own examples pass; what is wrong is named with line and column."""

import pytest

from infer.errors import UsageError
from infer.schema.gbnf import check_grammar

GOOD = {
    "literal": 'root ::= "yes" | "no"',
    "rules": 'root ::= item+\nitem ::= "- " [^\\n]+ "\\n"\n',
    "comment": '# a comment\nroot ::= "a" # and here\n\n# end',
    "group": 'root ::= (\n  "a" |\n  "b"\n) "c"?',
    "alternative-lines": 'root ::= "a" |\n  "b"\n',
    "escapes": 'root ::= "\\x41\\u00e4\\U0001F98A\\t\\r\\n\\\\\\"\\[\\]\\-" [\\]\\[\\-a-z]',
    "repetitions": 'root ::= "a"{2} "b"{2,} "c"{2,5} "d"{0,1}* [0-9]+ "e"?',
    "any": "root ::= .",
    "empty-alternative": 'root ::= "a" |',
    "negated": "root ::= [^a-z]* [^x]",
    "tokens": "root ::= <think> !<[1]> <|end|>",
    "unicode": 'root ::= "日本" [ä-ü]',
    "numbers-in-names": 'root ::= r2-d2\nr2-d2 ::= "x"',
    "carriage-returns": 'root ::= a\r\na ::= "x"\r\n',
}
BAD = {
    "no-arrow": ('root = "a"', "g:1:6: expected '::=', found '='"),
    "no-name": ('::= "a"', "g:1:1: expected the name of a rule (letters, digits and -), found ':'"),
    "open-literal": ('root ::= "a', 'g:1:10: this has no end: " is missing'),
    "open-class": ("root ::= [a-z", "g:1:10: this has no end: ] is missing"),
    "open-group": ('root ::= ("a" | "b"', "g:1:10: this has no end: ) is missing"),
    "close-group": ('root ::= "a")', "g:1:13: expected the end of the line, or something that can stand in a rule"),
    "nothing-to-repeat": ("root ::= *", "g:1:10: there is nothing in front that could be repeated"),
    "backwards": ('root ::= "a"{3,1}', "g:1:13: a repetition from 3 to 1"),
    "too-many": ('root ::= "a"{99999}', "g:1:13: more than 2,000 repetitions"),
    "no-number": ('root ::= "a"{x}', "g:1:13: expected a repetition: {2}, {2,} or {2,5}"),
    "escape": ('root ::= "\\q"', "g:1:11: there is no such escape"),
    "short-hex": ('root ::= "\\x4"', "g:1:11: there is no such escape"),
    "undefined": ('root ::= "a"\n  | item\n', "g:2:3: expected the name of a rule"),
    "undefined-rule": ('root ::= "a" item\nother ::= "b"', "g:1:14: there is no rule 'item'"),
    "second-line": ('root ::= a\na ::= "x" ^', "g:2:11: expected the end of the line"),
    "open-token": ("root ::= <think", "g:1:10: expected a token: <name> or <[id]>"),
    "nul": ('root ::= "\0"', "g:1:11: a NUL character"),
}


@pytest.mark.parametrize("grammar", GOOD.values(), ids=GOOD)
def test_grammars_that_llama_cpp_takes_pass(grammar: str) -> None:
    check_grammar(grammar, "g")


@pytest.mark.parametrize(("grammar", "message"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named_with_line_and_column(grammar: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_grammar(grammar, "g")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("grammar", ["", "# nothing", 'item ::= "a"'])
def test_a_grammar_needs_a_root(grammar: str) -> None:
    with pytest.raises(UsageError, match="there is no rule 'root'"):
        check_grammar(grammar, "g")
