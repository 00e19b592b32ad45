"""How much to measure of a model so fast: prompts, sequences, steps and rounds that fit a budget of time. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from infer.errors import UsageError

PROMPTS = (128, 512, 2048, 8192)
PARALLEL = (4, 8, 16)
MOST_PARALLEL = 64
PILOT = 64  # tokens of the prompt that is computed to find out how fast the model is
PILOT_STEPS = 4
_LEAST_STEPS, _MOST_STEPS = 8, 256
_STEPS_FOR = 0.5  # seconds of decoding that are measured at once
_BATCH = 512  # tokens that are computed at once, at least
_FIRST_STEPS = 16  # of an answer: a prompt's chunks do not fill every batch


class Shape(NamedTuple):
    """What is computed at once: so many sequences, each with a prompt of so many tokens."""

    prompt: int
    parallel: int = 1


class Rates(NamedTuple):
    """Tokens a second of one sequence, as a first try has shown them."""

    prefill: float
    decode: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is measured: each shape once a round, with `steps` steps of decoding; a first round is not counted."""

    shapes: tuple[Shape, ...]
    steps: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says; () leaves it to the model's speed."""

    prompts: tuple[int, ...] = ()
    parallel: tuple[int, ...] = ()
    rounds: int = 5
    seconds: float = 60.0


def choose(asked: Asked, rates: Rates, longest: int, positions: int) -> Sizes:
    """The sizes for a model so fast.

    longest: tokens that a context may have at most; positions: that all sequences may have together. Raises UsageError
    for sizes that were asked for and do not fit.
    """
    steps = steps_for(rates, longest)
    prompts, parallel = asked.prompts or PROMPTS, asked.parallel or PARALLEL
    base = min(prompts[0], max(1, longest - room(Shape(1), steps)))
    longer, together = [Shape(n) for n in prompts[1:]], [Shape(base, p) for p in parallel if p > 1]
    wanted = [Shape(prompts[0]), *_in_turn(longer, together)]
    possible = [shape for shape in wanted if fits(shape, steps, longest, positions)]
    _refuse_too_large(asked, wanted, possible, longest - room(Shape(1), steps))
    shapes = [possible[0] if possible else Shape(base)]
    left = asked.seconds / (1 + asked.rounds) - seconds(shapes[0], steps, rates)
    for shape in possible[1:]:
        left -= seconds(shape, steps, rates)
        given = shape.prompt in asked.prompts[1:] if shape.parallel == 1 else shape.parallel in asked.parallel
        if left >= 0 or given:
            shapes.append(shape)
    return Sizes(tuple(sorted(shapes, key=lambda shape: (shape.parallel, shape.prompt))), steps, asked.rounds)


def steps_for(rates: Rates, longest: int) -> int:
    """Steps of decoding that take about half a second, and leave most of the context to the prompt."""
    return min(max(_LEAST_STEPS, min(_MOST_STEPS, int(rates.decode * _STEPS_FOR))), max(1, longest // 4))


def room(shape: Shape, steps: int) -> int:
    """Tokens an answer may need: those that come while other prompts are still being computed, and `steps`."""
    chunks = -(-shape.prompt * shape.parallel // max(1, _BATCH - shape.parallel))
    return steps + (2 * chunks + shape.parallel if shape.parallel > 1 else 0) + _FIRST_STEPS


def fits(shape: Shape, steps: int, longest: int, positions: int) -> bool:
    """Whether there is room for the prompts and the answers' beginnings."""
    each = shape.prompt + room(shape, steps)
    return each <= longest and each * shape.parallel <= positions


def seconds(shape: Shape, steps: int, rates: Rates) -> float:
    """About how long one measurement takes; a decode step of several sequences takes longer than one of one."""
    slower = 1 + (shape.parallel - 1) / 4
    return shape.prompt * shape.parallel / rates.prefill + steps / rates.decode * slower


def _in_turn(first: list[Shape], second: list[Shape]) -> list[Shape]:
    """One of each, so that a small budget leaves some of both."""
    rows = max(len(first), len(second))
    return [shapes[row] for row in range(rows) for shapes in (first, second) if row < len(shapes)]


def _refuse_too_large(asked: Asked, wanted: list[Shape], possible: list[Shape], most: int) -> None:
    for shape in wanted:
        if shape in possible:
            continue
        if shape.parallel == 1 and shape.prompt in asked.prompts:
            what = f"a prompt of {shape.prompt:,} tokens does not fit, there is room for {most:,} here"
            raise UsageError(what=what, hint=f"--prompts {max(1, most)}")
        if shape.parallel in asked.parallel:
            what = f"{shape.parallel} sequences of {shape.prompt:,} tokens do not fit into memory"
            raise UsageError(what=what, hint="fewer of them, or a smaller model")
