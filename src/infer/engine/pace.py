"""How fast an engine is: prompts of random tokens, computed together, then steps that bring each sequence a token."""

from random import Random
from time import perf_counter

from infer.engine.engine import Engine
from infer.engine.llama.vocabulary import Vocabulary
from infer.types import Pace, SamplingParams


def measure_pace(
    engine: Engine, vocabulary: Vocabulary, draw: Random, *, prompt: int, steps: int, parallel: int, room: int
) -> Pace:
    """Compute `parallel` prompts of `prompt` tokens, then `steps` steps. Nothing else may be running.

    room: tokens that each answer may have; the first ones come while other prompts are still being computed.
    The time of a step is all of it: llama_decode, sampling, and what the engine does around them.
    """
    assert not engine.has_work, "its steps would be measured too"
    sequences = []
    for _ in range(parallel):
        sequence = engine.submit(random_tokens(vocabulary, draw, prompt), SamplingParams(), draw.getrandbits(31), room)
        engine.never_end(sequence)
        sequences.append(sequence)
    started = perf_counter()
    while any(len(sequence.tokens) == sequence.prompt for sequence in sequences):
        engine.step()
    computed = perf_counter()
    for _ in range(steps):
        outputs = engine.step()
        assert len(outputs) == parallel, "every sequence decodes, and none is done"
    ended = perf_counter()
    for sequence in sequences:
        engine.finish(sequence, "abort")
        engine.release(sequence)
    return Pace(computed - started, ended - computed, steps)


def random_tokens(vocabulary: Vocabulary, draw: Random, count: int) -> list[int]:
    """Ids of ordinary tokens. No two prompts begin alike, so nothing of one is taken over for the next."""
    found: list[int] = []
    while len(found) < count:
        drawn = [draw.randrange(vocabulary.size) for _ in range(count - len(found))]
        control = {*vocabulary.control_tokens(drawn), *(one for one in drawn if vocabulary.ends_generation(one))}
        found += [token for token in drawn if token not in control]
    return found
