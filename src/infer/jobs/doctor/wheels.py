"""Which build of llama-cpp-python fits a machine, and the command that installs it into this very environment.

The indexes and what their wheels need are those of llama-cpp-python 0.3.36's README and of the workflows that build
them: for CUDA, ROCm and Vulkan x86-64 Linux with glibc, any Python (their tag is py3-none), NVIDIA's runtime libraries
not included.
"""

import re
import shlex
from dataclasses import dataclass

from infer.machine import Gpu, Machine

MINIMUM = "0.3.36"  # as in pyproject.toml
_PACKAGE = f"llama-cpp-python>={MINIMUM}"
_INDEX = "https://abetlen.github.io/llama-cpp-python/whl/"
Version = tuple[int, int]
_ANY: Version = (99, 9)


@dataclass(frozen=True, slots=True)
class _CudaWheel:
    """An index of CUDA wheels: the toolkit, and the compute capabilities its code runs on."""

    tag: str
    cuda: Version
    least: Version
    most: Version = _ANY


_CUDA = (
    _CudaWheel("cu118", (11, 8), (6, 0), (8, 9)),
    _CudaWheel("cu121", (12, 1), (6, 0)),
    _CudaWheel("cu122", (12, 2), (6, 0)),
    _CudaWheel("cu123", (12, 3), (6, 0)),
    _CudaWheel("cu124", (12, 4), (6, 0)),
    _CudaWheel("cu125", (12, 5), (6, 0)),
    _CudaWheel("cu130", (13, 0), (7, 5)),
    _CudaWheel("cu132", (13, 2), (7, 5)),
)
# NVIDIA's table of minor version compatibility: the oldest driver that runs anything of a major version.
_DRIVERS = ((580, (13, 0)), (525, (12, 0)), (450, (11, 0)))


@dataclass(frozen=True, slots=True)
class Installer:
    """How packages come into the environment that infer runs in.

    python  its interpreter       pip  whether pip is in it (environments of uv have none)
    glibc   whether wheels for Linux run here         runtimes  major versions of CUDA whose runtime library loads
    rocm    whether ROCm is installed
    """

    python: str
    pip: bool
    glibc: bool = True
    runtimes: tuple[int, ...] = ()
    rocm: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do to have a GPU used. needs: what the command does not bring; command may be empty."""

    needs: str
    command: str = ""


def advice(machine: Machine, gpu: Gpu | None, installer: Installer) -> Advice:
    """How this machine gets a build that uses its GPU (None: nobody answered for it but its maker is known)."""
    maker = gpu.backend if gpu else {"Apple": "Metal", "NVIDIA": "CUDA", "AMD": "ROCm"}.get(machine.gpu or "", "Vulkan")
    if maker == "Metal":
        return Advice("a build with Metal", from_index("metal", installer))
    if maker == "CUDA":
        return _cuda(machine, gpu, installer)
    if maker == "ROCm" and installer.rocm:
        return Advice("a build with ROCm, compiled here for this GPU", from_source("-DGGML_HIP=on", installer))
    return _vulkan(machine, installer)


def plain(installer: Installer) -> str:
    """The command that compiles a build for the CPU of this machine, whatever was there before."""
    return from_source("-DGGML_NATIVE=on", installer)


def cuda_wheel(driver: Version, capability: Version | None, runtimes: tuple[int, ...] = ()) -> str | None:
    """The tag of the CUDA wheels for a driver that runs CUDA up to `driver` and a GPU of this compute capability.

    The newest of those that need no newer driver, of a major version whose runtime is here if there is one. A driver
    older than all wheels of its major version runs the first of them (minor version compatibility). None: no wheel.
    """
    runs = [wheel for wheel in _CUDA if capability is None or wheel.least <= capability <= wheel.most]
    older = [wheel for wheel in runs if wheel.cuda <= driver]
    compatible = [wheel for wheel in runs if wheel.cuda[0] == driver[0]][:1]
    here = [wheel for wheel in (*compatible, *older) if wheel.cuda[0] in runtimes]
    found = here or older or compatible
    return found[-1].tag if found else None


def cuda_of(gpu: Gpu) -> Version | None:
    """The newest CUDA that a GPU's driver runs: what it says itself, else what its version promises."""
    if cuda := _version(gpu.cuda):
        return cuda
    driver = _version(gpu.driver)
    return next((cuda for least, cuda in _DRIVERS if driver and driver[0] >= least), None)


def from_index(tag: str, installer: Installer) -> str:
    """Install a wheel from one of the indexes, and from nowhere else: a newer source elsewhere would win otherwise."""
    python, url = shlex.quote(installer.python), _INDEX + tag
    if installer.pip:
        begin = f"{python} -m pip install --force-reinstall --no-deps --index-url {url}"
    else:
        begin = f"uv pip install --python {python} --reinstall --no-deps --default-index {url}"
    return f"{begin} --only-binary llama-cpp-python '{_PACKAGE}'"


def from_source(cmake: str, installer: Installer) -> str:
    """Compile it here. Without caches: these go by the version alone, and not by what CMake was told."""
    python = shlex.quote(installer.python)
    if installer.pip:
        begin = f"{python} -m pip install --force-reinstall --no-deps --no-cache-dir"
    else:
        begin = f"uv pip install --python {python} --reinstall --no-deps --no-cache"
    return f"CMAKE_ARGS={shlex.quote(cmake)} {begin} --no-binary llama-cpp-python '{_PACKAGE}'"


def _cuda(machine: Machine, gpu: Gpu | None, installer: Installer) -> Advice:
    driver = cuda_of(gpu) if gpu else None
    if gpu is None or driver is None:
        needs = (
            f"a build with CUDA: nvidia-smi shows the driver's CUDA version; README.md lists the indexes below {_INDEX}"
        )
        return Advice(needs)
    tag = cuda_wheel(driver, _version(gpu.compute_capability), installer.runtimes)
    if tag is None and driver < (11, 0):
        return Advice(f"a newer driver: this one runs CUDA {gpu.cuda or gpu.driver}, wheels need 11.8 or newer")
    if tag is None or not _has_wheels(machine, installer):
        return Advice("a build with CUDA, compiled here; that needs NVIDIA's CUDA toolkit (nvcc) on the PATH",
                      from_source("-DGGML_CUDA=on", installer))  # fmt: skip
    major = int(tag[2:4])
    needs = f"a build with CUDA {major}"
    if major not in installer.runtimes:
        needs += (
            f"; it also needs NVIDIA's CUDA {major} runtime (libcudart.so.{_suffix(major)}, libcublas), not found here"
        )
    return Advice(needs, from_index(tag, installer))


def _vulkan(machine: Machine, installer: Installer) -> Advice:
    needs = "a build with Vulkan, and the GPU's Vulkan driver"
    if _has_wheels(machine, installer):
        return Advice(needs, from_index("vulkan", installer))
    return Advice(f"{needs}, compiled here; that needs the Vulkan SDK", from_source("-DGGML_VULKAN=on", installer))


def _has_wheels(machine: Machine, installer: Installer) -> bool:
    return machine.system == "linux" and machine.architecture in ("x86_64", "") and installer.glibc


def _suffix(major: int) -> str:
    """How the file of CUDA's runtime library ends."""
    return "11.0" if major == 11 else str(major)


def _version(text: str) -> Version | None:
    match = re.match(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else None
