"""Code blocks out of a stream: what CommonMark calls a fence, cut anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.chat.extract import Extractor
from infer.chat.utf8 import Utf8Stream


def extract(pieces: list[str], *, language: str | None = None, every: bool = False) -> str | None:
    """What stands in the blocks of a text; None: there is none."""
    extractor = Extractor(language=language, every=every)
    text = "".join(map(extractor.feed, pieces)) + extractor.finish()
    assert extractor.found or not text
    return text if extractor.found else None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```\na\n```", "a\n"),
        ("Here:\n\n```python\nprint(1)\n```\nDone.\n```\nb\n```", "print(1)\n"),
        ("~~~\na\n~~~", "a\n"),
        ("~~~ a ``` b\nx\n~~~", "x\n"),
        ("````\n```\na\n```\n````", "```\na\n```\n"),
        ("~~~\n```\na\n~~~", "```\na\n"),
        ("```\na\n~~~\n```", "a\n~~~\n"),
        ("```\na\n`````\nb", "a\n"),  # a longer fence ends it
        ("`````\na\n```\nb\n`````", "a\n```\nb\n"),
        ("```markdown\n```python\na\n```\nb", "```python\na\n"),  # a fence with something behind it ends nothing
        ("```\na\n``` b\n```", "a\n``` b\n"),
        ("```\na\n```  \t\nb", "a\n"),
        ("``` a`b\nc\n```", ""),  # a backtick in the info string: that is no fence, the last one is
        ("``\na\n``", None),
        ("a ``` b", None),
        ("`````````\n", ""),
        ("```", ""),
        ("```\n```", ""),
        ("```\n\n\n```", "\n\n"),
        ("```\na", "a"),  # not closed
        ("```\na\n", "a\n"),
        ("```\na\n``", "a\n``"),
        ("```\n  ", "  "),
        ("", None),
        ("no code", None),
    ],
)
def test_fences(text: str, code: str | None) -> None:
    """The first block alone, as it is."""
    assert extract([text]) == code
    assert extract(list(text)) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("   ```\n   a\n     b\n c\n   ```", "a\n  b\nc\n"),
        ("    ```\n    a\n    ```", None),  # indented by four: that is code already
        ("\t```\n\ta\n\t```", None),
        ("```\n    a\n    ```\n```", "    a\n    ```\n"),
        ("```\n   ```", ""),
        ("  ```\n\ta\n  ```", "  a\n"),  # two columns of a tab are left
        ("```\n\ta\n```", "\ta\n"),
        ("1. x\n\n   ```\n   a\n     b\n   ```", "a\n  b\n"),
        ("- x\n  - y\n    ```\n    a\n    ```", "a\n"),
        ("10. x\n\n    ```\n    a\n\n    b\n    ```", "a\n\nb\n"),
        ("- ```\n  a\n  ```", "a\n"),
        ("-\n  ```\n  a\n  ```", "a\n"),
        ("- x\n\ny\n\n    ```\n    a\n    ```", None),  # the list has ended
        ("1. x\n   ```\na\n   ```", "a\n"),
        ("> ```\n> a\n> ```", None),
    ],
)
def test_indentation(text: str, code: str | None) -> None:
    """What the fence is indented by is taken off the lines; a list item's indentation does not count."""
    assert extract([text]) == code
    assert extract(list(text)) == code


def test_line_ends_stay() -> None:
    assert extract(["```\r\na\r\n\r\nb\r\n```\r\nc"]) == "a\r\n\r\nb\r\n"
    assert extract(list("```py\r\na\r\n```\r\n"), language="py") == "a\r\n"
    assert extract(["```\na\u2028b\x0bc\x85d\n```"]) == "a\u2028b\x0bc\x85d\n"


@pytest.mark.parametrize(
    ("info", "language", "wanted"),
    [
        ("python", "python", True),
        ("Python", "python", True),
        ("py", "python", True),
        ("python3", "py", True),
        ("python title='a.py'", "python", True),
        ("python:a.py", "python", True),
        ("{.python .numbered}", "python", True),
        ("pythonic", "python", False),
        ("js", "javascript", True),
        ("c", "cpp", False),
        ("c++", "cpp", True),
        ("", "python", False),
    ],
)
def test_language(info: str, language: str, wanted: bool) -> None:
    """The info string's first word, in any case, with the usual short names."""
    text = f"```other\nx\n```\n```{info}\na\n```"
    assert extract([text], language=language) == ("a\n" if wanted else None)


def test_every_block() -> None:
    """One after another, nothing between them."""
    text = "```py\na\n```\nx\n~~~sh\nb\n~~~\n```py\nc"
    assert extract([text], every=True) == "a\nb\nc"
    assert extract([text], every=True, language="py") == "a\nc"
    assert extract([text]) == "a\n"


def test_text_streams_at_once() -> None:
    """Only what may be the end of the block is held."""
    extractor = Extractor()
    pieces = ["```\n", "f", "oo", "\n", "  ", "x", "\n`", "`", "y", "\n", "``", "`", "`", " ", "\n", "z"]
    assert [extractor.feed(piece) for piece in pieces] == [
        *("", "f", "oo", "\n", "", "  x", "\n", "", "``y", "\n", "", "", "", "", "", ""),
    ]


LINES = [
    "```",
    "````",
    "~~~",
    "```py",
    "   ```",
    "    ```",
    "- x",
    "  - ```",
    "1. ",
    "é",
    "\ta",
    "  b",
    "",
    "``",
    "`",
    "> ```",
    "```\t",
]
documents = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(["\n", "\r\n", "\n", ""])), max_size=12).map(
    lambda lines: "".join(line + end for line, end in lines)
)


@given(documents, st.booleans(), st.sampled_from([None, "python"]))
def test_any_cut_gives_the_same(text: str, every: bool, language: str | None) -> None:
    """Law: bytes cut anywhere give the same code."""
    whole = extract([text], every=every, language=language)
    assert extract(list(text), every=every, language=language) == whole
    data = text.encode()
    for at in range(len(data)):
        utf8 = Utf8Stream()
        pieces = [utf8.feed(data[:at]), utf8.feed(data[at:]), utf8.finish()]
        assert extract(pieces, every=every, language=language) == whole


@given(st.lists(st.text(alphabet="ab `~#\té", max_size=8), max_size=6).map("\n".join))
def test_a_fence_that_is_long_enough_brings_everything_back(code: str) -> None:
    """Law: what was put into a block comes out of it."""
    fence = "`" * (3 + code.count("`"))
    assert extract(list(f"text\n{fence}lang\n{code}\n{fence}\nmore")) == code + "\n"
