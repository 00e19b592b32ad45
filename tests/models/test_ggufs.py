"""The test files are real models: llama.cpp loads them, tokenises with them and generates from them."""

from pathlib import Path
from typing import Any

import pytest

import ggufs

llama = pytest.importorskip("llama_cpp.llama_cpp")


@pytest.fixture(autouse=True, scope="module")
def backend() -> None:
    llama.llama_backend_init()


def tokenize(vocabulary: Any, text: str, *, special: bool) -> list[int]:
    raw = text.encode()
    ids = (llama.llama_token * 200)()
    return list(ids[: llama.llama_tokenize(vocabulary, raw, len(raw), ids, 200, True, special)])


def generate(model: Any, prompt: list[int], count: int) -> list[int]:
    """Greedy decoding, one token at a time."""
    params = llama.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = 256, 1, 1
    context = llama.llama_init_from_model(model, params)
    size = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    answer: list[int] = []
    step = prompt
    for _ in range(count):
        ids = (llama.llama_token * len(step))(*step)  # the batch only points to it
        assert llama.llama_decode(context, llama.llama_batch_get_one(ids, len(step))) == 0
        logits = llama.llama_get_logits_ith(context, -1)
        step = [max(range(size), key=lambda token: logits[token])]
        answer += step
    llama.llama_free(context)
    return answer


@pytest.mark.parametrize(
    ("write", "options"),
    [
        (ggufs.write_gguf, {}),
        (ggufs.write_gguf, {"dtype": "f32", "layers": 1, "kv_heads": 2, "vocab": 400}),
        (ggufs.write_gguf, {"dtype": "q8_0", "arch": "qwen3"}),
        (ggufs.write_gguf, {"arch": "gemma3", "layers": 6, "head": 16, "window": 8}),
        (ggufs.write_gguf, {"arch": "mamba"}),
        (ggufs.write_spm_gguf, {}),
    ],
)
def test_llama_cpp_runs_it(write: Any, options: dict[str, Any], tmp_path: Path) -> None:
    """Control tokens are single tokens, every byte can be told, <|end|> ends, noise never does."""
    path = write(tmp_path / "m.gguf", **options)
    model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
    vocabulary = llama.llama_model_get_vocab(model)
    (user,) = tokenize(vocabulary, ggufs.USER, special=True)[-1:]
    (end,) = tokenize(vocabulary, ggufs.END, special=True)[-1:]
    assert user not in tokenize(vocabulary, ggufs.USER, special=False)
    assert llama.llama_vocab_is_eog(vocabulary, end)
    assert not llama.llama_vocab_is_eog(vocabulary, user)
    prompt = tokenize(vocabulary, "the fox é 日", special=False)
    answer = generate(model, prompt, 24)
    assert len(set(answer)) > 6
    assert end not in answer
    assert generate(model, prompt, 24) == answer
    llama.llama_model_free(model)


def test_the_same_seed_writes_the_same_file(tmp_path: Path) -> None:
    one, same, other = (
        ggufs.write_gguf(tmp_path / f"{index}.gguf", seed=seed).read_bytes() for index, seed in enumerate((1, 1, 2))
    )
    assert one == same
    assert one != other
