"""A model's vocabulary: text to token ids and back."""

import ctypes
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from infer.engine.llama.library import bindings

_PIECE_BYTES = 256
_CONTROL = bindings.LLAMA_TOKEN_ATTR_CONTROL | bindings.LLAMA_TOKEN_ATTR_UNKNOWN


class Vocabulary:
    """Borrows the model's `llama_vocab`; valid while the model is open."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer
        self._piece_buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        self.size: int = bindings.llama_vocab_n_tokens(pointer)
        self.bos: int = bindings.llama_vocab_bos(pointer)
        self.eos: int = bindings.llama_vocab_eos(pointer)
        self.adds_bos: bool = bindings.llama_vocab_get_add_bos(pointer)

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Token ids of `text`, without BOS or EOS.

        special: the text of a control token becomes that token; otherwise it stays text.
        """
        return self._tokenize(text, ends=False, special=special)

    def _tokenize(self, text: str, *, ends: bool, special: bool) -> list[int]:
        data = text.encode("utf-8")
        capacity = len(data) // 3 + 16
        while True:
            buffer = (bindings.llama_token * capacity)()
            count = bindings.llama_tokenize(self._pointer, data, len(data), buffer, capacity, ends, special)
            if count >= 0:
                return list(buffer[:count])
            capacity = -count

    def tokenize_whole(self, text: str) -> list[int]:
        """Token ids of a text with what the model wants around it (BOS or CLS, EOS or SEP); control texts stay text."""
        return self._tokenize(text, ends=True, special=False)

    def tokenize_inside(self, text: str, *, special: bool) -> list[int]:
        """Token ids of text that goes on in the middle of a word: without SentencePiece's dummy space."""
        if not self.adds_space:
            return self.tokenize(text, special=special)
        tokens = self.tokenize("\n" + text, special=special)
        before = b""
        for count, token in enumerate(tokens, 1):
            before += self.piece(token, special=True)
            if before == b" \n":
                return tokens[count:]
        return self.tokenize(text, special=special)

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of one token; a control token has none unless `special`."""
        buffer, capacity = self._piece_buffer, _PIECE_BYTES
        count = bindings.llama_token_to_piece(self._pointer, token, buffer, capacity, 0, special)
        if count < 0:
            capacity = -count
            buffer = ctypes.create_string_buffer(capacity)
            count = bindings.llama_token_to_piece(self._pointer, token, buffer, capacity, 0, special)
        return ctypes.string_at(buffer, count)

    def pieces(self) -> list[bytes]:
        """The bytes of every token, as `piece` has them: in one loop, because 150k calls take 0.1 s anyway."""
        pointer, buffer, size = self._pointer, self._piece_buffer, _PIECE_BYTES
        to_piece, string_at = bindings.llama_token_to_piece, ctypes.string_at
        counts = (to_piece(pointer, token, buffer, size, 0, False) for token in range(self.size))
        return [string_at(buffer, n) if n >= 0 else self.piece(token) for token, n in enumerate(counts)]

    def spells(self, tokens: Sequence[int], text: bytes) -> bool:
        """Whether these ids, of any origin, are tokens of this vocabulary and their bytes are `text`."""
        if not all(0 <= token < self.size for token in tokens):
            return False
        return b"".join(map(self.piece, tokens)) == text

    def text(self, token: int) -> str:
        """The text of a token as the vocabulary spells it, '' for none (id < 0)."""
        return self.piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""

    def ends_generation(self, token: int) -> bool:
        """Whether the model says with this token that it has finished."""
        return bool(bindings.llama_vocab_is_eog(self._pointer, token))

    def control_tokens(self, tokens: list[int]) -> list[int]:
        """Those of the ids that only `tokenize(special=True)` makes, in order."""
        attributes = bindings.llama_vocab_get_attr
        return [token for token in tokens if attributes(self._pointer, token) & _CONTROL]

    @cached_property
    def control_texts(self) -> tuple[str, ...]:
        """The texts that `tokenize(special=True)` turns into control tokens. Walks the vocabulary: 50 ms at 150k."""
        texts = map(self.text, self.control_tokens(list(range(self.size))))
        return tuple(text for text in texts if text)

    def grammar_sampler(self, grammar: str, root: str) -> Any:
        """A native sampler that refuses what a GBNF grammar does, the caller's to free; None when it is refused."""
        return bindings.llama_sampler_init_grammar(self._pointer, grammar.encode("utf-8"), root.encode("utf-8"))

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """All tokens that end generation. Walks the vocabulary: 30 ms at 150k."""
        return tuple(token for token in range(self.size) if self.ends_generation(token))

    @cached_property
    def longest_piece(self) -> int:
        """Bytes of the longest token. Walks the vocabulary."""
        return max(len(self.piece(token, special=True)) for token in range(self.size))

    @cached_property
    def adds_space(self) -> bool:
        """Whether tokenising puts a space before the text (SentencePiece's dummy prefix)."""
        first = self.tokenize("a", special=False)[:1]
        return bool(first) and self.piece(first[0]).startswith(b" ")
