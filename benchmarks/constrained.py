"""What a constraint costs while tokens are decoded, against no constraint, in one process.

    python benchmarks/constrained.py MODEL.gguf [--tokens 128] [--rounds 5] [--threads 2]

Ways to constrain the same JSON Schema:

    guidance         llguidance, asked about the drawn token first, about all others when it refuses that one
    guidance-slices  the same with llguidance's slices, as a batch has it
    guidance-mask    llguidance, its mask before anything is drawn
    gbnf             llama.cpp's grammar sampler, asked in the same order as the first; the schema goes through the
                     converter that llama-cpp-python carries

Models:

    random           random weights: nearly every token that is drawn is refused, which no trained model does
    trained          the same weights, and one logit raised at each step: that of the next token of a text that fits
                     the schema; most tokens that are drawn fit. The raise itself is in the unconstrained time too

The time between two decodes is CPU time of the thread that does all of it, so other work on the machine hardly
shows; the decode itself is the tenth percentile of its wall time. One JSON object:

    between_ms, worst_ms   the mean and the longest time between two decodes
    slower                 by how much a whole step is slower than one of `none`, out of these
    wall_slower            the same by the clock: the median of the rounds, each against `none` of the same round; in
                           each round another way is the first. For a quiet machine only
    refused                the share of drawn tokens that did not fit: what makes a model "random" or "trained"
"""

import argparse
import itertools
import json
import statistics
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Any

from infer.engine.constraint import Constraints
from infer.engine.engine import Engine
from infer.engine.llama.context import Context
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.llama.sampler import Sampler
from infer.types import Constraint, EngineConfig, SamplingParams

SCHEMA = {
    "type": "array",
    "minItems": 50,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "kind": {"enum": ["person", "animal", "thing"]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "score": {"type": "number"},
        },
        "required": ["name", "age", "kind", "tags", "score"],
        "additionalProperties": False,
    },
}
RECORD = {"name": "Ada Lovelace", "age": 36, "kind": "person", "tags": ["mathematics", "engines"], "score": 9.75}
PROMPT = 64  # tokens
Step = tuple[float, float]
RAISE = 60.0  # more than any logit of the random weights
SAMPLING = {
    "random": SamplingParams(temperature=1.5, top_k=0, top_p=1.0, min_p=0.0),
    "trained": SamplingParams(),
}


def constraints() -> dict[str, Constraint | None]:
    """The schema in each notation."""
    import llama_cpp.llama_grammar as converter

    text = json.dumps(SCHEMA)
    grammar = Constraint(grammar=converter.json_schema_to_gbnf(text))
    schema = Constraint(schema=text)
    return {"none": None, "guidance": schema, "guidance-slices": schema, "guidance-mask": schema, "gbnf": grammar}


def mask_first(self: Any, logits: Any, matcher: Any, candidates: Any) -> int | None:
    """Another way for Sampler.sample_matching: the mask comes first."""
    token = candidates.draw(self._chain, logits, matcher.allowed())
    if token is not None and matcher.accept(token):
        self.accept(token)
        return int(token)
    return None


class Script:
    """Raises the logit of the next token of a text, before it is drawn."""

    def __init__(self, model: Model) -> None:
        text = json.dumps([RECORD] * 20)
        self._tokens = itertools.cycle(model.vocabulary.tokenize(text, special=False))
        self._size = model.vocabulary.size

    def raise_next(self, context: Context) -> None:
        """Raise it in the logits of the last row."""
        context.logits(-1, self._size)[next(self._tokens)] += RAISE


class Counting:
    """A matcher that counts what it is asked and what it refuses."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher
        self.asked = self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._matcher, name)

    def accept(self, token: int) -> bool:
        """Ask, and count."""
        fits = bool(self._matcher.accept(token))
        self.asked += 1
        self.refused += not fits
        return fits


@dataclass
class Answer:
    """One answer: its steps, seconds a step by the clock, the share of drawn tokens that were refused."""

    steps: list[Step]
    wall: float
    refused: float


def run(
    model: Model, config: EngineConfig, constraint: Constraint | None, kind: str, tokens: int, many: bool
) -> Answer:
    """One answer of so many tokens. Of each step: seconds in llama_decode, and of this thread's CPU until the next."""
    engine = Engine(model, config)
    if many not in shared:
        shared[many] = Constraints(model.vocabulary, many=many)
    engine._constraints = shared[many]  # the vocabulary is prepared once, as in one run of infer
    script = Script(model) if kind == "trained" else None
    spans: list[tuple[float, float, float]] = []  # seconds in decode, CPU time when it began, when it ended
    decode = Context.decode

    def decode_and_raise(self: Context, rows: Any) -> bool:
        began, wall = thread_time(), perf_counter()
        done = decode(self, rows)
        wall = perf_counter() - wall
        if script is not None:
            script.raise_next(self)
        spans.append((wall, began, thread_time()))
        return done

    Context.decode = decode_and_raise  # type: ignore[method-assign]
    try:
        sequence = engine.submit(list(range(1000, 1000 + PROMPT)), SAMPLING[kind], 1, tokens)
        running = engine._running[sequence.id]
        if constraint:
            engine.constrain(sequence, constraint)
            running._matcher = Counting(running._matcher)  # type: ignore[assignment]
        engine.step()  # the prompt
        started = perf_counter()
        while engine.has_work:
            engine.step()
        wall = perf_counter() - started
    finally:
        Context.decode = decode  # type: ignore[method-assign]
    counted = running._matcher
    engine.release(sequence)
    engine.close()
    assert len(spans) >= tokens // 2, f"only {len(spans)} steps"
    steps = [(spans[i][0], spans[i + 1][1] - spans[i][2]) for i in range(1, len(spans) - 1)]
    refused = counted.refused / (counted.asked - counted.refused) if isinstance(counted, Counting) else 0.0
    return Answer(steps, wall / (len(spans) - 1), refused)


shared: dict[bool, Constraints] = {}


def measure(model: Model, config: EngineConfig, kind: str, tokens: int, rounds: int) -> dict[str, Any]:
    """All ways in turn, so many rounds."""
    ways = list(constraints().items())
    answers: dict[str, list[Answer]] = {name: [] for name, _ in ways}
    sample_matching = Sampler.sample_matching
    for number in range(rounds):
        first = number % len(ways)
        for name, constraint in ways[first:] + ways[:first]:
            if name == "guidance-mask":
                Sampler.sample_matching = mask_first  # type: ignore[method-assign]
            answers[name].append(run(model, config, constraint, kind, tokens, name == "guidance-slices"))
            Sampler.sample_matching = sample_matching  # type: ignore[method-assign]
    return summary(answers)


def summary(answers: dict[str, list[Answer]]) -> dict[str, Any]:
    """What the answers of each way say."""
    steps = {name: [step for answer in found for step in answer.steps] for name, found in answers.items()}
    decode = statistics.quantiles([wall for wall, _ in steps["none"]], n=10)[0] * 1000
    between = {name: statistics.fmean(gap for _, gap in found) * 1000 for name, found in steps.items()}
    whole = decode + between["none"]
    found: dict[str, Any] = {"decode_ms": round(decode, 2)}
    for name, own in answers.items():
        ratios = [answer.wall / none.wall for answer, none in zip(own, answers["none"], strict=True)]
        found[name] = {
            "between_ms": round(between[name], 3),
            "worst_ms": round(max(gap for _, gap in steps[name]) * 1000, 2),
            "slower": round((between[name] - between["none"]) / whole, 3),
            "wall_slower": round(statistics.median(ratios) - 1, 3),
            "refused": round(statistics.fmean(answer.refused for answer in own), 3),
        }
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    config = EngineConfig(context=512, max_context=512, threads=asked.threads)
    with Model(asked.model, config, Log()) as model:
        prepared = {"prepare_s": prepare(model, many=False), "prepare_with_slices_s": prepare(model, many=True)}
        kinds = {kind: measure(model, config, kind, asked.tokens, asked.rounds) for kind in SAMPLING}
        print(json.dumps({"vocabulary": model.vocabulary.size, **prepared, **kinds}, indent=1))


def prepare(model: Model, *, many: bool) -> float:
    """Seconds until the first schema of a process is compiled."""
    import llguidance  # noqa: F401  (infer imports it while the model loads)

    vars(model.vocabulary).pop("ends", None)
    started = perf_counter()
    Constraints(model.vocabulary, many=many).matcher(Constraint(schema="{}"))
    return round(perf_counter() - started, 2)


if __name__ == "__main__":
    main()
