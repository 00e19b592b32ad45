"""Models that other tools have downloaded: found by path, named as one types them, whatever lies beside them."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import ggufs
from infer.errors import FileUnreadable, ModelNotFound, UsageError
from infer.models import llamacpp, lmstudio, ollama
from infer.models.foreign import Foreign
from infer.models.ref import ModelRef
from infer.models.store import Store
from models.tools import ollama_manifest, ollama_model, put

HOST = "https://huggingface.co"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ggufs.write_gguf(tmp_path_factory.mktemp("gguf") / "m.gguf")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), **more}


def resolve(home: Path, text: str) -> str:
    return Store(None, environment=environment(home)).resolve(ModelRef.parse(text))[0].path


def of_ollama(home: Path) -> dict[str, Foreign]:
    return {found.name: found for found in ollama.models(environment(home))}


def test_a_model_of_ollama_is_its_blob(home: Path, model: Path) -> None:
    blob = ollama_model(home / ".ollama/models", "qwen3/4b", model)
    found = of_ollama(home)["ollama:qwen3:4b"]
    digest = blob.name.removeprefix("sha256-")
    assert (found.paths, found.sha256, found.quantization) == ((str(blob),), digest, "Q4_K_M")
    assert not found.problem
    assert resolve(home, "ollama:qwen3:4b") == str(blob)
    located = Store(None, environment=environment(home)).resolve(ModelRef.parse("ollama:qwen3:4b"))[0]
    assert located.sha256 is None, "nobody here has hashed it"


@pytest.mark.parametrize(
    ("registry", "name", "typed"),
    [
        ("registry.ollama.ai/library", "m/latest", "ollama:m:latest"),
        ("registry.ollama.ai/library", "m/latest", "ollama:m"),
        ("registry.ollama.ai/somebody", "m/7b-q4_K_M", "ollama:somebody/m:7b-q4_K_M"),
        ("hf.co/org", "Repo-GGUF/Q4_K_M", "ollama:hf.co/org/Repo-GGUF:Q4_K_M"),
        ("hf.co/org", "Repo-GGUF/Q4_K_M", "ollama:hf.co/org/repo-gguf:q4_k_m"),
    ],
)
def test_names_of_ollama(home: Path, model: Path, registry: str, name: str, typed: str) -> None:
    blob = ollama_model(home / ".ollama/models", name, model, registry=registry)
    assert resolve(home, typed) == str(blob)
    if typed.count(":") == 2 and typed == typed.replace("repo-gguf", "x"):
        assert list(of_ollama(home)) == [typed]


def test_ollama_models_says_where(home: Path, model: Path) -> None:
    ollama_model(home / "big/disk", "m/latest", model)
    assert not of_ollama(home)
    assert [found.name for found in ollama.models(environment(home, OLLAMA_MODELS=str(home / "big/disk")))] == [
        "ollama:m:latest"
    ]


def test_a_projector_is_not_the_model_and_an_adapter_is_said(home: Path, model: Path) -> None:
    root = home / ".ollama/models"
    blob = ollama_model(root, "llava/7b", model, more={"projector": b"GGUFprojector"})
    assert of_ollama(home)["ollama:llava:7b"].paths == (str(blob),)
    ollama_model(root, "tuned/latest", model, more={"adapter": b"GGUFadapter"})
    with pytest.raises(UsageError, match="adapter") as named:
        resolve(home, "ollama:tuned")
    assert f"infer run {blob} --lora {root}/blobs/sha256-" in named.value.hint


DIGEST = "sha256:" + "0" * 64
MODEL = "application/vnd.ollama.image.model"
BROKEN: list[tuple[object, str]] = [
    (b"", "not JSON"),
    (b"\xff\xfe\x00", "not UTF-8"),
    (b"[" * 100_000, "nested too deeply"),
    (b"x" * (2 << 20), "larger than"),
    ([], "cannot be used"),
    ({}, "cannot be used"),
    ({"layers": 5}, "cannot be used"),
    ({"layers": ["x"]}, "cannot be used"),
    ({"layers": [{"mediaType": 1}]}, "no file in the GGUF format"),
    ({"layers": []}, "no file in the GGUF format"),
    ({"layers": [{"mediaType": MODEL, "digest": DIGEST}]}, "its file is missing"),
    ({"layers": [{"mediaType": MODEL, "digest": DIGEST}] * 2}, "2 model files"),
    *(
        ({"layers": [{"mediaType": MODEL, "digest": digest}]}, "a digest is no sha256")
        for digest in ("sha256:../../../../etc/passwd", "/etc/passwd", "sha256:" + "0" * 63, None, {}, DIGEST + "\n")
    ),
]


@pytest.mark.parametrize(("manifest", "problem"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_manifest_is_named_and_harms_no_other(home: Path, model: Path, manifest: object, problem: str) -> None:
    root = home / ".ollama/models"
    ollama_manifest(root, "bad/latest", manifest)
    good = ollama_model(root, "good/latest", model)
    found = of_ollama(home)
    assert problem in found["ollama:bad:latest"].problem
    assert found["ollama:good:latest"].paths == (str(good),)
    with pytest.raises(FileUnreadable, match="cannot read ollama:bad:latest") as unreadable:
        resolve(home, "ollama:bad:latest")
    assert unreadable.value.exit_code == 3


def test_a_blob_that_is_cut_says_so(home: Path, model: Path) -> None:
    blob = ollama_model(home / ".ollama/models", "m/latest", model)
    os.truncate(blob, 100)
    assert of_ollama(home)["ollama:m:latest"].problem == f"it has 100 of {model.stat().st_size:,} bytes"


def test_odd_things_among_the_manifests(home: Path, model: Path) -> None:
    """Hidden files, files at other depths, FIFOs, links in a circle, names with control characters."""
    root = home / ".ollama/models"
    ollama_model(root, "good/latest", model)
    library = root / "manifests/registry.ollama.ai/library"
    (library / ".DS_Store").write_text("x")
    (library / "stray").write_text("x")
    (library / "circle").symlink_to(library)
    (library / "good" / "deeper").mkdir()
    os.mkfifo(library / "good" / "pipe")
    (library / "good" / "dangling").symlink_to("nowhere")
    ollama_manifest(root, "evil/\x1b[31mred\n", {"layers": []})
    found = of_ollama(home)
    assert set(found) >= {"ollama:good:latest", "ollama:good:pipe", "ollama:good:dangling"}
    assert [name for name, one in found.items() if not one.problem] == ["ollama:good:latest"]
    assert not any(name.startswith("ollama:evil") for name in found)


def test_what_ollama_does_not_have_lists_what_it_has(home: Path, model: Path) -> None:
    with pytest.raises(ModelNotFound) as nothing:
        resolve(home, "ollama:qwen3")
    assert nothing.value.hint == "Ollama has no models on this machine"
    ollama_model(home / ".ollama/models", "qwen3/4b", model)
    with pytest.raises(ModelNotFound) as other:
        resolve(home, "ollama:qwen3")
    assert other.value.hint == "did you mean ollama:qwen3:4b?"
    assert other.value.exit_code == 3


def test_models_of_lm_studio(home: Path, model: Path) -> None:
    root = home / ".lmstudio/models"
    alone = put(model, root / "pub/One-GGUF/One-Q4_K_M.gguf")
    put(model, root / "pub/One-GGUF/mmproj-F16.gguf")
    four, eight = (put(model, root / f"pub/Two-GGUF/Two-{quant}.gguf") for quant in ("Q4_K_M", "Q8_0"))
    found = {one.name: one.paths[0] for one in lmstudio.models(environment(home))}
    assert found == {
        "lmstudio:pub/One-GGUF": str(alone),
        "lmstudio:pub/Two-GGUF/Two-Q4_K_M.gguf": str(four),
        "lmstudio:pub/Two-GGUF/Two-Q8_0.gguf": str(eight),
    }
    for name, path in found.items():
        assert resolve(home, name) == path
    assert resolve(home, "lmstudio:pub/Two-GGUF:Q8_0") == str(eight)
    assert resolve(home, "lmstudio:pub/Two-GGUF") == str(four)
    with pytest.raises(ModelNotFound, match="no model is called 'lmstudio:pub/Two-GGUF:Q6_K'"):
        resolve(home, "lmstudio:pub/Two-GGUF:Q6_K")


def test_lm_studio_may_live_elsewhere(home: Path, model: Path) -> None:
    """The older directory, the pointer to another home; what else may stand in the pointer."""
    old = put(model, home / ".cache/lm-studio/models/a/b/m.gguf")
    assert resolve(home, "lmstudio:a/b") == str(old)
    new = put(model, home / "elsewhere/models/c/d/m.gguf")
    (home / ".lmstudio-home-pointer").write_text(f"{home}/elsewhere\n")
    assert resolve(home, "lmstudio:c/d") == str(new)
    chosen = put(model, home / "disk/e/f/m.gguf")
    settings = home / ".lmstudio/settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"downloadsFolder": str(home / "disk")}))
    assert resolve(home, "lmstudio:e/f") == str(chosen)
    for text in ("", "[]", "{}", '{"downloadsFolder": 5}', '{"downloadsFolder": "\\u0000"}'):
        settings.write_text(text)
        assert resolve(home, "lmstudio:a/b") == str(old)
    for text in ("../..", "", "\0", "/" + "x" * 5000):
        (home / ".lmstudio-home-pointer").write_text(text)
        assert resolve(home, "lmstudio:a/b") == str(old)


def test_a_model_in_files_of_which_some_are_missing(home: Path, model: Path) -> None:
    put(model, home / ".lmstudio/models/a/b/m-00001-of-00003.gguf")
    (found,) = lmstudio.models(environment(home))
    assert (found.name, len(found.paths), found.problem) == ("lmstudio:a/b", 3, "1 of its 3 files are here")


def test_models_of_llama_cpp(home: Path, model: Path) -> None:
    """They have no names, only paths; the repository they came from finds them."""
    path = put(model, home / ".cache/llama.cpp/org_repo-GGUF_m-Q4_K_M.gguf")
    path.with_suffix(".gguf.json").write_text(json.dumps({"url": f"{HOST}/org/repo-GGUF/resolve/main/m-Q4_K_M.gguf"}))
    path.with_suffix(".gguf.etag").write_text('"x"')
    put(model, home / ".cache/llama.cpp/org_repo-GGUF_mmproj-F16.gguf")
    (path.parent / "half.gguf.downloadInProgress").write_text("GGUF")
    assert [one.name for one in llamacpp.models(environment(home))] == [str(path)]
    for text in ("org/repo-GGUF", "org/repo-GGUF:Q4_K_M", "org/repo-GGUF:m-Q4_K_M.gguf"):
        assert resolve(home, text) == str(path)
    for text in ("org/repo-GGUF:Q8_0", "org/repo-GGUF@main", "org/repo"):
        with pytest.raises(ModelNotFound):
            resolve(home, text)


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"{",
        b'{"url": 1}',
        b"[]",
        b'{"url": "https://example.invalid/m.gguf"}',
        b'{"url": "https://example.invalid/acme/Fox_2/resolve/main/model-Q4_K_M.gguf"}',
        b'{"url": "https://example.invalid/acme/Fox/resolve/main/other-Q4_K_M.gguf"}',
    ],
)
def test_a_file_of_llama_cpp_is_taken_for_no_other_repositorys(home: Path, model: Path, said: bytes | None) -> None:
    """acme_Fox_2_model may be a file of acme/Fox_2, or 2_model of acme/Fox: without proof it is neither."""
    path = put(model, home / ".cache/llama.cpp/acme_Fox_2_model-Q4_K_M.gguf")
    if said is not None:
        path.with_suffix(".gguf.json").write_bytes(said)
    for text in ("acme/Fox", "acme/Fox:Q4_K_M", "acme/Fox:2_model-Q4_K_M.gguf"):
        with pytest.raises(ModelNotFound):
            resolve(home, text)
    path.with_suffix(".gguf.json").write_text(json.dumps({"url": f"{HOST}/acme/Fox_2/resolve/main/model-Q4_K_M.gguf"}))
    assert resolve(home, "acme/Fox_2:Q4_K_M") == str(path)
    with pytest.raises(ModelNotFound):
        resolve(home, "acme/Fox")


def test_llama_cache_says_where(home: Path, model: Path) -> None:
    path = put(model, home / "big/org_repo_m.gguf")
    (found,) = llamacpp.models(environment(home, LLAMA_CACHE=str(home / "big")))
    assert found.paths == (str(path),)


def test_homes_of_nobody_are_no_harm(home: Path) -> None:
    odd = {"OLLAMA_MODELS": "~nobody-of-that-name/x", "LLAMA_CACHE": "~nobody-of-that-name", "HF_HOME": "~nobody-x"}
    for room in (ollama, lmstudio, llamacpp):
        assert not list(room.models(environment(home, **odd)))
    with pytest.raises(ModelNotFound):
        Store(None, environment=environment(home, **odd)).resolve(ModelRef.parse("org/repo"))


def test_no_home_is_no_harm() -> None:
    for room in (ollama, lmstudio, llamacpp):
        assert not list(room.models({}))


def test_a_directory_of_another_user_is_as_good_as_none() -> None:
    """Path.is_dir raises where a directory may not be entered; root may enter all, so a child gives that up."""
    script = (
        "import os, sys\nfrom infer.models import ollama\n"
        "os.getuid() or os.setuid(65534)\n"
        "there = {'OLLAMA_MODELS': sys.argv[1]}\n"
        "assert os.path.isdir(sys.argv[1])\n"
        "print(ollama.roots(there), list(ollama.models(there)), ollama.find('x', there))"
    )
    with tempfile.TemporaryDirectory() as place:  # tmp_path lies where others may not even look
        Path(place).chmod(0o711)
        closed = Path(place, "ollama")
        closed.mkdir(mode=0)
        done = subprocess.run([sys.executable, "-c", script, closed], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[] [] None"), done.stderr
