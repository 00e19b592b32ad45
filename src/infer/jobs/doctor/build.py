"""Judges what this machine is and what this build of llama.cpp makes of it: facts in, lines out."""

import re
from dataclasses import dataclass

from infer.errors import InferError
from infer.jobs.doctor.check import Check, amount
from infer.jobs.doctor.wheels import MINIMUM, Installer, advice, from_index, from_source, plain
from infer.machine import Gpu, Machine
from infer.types import Build, Device

# What llama.cpp calls an instruction set -> what Linux calls it. Those without which a CPU computes at a fraction.
_FEATURES = {"AVX2": "avx2", "FMA": "fma", "F16C": "f16c", "DOTPROD": "asimddp", "MATMUL_INT8": "i8mm"}
_GPU_BACKENDS = {"CUDA": "CUDA", "METAL": "Metal", "MTL": "Metal", "ROCM": "ROCm", "HIP": "ROCm", "VULKAN": "Vulkan"}
_VISIBLE = {"CUDA": "CUDA_VISIBLE_DEVICES", "ROCm": "HIP_VISIBLE_DEVICES", "Vulkan": "GGML_VK_VISIBLE_DEVICES"}

_FLAGS = {name: f"-DGGML_{name.upper()}=on" for name in ("CUDA", "Metal", "Vulkan")} | {"ROCm": "-DGGML_HIP=on"}
_NONE = ("", "-1")  # values of these that hide every GPU


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs here: versions, and how to install another build. library: of llama-cpp-python, "" where unknown."""

    infer: str
    python: str
    library: str
    installer: Installer


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user has said about the GPU and the prompt cache.

    layers    the setting gpu_layers, and in `origin` where it stands
    hint      whether to be told of an unused GPU
    no_cache  where the prompt cache is switched off, or ""
    hidden    variables that hide GPUs from a library, and their values
    """

    layers: int | str = "auto"
    origin: str = "default"
    hint: bool = True
    no_cache: str = ""
    hidden: tuple[tuple[str, str], ...] = ()


def describe_machine(machine: Machine) -> list[Check]:
    """The computer, and what of it could not be asked."""
    facts = [machine.cpu_name or "a CPU without a name", _cores(machine), _memory(machine)]
    found = [Check("machine", "ok", ", ".join(facts))]
    fix = "a GPU's driver that does not answer has to be mended first (is nvidia-smi all right?); infer runs without it"
    return found + [Check("drivers", "warning", problem, fix) for problem in machine.problems]


def judge_build(build: Build | InferError | None, machine: Machine, installation: Installation) -> list[Check]:
    """Whether llama.cpp is there, loads, and was compiled for this CPU. build: None when it has not answered."""
    reinstall = plain(installation.installer)
    if build is None:
        text = "llama.cpp does not answer: its library, or a GPU's driver that it starts, hangs"
        return [Check("llama.cpp", "problem", text, "with a driver that hangs, a build for the CPU runs", reinstall)]
    if isinstance(build, InferError):
        return [Check("llama.cpp", "problem", str(build), *_mend(str(build), installation))]
    version = installation.library or "of an unknown version"
    text = f"llama-cpp-python {version}: {', '.join(build.backends) or 'no backend'}; infer {installation.infer}"
    if not build.backends:
        return [Check("llama.cpp", "problem", text, "install it again", reinstall)]
    if installation.library and _numbers(installation.library) < _numbers(MINIMUM):
        fix = f"infer needs {MINIMUM} or newer"
        return [Check("llama.cpp", "problem", text, fix, reinstall), *_cpu(build, machine, installation.installer)]
    return [
        Check("llama.cpp", "ok", f"{text}, Python {installation.python}"),
        *_cpu(build, machine, installation.installer),
    ]


def judge_gpu(build: Build | InferError | None, machine: Machine, installer: Installer, wishes: Wishes) -> list[Check]:
    """Whether the GPU that is there is used, and how it would be."""
    devices = [device for device in build.devices if device.kind in ("gpu", "igpu")] if isinstance(build, Build) else []
    if devices:
        return [_used(device, wishes) for device in devices]
    backends = _gpu_backends(build)
    if machine.gpu is None and not machine.gpus:
        more = f" (this build could use one through {', '.join(backends)})" if backends else ""
        return [Check("gpu", "ok", f"none found: models run on the CPU{more}")]
    gpu = machine.gpus[0] if machine.gpus else None
    name = _named(gpu, machine, len(machine.gpus))
    if gpu and gpu.backend in backends:
        return [_unseen(name, gpu, wishes)]
    if backends and not gpu:
        return [_unseen(name, Gpu(name, backends[0]), wishes)]
    way = advice(machine, gpu, installer)
    said = f"install {way.needs}" if way.command else f"it takes {way.needs}"
    note = "; gpu_hint = false in config.toml, or INFER_GPU_HINT=0, ends the note on every run" if wishes.hint else ""
    return [Check("gpu", "warning", f"{name} is there, and this build cannot use it{note}", said, way.command)]


def parse_features(info: str) -> frozenset[str]:
    """The instruction sets in llama.cpp's description of itself: "CPU : SSE3 = 1 | AVX2 = 1 | ..."."""
    cpu = info.partition("CPU : ")[2] or info
    pairs = (part.partition("=") for part in re.split(r"\|", cpu))
    return frozenset(name.strip() for name, _, value in pairs if value.strip() not in ("", "0"))


def _cpu(build: Build, machine: Machine, installer: Installer) -> list[Check]:
    features = parse_features(build.info)
    unused = [name for name, linux in _FEATURES.items() if linux in machine.cpu_features and name not in features]
    if not features or not machine.cpu_features:
        return []
    if unused:
        text = f"the CPU has {', '.join(unused)}, this build was compiled without: several times slower on the CPU"
        return [Check("cpu", "warning", text, *_compiled_for_this_cpu(build, installer))]
    used = [
        name for name in ("AVX2", "AVX512", "AVX512_VNNI", "AMX_INT8", "NEON", "DOTPROD", "SVE") if name in features
    ]
    return [Check("cpu", "ok", f"this build uses {', '.join(used) or 'what the CPU has'}")]


def _compiled_for_this_cpu(build: Build, installer: Installer) -> tuple[str, str]:
    """What brings the instructions without taking the GPU away."""
    backends = _gpu_backends(build)
    flags = ["-DGGML_NATIVE=on", *(_FLAGS[name] for name in backends)]
    command = from_source(" ".join(flags), installer)
    if not backends:
        return "compile it here; that needs a C++ compiler", command
    tools = " and ".join(backends)
    return f"with the GPU it matters for what does not fit there; compile it here, with the tools of {tools}", command


def _mend(error: str, installation: Installation) -> tuple[str, str]:
    """What to do about a library that does not load, and the command."""
    installer = installation.installer
    if cuda := re.search(r"lib(?:cudart|cublas|cublasLt)\.so\.(\d+)", error):
        fix = f"install NVIDIA's CUDA {cuda[1]} runtime where the loader finds it, or go back to the CPU"
        return fix, from_index("cpu", installer)
    if "libcuda.so" in error:
        return "NVIDIA's driver is missing; without a GPU go back to the CPU", from_index("cpu", installer)
    if "SIGILL" in error:
        return "it was compiled for another CPU: compile it here", plain(installer)
    return "install it again; compiling needs a C++ compiler", plain(installer)


def _used(device: Device, wishes: Wishes) -> Check:
    text = f"{device.name} ({device.description}), {amount(device.memory_total)}, {amount(device.memory_free)} free"
    if wishes.layers == 0:
        fix = f"gpu_layers = 0 stands in {wishes.origin}: take it out, or run with --gpu-layers auto"
        return Check("gpu", "warning", f"{text}: left unused by gpu_layers = 0", fix)
    return Check("gpu", "ok", f"{text}: used")


def _unseen(name: str, gpu: Gpu, wishes: Wishes) -> Check:
    """The build is right, and its library finds no GPU."""
    variable = _VISIBLE.get(gpu.backend, "")
    text = f"{name} is there and this build has {gpu.backend}, but {gpu.backend} finds no GPU"
    value = dict(wishes.hidden).get(variable)
    if value in _NONE:
        return Check("gpu", "warning", f"{text}: {variable}={value} hides it", f"unset {variable}", f"unset {variable}")
    old = (
        f" {gpu.driver} runs CUDA {gpu.cuda} at most; is the build's newer?"
        if gpu.cuda
        else " does nvidia-smi show it?"
    )
    fix = f"the driver has to answer:{old}" if gpu.backend == "CUDA" else "install the GPU's driver"
    return Check("gpu", "problem", text, fix)


def _gpu_backends(build: Build | InferError | None) -> list[str]:
    if not isinstance(build, Build):
        return []
    return [_GPU_BACKENDS[name.upper()] for name in build.backends if name.upper() in _GPU_BACKENDS]


def _named(gpu: Gpu | None, machine: Machine, count: int) -> str:
    if gpu is None:
        return f"an {machine.gpu} GPU"
    more = f"{count} GPUs, the first " if count > 1 else ""
    facts = [amount(gpu.memory_total)] if gpu.memory_total else []
    facts += [f"driver {gpu.driver}"] if gpu.driver else []
    facts += [f"CUDA {gpu.cuda}"] if gpu.cuda else []
    return f"{more}{gpu.name}" + (f" ({', '.join(facts)})" if facts else "")


def _cores(machine: Machine) -> str:
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    if machine.physical_cores > machine.cores:
        return f"{cores} of {machine.physical_cores}"
    return cores


def _memory(machine: Machine) -> str:
    text = f"{amount(machine.memory_free)} of memory free"
    if machine.memory_limit is not None:
        return f"{text} (the limit here is {amount(machine.memory_limit)})"
    return f"{text} of {amount(machine.memory_total)}" if machine.memory_total else text


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])
