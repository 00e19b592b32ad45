"""The prompt cache gives what computing gives: trees of conversations, each run with a fresh engine and store."""

import ctypes
import json
import random
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.one_run import forget_rates
from ggufs import write_gguf
from infer.engine.engine import Engine
from infer.engine.llama.context import AbortFlag, Context, Row
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.llama.state import MemoryKind
from infer.engine.reuse import CHANGED, MIN_PROMPT, open_reuse
from infer.engine.scheduler import Sequence
from infer.errors import DoesNotFit
from infer.llm import LLM
from infer.types import EngineConfig, SamplingParams

GREEDY = SamplingParams(temperature=0)
CONFIG = EngineConfig(max_context=4096, threads=1, batch=512, ubatch=512)
KINDS = {
    "llama": MemoryKind.FULL,
    "qwen3": MemoryKind.FULL,
    "gemma3": MemoryKind.WINDOW,
    "mamba": MemoryKind.RECURRENT,
    "lfm2": MemoryKind.RECURRENT,  # hybrid: attention beside short convolutions
}
# Restored windows stand in other cells than computed ones, so sums are added in another order; a recurrent state
# carries on the last bits of every chunk before it, and other prompts had other chunks: kernel noise. The logits here
# spread over about 18; a window or a state that is wrong moves them by more than 1 (PROMPT_CACHE.md, section 2.4).
NOISE = 0.02
RUNS = 25


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, models_dir: Path) -> Iterator[tuple[Model, str]]:
    extra = {"window": 128} if request.param == "gemma3" else {}
    path = write_gguf(models_dir / f"{request.param}-reuse.gguf", arch=request.param, context=4096, **extra)
    with Model(str(path), CONFIG, Log()) as opened:
        assert opened.memory_kind is KINDS[request.param]
        yield opened, str(path)


def run(
    model: Model, path: str, tokens: list[int], config: EngineConfig, answer: int = 1
) -> tuple[Sequence, list[float]]:
    """A prompt computed by a fresh engine: the sequence when it has ended, and the last logits of it."""
    forget_rates(config.cache_dir)
    reuse, _ = open_reuse(model, path, config)
    engine = Engine(model, config, reuse=reuse)
    # A batch of one row takes other kernels than one of many: both runs end in the same chunk.
    stops = (len(tokens) - 1,)
    sequence = engine.submit(tokens, GREEDY, 0, answer, stops)
    while engine.has_work:
        engine.step()
    logits = engine.last_logits()
    engine.close(timeout=10)
    return sequence, logits


def difference(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def allowed(kind: MemoryKind, prompt: list[int], cached: int, earlier: list[list[int]]) -> float:
    """How far logits may be from those of an uncached run.

    Full attention: not at all, unless the cached prefix holds the last token of an earlier prompt, which was computed
    alone: a batch of one row takes other kernels (PROMPT_CACHE.md, section 2.6).
    """
    alone = any(len(one) <= cached and prompt[: len(one)] == one for one in earlier)
    return 0.0 if kind is MemoryKind.FULL and not alone else NOISE


def conversations(rng: random.Random) -> Iterator[list[int]]:
    """Prompts that begin like earlier ones, at any position, and go on differently."""
    known: list[list[int]] = [[rng.randrange(250) for _ in range(700)]]
    yield known[0]
    while True:
        earlier = rng.choice(known)
        cut = rng.choice([len(earlier), len(earlier) - 1, rng.randrange(1, len(earlier)), 256, 512])
        prompt = earlier[:cut] + [rng.randrange(250) for _ in range(rng.choice([1, 30, 300]))]
        known.append(prompt)
        yield prompt


@pytest.mark.parametrize("kv_type", ["f16", "q8_0"])
def test_trees_of_conversations_have_the_logits_of_uncached_runs(
    model: tuple[Model, str], tmp_path: Path, kv_type: str
) -> None:
    opened, path = model
    if kv_type == "q8_0" and "mamba" in path:
        pytest.skip("a recurrent state has one type")
    cold = replace(CONFIG, kv_type=kv_type, flash_attention=kv_type != "f16")
    warm = replace(cold, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    reused = asked = 0
    earlier: list[list[int]] = []
    for _, prompt in zip(range(RUNS), conversations(random.Random(7)), strict=False):
        expected = run(opened, path, prompt, cold)
        sequence, logits = run(opened, path, prompt, warm)
        noise = allowed(opened.memory_kind, prompt, sequence.cached, earlier)
        assert difference(logits, expected[1]) <= noise, (len(prompt), sequence.cached)
        earlier.append(prompt)
        reused, asked = reused + sequence.cached, asked + len(prompt)
    assert reused > asked / 4, "the cache was of use"


def test_the_same_prompt_again_computes_one_token(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    prompt = list(range(200)) * 3
    run(opened, path, prompt, config)
    again, _ = run(opened, path, prompt, config)
    assert again.cached == len(prompt) - 1


def test_the_next_turn_computes_only_what_is_new(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    tokens = [(7 * i) % 250 for i in range(300)]
    for turn in range(6):
        sequence, _ = run(opened, path, tokens, config, answer=40)
        if turn:
            assert sequence.prompt - sequence.cached <= 21, "twenty new tokens, and the last of the answer"
        tokens = sequence.tokens + [(11 * i + turn) % 250 for i in range(20)]


def test_short_prompts_leave_no_trace(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    run(opened, path, [5] * (MIN_PROMPT - 1), config)
    assert list(tmp_path.iterdir()) == []


DIFFERENT = {
    "KV type": {"kv_type": "q8_0", "flash_attention": True},
    "flash attention": {"flash_attention": True},
    "repacked weights": {"repack": True},
}


@pytest.mark.parametrize("change", DIFFERENT)
def test_another_setting_is_a_miss(model: tuple[Model, str], tmp_path: Path, change: str) -> None:
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    prompt = list(range(200)) * 2
    run(opened, path, prompt, config)
    assert run(opened, path, prompt, replace(config, **DIFFERENT[change]))[0].cached == 0


def test_other_weights_of_the_same_shape_are_a_miss(models_dir: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    prompt = list(range(200)) * 2
    for seed in (1, 2):
        path = str(write_gguf(models_dir / f"weights-{seed}.gguf", context=4096, seed=seed))
        with Model(path, CONFIG, Log()) as opened:
            assert run(opened, path, prompt, config)[0].cached == 0


def test_another_build_of_llama_cpp_is_a_miss(
    model: tuple[Model, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    prompt = list(range(200)) * 2
    run(opened, path, prompt, config)
    monkeypatch.setattr("infer.engine.reuse.build_identity", lambda: ["libllama.so 1 2"])
    assert run(opened, path, prompt, config)[0].cached == 0


def test_damage_costs_time_and_no_answer(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path), cache_bytes=1 << 30)
    prompt = [(3 * i) % 250 for i in range(900)]
    _, expected = run(opened, path, prompt, CONFIG)
    rng = random.Random(3)
    for _ in range(12):
        run(opened, path, prompt, config)
        pieces = sorted(tmp_path.rglob("*.kv"))
        victim = rng.choice(pieces)
        data = bytearray(victim.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        victim.write_bytes(data[: rng.choice([len(data), len(data) // 2])])
        _, logits = run(opened, path, prompt, config)
        assert difference(logits, expected) <= (0 if opened.memory_kind is MemoryKind.FULL else NOISE)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_reading_begins_before_there_is_a_context(
    model: tuple[Model, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a state can be cut anywhere; and where no context can be made, nobody goes on reading."""
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path / "cache"), cache_bytes=10**9)
    prompt = list(range(200)) * 4
    run(opened, path, prompt, config)
    forget_rates(config.cache_dir)
    engine = Engine(opened, config, reuse=open_reuse(opened, path, config)[0])
    engine.submit(prompt, GREEDY, 0, 1)
    seen: list[set[str]] = []

    def no_memory(*_: object, **__: object) -> None:
        seen.append(threads())
        raise DoesNotFit(what="a context", need=None, have=None)

    monkeypatch.setattr("infer.engine.memory.Context", no_memory)
    with pytest.raises(DoesNotFit):
        engine.step()
    assert ("prefix-reader" in seen[0]) == (opened.memory_kind is MemoryKind.FULL)
    engine.close()
    assert "prefix-reader" not in threads()


def test_a_disk_that_was_slow_once_is_tried_again(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path / "cache"), cache_bytes=10**9)
    prompt = list(range(200)) * 4
    run(opened, path, prompt, config)
    (notes,) = Path(config.cache_dir or "").rglob("notes.json")
    learnt = json.loads(notes.read_text())
    stored = sum(piece.stat().st_size for piece in Path(config.cache_dir or "").rglob("*.kv"))
    # reading all of it would take twelve times as long as computing it
    notes.write_text(json.dumps(learnt | {"restore": stored / 12, "prefill": float(len(prompt))}))
    cached: list[int] = []
    while len(cached) < 20 and not any(cached):
        engine = Engine(opened, config, reuse=open_reuse(opened, path, config)[0])
        sequence = engine.submit(prompt, GREEDY, 0, 1, (len(prompt) - 1,))
        while engine.has_work:
            engine.step()
        engine.close(timeout=10)
        cached.append(sequence.cached)
        rate = json.loads(notes.read_text())
        notes.write_text(json.dumps(rate | {"prefill": float(len(prompt))}))
    assert cached[0] == 0
    assert cached[-1] == len(prompt) - 1


def test_copies_of_blocks_use_the_same_memory_again(model: tuple[Model, str]) -> None:
    opened, _ = model
    with closing(Context(opened, CONFIG, 512, AbortFlag())) as context:
        cutter = context.cutter(opened.memory_kind)
        context.decode([Row(token, token, 0, False) for token in range(256)])
        mine, part = cutter.cut(0, 0, 256)
        kept = bytes(mine)
        places = set()
        for _ in range(10):
            base, again = cutter.cut(0, 0, 256)
            assert (base, again) == (kept, part)
            places.add(ctypes.addressof(ctypes.c_char.from_buffer(base)))
            cutter.give_back(base)
        assert len(places) <= 2
        assert ctypes.addressof(ctypes.c_char.from_buffer(mine)) not in places, "nobody gave it back"


def test_memory_that_nobody_needs_is_not_kept(model: tuple[Model, str]) -> None:
    """Two buffers, the largest, though no later cut takes one."""

    class Buffer(bytearray):
        pass

    opened, _ = model
    with closing(Context(opened, CONFIG, 512, AbortFlag())) as context:
        cutter = context.cutter(opened.memory_kind)
        buffers = [Buffer(size) for size in (900_000, 5, 800_000, 700_000, 100)]
        kept = [weakref.ref(buffer) for buffer in buffers]
        while buffers:
            cutter.give_back(memoryview(buffers.pop(0)))
        assert [reference() is not None for reference in kept] == [True, False, True, False, False]


@pytest.mark.parametrize(
    "rate",
    [10**400, -1, float("nan"), float("inf"), 1e-300, 1e300, True, "fast", [1], None],
    ids=lambda rate: str(rate)[:9],
)
def test_rates_that_nobody_has_measured(model: tuple[Model, str], tmp_path: Path, rate: object) -> None:
    """Whatever stands in the notes costs no answer."""
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path / "cache"), cache_bytes=10**9)
    prompt = list(range(200)) * 2
    run(opened, path, prompt, config)
    (notes,) = Path(config.cache_dir or "").rglob("notes.json")
    for plain in ({"prefill": rate}, {"restore": rate}, {"prefill": rate, "restore": rate}):
        notes.write_text(json.dumps({"self-test": "ok", **plain}))
        engine = Engine(opened, config, reuse=open_reuse(opened, path, config)[0])
        sequence = engine.submit(prompt, GREEDY, 0, 1, (len(prompt) - 1,))
        while engine.has_work:
            engine.step()
        engine.close(timeout=10)
        assert sequence.cached == len(prompt) - 1
        learnt = json.loads(notes.read_text())
        assert 0 < learnt["restore"] < 1e15


def test_what_was_computed_before_an_abort_is_what_is_learnt(model: tuple[Model, str], tmp_path: Path) -> None:
    opened, path = model
    config = replace(CONFIG, cache_dir=str(tmp_path / "cache"), cache_bytes=10**9)
    engine = Engine(opened, config, reuse=open_reuse(opened, path, config)[0])
    sequence = engine.submit([(3 * i) % 250 for i in range(3000)], GREEDY, 0, 1)
    engine.step()
    assert sequence.computed == 512
    engine.finish(sequence, "abort")
    engine.close(timeout=10)
    (notes,) = Path(config.cache_dir or "").rglob("notes.json")
    assert json.loads(notes.read_text())["prefill"] == pytest.approx(512 / sequence.prefill_seconds, rel=0.01)


def test_a_model_that_was_replaced_while_it_was_loaded_runs_without_the_cache(models_dir: Path, tmp_path: Path) -> None:
    """Else the rows of the one would be stored under the name of the other."""
    path = write_gguf(tmp_path / "model.gguf", context=1024, seed=1)
    config = replace(CONFIG, max_context=1024, cache_dir=str(tmp_path / "cache"), cache_bytes=10**9)
    with LLM(str(path), config) as llm:
        assert llm.warning is None
        write_gguf(tmp_path / "other.gguf", context=1024, seed=2).replace(path)
        llm.configure(replace(config, batch=256))
        assert llm.warning == CHANGED
    with LLM(str(path), config) as llm:
        assert llm.warning is None
