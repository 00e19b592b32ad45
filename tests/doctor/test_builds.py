"""Builds of llama.cpp that are broken, old or without the GPU that is there, through the real command.

The GPU is one that NVML would describe: a library written in C that answers as the recorded machine did, and
/proc/driver/nvidia in a mount namespace. The build with CUDA is a library as well, which answers only what is asked
of a build before a model is loaded.
"""

import importlib.machinery
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.command import Result
from doctor.patient import Line, Patient
from machine.test_drivers import COMPILER, INIT, WORDS, WORKS, library

CARD = "2 GPUs, the first NVIDIA GeForce RTX 4090 (25.8 GB, driver 570.124.06, CUDA 12.8)"
INDEX = "https://abetlen.github.io/llama-cpp-python/whl/"
DRIVER = (
    'mount -t tmpfs none /proc/driver && mkdir /proc/driver/nvidia && touch /proc/driver/nvidia/version && exec "$@"'
)
ANOTHER_LIBRARY = """
_lib = ctypes.CDLL({library!r})
_lib.llama_print_system_info.restype = ctypes.c_char_p
llama_print_system_info = _lib.llama_print_system_info
"""
BUILD = """
#include <stddef.h>
const char *names[] = {"CUDA", "CPU"};
const char *llama_print_system_info(void)
{ return "CUDA : ARCHS = 890 | CPU : SSE3 = 1 | AVX2 = %(avx2)d | FMA = 1 | F16C = 1 | "; }
size_t ggml_backend_reg_count(void) { return 2; }
void *ggml_backend_reg_get(size_t index) { return (void *)(index + 1); }
const char *ggml_backend_reg_name(void *reg) { return names[(size_t)reg - 1]; }
size_t ggml_backend_dev_count(void) { return %(gpus)d + 1; }
void *ggml_backend_dev_get(size_t index) { return (void *)(index < %(gpus)d ? 1UL : 2UL); }
int ggml_backend_dev_type(void *device) { return device == (void *)1 ? 1 : 0; }
void ggml_backend_dev_memory(void *device, size_t *free, size_t *total)
{ *free = 25000000000UL; *total = 25757220864UL; }
const char *ggml_backend_dev_name(void *device) { return device == (void *)1 ? "CUDA0" : "CPU"; }
const char *ggml_backend_dev_description(void *device) { return "NVIDIA GeForce RTX 4090"; }
"""


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def package(patient: Patient, code: str) -> dict[str, str]:
    """An llama_cpp in front of the real one whose bindings are this code."""
    folder = patient.home / "packages" / "llama_cpp"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "llama_cpp.py").write_text(code)
    return {"PYTHONPATH": str(folder.parent)}


def cuda_build(patient: Patient, *, gpus: int, avx2: int = 1) -> dict[str, str]:
    if COMPILER is None:
        pytest.skip("the fake library is written in C")
    code, path = patient.home / "build.c", patient.home / "libllama.so"
    code.write_text(BUILD % {"gpus": gpus, "avx2": avx2})
    subprocess.run([COMPILER, "-shared", "-fPIC", "-w", "-o", path, code], check=True)
    real = importlib.machinery.PathFinder.find_spec("llama_cpp")  # not what another test has loaded of it
    assert real is not None
    assert real.submodule_search_locations is not None
    bindings = Path(real.submodule_search_locations[0], "llama_cpp.py")
    found = package(patient, bindings.read_text() + ANOTHER_LIBRARY.format(library=str(path)))
    for name in ("lib", "_ctypes_extensions.py", "llama_grammar.py"):  # the real library, and what is imported with it
        Path(found["PYTHONPATH"], "llama_cpp", name).symlink_to(bindings.with_name(name))
    return found


@pytest.fixture
def nvidia(patient: Patient) -> tuple[str, ...]:
    """Words in front of a command that sees NVIDIA's driver, with two cards."""
    if COMPILER is None:
        pytest.skip("the fake library is written in C")
    patient.environment["LD_LIBRARY_PATH"] = str(Path(library(patient.home, WORKS)).parent)
    own = () if os.geteuid() == 0 else ("--map-root-user",)
    words = ("unshare", *own, "--mount", "bash", "-c", DRIVER, "bash")
    done = subprocess.run([*words, "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
    return words


def test_a_gpu_that_this_build_cannot_use(patient: Patient, nvidia: tuple[str, ...]) -> None:
    line = patient.only("gpu", "warning", prefix=nvidia)
    assert line["text"] == (
        f"{CARD} is there, and this build cannot use it; "
        "gpu_hint = false in config.toml, or INFER_GPU_HINT=0, ends the note on every run"
    )
    assert line["fix"].startswith(
        "install a build with CUDA 12; it also needs NVIDIA's CUDA 12 runtime (libcudart.so.12"
    )
    assert f"{INDEX}cu125 " in line["command"]
    assert line["command"].endswith("--only-binary llama-cpp-python 'llama-cpp-python>=0.3.36'")


def test_it_is_said_in_one_line_on_every_run_until_it_is_silenced(
    patient: Patient, nvidia: tuple[str, ...], random_model: Path
) -> None:
    note = (
        "note: the NVIDIA GPU of this machine is not used: infer doctor says why, and how it would be "
        "(INFER_GPU_HINT=0 ends this note)\n"
    )
    lines = patient.home / "in.jsonl"
    lines.write_text(json.dumps({"prompt": "x"}) + "\n")
    run = ("run", str(random_model), "x", "-n", "--max-tokens", "2")
    for command in (run, ("choose", str(random_model), "x", "a", "b", "-n"), ("batch", str(random_model), str(lines))):
        more = ("--max-tokens", "2") if command[0] == "batch" else ()
        assert note in patient.run(*command, *more, prefix=nvidia).err
        assert patient.run(*command, *more, prefix=nvidia, env={"INFER_GPU_HINT": "0"}).err.count("GPU") == 0
    assert patient.run(*run, prefix=nvidia).err == note, "one line"
    assert patient.run(*run, "--gpu-layers", "0", prefix=nvidia).err == "", "who wants the CPU gets it"
    assert patient.run(*run, "-q", prefix=nvidia).err == ""
    assert patient.run(*run).err == "", "no GPU, no note"
    patient.configure("gpu_hint = false\n")
    assert patient.run(*run, prefix=nvidia).err == ""
    assert patient.only("gpu", "warning", prefix=nvidia)["text"] == f"{CARD} is there, and this build cannot use it"


def test_the_gpu_that_this_build_uses(patient: Patient, nvidia: tuple[str, ...]) -> None:
    build = cuda_build(patient, gpus=1)
    line = patient.line("gpu", prefix=nvidia, env=build)
    assert (line["level"], line["text"]) == ("ok", "CUDA0 (NVIDIA GeForce RTX 4090), 25.8 GB, 25.0 GB free: used")
    assert patient.wrong(prefix=nvidia, env=build) == []
    patient.configure("gpu_layers = 0\n")
    line = patient.only("gpu", "warning", prefix=nvidia, env=build)
    assert line["fix"] == f"gpu_layers = 0 stands in {patient.config}: take it out, or run with --gpu-layers auto"
    patient.configure("")
    assert patient.wrong(prefix=nvidia, env=build) == []


def test_the_right_build_that_finds_no_gpu(patient: Patient, nvidia: tuple[str, ...]) -> None:
    build = cuda_build(patient, gpus=0)
    line = patient.only("gpu", "problem", prefix=nvidia, env=build)
    assert line["text"] == f"{CARD} is there and this build has CUDA, but CUDA finds no GPU"
    assert "570.124.06 runs CUDA 12.8 at most" in line["fix"]
    line = patient.only("gpu", "warning", prefix=nvidia, env={**build, "CUDA_VISIBLE_DEVICES": "-1"})
    assert line["text"].endswith("CUDA_VISIBLE_DEVICES=-1 hides it")
    assert patient.only("gpu", "problem", prefix=nvidia, env={**build, "CUDA_VISIBLE_DEVICES": "0"})
    assert line["command"] == "unset CUDA_VISIBLE_DEVICES"


def test_a_gpu_build_where_there_is_no_gpu_is_fine(patient: Patient) -> None:
    line = patient.line("gpu", env=cuda_build(patient, gpus=0))
    assert (line["level"], line["text"]) == (
        "ok", "none found: models run on the CPU (this build could use one through CUDA)",
    )  # fmt: skip


@pytest.mark.skipif("avx2" not in Path("/proc/cpuinfo").read_text(), reason="the CPU has to have what is not used")
def test_a_build_that_leaves_the_cpu_s_instructions_unused(patient: Patient) -> None:
    line = patient.only("cpu", "warning", env=cuda_build(patient, gpus=0, avx2=0))
    assert line["text"].startswith("the CPU has AVX2, this build was compiled without")
    assert line["command"].startswith("CMAKE_ARGS='-DGGML_NATIVE=on -DGGML_CUDA=on' "), "the GPU is not lost by it"


def test_a_driver_library_that_crashes_stops_no_other_line(patient: Patient, nvidia: tuple[str, ...]) -> None:
    library(patient.home, INIT % "*(volatile int *)0")
    lines = {line["name"]: line for line in patient.wrong(prefix=nvidia)}
    assert set(lines) == {"drivers", "gpu"}
    assert lines["drivers"]["text"] == "NVIDIA's driver library crashed (SIGSEGV)"
    assert lines["gpu"]["text"].startswith("an NVIDIA GPU is there, and this build cannot use it")
    assert "nvidia-smi" in lines["gpu"]["fix"]
    library(patient.home, INIT % 18 + WORDS)
    assert "version mismatch" in patient.line("drivers", prefix=nvidia)["text"]


BROKEN = {
    "cudart": (
        "raise RuntimeError('libllama.so: libcudart.so.12: cannot open shared object file')",
        "install NVIDIA's CUDA 12 runtime where the loader finds it, or go back to the CPU",
        f"--index-url {INDEX}cpu ",
    ),
    "driver": (
        "raise OSError('libcuda.so.1: cannot open shared object file')",
        "NVIDIA's driver is missing; without a GPU go back to the CPU",
        f"--index-url {INDEX}cpu ",
    ),
    "cpu": (
        "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
        "it was compiled for another CPU: compile it here",
        "CMAKE_ARGS=-DGGML_NATIVE=on ",
    ),
    "truncated": (
        "import ctypes; ctypes.CDLL({path!r})",
        "install it again; compiling needs a C++ compiler",
        "CMAKE_ARGS=-DGGML_NATIVE=on ",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_library_that_does_not_load(patient: Patient, kind: str) -> None:
    code, fix, command = BROKEN[kind]
    path = patient.home / "libllama.so"
    path.write_bytes(b"\x7fELF")
    line = patient.only("llama.cpp", "problem", env=package(patient, code.format(path=str(path))))
    assert line["fix"] == fix
    assert command in line["command"].replace("--default-index", "--index-url")
    shutil.rmtree(patient.home / "packages")
    assert patient.wrong() == []


def test_an_old_llama_cpp_python(patient: Patient) -> None:
    about = patient.home / "packages" / "llama_cpp_python-0.2.90.dist-info" / "METADATA"
    about.parent.mkdir(parents=True)
    about.write_text("Metadata-Version: 2.1\nName: llama_cpp_python\nVersion: 0.2.90\n")
    line = patient.only("llama.cpp", "problem", env={"PYTHONPATH": str(about.parents[1])})
    assert line["text"].startswith("llama-cpp-python 0.2.90: ")
    assert line["fix"] == "infer needs 0.3.36 or newer"


@pytest.mark.slow
def test_a_library_that_hangs(patient: Patient) -> None:
    result: Result = patient.run("doctor", "--json", env=package(patient, "import time; time.sleep(99)"), timeout=20)
    lines: list[Line] = [line for line in result.json["checks"] if line["level"] != "ok"]
    assert (result.code, [line["name"] for line in lines]) == (1, ["llama.cpp"])
    assert "hangs" in lines[0]["text"]
    assert result.seconds < 12
