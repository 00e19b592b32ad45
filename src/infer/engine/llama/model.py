"""One loaded model: weights and vocabulary. The native memory has this one owner."""

import ctypes
import os
from types import TracebackType
from typing import Any, Self

from infer.engine.identity import shards, stamps
from infer.engine.llama.library import bindings
from infer.engine.llama.log import Log
from infer.engine.llama.placement import Placement
from infer.engine.llama.state import MemoryKind, memory_kind
from infer.engine.llama.threads import start_threads
from infer.engine.llama.vocabulary import Vocabulary
from infer.errors import BadModelFile, EngineFailure
from infer.types import EngineConfig


class Model:
    """A GGUF file loaded by llama.cpp.

    Weights are memory-mapped and, unless asked for, not repacked: repacking doubles the load time, gives up the map
    and slows prefill on the CPUs measured (docs/PERFORMANCE.md).
    """

    def __init__(self, path: str, config: EngineConfig, log: Log) -> None:
        self.log = log
        self.files = stamps([*shards(path), *(lora for lora, _ in config.lora)])  # as they were before the load
        start_threads(config.threads)
        self._adapters: list[tuple[Any, float]] = []
        params = bindings.llama_model_default_params()
        params.n_gpu_layers = config.gpu_layers
        params.load_mode = bindings.LLAMA_LOAD_MODE_MMAP
        params.use_extra_bufts = config.repack
        placement = Placement(config)
        placement.put_into(params)
        self.pointer: Any = bindings.llama_model_load_from_file(os.fsencode(path), params)
        if not self.pointer:
            raise BadModelFile(path=path, why=log.last_error() or "llama.cpp refuses it")
        self.vocabulary = Vocabulary(bindings.llama_model_get_vocab(self.pointer))
        for lora, scale in config.lora:
            self._load_adapter(lora, scale, log)

    def _load_adapter(self, path: str, scale: float, log: Log) -> None:
        adapter = bindings.llama_adapter_lora_init(self.pointer, os.fsencode(path))
        if not adapter:
            why = log.last_error().partition("; ")[0] or "llama.cpp refuses it"
            raise BadModelFile(path=path, why=f"not a LoRA adapter for this model ({why})")
        self._adapters.append((adapter, scale))

    def apply_adapters(self, context: Any) -> None:
        """Put the LoRA adapters, if any, onto a new context."""
        if not self._adapters:
            return
        count = len(self._adapters)
        adapters = (bindings.llama_adapter_lora_p_ctypes * count)(*(a for a, _ in self._adapters))
        scales = (ctypes.c_float * count)(*(scale for _, scale in self._adapters))
        if bindings.llama_set_adapters_lora(context, adapters, count, scales):
            raise EngineFailure(what="llama.cpp could not apply the LoRA adapter")

    @property
    def trained_context(self) -> int:
        """Positions the model was trained for."""
        return int(bindings.llama_model_n_ctx_train(self.pointer))

    @property
    def chat_template(self) -> str | None:
        """The Jinja source in the file, None where it has none."""
        source = bindings.llama_model_chat_template(self.pointer, None)
        return None if source is None else source.decode("utf-8", "replace")

    @property
    def generates(self) -> bool:
        """Whether it is a decoder that answers, not an encoder (embeddings, rerankers) or a diffusion model."""
        return (
            bool(bindings.llama_model_has_decoder(self.pointer))
            and not bindings.llama_model_has_encoder(self.pointer)
            and not bindings.llama_model_is_diffusion(self.pointer)
        )

    @property
    def encodes(self) -> bool:
        """Whether it has an encoder and nothing else (T5's); BERT and its kin are decoders to llama.cpp."""
        return not bindings.llama_model_has_decoder(self.pointer)

    @property
    def memory_kind(self) -> MemoryKind:
        """What its KV memory can do."""
        return memory_kind(self.pointer)

    @property
    def sliding_window(self) -> int:
        """Positions that its windowed layers see, 0 where every layer sees all."""
        return int(bindings.llama_model_n_swa(self.pointer))

    @property
    def rotation_border(self) -> int | None:
        """The size of a context above which RoPE may be another one; None where it is the same at every size.

        llama.cpp takes the tensor `rope_factors_long` where the context is larger than the original one, whatever the
        file says of its scaling (Phi-3 says nothing). Linear scaling and YaRN are the same at every size. No key of
        the prompt cache knows the size of the context.
        """
        scaling, original = self._metadata("rope.scaling.type"), self._metadata("rope.scaling.original_context_length")
        border = int(original) if original.isdigit() else self.trained_context
        extended = border < self.trained_context
        return border if scaling == "longrope" or (extended and scaling not in ("linear", "yarn")) else None

    def _metadata(self, key: str) -> str:
        buffer = ctypes.create_string_buffer(256)
        get = bindings.llama_model_meta_val_str
        get(self.pointer, b"general.architecture", buffer, 256)
        architecture = buffer.value
        found = get(self.pointer, architecture + b"." + key.encode(), buffer, 256)
        return buffer.value.decode("utf-8", "replace") if found >= 0 else ""

    def close(self) -> None:
        """Free the native memory; every context of it must be closed before."""
        if self.pointer:
            bindings.llama_model_free(self.pointer)
            self.pointer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
