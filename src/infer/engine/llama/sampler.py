"""llama.cpp's own samplers, chained in llama.cpp's own order."""

from typing import TYPE_CHECKING, Any

from infer.engine.constraint import Matcher
from infer.engine.llama.library import bindings
from infer.engine.llama.vocabulary import Vocabulary
from infer.types import SamplingParams

if TYPE_CHECKING:
    from infer.engine.llama.candidates import Candidates  # numpy: only who constrains needs it

_PENALTY_WINDOW = 64  # tokens; llama.cpp's default for repeat_last_n
_MIN_KEEP = 1


class Sampler:
    """A sampler chain for one sequence: penalties, top-k, top-p, min-p, temperature, then the draw.

    The order is that of llama.cpp's `common_params_sampling`; a temperature of 0 or less is greedy.
    """

    def __init__(self, params: SamplingParams, seed: int, vocabulary: Vocabulary) -> None:
        self._chain: Any = bindings.llama_sampler_chain_init(bindings.llama_sampler_chain_default_params())
        for stage in _stages(params, seed, vocabulary.size):
            bindings.llama_sampler_chain_add(self._chain, stage)
        self.keeps_history = _has_penalties(params)
        self.is_argmax = params.temperature <= 0 and not self.keeps_history

    def accept(self, token: int) -> None:
        """Tell the penalties of a token that was not drawn here, for example one of the prompt."""
        bindings.llama_sampler_accept(self._chain, token)

    def sample(self, context: Any, row: int) -> int:
        """Draw a token from the logits of `row` of the last decode; the chain accepts it itself."""
        return int(bindings.llama_sampler_sample(self._chain, context, row))

    def sample_matching(self, logits: Any, matcher: Matcher, candidates: "Candidates") -> int | None:
        """Draw a token that fits a constraint, and have both accept it; None where no token fits.

        As llama.cpp's own tools do it: the constraint is asked about the token that was drawn, and about all others
        only when that one does not fit.
        """
        token = candidates.draw(self._chain, logits)
        if token is None or not matcher.accept(token):
            token = candidates.draw(self._chain, logits, matcher.allowed())
            if token is None or not matcher.accept(token):
                return None
        self.accept(token)
        return token

    def close(self) -> None:
        """Free the native memory."""
        if self._chain:
            bindings.llama_sampler_free(self._chain)
            self._chain = None


def _has_penalties(params: SamplingParams) -> bool:
    return params.repeat_penalty != 1 or params.presence_penalty != 0 or params.frequency_penalty != 0


def _stages(params: SamplingParams, seed: int, vocabulary_size: int) -> list[Any]:
    stages = []
    if _has_penalties(params):
        stages.append(
            bindings.llama_sampler_init_penalties(
                vocabulary_size,
                _PENALTY_WINDOW,
                params.repeat_penalty,
                params.frequency_penalty,
                params.presence_penalty,
            )
        )
    if params.temperature <= 0:
        return [*stages, bindings.llama_sampler_init_greedy()]
    if params.top_k > 0:
        stages.append(bindings.llama_sampler_init_top_k(params.top_k))
    if params.top_p < 1:
        stages.append(bindings.llama_sampler_init_top_p(params.top_p, _MIN_KEEP))
    if params.min_p > 0:
        stages.append(bindings.llama_sampler_init_min_p(params.min_p, _MIN_KEEP))
    stages.append(bindings.llama_sampler_init_temp(params.temperature))
    return [*stages, bindings.llama_sampler_init_dist(seed)]
