"""What a token costs: read from the tensors of a file."""

from pathlib import Path

import numpy as np
import pytest

from ggufs import write_gguf
from infer.models.metadata import read_headers
from infer.models.work import Work, work_of

WIDTH = 64


def work(path: Path) -> Work:
    return work_of(read_headers(str(path)))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("work") / "plain.gguf", width=WIDTH, dtype="f16")


def test_decoding_reads_all_weights_but_an_embedding_that_is_only_looked_up(plain: Path, tmp_path: Path) -> None:
    """An output of its own: the embedding counts neither as read nor as multiplied."""
    (header,) = read_headers(str(plain))
    found, total = work(plain), sum(header.bytes_by_type.values())
    elements, size = header.roles["embedding"]
    assert "output" in header.roles
    assert found.read == total - size
    assert found.operations == 2 * (header.parameters - elements - header.roles["output"][0])
    assert found.weight_type == 1  # F16


def test_of_the_experts_a_token_meets_as_many_as_the_model_says(plain: Path, tmp_path: Path) -> None:
    experts = {"blk.0.ffn_up_exps.weight": np.zeros((8, 32, WIDTH), dtype=np.float32)}
    pairs = {"llama.expert_count": 8, "llama.expert_used_count": 2}
    sparse = write_gguf(tmp_path / "sparse.gguf", width=WIDTH, dtype="f16", tensors=experts, extra=pairs)
    used = 8 * 32 * WIDTH // 4
    assert work(sparse).read - work(plain).read == used * 4
    assert work(sparse).operations - work(plain).operations == used * 2
