"""The one rule by which a name means one of several files, on this machine and on the Hub."""

import json
from pathlib import Path

import pytest

from infer.machine import detect
from infer.models import hub_cache, llamacpp, lmstudio, quants
from infer.models.hub import RemoteFile, Repository
from infer.models.ref import ModelRef
from infer.models.store import Store
from infer.models.variants import choose

GB = 10**9
NAMES = ["m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m.Q8_0.gguf", "BF16/m-BF16-00001-of-00002.gguf"]
QUANTS = {"Q2_K": 3, "Q3_K_M": 4, "IQ4_XS": 4, "Q4_K_S": 5, "Q4_K_M": 5, "Q5_K_M": 6, "Q8_0": 9, "F16": 16}
COMMIT = "a" * 40


@pytest.mark.parametrize(
    ("quant", "name"),
    [
        ("Q4_K_M", "m-Q4_K_M.gguf"),
        ("ud-q4_k_m", "m-UD-Q4_K_M.gguf"),
        ("Q8_0", "m.Q8_0.gguf"),
        ("BF16", "BF16/m-BF16-00001-of-00002.gguf"),
        ("Q4_K", None),
        ("Q8", None),
    ],
)
def test_a_quantisation_is_a_word_of_the_file_name(quant: str, name: str | None) -> None:
    assert quants.of_quant(NAMES, quant) == name


@pytest.mark.parametrize(
    ("name", "quant"),
    [
        ("Qwen3-4B-Q4_K_M.gguf", "Q4_K_M"),
        ("m.q8_0.gguf", "Q8_0"),
        ("BF16/m-BF16-00001-of-00002.gguf", "BF16"),
        ("m-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"),
        ("m-IQ2_XXS.gguf", "IQ2_XXS"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("m.gguf", None),
        ("Q.gguf", None),
    ],
)
def test_the_quantisation_in_a_name(name: str, quant: str | None) -> None:
    assert quants.quantization_in(name) == quant


@pytest.mark.parametrize(
    ("names", "memory", "chosen"),
    [
        ([*QUANTS], 64, "Q4_K_M"),
        ([*QUANTS], 5, "IQ4_XS"),
        ([*QUANTS], 4, "Q2_K"),
        ([*QUANTS], 1, "Q2_K"),
        (["Q2_K", "IQ4_XS", "Q4_K_S", "Q8_0"], 64, "Q4_K_S"),
        (["Q3_K_M", "Q5_K_M", "Q8_0"], 64, "Q5_K_M"),
        (["Q3_K_M", "Q8_0"], 64, "Q3_K_M"),
        (["Q8_0", "F16"], 64, "Q8_0"),
    ],
)
def test_the_best_is_what_fits_near_q4_k_m(names: list[str], memory: int, chosen: str) -> None:
    sizes = {f"m-{name}.gguf": QUANTS[name] * GB for name in names}
    assert quants.best(sizes, memory * GB) == f"m-{chosen}.gguf"


def remotely(sizes: dict[str, int]) -> str:
    files = tuple(RemoteFile(name, size, "a" * 64) for name, size in sizes.items())
    repository = Repository("org/repo", COMMIT, files, False, (), None, {})
    return choose(repository, ModelRef.parse("org/repo"), detect().memory_free).name


def locally(home: Path, sizes: dict[str, int]) -> set[str]:
    """What is chosen in the Hugging Face cache, in llama.cpp's and in LM Studio's directories."""
    environment = {"HOME": str(home), "HF_HUB_CACHE": str(home / "hub")}
    snapshot = hub_cache.snapshot(home / "hub", "org/repo", COMMIT)
    studio, own = home / ".lmstudio/models/org/repo", home / ".cache/llama.cpp"
    for name, size in sizes.items():
        for path in (snapshot / name, studio / name, own / f"org_repo_{name}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.truncate(size)  # sparse: larger than any memory, and nothing on the disk
        url = f"https://huggingface.co/org/repo/resolve/main/{name}"
        (own / f"org_repo_{name}.json").write_text(json.dumps({"url": url}))
    theirs, ours = lmstudio.find("org/repo", environment), llamacpp.find("org/repo", None, None, environment)
    assert theirs is not None
    assert ours is not None
    places = {Path(theirs.paths[0]).name, Path(ours.paths[0]).name.removeprefix("org_repo_")}
    return places | {Store(None, environment=environment).locate(ModelRef.parse("org/repo")).path.name}


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ({"Q3_K_M": 0.02, "Q4_K_M": 0.03, "Q8_0": 0.05, "F16": 0.1}, "Q4_K_M"),
        ({"Q2_K": 0.02, "IQ3_M": 0.05, "Q4_K_M": 2, "Q8_0": 4}, "IQ3_M"),
        ({"Q8_0": 0.05, "Q5_K_M": 0.03, "Q2_K": 0.02}, "Q5_K_M"),
        ({"Q4_K_M": 3, "Q8_0": 6}, "Q4_K_M"),
        ({"Q8_0": 0.05}, "Q8_0"),
    ],
)
def test_what_is_here_is_chosen_by_the_same_rule_as_what_is_on_the_hub(
    tmp_path: Path, sizes: dict[str, float], chosen: str
) -> None:
    """Sizes in shares of the memory that is free. Projectors and importance matrices are never chosen."""
    free = detect().memory_free
    files = {f"m-{quant}.gguf": int(share * free) for quant, share in sizes.items()}
    files |= {"mmproj-m-Q4_K_M.gguf": 1000, "m-imatrix-Q4_K_M.gguf": 1000}
    assert remotely(files) == f"m-{chosen}.gguf"
    assert locally(tmp_path, files) == {f"m-{chosen}.gguf"}


def test_what_is_not_whole_is_not_chosen_as_long_as_something_is(tmp_path: Path) -> None:
    shards = ["m-Q4_K_M-00001-of-00002.gguf", "m-Q4_K_M-00002-of-00002.gguf"]
    for name in (shards[0], "m-Q8_0.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    assert hub_cache.choose(tmp_path, hub_cache.models(tmp_path), None) == "m-Q8_0.gguf"
    assert hub_cache.choose(tmp_path, hub_cache.models(tmp_path), "Q4_K_M") == shards[0]
    (tmp_path / shards[1]).write_bytes(b"GGUF")
    assert hub_cache.choose(tmp_path, hub_cache.models(tmp_path), None) == shards[0]


def test_a_projector_alone_is_no_model(tmp_path: Path) -> None:
    for name in ("mmproj-F16.gguf", "m.imatrix.gguf", "m-00002-of-00002.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    assert hub_cache.choose(tmp_path, hub_cache.models(tmp_path), None) is None
    assert hub_cache.choose(tmp_path, hub_cache.models(tmp_path), "F16") is None
