"""The words that travel between the rooms: frozen, slotted values, no behaviour beyond themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from infer.errors import InferError

FinishReason = Literal["stop", "length", "tool_calls", "loop", "abort"]
Role = Literal["system", "user", "assistant", "tool"]
Overflow = Literal["error", "drop-oldest", "drop-middle"]
KvType = Literal["f16", "q8_0", "q4_0"]
Pooling = Literal["none", "mean", "cls", "last", "rank"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of a message's text; attachments and the prompt are parts of one message."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as the model wrote it. `error`: why it cannot be carried out, None where it can."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. `content` is a tuple of parts, joined by a blank line.

    token_ids     of an answer: the ids it was generated as; they stand in the prompt where they still spell the content
    reasoning     of an answer: what was thought before it; a chat template may ask for it, most do not
    tool_calls    of an answer: the functions it called
    tool_call_id  of a tool's message: the call whose result it is
    name          of a tool's message: the function that was called; else who speaks, for templates that ask
    """

    role: Role
    content: tuple[TextPart, ...]
    token_ids: tuple[int, ...] = ()
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """The parts as one text, a blank line between them."""
        return "\n\n".join(part.text for part in self.content)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is chosen; llama.cpp's own samplers, in llama.cpp's order.

    A temperature of 0 is greedy. `top_k` 0, `top_p` 1, `min_p` 0 and a penalty of 1 (repeat) or 0 switch
    that sampler off. `seed` None draws one.
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """What an answer must look like: exactly one of these is given.

    schema    a JSON Schema, as JSON text
    grammar   a grammar in GBNF, llama.cpp's notation
    choices   the answer is one of these texts
    """

    schema: str | None = None
    grammar: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `parameters`: the JSON Schema of its arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a model: messages (or raw text), how to sample, when to stop.

    raw             no chat template: the last message's text is the prompt
    max_tokens      None: until the model ends or the context is full
    think           None: the template's default; True/False: its `enable_thinking` switch
    think_limit     tokens of reasoning after which it is closed; None: no limit
    constraint      what the answer must look like; reasoning before it is free
    logprobs        report each token's probability, and those of so many likelier ones beside it; None: none
    tools           functions that are offered; without them text that looks like a call is just text
    overflow        what to do with a prompt larger than the context
    verify_cache    first compute the prompt without the prompt cache as well, and compare
    goes_on         another turn will follow: the prompt cache keeps prompt and answer however short the prompt is
    whole           one of many, nobody reads along: no progress is told, the text comes in one piece, at the end, and
                    the prompt cache keeps only what others begin with as well
    """

    messages: tuple[Message, ...]
    sampling: SamplingParams = SamplingParams()
    raw: bool = False
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    think: bool | None = None
    think_limit: int | None = None
    constraint: Constraint | None = None
    logprobs: int | None = None
    tools: tuple[Tool, ...] = ()
    overflow: Overflow = "error"
    verify_cache: bool = False
    goes_on: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """A text that is to become a vector.

    prefix      stands before it: some models want to be told what a text is for
    normalized  the vector has length 1
    """

    text: str
    prefix: str = ""
    normalized: bool = True


@dataclass(frozen=True, slots=True)
class Delta:
    """Text as it arrives: the answer, and the reasoning and whole tool calls kept apart from it."""

    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.content or self.reasoning or self.tool_calls)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens: of the prompt, how many of these were not computed, and of the answer."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent inside the worker for one request: prefill counts computed tokens only, restore cached ones."""

    load: float = 0.0
    restore: float = 0.0
    prefill: float = 0.0
    decode: float = 0.0


@dataclass(frozen=True, slots=True)
class ContextUse:
    """Of one request: the context's size, the positions in use, the prompt tokens that were dropped."""

    size: int = 0
    used: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """How a request ended. The text itself has gone out as deltas.

    constraint_met  whether the answer came to the end of its constraint; None: there was none
    constraint_problem  why nothing could follow under it, where that is known
    logprobs        of each token that was generated, reasoning and markers too; None: nobody asked
    verified    what --cache-verify found: tokens from the cache, largest difference of logits, their standard deviation
    tokens      the ids of the answer's content; empty when they do not spell it (a stop string cut it, broken UTF-8)
    """

    finish_reason: FinishReason
    usage: Usage
    timings: Timings
    context: ContextUse
    seed: int
    constraint_met: bool | None = None
    constraint_problem: str = ""
    logprobs: tuple["TokenScore", ...] | None = None
    verified: tuple[int, float, float] | None = None
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenScore:
    """A token that was generated, the logarithm of its probability (base e), and the likeliest ones in its place.

    The probabilities are the model's own: before temperature, top-k and the like, and before a constraint.
    """

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Continuation:
    """A continuation of a prompt: its tokens as text, each with the logarithm of its probability (base e)."""

    text: str
    tokens: tuple[tuple[str, float], ...]

    @property
    def logprob(self) -> float:
        """The logarithm of the probability that the model says exactly this next."""
        return sum(score for _, score in self.tokens)


@dataclass(frozen=True, slots=True)
class Progress:
    """Event: prefill has computed `done` of `total` prompt tokens of request `id`."""

    id: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Event: new text of request `id`."""

    id: int
    delta: Delta


@dataclass(frozen=True, slots=True)
class Finished:
    """Event: request `id` has ended; nothing follows for it."""

    id: int
    completion: Completion


@dataclass(frozen=True, slots=True)
class Failed:
    """Event: request `id` cannot be answered; nothing follows for it."""

    id: int
    error: InferError


@dataclass(frozen=True, slots=True)
class Embedded:
    """Event: the vector of request `id`, as float32 (little endian), and how many tokens its text has."""

    id: int
    vector: bytes
    tokens: int


Event = Progress | TextDelta | Finished | Embedded | Failed


@dataclass(frozen=True, slots=True)
class Device:
    """A device as ggml names it; memory in bytes. kind: cpu, gpu, igpu, accel or meta."""

    name: str
    description: str
    kind: str
    memory_free: int
    memory_total: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a measured computation took, in seconds of the worker's clock.

    prefill   until every prompt was computed and the first token of each was drawn
    decode    `steps` steps after that, each of which brought every sequence a token
    """

    prefill: float
    decode: float
    steps: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device can do at most, measured: bytes read a second, floating-point operations a second."""

    bandwidth: float
    flops: float


@dataclass(frozen=True, slots=True)
class Build:
    """What the installed llama.cpp says about itself.

    backends  in its registry, as ggml calls them ("CPU", "CUDA"), also those that find no device
    info      its description of what it was compiled with, "CPU : AVX2 = 1 | ..."
    """

    backends: tuple[str, ...]
    devices: tuple[Device, ...]
    info: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a GGUF header says about a model, in tokens, rows and bytes.

    head_count_kv   KV heads per layer, one entry a layer (0 where a layer keeps no keys and values of its own)
    file_size       bytes of all shards together
    tensor_bytes    bytes of the weights
    quantization    the name of `general.file_type`, e.g. "Q4_K_M"
    sampling        `general.sampling.*`, under the names of SamplingParams
    sliding_window  positions, None where every layer attends to all
    windowed        the layers that attend only to the sliding window
    window_lengths  elements of one head's key and value in these layers, where they are others than key_length and
                    value_length; () where they are the same
    state_bytes     of the recurrent state of one sequence, all layers together; 0 where nothing is recurrent
    feed_forward    width of the widest feed-forward layer, of the experts used together where there are experts
    experts         how many there are, and how many of them a token uses; (0, 0) where there are none
    expert_bytes    of the weights that belong to experts
    lookup_bytes    of the tables of which a token reads one row; 0 where the table is the output matrix as well
    output_bytes    of the output matrix, or of the token table where it serves as that
    inner           width of a recurrent layer's inner state; 0 where nothing is recurrent
    pooling         how an embedding model makes one vector of many; None: the file does not say, it is no such model
    causal          whether a token sees only those before it
    """

    architecture: str
    name: str
    context_length: int
    block_count: int
    embedding_length: int
    head_count: int
    head_count_kv: tuple[int, ...]
    key_length: int
    value_length: int
    vocab_size: int
    file_size: int
    tensor_bytes: int
    parameter_count: int
    quantization: str
    tokenizer: str
    chat_template: str | None = None
    license: str | None = None
    sliding_window: int | None = None
    pooling: Pooling | None = None
    causal: bool = True
    sampling: Mapping[str, float] = field(default_factory=dict)
    windowed: tuple[int, ...] = ()
    window_lengths: tuple[int, ...] = ()
    state_bytes: int = 0
    feed_forward: int = 0
    experts: tuple[int, int] = (0, 0)
    expert_bytes: int = 0
    lookup_bytes: int = 0
    output_bytes: int = 0
    inner: int = 0


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model file on this machine, and where it came from.

    ref     the name the user typed, in its canonical form
    sha256  where it is known without reading the whole file, else None
    """

    ref: str
    path: str
    metadata: Metadata
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How the engine is set up for one model on this machine.

    context         positions; None: sized to the request and grown when an answer runs on
    max_context     the longest a sequence may become (trained length, or what fits in memory)
    parallel        sequences that may be in the context at once
    adapts          begin with fewer than `parallel`, and take more while that brings more tokens a second
    apart           compute the rows of answers and those of prompts one after the other: on a CPU, flash attention
                    takes 64 rows or more in tiles, and a tile with rows of many sequences costs all their cells
    streams         a KV memory for each sequence, where there is room for that: what others have is not looked at
    positions       what they may take together; 0: parallel * max_context
    batch           tokens of one llama_decode; ubatch: of one compute graph
    outputs         rows of one llama_decode that may ask for logits; never fewer than sequences
    gpu_layers      -1: all
    tensor_split    how much of the layers each GPU takes, in any unit; (): llama.cpp's own choice
    cpu_experts     layers, from the first, whose experts stay in the computer's memory while the rest is on the GPU
    flash_attention one setting per device, since it is part of the prompt cache's fingerprint
    repack          let llama.cpp lay the weights out for this CPU; they are then not mapped from the file
    cache_dir       where the prompt cache is; None: no disk reads or writes
    cache_bytes     its budget; None: the default, which depends on the disk
    pooling         it makes embeddings, in this way; None: it generates
    in_pieces       a text to embed may be read piece by piece; otherwise it stands in one compute graph
    """

    context: int | None = None
    max_context: int = 4096
    parallel: int = 1
    adapts: bool = False
    apart: bool = False
    streams: bool = False
    positions: int = 0
    threads: int = 1
    batch: int = 512
    ubatch: int = 512
    outputs: int = 1
    kv_type: KvType = "f16"
    gpu_layers: int = 0
    tensor_split: tuple[float, ...] = ()
    cpu_experts: int = 0
    flash_attention: bool = False
    repack: bool = False
    lora: tuple[tuple[str, float], ...] = ()
    cache_dir: str | None = None
    cache_bytes: int | None = None
    pooling: Pooling | None = None
    in_pieces: bool = False
