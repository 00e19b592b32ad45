"""Vectors from the real llama.cpp against the same model computed in NumPy, and what has to stand in one graph."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import CLS, SEP, cosine, reference, weights, write_bert, write_last
from infer.embedder import Embedder
from infer.engine.embedding import Tokens, take
from infer.errors import EmptyPrompt, EngineFailure, TextTooLong
from infer.types import Embedded, EmbedRequest, EngineConfig, Failed

TEXTS = ["the fox", "a fox is a fox and the fox is 7 feet", "x", "the query: 12 passages!", "fox " * 90]
CONFIG = EngineConfig(max_context=512, parallel=64, threads=1, batch=512, pooling="mean")
LAST = replace(CONFIG, pooling="last", max_context=2048, in_pieces=True, ubatch=512)
# What two batches may differ by: a matrix product of another size adds in another order. 1 - cosine, in f32.
BATCH_NOISE = 1e-6

Open = Callable[..., Embedder]


@pytest.fixture
def start() -> Iterator[Open]:
    opened: list[Embedder] = []

    def begin(path: Path, config: EngineConfig = CONFIG) -> Embedder:
        opened.append(Embedder(str(path), config))
        return opened[-1]

    yield begin
    for embedder in opened:
        embedder.close()


@pytest.fixture(scope="module")
def bert(models_dir: Path) -> Path:
    return write_bert(models_dir / "bert.gguf")


@pytest.fixture(scope="module")
def decoder(models_dir: Path) -> Path:
    return write_last(models_dir / "last.gguf")


def vectors(embedder: Embedder, texts: list[str], *, together: bool = True, normalized: bool = True) -> np.ndarray:
    found: dict[int, np.ndarray] = {}
    for text in texts:
        embedder.submit(EmbedRequest(text, normalized=normalized))
        while embedder.has_work and not together:
            found |= _step(embedder)
    while embedder.has_work:
        found |= _step(embedder)
    return np.stack([found[number] for number in sorted(found)])


def _step(embedder: Embedder) -> dict[int, np.ndarray]:
    events = embedder.step()
    assert all(isinstance(event, Embedded) for event in events)
    return {event.id: np.frombuffer(event.vector, "<f4") for event in events if isinstance(event, Embedded)}


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_vectors_are_those_of_the_same_model_in_numpy(start: Open, bert: Path, pooling: str) -> None:
    embedder = start(bert, replace(CONFIG, pooling=pooling))
    found = vectors(embedder, TEXTS, normalized=False)
    for text, vector in zip(TEXTS, found, strict=True):
        expected = reference(weights(), embedder.tokenize(text), pooling)
        assert vector == pytest.approx(expected, abs=2e-3)
        assert cosine(vector, expected) > 0.99999


def test_normalised_vectors_have_length_one_and_the_same_direction(start: Open, bert: Path) -> None:
    embedder = start(bert)
    raw, normal = vectors(embedder, TEXTS, normalized=False), vectors(embedder, TEXTS)
    assert np.linalg.norm(normal, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)
    assert np.abs(np.linalg.norm(raw, axis=1) - 1).min() > 0.1
    assert normal == pytest.approx(raw / np.linalg.norm(raw, axis=1, keepdims=True), abs=1e-6)


@pytest.mark.parametrize("kind", ["bert", "decoder"])
def test_together_is_alone(start: Open, request: pytest.FixtureRequest, kind: str) -> None:
    """As many texts as several batches take, of very different lengths."""
    embedder = start(request.getfixturevalue(kind), CONFIG if kind == "bert" else LAST)
    texts = [f"{n} " + "fox " * (n * 7 % 60) for n in range(150)]
    alone, together = vectors(embedder, texts, together=False), vectors(embedder, texts)
    noise = max(1 - cosine(a.astype(float), b.astype(float)) for a, b in zip(alone, together, strict=True))
    assert noise < BATCH_NOISE
    assert cosine(alone[0], alone[1]) < 0.999, "else the test would say nothing"


def test_the_last_token_speaks_and_it_is_the_end_of_the_text(start: Open, decoder: Path) -> None:
    embedder = start(decoder, LAST)
    tokens = embedder.tokenize("the fox")
    assert embedder.pieces(tokens)[-1] == "<|end|>"
    whole = start(decoder, replace(LAST, in_pieces=False))
    assert cosine(vectors(embedder, ["the fox"])[0], vectors(whole, ["the fox"])[0]) > 1 - BATCH_NOISE


def test_a_long_text_in_pieces_has_the_vector_of_one_graph(start: Open, decoder: Path) -> None:
    """1,500 tokens in graphs of 64, in batches of 128, beside short ones."""
    texts = ["the fox", "a b c " * 250, "is", "fox " * 300]
    pieces = vectors(start(decoder, replace(LAST, batch=128, ubatch=64)), texts)
    whole = vectors(start(decoder, replace(LAST, in_pieces=False)), texts)
    for one, other in zip(pieces, whole, strict=True):
        assert cosine(one.astype(float), other.astype(float)) > 1 - 1e-5


def test_a_mean_over_a_causal_model_is_over_all_of_the_text(start: Open, decoder: Path) -> None:
    """llama.cpp pools each ubatch for itself: pieces would give the mean of the last one, without a word."""
    text = "a b c " * 250
    config = replace(LAST, pooling="mean", in_pieces=False)
    right = vectors(start(decoder, replace(config, batch=2048, ubatch=2048)), [text])[0]
    ours = vectors(start(decoder, replace(config, batch=128, ubatch=64)), [text])[0]
    wrong = vectors(start(decoder, replace(config, batch=128, ubatch=64, in_pieces=True)), [text])[0]
    assert cosine(ours.astype(float), right.astype(float)) > 1 - BATCH_NOISE
    assert cosine(wrong.astype(float), right.astype(float)) < 0.99


def test_a_context_is_one_batch_and_one_ubatch(start: Open, bert: Path) -> None:
    from infer.engine.llama.library import bindings

    embedder = start(bert, replace(CONFIG, batch=64, ubatch=64))
    vectors(embedder, ["x", "fox " * 400])
    context = embedder._engine._context
    assert context is not None
    sizes = {bindings.llama_n_ctx(context.pointer), bindings.llama_n_batch(context.pointer)}
    assert sizes | {bindings.llama_n_ubatch(context.pointer)} == {context.size} == {512}


def test_a_text_as_long_as_the_model_allows_and_one_more(start: Open, bert: Path) -> None:
    embedder = start(bert)
    vector = vectors(embedder, ["x " * 510])[0]
    tokens = embedder.tokenize("x " * 510)
    assert (len(tokens), tokens[0], tokens[-1]) == (512, CLS, SEP)
    assert cosine(vector.astype(float), reference(weights(), tokens)) > 0.99999
    with pytest.raises(TextTooLong) as caught:
        embedder.submit(EmbedRequest("x " * 511))
    assert caught.value.facts == {"prompt": 513, "context": 512, "trained": 512}
    assert not embedder.has_work


def test_a_prefix_stands_before_the_text(start: Open, bert: Path) -> None:
    embedder = start(bert)
    embedder.submit(EmbedRequest("the fox", prefix="query: "))
    (with_prefix,) = _step(embedder).values()
    as_text, without = vectors(embedder, ["query: the fox", "the fox"])
    assert cosine(with_prefix.astype(float), as_text.astype(float)) > 1 - BATCH_NOISE
    assert cosine(with_prefix, without) < 0.999


def test_control_texts_stay_text(start: Open, bert: Path) -> None:
    assert start(bert).tokenize("a [SEP] b").count(SEP) == 1


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_has_no_vector(start: Open, bert: Path, text: str) -> None:
    with pytest.raises(EmptyPrompt):
        start(bert).submit(EmbedRequest(text))


def test_weights_that_give_no_number_are_an_error(start: Open, tmp_path: Path) -> None:
    broken = weights() | {"token_embd_norm.weight": np.full(32, np.nan, dtype=np.float32)}
    embedder = start(write_bert(tmp_path / "nan.gguf", tensors=broken))
    embedder.submit(EmbedRequest("the fox"))
    (failed,) = embedder.step()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, EngineFailure)
    assert "no number" in str(failed.error)


def test_a_vector_of_zeros_has_no_direction(start: Open, tmp_path: Path) -> None:
    last = "blk.1.layer_output_norm"
    silent = {f"{last}.weight": np.zeros(32, dtype=np.float32), f"{last}.bias": np.zeros(32, dtype=np.float32)}
    embedder = start(write_bert(tmp_path / "zero.gguf", tensors=weights() | silent))
    embedder.submit(EmbedRequest("the fox"))
    embedder.submit(EmbedRequest("the fox", normalized=False))
    failed, raw = embedder.step()
    assert isinstance(failed, Failed)
    assert isinstance(raw, Embedded)
    assert not np.frombuffer(raw.vector, "<f4").any()


@pytest.mark.parametrize("kind", ["bert", "decoder"])
def test_an_aborted_step_loses_nothing(start: Open, request: pytest.FixtureRequest, kind: str) -> None:
    embedder = start(request.getfixturevalue(kind), CONFIG if kind == "bert" else LAST)
    expected = vectors(embedder, TEXTS)
    numbers = [embedder.submit(EmbedRequest(text)) for text in TEXTS]
    embedder.abort_flag.set()
    assert embedder.step() == []
    assert embedder.abort(numbers[0]) != []
    assert embedder.abort(numbers[0]) == []
    found = _step(embedder)
    assert list(found) == numbers[1:]
    assert np.stack(list(found.values())) == pytest.approx(expected[1:], abs=1e-4)


def test_another_configuration_keeps_the_weights(start: Open, bert: Path) -> None:
    embedder = start(bert)
    other = replace(CONFIG, pooling="cls")
    assert embedder.serves(str(bert), other)
    assert not embedder.serves(str(bert), replace(CONFIG, pooling=None))
    embedder.configure(other)
    expected = reference(weights(), embedder.tokenize("the fox"), "cls")
    assert cosine(vectors(embedder, ["the fox"])[0].astype(float), expected) > 0.99999


@given(
    sizes=st.lists(st.integers(1, 900), max_size=60),
    room=st.integers(1, 600),
    most=st.integers(1, 9),
    group=st.integers(1, 70),
)
def test_batches_hold_what_fits_in_order_and_cut_nothing(sizes: list[int], room: int, most: int, group: int) -> None:
    waiting = deque(Tokens(number, [0] * size, number // group) for number, size in enumerate(sizes))
    seen: list[int] = []
    while waiting:
        taken = take(waiting, room, most)
        total = sum(len(text.tokens) for text in taken)
        assert 0 < len(taken) <= most
        assert total <= room or len(taken) == 1
        assert [len(text.tokens) for text in taken] == [sizes[text.id] for text in taken]
        assert len({text.group for text in taken}) == 1
        seen += [text.id for text in taken]
        if waiting and waiting[0].group == taken[0].group and len(taken) < most and len(taken[0].tokens) <= room:
            assert total + len(waiting[0].tokens) > room, "it would have fitted"
    assert seen == list(range(len(sizes)))
