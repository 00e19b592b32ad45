"""Memories that lose what they held: windows, states that cannot be rewound, and what the self-test makes of them."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.one_run import forget_rates
from engine.test_reuse import CONFIG, GREEDY, NOISE, difference, run
from ggufs import write_gguf
from infer.engine.engine import Engine
from infer.engine.llama.context import Context, Row
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.llama.state import MemoryKind, StateCutter
from infer.engine.reuse import MIXED, open_reuse
from infer.errors import EngineFailure
from infer.types import EngineConfig

SPLIT = replace(CONFIG, batch=512, ubatch=256)  # as plan.py has it on a CPU
WINDOW = 128
PROMPT = [(3 * i) % 250 for i in range(600)]


@pytest.fixture(scope="module")
def gemma(models_dir: Path) -> Iterator[tuple[Model, str]]:
    path = write_gguf(models_dir / "gemma3-windows.gguf", arch="gemma3", layers=6, context=4096, window=WINDOW)
    with Model(str(path), SPLIT, Log()) as opened:
        yield opened, str(path)


@pytest.fixture(scope="module", params=["llama", "gemma3", "mamba", "lfm2"])
def model(request: pytest.FixtureRequest, models_dir: Path) -> Iterator[tuple[Model, str]]:
    extra = {"window": WINDOW} if request.param == "gemma3" else {}
    path = write_gguf(models_dir / f"{request.param}-memory.gguf", arch=request.param, context=4096, **extra)
    with Model(str(path), CONFIG, Log()) as opened:
        yield opened, str(path)


def cached(tmp_path: Path, config: EngineConfig = CONFIG) -> EngineConfig:
    return replace(config, cache_dir=str(tmp_path), cache_bytes=1 << 30)


def warning_of(model: tuple[Model, str], config: EngineConfig) -> str | None:
    """What a run says about the prompt cache, whose answer is that of a run without it."""
    opened, path = model
    reuse, refusal = open_reuse(opened, path, config)
    _, expected = run(opened, path, PROMPT, replace(config, cache_dir=None))
    engine = Engine(opened, config, reuse=reuse)
    engine.submit(PROMPT, GREEDY, 0, 1, (len(PROMPT) - 1,))
    while engine.has_work:
        engine.step()
    assert difference(engine.last_logits(), expected) <= NOISE
    engine.close(timeout=10)
    return reuse.warning if reuse else refusal


def pieces(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.rglob("*.kv"))


@pytest.mark.parametrize("seed", range(6))
def test_a_border_inside_a_chunk_has_its_window_or_none(gemma: tuple[Model, str], tmp_path: Path, seed: int) -> None:
    opened, path = gemma
    rng = random.Random(seed)
    warm = cached(tmp_path, SPLIT)
    start = rng.randrange(64, 500)
    long = [rng.randrange(250) for _ in range(start + 450 + rng.randrange(400))]
    borders = range(256, len(long), 256)
    prompts = [long[:start], long]
    prompts += [long[: border + more] + [rng.randrange(250)] * 40 for border in borders for more in (0, 1, 50, 127)]
    reused = 0
    for prompt in prompts:
        sequence, logits = run(opened, path, prompt, warm)
        assert difference(logits, run(opened, path, prompt, SPLIT)[1]) <= NOISE, (start, len(prompt), sequence.cached)
        reused += sequence.cached
    assert reused > sum(map(len, prompts)) / 4, "the cache was of use"


def test_a_part_without_all_of_its_window_is_not_cut(gemma: tuple[Model, str], tmp_path: Path) -> None:
    opened, _ = gemma
    engine = Engine(opened, SPLIT)
    sequence = engine.submit(PROMPT + PROMPT, GREEDY, 0, 40)
    while sequence.computed < 1024:
        engine.step()
    context = engine._context
    assert context
    cutter = context.cutter(MemoryKind.WINDOW)
    assert cutter.cut(sequence.place, 768, 1024)[1]
    assert not cutter.cut(sequence.place, 256, 512)[1], "its window went to later positions"
    assert cutter.is_ready(sequence.place, sequence.computed)
    context.remove(sequence.place, 600)
    assert not cutter.is_ready(sequence.place, 600), "llama.cpp says that it could cut"
    engine.close()


def test_a_stored_part_without_all_of_its_window_is_not_used(gemma: tuple[Model, str], tmp_path: Path) -> None:
    opened, _ = gemma
    engine = Engine(opened, SPLIT)
    sequence = engine.submit(PROMPT, GREEDY, 0, 800)
    while sequence.computed < 512:
        engine.step()
    context = engine._context
    assert context
    cutter = context.cutter(MemoryKind.WINDOW)
    base, part = cutter.cut(sequence.place, 256, 512)
    for lacking, rows in ((cutter.no_part, (385, 512)), (part, (300, 512))):
        with pytest.raises(EngineFailure, match="lacks positions"):
            cutter.paste(sequence.place, memoryview(bytearray(base) + lacking), rows=rows)
    engine.close()


def test_a_window_beside_a_recurrent_state_is_not_served(models_dir: Path, tmp_path: Path) -> None:
    extra = {"lfm2.attention.sliding_window": 64}
    path = str(write_gguf(models_dir / "mixed.gguf", arch="lfm2", context=4096, extra=extra))
    with Model(path, CONFIG, Log()) as opened:
        assert opened.memory_kind is MemoryKind.MIXED
        assert warning_of((opened, path), cached(tmp_path)) == MIXED
    assert list(tmp_path.iterdir()) == []


def test_a_window_that_llama_cpp_does_not_use_is_noticed(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXAONE 4 with a window in its metadata: full attention, where PARTIAL_ONLY means nothing."""
    path = str(write_gguf(models_dir / "plain.gguf", context=4096))
    monkeypatch.setattr(Model, "memory_kind", MemoryKind.WINDOW)
    monkeypatch.setattr(Model, "sliding_window", WINDOW)
    with Model(path, CONFIG, Log()) as opened:
        assert "another layout" in str(warning_of((opened, path), cached(tmp_path)))
    assert pieces(tmp_path) == []


def break_restored(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """Let restored states, which the self-test puts into the scratch sequence first, give other logits."""
    asked: list[Row] = []
    honest = Context.probe

    def probe(self: Context, row: Row) -> list[float]:
        logits = honest(self, row)
        asked.append(row)
        return [value + 9.0 * (i % 2) for i, value in enumerate(logits)] if len(asked) % 2 else logits

    monkeypatch.setattr(Context, "probe", probe)
    return asked


def test_a_model_whose_restored_state_gives_other_logits_is_not_served(
    model: tuple[Model, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        asked = break_restored(patch)
        for tried in (1, 2):
            assert "restored states move its logits" in str(warning_of(model, cached(tmp_path)))
            assert len(asked) == 2 * tried, "a failure is tried again in the next run"
        assert pieces(tmp_path) == []
    assert warning_of(model, cached(tmp_path)) is None
    assert pieces(tmp_path), "and is forgotten when it was none"


def test_three_failures_are_enough(model: tuple[Model, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = break_restored(monkeypatch)
    for _ in range(5):
        assert "cannot serve this model" in str(warning_of(model, cached(tmp_path)))
    assert (len(asked), pieces(tmp_path)) == (6, [])


def test_nothing_is_restored_before_the_self_test_has_passed(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    config = cached(tmp_path)
    run(opened, path, PROMPT, config)
    for notes in tmp_path.rglob("notes.json"):
        notes.unlink()
    assert run(opened, path, PROMPT, config)[0].cached == 0
    assert run(opened, path, PROMPT, config)[0].cached == len(PROMPT) - 1


def test_nothing_is_stored_before_there_was_room_for_the_self_test(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    small = cached(tmp_path, replace(CONFIG, context=768, max_context=768, batch=512, ubatch=512))
    prompt = PROMPT + PROMPT[:160]
    if opened.memory_kind is not MemoryKind.FULL:
        run(opened, path, prompt, small)
        assert pieces(tmp_path) == []
    run(opened, path, prompt, cached(tmp_path))
    assert pieces(tmp_path)
    assert run(opened, path, prompt, small)[0].cached == len(prompt) - 1


def test_the_self_test_leaves_the_answer_as_it_is(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    texts = []
    for config in (CONFIG, cached(tmp_path)):
        forget_rates(config.cache_dir)
        engine = Engine(opened, config, reuse=open_reuse(opened, path, config)[0])
        sequence = engine.submit(PROMPT, GREEDY, 0, 40)
        while engine.has_work:
            engine.step()
        engine.close(timeout=10)
        texts.append(sequence.tokens)
    assert texts[0] == texts[1]
    assert pieces(tmp_path)


def test_the_self_test_leaves_other_sequences_as_they_are(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    prompts = [PROMPT[:200], [(11 * i) % 250 for i in range(430)], [(13 * i) % 250 for i in range(90)]]
    answers = []
    for config in (replace(CONFIG, parallel=3), cached(tmp_path, replace(CONFIG, parallel=3))):
        engine = Engine(opened, config, reuse=open_reuse(opened, path, config)[0])
        sequences = [engine.submit(prompt, GREEDY, 0, 30) for prompt in prompts]
        while engine.has_work:
            engine.step()
        engine.close(timeout=10)
        answers.append([sequence.tokens for sequence in sequences])
    assert answers[0] == answers[1]
    assert pieces(tmp_path)


def test_after_an_abort_a_window_is_computed_again(gemma: tuple[Model, str], monkeypatch: pytest.MonkeyPatch) -> None:
    opened, path = gemma
    config = replace(SPLIT, parallel=2, batch=1024)
    others = [[(7 * i) % 250 for i in range(1700)], [(11 * i) % 250 for i in range(2300)]]
    expected = [run(opened, path, tokens, SPLIT)[1] for tokens in others]
    for tokens, logits in zip(others, expected, strict=True):
        engine = Engine(opened, config)
        engine.submit([5] * 100, GREEDY, 0, 400)
        sequence = engine.submit(tokens, GREEDY, 0, 1, (len(tokens) - 1,))
        while sequence.computed < 500:
            engine.step()
        half_done(engine, monkeypatch)
        assert sequence.computed == 0
        while engine.has_work and sequence.finish_reason is None:
            engine.step()
        assert difference(engine.last_logits(), logits) <= NOISE
        engine.close()


def half_done(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that ends as an aborted one does after its first ubatches: their rows are in the memory."""
    honest = Context.decode

    def decode(self: Context, rows: list[Row]) -> bool:
        honest(self, rows)
        return False

    with monkeypatch.context() as patch:
        patch.setattr(Context, "decode", decode)
        assert engine.step() == []


def test_the_cutter_refuses_a_memory_of_another_kind(models_dir: Path) -> None:
    path = str(write_gguf(models_dir / "other-kind.gguf", context=1024))
    with Model(path, CONFIG, Log()) as opened:
        engine = Engine(opened, CONFIG)
        engine.submit(PROMPT[:100], GREEDY, 0, 4)
        engine.step()
        context = engine._context
        assert context
        with pytest.raises(EngineFailure, match="another layout"):
            StateCutter(context.pointer, 1, MemoryKind.WINDOW)
        engine.close()
