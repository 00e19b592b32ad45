"""A driver library that is missing, broken, lying, hanging or crashing is a sentence in `problems`, never our end."""

import shutil
import subprocess
from pathlib import Path

import pytest

from infer.machine import detect_all, gpus
from infer.machine.facts import Gpu
from machine.trees import tree

COMPILER = shutil.which("cc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="the fake libraries are written in C")

INIT = "int nvmlInit_v2(void) { return %s; }\n"
WORDS = 'const char *nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : 0; }\n'
TEXT = 'int %s(%schar *text, unsigned size) { snprintf(text, size, "%s"); return 0; }\n'
WORKS = (
    "#include <stdio.h>\n#include <string.h>\n"
    + INIT % 0
    + WORDS
    + TEXT % ("nvmlSystemGetDriverVersion", "", "570.124.06")
    + TEXT % ("nvmlDeviceGetName", "void *device, ", "NVIDIA GeForce RTX 4090")
    + "int nvmlSystemGetCudaDriverVersion(int *version) { *version = 12080; return 0; }\n"
    "int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }\n"
    "int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(index + 1UL); return 0; }\n"
    "int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory)\n"
    "{ memory[0] = 25757220864ULL; memory[1] = 25000000000ULL; memory[2] = 757220864ULL; return 0; }\n"
    "int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor)\n"
    "{ *major = 8; *minor = 9; return 0; }\n"
)


def library(folder: Path, source: str) -> str:
    """Compile a libnvidia-ml.so.1 and return its path."""
    path = folder / "libnvidia-ml.so.1"
    assert COMPILER is not None
    code = folder / "fake.c"
    code.write_text(source)
    subprocess.run([COMPILER, "-shared", "-fPIC", "-w", "-o", path, code], check=True)
    return str(path)


def test_a_library_that_works_names_its_gpus(tmp_path: Path) -> None:
    found, problems = gpus.ask_nvidia(library(tmp_path, WORKS))
    card = Gpu("NVIDIA GeForce RTX 4090", "CUDA", 25757220864, 25000000000, "570.124.06", "12.8", "8.9")
    assert (found, problems) == ((card, card), ())


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (INIT % 18 + WORDS, "NVIDIA's driver library refuses: nvmlInit_v2: Driver/library version mismatch"),
        (INIT % 999 + WORDS, "NVIDIA's driver library refuses: nvmlInit_v2: error 999"),
        (INIT % 9, "NVIDIA's driver library refuses: nvmlInit_v2: error 9"),
        ("int nothing;", "NVIDIA's driver library refuses: it lacks nvmlInit_v2"),
        (INIT % 0, "NVIDIA's driver library refuses: it lacks nvmlSystemGetDriverVersion"),
        (INIT % "*(volatile int *)0", "NVIDIA's driver library crashed (SIGSEGV)"),
        ("#include <stdlib.h>\n" + INIT % "(abort(), 0)", "NVIDIA's driver library crashed (SIGABRT)"),
        ("#include <stdlib.h>\n" + INIT % "(exit(3), 0)", "NVIDIA's driver library crashed (exit status 3)"),
        (
            "#include <unistd.h>\n" + INIT % '(write(1, "{\\"gpus\\": 7}", 11), _exit(0), 0)',
            "NVIDIA's driver library gave an answer that makes no sense",
        ),
        (
            "__attribute__((constructor)) static void early(void) { *(volatile int *)0 = 1; }\n",
            "NVIDIA's driver library crashed (SIGSEGV)",
        ),
    ],
    ids=["refuses", "no words", "no errors", "empty", "lacks one", "crashes", "aborts", "leaves", "lies", "at load"],
)
def test_a_broken_library_is_one_sentence(tmp_path: Path, source: str, problem: str) -> None:
    assert gpus.ask_nvidia(library(tmp_path, source)) == ((), (problem,))


def test_a_library_that_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "_PATIENCE", 0.5)
    hangs = library(tmp_path, "#include <unistd.h>\n" + INIT % "(sleep(60), 0)")
    assert gpus.ask_nvidia(hangs) == ((), ("NVIDIA's driver library did not answer within 0.5 s",))


def test_a_library_that_is_no_library(tmp_path: Path) -> None:
    broken = tmp_path / "libnvidia-ml.so.1"
    broken.write_bytes(b"\x7fELF but then not")
    found, (problem,) = gpus.ask_nvidia(str(broken))
    assert found == ()
    assert problem.startswith("NVIDIA's driver library cannot be loaded: ")
    assert "libnvidia-ml.so.1" in problem


def test_a_driver_without_its_library(tmp_path: Path) -> None:
    """As in a container that was given the device files and nothing else."""
    found = detect_all(tree(tmp_path, {"dev/nvidiactl": ""}))
    assert (found.gpu, found.gpus) == ("NVIDIA", ())
    assert found.problems == ("NVIDIA's driver library cannot be loaded: it is not installed",)
