"""What every part of a line is read with: the complaint, and texts."""

from typing import Any


class BadItem(Exception):
    """What is wrong with a line, in words for its record."""


def text_of(value: Any, what: str) -> str:
    """A text that can be encoded; what: its name in the complaint."""
    if not isinstance(value, str):
        raise BadItem(f"{what} is not a text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadItem(f"{what} has a half of a character (a lone surrogate)") from error
    return value
