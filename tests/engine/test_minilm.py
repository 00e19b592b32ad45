"""A real embedding model against its own reference: all-MiniLM-L6-v2 as sentence-transformers computes it.

minilm.json says which texts, and by what the vectors in minilm.npy were made (scripts/minilm_reference.py).
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import minilm
from infer.embedder import Embedder
from infer.types import Embedded, EmbedRequest, EngineConfig

ABOUT = json.loads(Path(__file__).with_name("minilm.json").read_text(encoding="utf-8"))
VECTORS = np.load(Path(__file__).with_name("minilm.npy"))
CONFIG = EngineConfig(max_context=512, parallel=64, threads=1, batch=512, pooling="mean")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return minilm.write(tmp_path_factory.mktemp("minilm") / "minilm.gguf")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return minilm.convert(tmp_path_factory.mktemp("minilm") / "converted.gguf")


def embed(path: Path, *, together: bool) -> tuple[np.ndarray, list[int]]:
    found: list[Embedded] = []
    with Embedder(str(path), CONFIG) as embedder:
        for text in ABOUT["texts"]:
            embedder.submit(EmbedRequest(text))
            while embedder.has_work and not together:
                found += [event for event in embedder.step() if isinstance(event, Embedded)]
        while embedder.has_work:
            found += [event for event in embedder.step() if isinstance(event, Embedded)]
    return np.stack([np.frombuffer(one.vector, "<f4") for one in found]), [one.tokens for one in found]


def test_the_weights_are_those_of_the_reference() -> None:
    weights = (minilm.folder() / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == ABOUT["weights_sha256"]


@pytest.mark.parametrize("source", ["ours", "theirs"])
@pytest.mark.parametrize("together", [False, True])
def test_vectors_agree_with_the_reference(request: pytest.FixtureRequest, source: str, together: bool) -> None:
    """Both have length 1, so the product is the cosine. The tokens are the same, too."""
    found, tokens = embed(request.getfixturevalue(source), together=together)
    assert tokens == ABOUT["tokens"]
    cosines = (found.astype(float) * VECTORS).sum(axis=1)
    assert cosines.min() >= 0.999, dict(zip(ABOUT["texts"], cosines, strict=True))
    neighbours = VECTORS[1:] @ VECTORS[0]
    assert neighbours.max() > 0.8, "the first two say the same"
    assert np.median(neighbours) < 0.3, "and the others do not"


def test_the_file_is_what_llama_cpp_s_script_makes(ours: Path, theirs: Path) -> None:
    mine, made = minilm.tensors_of(ours), minilm.tensors_of(theirs)
    assert mine.keys() == made.keys()
    for name, values in mine.items():
        assert np.array_equal(values, made[name]), name
    known = minilm.pairs_of(ours)
    assert known.items() <= minilm.pairs_of(theirs).items()
