"""The engine on the real llama.cpp, with random weights: greedy tokens are the same however they are computed."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ggufs import write_gguf
from infer.engine.engine import Engine
from infer.engine.llama.context import AbortFlag
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.scheduler import Sequence
from infer.errors import BadModelFile
from infer.types import EngineConfig, SamplingParams

GREEDY = SamplingParams(temperature=0)
CONFIG = EngineConfig(max_context=1024, parallel=3, threads=2, batch=64, ubatch=64)
# The largest difference between logits of the same row, computed with and without neighbours in a unified cache:
# 0.06 was measured with a logit spread of about 3; below this gap two orders of the best two tokens are both right.
BATCH_NOISE = 0.06


@pytest.fixture(scope="module")
def model(random_model: Path) -> Iterator[Model]:
    with Model(str(random_model), CONFIG, Log()) as model:
        yield model


def run(engine: Engine, prompts: list[list[int]], max_tokens: int | None = 40) -> list[Sequence]:
    sequences = [engine.submit(prompt, GREEDY, 0, max_tokens) for prompt in prompts]
    while engine.has_work:
        engine.step()
    return sequences


def answers(sequences: list[Sequence]) -> list[list[int]]:
    return [sequence.tokens[sequence.prompt :] for sequence in sequences]


def gap(model: Model, tokens: list[int]) -> float:
    """The distance between the two best logits after `tokens`, computed alone."""
    engine = Engine(model, CONFIG)
    try:
        sequence = engine.submit(tokens, GREEDY, 0, 2)
        while sequence.computed != len(tokens):
            engine.step()
        logits = sorted(engine.last_logits())
        return logits[-1] - logits[-2]
    finally:
        engine.close()


def test_three_prompts_together_give_the_tokens_they_give_one_by_one(model: Model) -> None:
    prompts = [list(range(40, 40 + size)) for size in (5, 17, 90)]
    together = Engine(model, CONFIG)
    batched = run(together, prompts)
    together.close()
    for prompt, sequence in zip(prompts, batched, strict=True):
        alone = Engine(model, CONFIG)
        single = answers(run(alone, [prompt]))[0]
        alone.close()
        several = sequence.tokens[sequence.prompt :]
        if several != single:
            differs = next(i for i, (a, b) in enumerate(zip(several, single, strict=True)) if a != b)
            assert gap(model, prompt + single[:differs]) < BATCH_NOISE


def test_chunks_of_any_size_give_the_same_tokens(model: Model) -> None:
    prompt = list(range(10, 210))
    results = []
    for batch in (7, 64, 256):
        engine = Engine(model, replace(CONFIG, batch=batch, ubatch=batch))
        results.append(answers(run(engine, [prompt])))
        engine.close()
    assert results[0] == results[1] == results[2]


def test_a_context_that_grows_in_the_middle_of_an_answer_changes_nothing(model: Model) -> None:
    small, large = Engine(model, CONFIG), Engine(model, replace(CONFIG, context=1024))
    prompt = list(range(30, 60))
    first = small.submit(prompt, GREEDY, 0, 900)
    first.expected = 40  # as if the answer had been expected to be short
    sizes = set()
    while small.has_work:
        small.step()
        sizes.add(small.context_size)
    assert sizes == {256, 512, 930 // 256 * 256 + 256}
    assert answers([first]) == answers(run(large, [prompt], 900))
    small.close()
    large.close()


def test_a_context_that_grows_into_another_rotation_computes_everything_again(tmp_path: Path) -> None:
    """Long RoPE has one rotation up to the original context and another one for every position of a larger context."""
    factors = {"rope_factors_short.weight": np.ones(16), "rope_factors_long.weight": np.linspace(1, 40, 16)}
    scaling = {"llama.rope.scaling.type": "longrope", "llama.rope.scaling.original_context_length": 256}
    path = write_gguf(tmp_path / "long.gguf", context=1024, extra=scaling, tensors=factors)
    prompt = list(range(30, 60))
    with Model(str(path), CONFIG, Log()) as model:
        engine, large = Engine(model, CONFIG), Engine(model, replace(CONFIG, context=1024))
        first = engine.submit(prompt, GREEDY, 0, 400)
        first.expected = 40
        grown_at = 0
        while engine.has_work:
            engine.step()
            grown_at = grown_at or (engine.context_size > 256 and len(first.tokens))
        assert first.tokens[grown_at:] == answers(run(large, [first.tokens[:grown_at]], 430 - grown_at))[0]
        assert first.tokens[: grown_at - 1] != run(large, [prompt], 400)[0].tokens[: grown_at - 1]
        engine.close()
        large.close()


def test_an_answer_ends_at_the_largest_context(model: Model) -> None:
    engine = Engine(model, replace(CONFIG, max_context=100))
    (sequence,) = run(engine, [list(range(90))], None)
    assert (sequence.finish_reason, len(sequence.tokens)) == ("length", 100)
    engine.close()


def test_more_sequences_than_places_all_come_to_an_end(model: Model) -> None:
    engine = Engine(model, CONFIG)
    prompts = [[40 + i] * (3 + i) for i in range(10)]
    sequences = run(engine, prompts, 6)
    assert [len(answer) for answer in answers(sequences)] == [6] * 10
    engine.close()


def test_a_prompt_that_begins_like_one_in_memory_computes_the_rest_only(model: Model) -> None:
    beginning = list(range(20, 220))
    engine = Engine(model, CONFIG)
    first = engine.submit([*beginning, 5, 6], GREEDY, 0, 30)
    engine.step()
    while first.computed < first.prompt:
        engine.step()
    second = engine.submit([*beginning, 7, 8, 9], GREEDY, 0, 30)
    while engine.has_work:
        engine.step()
    assert (first.cached, second.cached) == (0, 200)
    engine.close()
    alone = Engine(model, CONFIG)
    assert answers([second]) == answers(run(alone, [[*beginning, 7, 8, 9]], 30))
    alone.close()


@pytest.mark.parametrize("answer", [1, 20])
def test_what_many_begin_with_is_computed_once(model: Model, answer: int) -> None:
    """They all enter at the same step, when nothing of it is there yet; one of them ends before others begin."""
    beginning = list(range(20, 220))
    prompts = [[*beginning, number, number + 1] for number in range(8)]
    engine = Engine(model, replace(CONFIG, max_context=512, parallel=4))
    sequences = [engine.submit(prompt, GREEDY, 0, answer) for prompt in prompts]
    largest = 0
    while engine.has_work:
        engine.step()
        largest = max(largest, engine.context_size)
    assert [sequence.cached for sequence in sequences][:4] == [0, 200, 200, 200]
    assert [sequence.cached for sequence in sequences][4:] == [200] * 4, "what ended before them has left it to them"
    assert largest <= 512, "shared cells are counted once"
    engine.close()
    for sequence, prompt in zip(sequences, prompts, strict=True):
        alone = Engine(model, CONFIG)
        single = answers(run(alone, [prompt], answer))[0]
        alone.close()
        several = sequence.tokens[sequence.prompt :]
        if several != single:
            differs = next(i for i, (a, b) in enumerate(zip(several, single, strict=True)) if a != b)
            assert gap(model, prompt + single[:differs]) < BATCH_NOISE


def test_a_leader_that_is_aborted_leaves_its_followers_what_it_has(model: Model) -> None:
    beginning = list(range(20, 220))
    engine = Engine(model, CONFIG)
    first, second = (engine.submit([*beginning, number], GREEDY, 0, 5) for number in (1, 2))
    engine.step()
    assert 0 < first.computed < 200
    assert second.computed == 0
    engine.finish(first, "abort")
    while engine.has_work:
        engine.step()
    assert 0 < second.cached < 200
    engine.close()
    alone = Engine(model, CONFIG)
    assert answers([second]) == answers(run(alone, [[*beginning, 2]], 5))
    alone.close()


def test_a_context_that_grows_keeps_what_is_shared(model: Model) -> None:
    beginning = list(range(20, 220))
    engine = Engine(model, replace(CONFIG, max_context=1024, parallel=3))
    sequences = [engine.submit([*beginning, number], GREEDY, 0, 150) for number in range(3)]
    for sequence in sequences:
        sequence.expected = 210
    sizes = set()
    while engine.has_work:
        engine.step()
        sizes.add(engine.context_size)
    assert sizes in ({256, 512, 768}, {256, 512, 1024})
    assert [sequence.cached for sequence in sequences] == [0, 200, 200]
    engine.close()
    for number, sequence in enumerate(sequences):
        alone = Engine(model, CONFIG)
        single = answers(run(alone, [[*beginning, number]], 150))[0]
        alone.close()
        several = sequence.tokens[sequence.prompt :]
        if several != single:
            differs = next(i for i, (a, b) in enumerate(zip(several, single, strict=True)) if a != b)
            assert gap(model, [*beginning, number, *single[:differs]]) < BATCH_NOISE


def test_when_the_memory_runs_short_the_youngest_goes_back(model: Model) -> None:
    engine = Engine(model, replace(CONFIG, max_context=200, positions=256))
    prompts = [list(range(40 + 60 * number, 80 + 60 * number)) for number in range(3)]
    sequences = [engine.submit(prompt, GREEDY, 0, 150) for prompt in prompts]
    for sequence in sequences:
        sequence.expected = 50
    went_back = False
    together = 0
    while engine.has_work:
        engine.step()
        together = max(together, sum(sequence.computed > 0 for sequence in sequences))
        went_back |= any(s.place < 0 and len(s.tokens) > s.prompt and s.finish_reason is None for s in sequences)
        assert engine.context_size <= 256
    assert went_back
    assert together == 3
    engine.close()
    for sequence, prompt in zip(sequences, prompts, strict=True):
        alone = Engine(model, CONFIG)
        single = answers(run(alone, [prompt], 150))[0]
        alone.close()
        several = sequence.tokens[sequence.prompt :]
        assert len(several) == 150
        if several != single:
            differs = next(i for i, (a, b) in enumerate(zip(several, single, strict=True)) if a != b)
            assert gap(model, prompt + single[:differs]) < BATCH_NOISE


def test_what_is_restored_of_an_answer_is_no_prompt(model: Model) -> None:
    """One that went back finds its answer in a twin's cells: no more than its prompt counts as cached."""
    engine = Engine(model, replace(CONFIG, max_context=200, positions=256))
    prompt = list(range(20, 90))
    sequences = [engine.submit(prompt, GREEDY, 0, answer) for answer in (130, 40, 100)]
    for sequence in sequences:
        sequence.expected = 75
    last, restored = sequences[-1], 0
    while engine.has_work:
        before = last.computed
        engine.step()
        restored = max(restored, last.computed - before) if len(last.tokens) > last.prompt + 1 else 0
    assert restored > last.prompt, "it took a part of its answer from the first one"
    assert [sequence.cached for sequence in sequences] == [0, 69, 70]
    engine.close()


def test_an_aborted_decode_leaves_the_other_sequences_whole(model: Model) -> None:
    flag = AbortFlag()
    engine, calm = Engine(model, CONFIG, flag), Engine(model, CONFIG)
    prompts = [list(range(50, 75)), list(range(100, 130))]
    kept, dropped = (engine.submit(prompt, GREEDY, 0, 30) for prompt in prompts)
    for _ in range(5):
        engine.step()
    flag.set()
    assert engine.step() == [], "the decode that was running brings nothing"
    flag.clear()
    engine.finish(dropped, "abort")
    while engine.has_work:
        engine.step()
    assert dropped.finish_reason == "abort"
    assert answers([kept]) == answers(run(calm, prompts[:1], 30))
    engine.close()
    calm.close()


def test_the_same_seed_draws_the_same_tokens_and_another_seed_others(model: Model) -> None:
    drawn = []
    for seed in (7, 7, 8):
        engine = Engine(model, CONFIG)
        sequence = engine.submit([50, 60, 70], SamplingParams(temperature=1.0, top_k=0, top_p=1, min_p=0), seed, 30)
        while engine.has_work:
            engine.step()
        drawn.append(sequence.tokens)
        engine.close()
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_repeat_penalty_changes_a_greedy_answer_that_repeats(model: Model) -> None:
    engine = Engine(model, CONFIG)
    plain = run(engine, [[50, 60, 70]], 60)[0]
    strict = engine.submit([50, 60, 70], replace(GREEDY, repeat_penalty=2.0), 0, 60)
    while engine.has_work:
        engine.step()
    repeats = [len(s.tokens) - len(set(s.tokens)) for s in (plain, strict)]
    assert repeats[1] < repeats[0]
    engine.close()


def test_what_llama_cpp_refuses_is_a_bad_model_file(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(BadModelFile):
        Model(str(path), CONFIG, Log())


_COUNT_THREADS = """
import os, sys
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.types import EngineConfig
with Model(sys.argv[1], EngineConfig(threads=3), Log()):
    print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_the_threads_are_there_before_the_first_computation(random_model: Path) -> None:
    command = [sys.executable, "-c", _COUNT_THREADS, str(random_model)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "3\n"
