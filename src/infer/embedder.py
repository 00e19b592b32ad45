"""The keystone of embedding models, beside `llm.py`: joins text and tokens into vectors.

submit(EmbedRequest) -> id      step() -> events that carry the id      abort(id)
"""

import signal
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from infer.engine.embedding import EmbeddingEngine
from infer.engine.llama.context import AbortFlag
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.llama.pooled import checked
from infer.errors import EmptyPrompt, InferError, Interrupted, TextTooLong
from infer.types import Embedded, EmbedRequest, EngineConfig, Event, Failed


class Embedder:
    """One loaded model that makes embeddings, of several texts at once. The surface of LLM where both have one.

    Not thread-safe but for `abort_flag`. Raises BadModelFile when llama.cpp refuses the file.
    """

    warning: str | None = None  # there is no prompt cache that could have one

    def __init__(self, path: str, config: EngineConfig) -> None:
        started = perf_counter()
        self._path, self._config = path, config
        self._model = Model(path, config, Log())
        self.abort_flag = AbortFlag()
        self._engine = self._new_engine()
        self.load_seconds = perf_counter() - started
        self._requests: dict[int, EmbedRequest] = {}
        self._next_id = 0

    def _new_engine(self) -> EmbeddingEngine:
        return EmbeddingEngine(self._model, self._config, self.abort_flag)

    def serves(self, path: str, config: EngineConfig) -> bool:
        """Whether another configuration needs no other weights than those that are loaded."""
        mine = self._config
        return config.pooling is not None and (path, config.gpu_layers) == (self._path, mine.gpu_layers)

    def configure(self, config: EngineConfig) -> None:
        """Go on with another configuration that `serves`. No text may be waiting."""
        assert not self._requests, "a text would be lost"
        self._engine.close()
        self._config = config
        self._engine = self._new_engine()

    def submit(self, request: EmbedRequest, group: int = 0) -> int:
        """Queue a text; its vector comes from `step`, where only texts of one group are computed together.

        Raises EmptyPrompt, TextTooLong.
        """
        if not request.text.strip():
            raise EmptyPrompt()
        tokens = self._model.vocabulary.tokenize_whole(request.prefix + request.text)
        longest = self._config.max_context
        if len(tokens) > longest:
            raise TextTooLong(prompt=len(tokens), context=longest, trained=self._model.trained_context)
        identity = self._next_id
        self._next_id += 1
        self._engine.submit(identity, tokens, group)
        self._requests[identity] = request
        return identity

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text as it is embedded: with what the model wants around it."""
        return self._model.vocabulary.tokenize_whole(text)

    def pieces(self, tokens: list[int]) -> list[str]:
        """The text of each token; bytes that are no whole character become U+FFFD."""
        return [self._model.vocabulary.text(token) for token in tokens]

    @property
    def has_work(self) -> bool:
        """Whether `step` has anything to do."""
        return self._engine.has_work

    def step(self) -> list[Event]:
        """Compute one batch and return its vectors."""
        return [self._event(vector.id, vector.values, vector.tokens) for vector in self._engine.step()]

    def _event(self, identity: int, values: Any, tokens: int) -> Event:
        request = self._requests.pop(identity)
        try:
            vector = checked(values, normalized=request.normalized)
        except InferError as error:
            return Failed(identity, error)
        return Embedded(identity, vector.tobytes(), tokens)

    def abort(self, identity: int) -> list[Event]:
        """Take a text back; no events when its vector has been given."""
        self.abort_flag.clear()
        if self._requests.pop(identity, None) is None:
            return []
        self._engine.remove(identity)
        return [Failed(identity, Interrupted(signal=int(signal.SIGINT)))]

    def save(self, timeout: float) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Free the native memory."""
        self._engine.close()
        self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
