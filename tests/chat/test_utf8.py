"""Characters are never broken, however the bytes are cut."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.chat.utf8 import Utf8Stream


def decode(chunks: list[bytes]) -> str:
    stream = Utf8Stream()
    return "".join(stream.feed(chunk) for chunk in chunks) + stream.finish()


@given(st.lists(st.binary(max_size=8)))
def test_any_cut_of_any_bytes_gives_the_same_text(chunks: list[bytes]) -> None:
    """Also bytes that are not UTF-8: the result is that of decoding all at once, with U+FFFD."""
    assert decode(chunks) == b"".join(chunks).decode("utf-8", "replace")


def test_500_strings_cut_at_every_byte() -> None:
    """Emoji with joiners, CJK, combining marks: no U+FFFD appears, whichever byte the cut falls on."""
    chance = random.Random(7)
    signs = ["👩‍👩‍👧", "🇸🇪", "日本語", "e\u0301", "\u0e19\u0e49\u0e33", "ß", "a", "\U0010ffff", " ", "\n"]
    for _ in range(500):
        text = "".join(chance.choices(signs, k=6))
        data = text.encode()
        for cut in range(len(data) + 1):
            assert decode([data[:cut], data[cut:]]) == text


def test_text_comes_as_soon_as_the_character_is_complete() -> None:
    """The first three bytes of an emoji wait, the fourth brings it out."""
    stream = Utf8Stream()
    assert [stream.feed(bytes([byte])) for byte in "a👍b".encode()] == ["a", "", "", "", "👍", "b"]


@pytest.mark.parametrize(
    "data", [b"\xff", b"\xc3", b"\xf7\xbf\xbf\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"]
)
def test_what_is_not_utf8_becomes_replacement_characters(data: bytes) -> None:
    """Lone, truncated and overlong bytes, surrogates and code points beyond the last one."""
    text = decode([bytes([byte]) for byte in data])
    assert text
    assert set(text) == {"\ufffd"}
