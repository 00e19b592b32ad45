"""What every part of a line is read with: the complaint, and texts."""

from typing import Any


class BadItem(Exception):
    """What is wrong with a line, in words for its record: half characters that the line has are spelt in them."""

    def __init__(self, problem: str) -> None:
        super().__init__(encodable(problem))


def encodable(text: str) -> str:
    r"""A text with half characters (lone surrogates) spelt out, as `\ud800`: UTF-8 has none of them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def text_of(value: Any, what: str) -> str:
    """A text that can be encoded; what: its name in the complaint."""
    if not isinstance(value, str):
        raise BadItem(f"{what} is not a text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadItem(f"{what} has a half of a character (a lone surrogate)") from error
    return value
