"""Every answer of a batch is the one that its request gets alone, or they part where two tokens were nearly as good.

Sums are added in another order when rows are computed together, so logits differ a little: the batch noise. It is
measured here, over all steps up to which a request's two answers are the same, as the change of the distance between
the two best tokens. Greedy answers may only part where that distance is smaller. The figures stand in docs/batch.md.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

import infer
from infer.engine.engine import Engine
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.machine import Machine
from infer.models.metadata import describe, read_headers
from infer.models.plan import Wish, plan
from infer.prompt import PromptBuilder
from infer.types import EngineConfig, Message, SamplingParams, TextPart
from infer.types import Request as Ask

GREEDY = SamplingParams(temperature=0)
MACHINE = Machine(cores=2, memory_free=2 << 30, gpu=None)
TINY = Path(infer.__file__).parent / "data" / "tiny.gguf"
REQUESTS, LONGEST = 64, 120  # tokens of an answer
MOST_NOISE = 0.5  # of a logit: more than four times what was measured is no order of sums any more


@dataclass(frozen=True)
class Step:
    """A token, and the log-probabilities of the likeliest ones in its place."""

    token: int
    likely: dict[int, float]

    @property
    def best(self) -> list[int]:
        return sorted(self.likely, key=lambda token: -self.likely[token])

    def distance(self, one: int, other: int) -> float:
        return self.likely[one] - self.likely[other]


Request = tuple[list[int], int]  # a prompt's tokens, and how many its answer may have


def mixed(model: Model) -> list[Request]:
    """Prompts of one token to hundreds, many with a common beginning, answers of 4 to LONGEST tokens."""
    rng = random.Random(11)
    words = ["fox", "boat", "owl", "kite", "cat", "tree", "red", "blue", "small", "river", "stone", "bird", "girl"]
    document = "Once upon a time there was a fox. " + " ".join(rng.choices(words, k=150)) + ". "
    builder = PromptBuilder(model.vocabulary, model.chat_template, model.trained_context, model.trained_context)
    prompts = []
    for number in range(REQUESTS):
        own = " ".join(rng.choices(words, k=rng.choice([1, 5, 20, 60, 200])))
        text = document * (number % 3 == 0) + f"Tell me a story about {own}."
        asked = Ask((Message("user", (TextPart(text),)),), raw=model.chat_template is None)
        tokens = builder.render(asked).tokens[: model.trained_context - LONGEST]
        prompts.append((tokens, rng.choice([4, 16, 40, LONGEST])))
    return prompts


def answer(model: Model, config: EngineConfig, requests: list[Request]) -> list[list[Step]]:
    """The steps of each request, all submitted at once."""
    engine = Engine(model, config)
    found: dict[int, list[Step]] = {}
    for prompt, count in requests:
        sequence = engine.submit(prompt, GREEDY, 0, count)
        engine.report(sequence, 8)
        found[sequence.id] = []
    while engine.has_work:
        for output in engine.step():
            if output.token is not None and output.likely:
                found[output.sequence.id].append(Step(output.token, dict(output.likely.top)))
    engine.close()
    return list(found.values())


def compare(alone: list[list[Step]], together: list[list[Step]]) -> tuple[list[float], list[float]]:
    """The noise of all steps with the same beginning; and where two answers part, the distance of the two tokens."""
    noise, parted = [], []
    for one, other in zip(alone, together, strict=True):
        for ours, theirs in zip(one, other, strict=False):
            if ours.token != theirs.token:
                parted.append(ours.distance(ours.token, theirs.token))
                break
            first, second, *_ = ours.best
            if {first, second} <= theirs.likely.keys():
                noise.append(abs(ours.distance(first, second) - theirs.distance(first, second)))
        else:
            assert len(one) == len(other), "one ended before the other, and no step says why"
    return noise, parted


@pytest.mark.slow
@pytest.mark.parametrize("alike", [False, True], ids=["flash attention", "common beginnings"])
@pytest.mark.parametrize("name", ["tiny", "random"])
def test_all_answers_of_a_batch_are_those_of_single_runs(name: str, alike: bool, random_model: Path) -> None:
    path = str(TINY if name == "tiny" else random_model)
    metadata = describe(read_headers(path))
    single, batch = plan(metadata, MACHINE, Wish()), plan(metadata, MACHINE, Wish(parallel=32, alike=alike))
    assert (single.flash_attention, batch.flash_attention, batch.streams) == (False, not alike, not alike)
    with Model(path, single, Log()) as model:
        requests = mixed(model)
        alone = [answer(model, single, [request])[0] for request in requests]
        noise, parted = compare(alone, answer(model, batch, requests))
    steps = len(noise)
    print(f"\n{name}, alike={alike}: {REQUESTS - len(parted)} of {REQUESTS} the same, {steps:,} steps compared,")
    print(f"noise: largest {max(noise):.4f}, median {sorted(noise)[steps // 2]:.5f}; parted at {sorted(parted)}")
    assert steps > 1000
    assert max(noise) < MOST_NOISE
    assert all(distance <= max(noise) for distance in parted)
