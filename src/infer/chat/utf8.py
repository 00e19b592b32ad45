"""Bytes as a model emits them, turned into text without ever breaking a character.

A token may end in the middle of a multi-byte character: its bytes wait here for the next token's. Bytes that
can never become a character turn into U+FFFD, as `bytes.decode("utf-8", "replace")` does.
"""

import codecs


class Utf8Stream:
    """Incremental UTF-8: the pieces of text joined equal the bytes decoded at once, however they were cut."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        """The text that is complete now; at most 3 bytes are held back."""
        return self._decoder.decode(data)

    def finish(self) -> str:
        """What is left: nothing, or one U+FFFD for a character that was cut off."""
        return self._decoder.decode(b"", final=True)
