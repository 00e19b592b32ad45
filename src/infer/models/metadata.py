"""What a model's header means: checks the pairs llama.cpp builds a model from, and gives them as Metadata.

Several files (`NAME-00001-of-0000N.gguf`) are one model: the first describes it, all are counted.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from infer.errors import BadModelFile
from infer.models import ggml
from infer.models.gguf import TEXT, TOKENS, Array, Header, read_header, shown
from infer.models.layout import Layout
from infer.types import Metadata, Pooling

LAYER_LIMIT = 512  # LLAMA_MAX_LAYERS: llama.cpp aborts above it
CONTEXT_LIMIT = 1 << 28  # tokens; the longest trained context in use is 10,485,760
WIDTH_LIMIT = 1 << 20
TEMPLATE_LIMIT = 1 << 20  # bytes of a chat template
_SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf\Z", re.DOTALL)
_SAMPLING = {
    "temp": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "penalty_repeat": "repeat_penalty",
}
_POOLING: tuple[Pooling, ...] = ("none", "mean", "cls", "last", "rank")  # enum llama_pooling_type, from 0
# Architectures that llama.cpp computes without a KV memory: every token sees every other one, whatever the file says.
_BIDIRECTIONAL = (
    *("bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert", "modern-bert"),
    *("gemma-embedding", "t5encoder", "dream", "llada", "llada-moe", "rnd1"),
)
_NOT_MODELS = {
    "mmproj": "it is a projector for images or sound (mmproj)",
    "adapter": "it is a LoRA adapter",
    "imatrix": "it is an importance matrix (imatrix)",
    "vocab": "it is a vocabulary",
}


def shard_paths(path: str) -> tuple[str, ...]:
    """All files of the model that `path` belongs to by its name, in order; (path,) for a single one."""
    match = _SHARD.fullmatch(path)
    if match is None or not 0 < int(match["number"]) <= int(match["count"]):
        return (path,)
    count = match["count"]
    return tuple(f"{match['stem']}-{number:05d}-of-{count}.gguf" for number in range(1, int(count) + 1))


def read_headers(path: str) -> tuple[Header, ...]:
    """The headers of all files of the model at `path` (any of its files), in order.

    Raises FileUnreadable when `path` cannot be read, BadModelFile when it or one of its other files is bad or
    missing.
    """
    given = read_header(path)
    paths = shard_paths(path)
    count = given.pairs.get("split.count", 1)
    if type(count) is not int or count < 1:
        raise BadModelFile(path=path, why="split.count, the number of its files, is not a positive number")
    if count == 1:
        return (given,)
    if len(paths) != count:
        why = f"it is one of {count:,} files of a model, which have to be named NAME-00001-of-{count:05d}.gguf"
        raise BadModelFile(path=path, why=why)
    for index, part in enumerate(paths):
        if not Path(part).exists():
            why = f"part {index + 1} of {count} is missing: {Path(part).name} (split.count is {count})"
            raise BadModelFile(path=path, why=why, hint="download it into the same directory")
    headers = tuple(given if part == path else read_header(part) for part in paths)
    for index, header in enumerate(headers):
        if (header.pairs.get("split.no"), header.pairs.get("split.count")) != (index, count):
            raise BadModelFile(path=header.path, why=f"it does not say it is part {index + 1} of {count}")
    return headers


def describe(headers: Sequence[Header]) -> Metadata:
    """What the headers of one model's files say together. Raises BadModelFile."""
    return _Description(headers).metadata()


class _Description:
    """The pairs of a model's first file, read by type; what does not fit is refused with the file's name."""

    def __init__(self, headers: Sequence[Header]) -> None:
        self.headers = headers
        self.path, self.pairs = headers[0].path, headers[0].pairs

    def refuse(self, why: str) -> NoReturn:
        raise BadModelFile(path=self.path, why=why)

    def text(self, key: str, *, strict: bool = True) -> str | None:
        """A text, None where it is absent; `strict` refuses what is not UTF-8 instead of replacing it."""
        value = self.pairs.get(key)
        if value is None:
            return None
        if not isinstance(value, bytes):
            self.refuse(f"{key} is not a text")
        try:
            return value.decode("utf-8", "strict" if strict else "replace")
        except UnicodeDecodeError as error:
            self.refuse(f"{key} is not valid UTF-8 (byte {error.start}): {shown(value[error.start :])}")

    def integer(self, key: str, default: int | None, low: int, high: int) -> int:
        """A number in low..high; `default` None: it has to be there."""
        value = self.pairs.get(key, default)
        if value is None:
            self.refuse(f"it has no {key}")
        if type(value) is not int:
            self.refuse(f"{key} is not a whole number")
        if not low <= value <= high:
            self.refuse(f"{key} is {value:,}; {low:,} to {high:,} are possible")
        return value

    def check_epsilon(self, architecture: str) -> None:
        """llama.cpp aborts on a norm whose epsilon is negative or no number."""
        for name in ("layer_norm_rms_epsilon", "layer_norm_epsilon"):
            value = self.pairs.get(f"{architecture}.attention.{name}", 0.0)
            if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                self.refuse(f"{architecture}.attention.{name} is not a number of at least 0")

    def per_layer(self, key: str, layers: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """A number for each layer, from one number for all or an array."""
        value = self.pairs.get(key)
        if value is None:
            return default
        if not isinstance(value, Array):
            return (self.integer(key, None, 0, WIDTH_LIMIT),) * layers
        if len(value.numbers) < layers:
            self.refuse(f"{key} has {len(value.numbers):,} entries for {layers} layers")
        heads = tuple(number for number in value.numbers[:layers] if type(number) is int)
        if len(heads) != layers or not all(0 <= number <= WIDTH_LIMIT for number in heads):
            self.refuse(f"{key} has entries that are not numbers of heads")
        return heads

    def metadata(self) -> Metadata:
        architecture = self.architecture()
        self.check_epsilon(architecture)
        vocabulary = self.vocabulary()
        layers = self.integer(f"{architecture}.block_count", None, 1, LAYER_LIMIT)
        width = self.integer(f"{architecture}.embedding_length", None, 1, WIDTH_LIMIT)
        heads, heads_kv = self.heads(architecture, layers)
        key_length, value_length = self.head_lengths(architecture, width, heads)
        layout = Layout(self.pairs, architecture, layers, width)
        return Metadata(
            architecture=architecture,
            name=self.text("general.name", strict=False) or Path(self.path).stem,
            context_length=self.integer(f"{architecture}.context_length", None, 1, CONTEXT_LIMIT),
            block_count=layers,
            embedding_length=width,
            head_count=heads,
            head_count_kv=layout.keeping(heads_kv),
            key_length=key_length,
            value_length=0 if layout.latent else value_length,
            vocab_size=vocabulary,
            file_size=sum(header.identity.size for header in self.headers),
            tensor_bytes=sum(sum(header.bytes_by_type.values()) for header in self.headers),
            parameter_count=self.parameters(),
            quantization=self.quantization(),
            tokenizer=self.text("tokenizer.ggml.model") or "",
            chat_template=self.chat_template(),
            license=self.text("general.license", strict=False),
            sliding_window=self.window(architecture),
            pooling=self.pooling(architecture),
            causal=self.causal(architecture),
            sampling=self.sampling(),
            windowed=layout.windowed(),
            window_lengths=layout.window_lengths(),
            state_bytes=layout.state_bytes(heads_kv),
            feed_forward=layout.feed_forward(),
            experts=layout.experts(),
            expert_bytes=self.role("experts"),
            lookup_bytes=self.role("rows") + (self.role("embedding") if self.role("output") else 0),
            output_bytes=self.role("output") or self.role("embedding"),
            inner=layout.inner(),
        )

    def window(self, architecture: str) -> int | None:
        """The sliding window, None where there is none."""
        return self.integer(f"{architecture}.attention.sliding_window", 0, 0, CONTEXT_LIMIT) or None

    def role(self, name: str) -> int:
        """Bytes of the tensors of a role (gguf.Header.roles)."""
        return sum(header.roles.get(name, (0, 0))[1] for header in self.headers)

    def architecture(self) -> str:
        kind = self.text("general.type") or ""
        if kind in _NOT_MODELS:
            self.refuse(f"{_NOT_MODELS[kind]}, not a model")
        name = self.text("general.architecture")
        if not name:
            self.refuse("it has no general.architecture")
        if name == "clip":
            self.refuse(f"{_NOT_MODELS['mmproj']}, not a model")
        if not (name.isascii() and name.isprintable() and len(name) <= 64):
            self.refuse(f"general.architecture is {shown(name.encode())}")
        return name

    def vocabulary(self) -> int:
        """The number of tokens, once nothing about them makes llama.cpp abort."""
        tokens, model = self.pairs.get(TOKENS), self.text("tokenizer.ggml.model")
        if model in {None, "", "none", "no_vocab"} or tokens is None:
            missing = "tokenizer.ggml.model" if tokens is not None else TOKENS
            self.refuse(f"it has no tokenizer ({missing} is missing)")
        if not isinstance(tokens, Array) or tokens.kind != TEXT:
            self.refuse(f"{TOKENS} is not an array of texts")
        if not tokens.count:
            self.refuse("its vocabulary is empty")
        self.parallel("tokenizer.ggml.token_type", tokens.count, kinds={4, 5})
        self.parallel("tokenizer.ggml.scores", tokens.count, kinds={6})
        merges = self.pairs.get("tokenizer.ggml.merges")
        if model == "gpt2" and not (isinstance(merges, Array) and merges.kind == TEXT):
            self.refuse("it has no tokenizer.ggml.merges, which a gpt2 tokenizer needs")
        self.distinct(tokens.texts)
        return tokens.count

    def parallel(self, key: str, count: int, kinds: set[int]) -> None:
        """An array beside the tokens has an element of the right type for each of them."""
        value = self.pairs.get(key)
        if value is None:
            return
        if not isinstance(value, Array) or value.kind not in kinds:
            self.refuse(f"{key} is not an array of the right type")
        if value.count != count:
            self.refuse(f"{key} has {value.count:,} entries for {count:,} tokens")

    def distinct(self, tokens: list[bytes]) -> None:
        """No two tokens are equal to llama.cpp, which ends each at a NUL and names empty ones [EMPTY_n]."""
        if b"\0" in b"".join(tokens):
            tokens = [token.split(b"\0", 1)[0] for token in tokens]
        unique = set(tokens)
        if len(unique) == len(tokens) and b"" not in unique:
            return
        seen: dict[bytes, int] = {}
        for index, token in enumerate(tokens):
            first = seen.setdefault(token or b"[EMPTY_%d]" % index, index)
            if first != index:
                self.refuse(f"the tokens {first:,} and {index:,} are the same: {shown(token)}")

    def heads(self, architecture: str, layers: int) -> tuple[int, tuple[int, ...]]:
        """Attention heads (the largest layer's) and KV heads of each layer."""
        key = f"{architecture}.attention.head_count"
        heads = self.per_layer(key, layers, (0,) * layers)
        heads_kv = self.per_layer(f"{key}_kv", layers, heads)
        recurrent = any(name.startswith((f"{architecture}.ssm.", f"{architecture}.wkv.")) for name in self.pairs)
        if not max(heads) and not recurrent:
            self.refuse(f"{key} is 0 or missing")
        for layer, (queries, keys) in enumerate(zip(heads, heads_kv, strict=True)):
            if keys and (queries % keys or not queries):
                self.refuse(f"layer {layer} has {queries:,} heads, which {keys:,} KV heads cannot be shared by")
        return max(heads), heads_kv

    def head_lengths(self, architecture: str, width: int, heads: int) -> tuple[int, int]:
        """Elements of one head's key and value; without a key of their own, the width over the heads."""
        keys = [f"{architecture}.attention.{name}_length" for name in ("key", "value")]
        if heads and width % heads and not all(key in self.pairs for key in keys):
            self.refuse(f"{architecture}.embedding_length is {width:,}, not a multiple of its {heads:,} heads")
        default = width // heads if heads else 0
        low = 1 if heads else 0
        key_length, value_length = (self.integer(key, default, low, WIDTH_LIMIT) for key in keys)
        return key_length, value_length

    def parameters(self) -> int:
        if not any(header.tensors for header in self.headers):
            self.refuse("it has no weights (a vocabulary alone)")
        return sum(header.parameters for header in self.headers)

    def quantization(self) -> str:
        """The name of general.file_type; where it says nothing, the type of most of the weights."""
        value = self.pairs.get("general.file_type")
        if value is not None and type(value) is not int:
            self.refuse("general.file_type is not a whole number")
        named = ggml.FILE_TYPES.get(-1 if value is None else value & ~ggml.GUESSED)
        if named is not None:
            return named
        totals: dict[int, int] = {}
        for header in self.headers:
            for kind, size in header.bytes_by_type.items():
                totals[kind] = totals.get(kind, 0) + size
        return ggml.TENSOR_TYPES[max(totals, key=lambda kind: totals[kind])][0]

    def chat_template(self) -> str | None:
        template = self.text("tokenizer.chat_template")
        if template is not None and len(template) > TEMPLATE_LIMIT:
            self.refuse(f"its chat template has {len(template):,} characters")
        return template

    def pooling(self, architecture: str) -> Pooling | None:
        """How it makes one vector of many; None where the file does not say."""
        key = f"{architecture}.pooling_type"
        return _POOLING[self.integer(key, None, 0, len(_POOLING) - 1)] if key in self.pairs else None

    def causal(self, architecture: str) -> bool:
        """Whether a token sees only those before it."""
        key = f"{architecture}.attention.causal"
        value = self.pairs.get(key, True)
        if not isinstance(value, bool):
            self.refuse(f"{key} is neither true nor false")
        return value and architecture not in _BIDIRECTIONAL

    def sampling(self) -> dict[str, float]:
        """`general.sampling.*` under our names."""
        found: dict[str, float] = {}
        for theirs, ours in _SAMPLING.items():
            value = self.pairs.get(f"general.sampling.{theirs}")
            if value is None:
                continue
            if not isinstance(value, int | float) or not math.isfinite(value):
                self.refuse(f"general.sampling.{theirs} is not a finite number")
            if ours not in ("temperature",) and value < 0:
                self.refuse(f"general.sampling.{theirs} is negative")
            found[ours] = float(f"{value:.7g}") if isinstance(value, float) else value  # an f32's 0.7 is 0.7
        return found
