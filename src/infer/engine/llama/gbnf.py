"""A grammar in GBNF, followed by llama.cpp's own grammar sampler.

llama.cpp ends the process when it is given a token that does not fit, so each token is asked for first.
"""

import ctypes

from infer.engine.llama.candidates import Candidates
from infer.engine.llama.library import bindings
from infer.engine.llama.vocabulary import Vocabulary
from infer.errors import UsageError

_REFUSED = float("-inf")
_ROOT = "infer-answer"  # a rule that may start with newlines; a user's rule of this name would be replaced


class GbnfMatcher:
    """One answer under a grammar. after_reasoning: newlines may stand in front of it.

    Raises UsageError when llama.cpp refuses the grammar.
    """

    def __init__(self, grammar: str, vocabulary: Vocabulary, candidates: Candidates, *, after_reasoning: bool) -> None:
        root = "root"
        if after_reasoning:
            root = _ROOT
            grammar = f'{grammar}\n{_ROOT} ::= "\\n"{{0,2}} root\n'
        self._sampler = vocabulary.grammar_sampler(grammar, root)
        if not self._sampler:
            raise UsageError(
                what="llama.cpp refuses the grammar", hint="a rule that begins with itself, or too many repetitions"
            )
        self._vocabulary = vocabulary
        self._candidates = candidates
        self._one = (bindings.llama_token_data * 1)()

    @property
    def satisfied(self) -> bool:
        """Whether the answer may end here."""
        return any(map(self._fits, self._vocabulary.ends[:1]))

    @property
    def done(self) -> bool:
        """llama.cpp does not tell; the end is then the only token that fits."""
        return False

    @property
    def problem(self) -> str:
        """llama.cpp gives no reasons."""
        return ""

    def accept(self, token: int) -> bool:
        """Take the next token if it fits."""
        fits = self._fits(token)
        if fits:
            bindings.llama_sampler_accept(self._sampler, token)
        return fits

    def allowed(self) -> bytes:
        """The tokens that fit, a bit each; llama.cpp looks at every token of the vocabulary for that."""
        return self._candidates.allowed_by(self._sampler)

    def close(self) -> None:
        """Free the native memory."""
        if self._sampler:
            bindings.llama_sampler_free(self._sampler)
            self._sampler = None

    def _fits(self, token: int) -> bool:
        self._one[0] = bindings.llama_token_data(token, 1.0, 0.0)
        array = bindings.llama_token_data_array(self._one, 1, -1, False)
        bindings.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return bool(self._one[0].logit != _REFUSED)
