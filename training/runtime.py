"""Run a GGUF through llama.cpp's low-level bindings: tokens, logits, chat answers."""

import ctypes

import jinja2.sandbox
import llama_cpp.llama_cpp as c
import numpy as np


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def _quiet(level, text, data):
    """llama.cpp's log goes nowhere."""


class Runtime:
    """One model, one context, one sequence at a time."""

    def __init__(self, path, context=1024, threads=1):
        c.llama_log_set(_quiet, None)
        c.llama_backend_init()
        params = c.llama_model_default_params()
        params.n_gpu_layers = 0
        self.model = c.llama_model_load_from_file(str(path).encode(), params)
        if not self.model:
            raise OSError(f"llama.cpp can not load {path}")
        self.vocabulary = c.llama_model_get_vocab(self.model)
        self.size = c.llama_vocab_n_tokens(self.vocabulary)
        options = c.llama_context_default_params()
        options.n_ctx = options.n_batch = options.n_ubatch = context
        options.n_threads = options.n_threads_batch = threads
        self.context = c.llama_init_from_model(self.model, options)
        self.limit = context
        template = c.llama_model_chat_template(self.model, None).decode()
        self.template = jinja2.sandbox.ImmutableSandboxedEnvironment().from_string(template)

    def tokenize(self, text, special=False):
        """Ids of a text; control tokens are recognised only with `special`."""
        data = text.encode()
        buffer = (c.llama_token * (len(data) + 8))()
        count = c.llama_tokenize(self.vocabulary, data, len(data), buffer, len(buffer), False, special)
        return list(buffer[:count])

    def piece(self, token):
        """The bytes of a token."""
        buffer = ctypes.create_string_buffer(128)
        count = c.llama_token_to_piece(self.vocabulary, token, buffer, 128, 0, False)
        return buffer.raw[:count]

    def _decode(self, ids, start=0, every=False):
        """Run tokens at positions from `start`; logits for every one or the last."""
        batch = c.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, start + i, 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = every or i == len(ids) - 1
        result = c.llama_decode(self.context, batch)
        c.llama_batch_free(batch)
        if result:
            raise RuntimeError(f"llama_decode returned {result}")

    def _forget(self):
        c.llama_memory_clear(c.llama_get_memory(self.context), True)

    def logits(self, ids):
        """(tokens, vocabulary) scores."""
        self._forget()
        self._decode(ids, every=True)
        pointer = c.llama_get_logits(self.context)
        return np.ctypeslib.as_array(pointer, (len(ids), self.size)).copy()

    def render(self, messages):
        """The prompt's ids through the file's own chat template."""
        text = self.template.render(messages=messages, add_generation_prompt=True)
        return self.tokenize(text, special=True)

    def chat(self, messages, temperature=0.0, seed=1, limit=400):
        """The answer to a conversation."""
        return self.complete(self.render(messages), temperature, seed, limit)

    def complete(self, ids, temperature=0.0, seed=1, limit=400):
        """Continue ids until the end of the turn."""
        self._forget()
        self._decode(ids)
        sampler = self._sampler(temperature, seed)
        out, at = b"", len(ids)
        for _ in range(min(limit, self.limit - len(ids) - 1)):
            token = c.llama_sampler_sample(sampler, self.context, -1)
            if c.llama_vocab_is_eog(self.vocabulary, token):
                break
            out += self.piece(token)
            self._decode([token], at)
            at += 1
        c.llama_sampler_free(sampler)
        return out.decode(errors="replace")

    def _sampler(self, temperature, seed):
        chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
        if temperature == 0:
            parts = [c.llama_sampler_init_greedy()]
        else:
            parts = [
                c.llama_sampler_init_top_k(40),
                c.llama_sampler_init_top_p(0.95, 1),
                c.llama_sampler_init_min_p(0.05, 1),
                c.llama_sampler_init_temp(temperature),
                c.llama_sampler_init_dist(seed),
            ]
        for part in parts:
            c.llama_sampler_chain_add(chain, part)
        return chain
