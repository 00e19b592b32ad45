"""Ask a GGUF through the project's own engine (infer.llm), several conversations at once."""

from infer.llm import LLM
from infer.types import EngineConfig, Message, Request, SamplingParams, TextDelta, TextPart

CONTEXT = 1024
PARALLEL = 8


class Model:
    """One loaded file; `answers` takes conversations as lists of {"role", "content"}."""

    def __init__(self, path, threads=2):
        config = EngineConfig(
            context=CONTEXT * PARALLEL,
            max_context=CONTEXT * PARALLEL,
            parallel=PARALLEL,
            threads=threads,
            batch=CONTEXT,
            ubatch=CONTEXT,
        )
        self.llm = LLM(str(path), config)

    def length(self, messages):
        """Prompt tokens of a conversation."""
        return len(self.llm.prompt(request(messages, 0, None)).tokens)

    def answers(self, conversations, temperature):
        """The answer to each conversation, in order; conversation i is sampled with seed i + 1."""
        texts = [""] * len(conversations)
        waiting, running = list(enumerate(conversations)), {}
        while waiting or self.llm.has_work:
            while waiting and len(running) < PARALLEL:
                i, messages = waiting.pop(0)
                running[self.llm.submit(request(messages, temperature, i + 1))] = i
            for event in self.llm.step():
                if isinstance(event, TextDelta):
                    texts[running[event.id]] += event.delta.content
                elif hasattr(event, "completion"):
                    del running[event.id]
        return texts


def request(messages, temperature, seed):
    """A request with infer's sampling chain."""
    turns = tuple(Message(message["role"], (TextPart(message["content"]),)) for message in messages)
    sampling = SamplingParams(temperature=temperature, top_k=40, top_p=0.95, min_p=0.05, seed=seed)
    return Request(turns, sampling, max_tokens=300)
