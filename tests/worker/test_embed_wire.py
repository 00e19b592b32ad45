"""Vectors over the wire: WorkerClient against the real worker with an embedding model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoders import cosine, reference, weights, write_bert
from infer.errors import BadModelFile, EmptyPrompt, TextTooLong
from infer.types import Embedded, EmbedRequest, EngineConfig, Failed, Finished, Message, Request, TextPart
from infer.worker.client import WorkerClient
from infer.worker.spawn import spawn

CONFIG = EngineConfig(max_context=512, parallel=64, threads=1, batch=512, pooling="mean")


@pytest.fixture(scope="module")
def bert(models_dir: Path) -> Path:
    return write_bert(models_dir / "wire-bert.gguf")


@pytest.fixture
def worker() -> Iterator[WorkerClient]:
    client = WorkerClient(spawn())
    yield client
    client.close()


def ends(worker: WorkerClient, count: int) -> dict[int, Embedded | Failed]:
    found: dict[int, Embedded | Failed] = {}
    for event in worker.events(timeout=20):
        assert isinstance(event, Embedded | Failed), event
        found[event.id] = event
        if len(found) == count:
            return found
    raise AssertionError


def test_vectors_and_errors_come_back_under_their_ids(worker: WorkerClient, bert: Path) -> None:
    worker.load(str(bert), CONFIG)
    texts = ["the fox", "", "x " * 600, "a fox"]
    ids = worker.embed([EmbedRequest(text, normalized=False) for text in texts])
    found = ends(worker, 4)
    first, empty, long, last = (found[number] for number in ids)
    assert isinstance(empty, Failed)
    assert isinstance(long, Failed)
    assert isinstance(empty.error, EmptyPrompt)
    assert isinstance(long.error, TextTooLong)
    assert long.error.facts == {"prompt": 602, "context": 512, "trained": 512}
    for event, text in ((first, "the fox"), (last, "a fox")):
        assert isinstance(event, Embedded)
        tokens = [token for token, _ in worker.tokenize(text)]
        expected = reference(weights(), tokens)
        assert (event.tokens, len(event.vector)) == (len(tokens), 4 * 32)
        assert cosine(np.frombuffer(event.vector, "<f4").astype(float), expected) > 0.99999


def test_one_worker_answers_and_embeds_in_turn(worker: WorkerClient, bert: Path, random_model: Path) -> None:
    worker.load(str(bert), CONFIG)
    worker.load(str(random_model), EngineConfig(max_context=256, threads=1))
    number = worker.submit(Request((Message("user", (TextPart("hi"),)),), max_tokens=2))
    assert any(isinstance(event, Finished) and event.id == number for event in _until_finished(worker))
    worker.load(str(random_model), replace(CONFIG, pooling="last", max_context=256, in_pieces=True))
    (number,) = worker.embed([EmbedRequest("the fox")])
    assert isinstance(ends(worker, 1)[number], Embedded)
    assert worker.embed([]) == []


def _until_finished(worker: WorkerClient) -> Iterator[object]:
    for event in worker.events(timeout=20):
        yield event
        if event is None or isinstance(event, Finished):
            return


def test_a_file_that_llama_cpp_refuses(worker: WorkerClient, tmp_path: Path) -> None:
    tensors = {name: values for name, values in weights().items() if not name.startswith("blk.1.ffn_up")}
    worker.load(str(write_bert(tmp_path / "half.gguf", tensors=tensors)), CONFIG)
    worker.embed([EmbedRequest("the fox")])
    with pytest.raises(BadModelFile):
        ends(worker, 1)
