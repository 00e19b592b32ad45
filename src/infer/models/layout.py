"""What the layers of a model keep: which have a sliding window, which are recurrent, how large their state is.

Some architectures say it in the header, of others llama.cpp knows it; the tables below are what llama.cpp's models
do (src/models/*.cpp). What is not understood counts as full attention, which never needs less memory.
"""

from collections.abc import Mapping

from infer.models.gguf import Array, Value

# architecture -> (one layer in so many attends to everything, whether it is the first of them and not the last)
_PATTERNS = {
    "gemma2": (2, False),
    "gemma3": (6, False),
    "gemma3n": (5, False),
    "gpt-oss": (2, False),
    "cohere2": (4, False),
    "olmo2": (4, False),
    "exaone4": (4, False),
    "mellum": (4, False),
    "muse-glimmer": (4, False),
    "smallthinker": (4, True),
    "laguna": (4, True),
}
# llama.cpp takes the pattern of these from the header, an array of one entry a layer
_SAID = ("gemma4", "step35", "mimo2")
# one layer in so many has attention, the others a gated delta net
_DELTA_NETS = ("qwen35", "qwen35moe", "qwen3next")
_RECURRENT = ("mamba", "mamba2", "granitehybrid", "lfm2", "lfm2moe", "jamba", "nemotron_h", "nemotron_h_moe", "plamo2")
_GEMMA3N_KEEPS = 20  # layers of gemma3n; the later ones use the keys and values of earlier ones
_F32 = 4


class Layout:
    """The keys of one architecture, read leniently: metadata.py has refused what llama.cpp would."""

    def __init__(self, pairs: Mapping[str, Value], architecture: str, layers: int, width: int) -> None:
        self.pairs, self.architecture, self.layers, self.width = pairs, architecture, layers, width
        self.latent = self.number("attention.key_length_mla") > 0

    def number(self, key: str) -> int:
        """A number, the largest of an array; 0 where there is none."""
        value = self.pairs.get(f"{self.architecture}.{key}")
        if isinstance(value, Array):
            return max((int(number) for number in value.numbers), default=0)
        return value if isinstance(value, int) else 0

    def each(self, key: str) -> list[int] | None:
        """An array with an entry for each layer; None where there is none."""
        value = self.pairs.get(f"{self.architecture}.{key}")
        if not isinstance(value, Array) or len(value.numbers) < self.layers:
            return None
        return [int(number) for number in value.numbers[: self.layers]]

    def keeping(self, heads_kv: tuple[int, ...]) -> tuple[int, ...]:
        """KV heads of each layer, 0 for those that keep no keys and values."""
        last = self.layers - self.number("attention.shared_kv_layers")
        if self.architecture == "gemma3n":
            last = _GEMMA3N_KEEPS
        recurrent = self._delta_layers()
        return tuple(0 if layer >= last or layer in recurrent else heads for layer, heads in enumerate(heads_kv))

    def windowed(self) -> tuple[int, ...]:
        """The layers that see only the sliding window."""
        if not self.number("attention.sliding_window"):
            return ()
        said = self.each("attention.sliding_window_pattern")
        known = self.architecture in _PATTERNS
        if said is not None and (known or self.architecture in _SAID):
            return tuple(layer for layer, yes in enumerate(said) if yes)
        if not known:
            return ()
        step, first = _PATTERNS[self.architecture]
        step = self.number("attention.sliding_window_pattern") or step
        full = 0 if first else step - 1
        return tuple(layer for layer in range(self.layers) if layer % step != full)

    def window_lengths(self) -> tuple[int, ...]:
        """(key, value) elements of a head in the windowed layers where they are others; else ()."""
        lengths = (self.number("attention.key_length_swa"), self.number("attention.value_length_swa"))
        return lengths if all(lengths) else ()

    def state_bytes(self, heads_kv: tuple[int, ...]) -> int:
        """Of one sequence: the last inputs of the convolutions and the states, f32."""
        return len(self._recurrent(heads_kv)) * (self._convolution() + self._state()) * _F32

    def inner(self) -> int:
        """Width of a recurrent layer inside; 0 for a short convolution, whose graph is narrower than what follows."""
        return self.number("ssm.inner_size")

    def feed_forward(self) -> int:
        """Width of the widest feed-forward layer; of the experts that a token uses, together."""
        _, used = self.experts()
        each = self.number("expert_feed_forward_length") or (self.number("feed_forward_length") if used else 0)
        dense = 0 if used and each else self.number("feed_forward_length")
        return max(dense, each * used)

    def experts(self) -> tuple[int, int]:
        """(how many, how many of them a token uses); (0, 0) where the file says nothing sensible."""
        count, used = self.number("expert_count"), self.number("expert_used_count")
        return (count, used) if 0 < used <= count else (0, 0)

    def _delta_layers(self) -> frozenset[int]:
        if self.architecture not in _DELTA_NETS:
            return frozenset()
        if (said := self.each("attention.recurrent_layers")) is not None:
            return frozenset(layer for layer, yes in enumerate(said) if yes)
        step = self.number("full_attention_interval") or 4
        return frozenset(layer for layer in range(self.layers) if (layer + 1) % step)

    def _recurrent(self, heads_kv: tuple[int, ...]) -> list[int]:
        if delta := self._delta_layers():
            return sorted(delta)
        if self.architecture not in _RECURRENT and not self.architecture.startswith("rwkv"):
            return []
        idle = [layer for layer, heads in enumerate(heads_kv) if not heads]
        widths = self.each("feed_forward_length") if self.architecture.startswith("nemotron_h") else None
        return [layer for layer in idle if not (widths and widths[layer])]  # Nemotron-H: others are feed-forward only

    def _convolution(self) -> int:
        if kernel := self.number("shortconv.l_cache"):
            return self.width * (kernel - 1)
        if self.number("wkv.head_size"):
            return self.width * (self.number("token_shift_count") or 2)
        inner, groups, state = (self.number(f"ssm.{name}") for name in ("inner_size", "group_count", "state_size"))
        return max(0, self.number("ssm.conv_kernel") - 1) * (inner + 2 * groups * state)

    def _state(self) -> int:
        if self.number("shortconv.l_cache"):
            return 0
        if head := self.number("wkv.head_size"):
            return self.width * head
        return self.number("ssm.state_size") * self.number("ssm.inner_size")
