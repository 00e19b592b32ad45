"""GPUs: whether one is there (files alone), and what their drivers say (asked in a process of their own)."""

import json
import signal
import sys
from pathlib import Path

from infer.machine import darwin
from infer.machine.facts import Gpu, Machine
from infer.machine.files import number, read

_NVIDIA = ("proc/driver/nvidia/version", "dev/nvidiactl", "usr/lib/wsl/lib/libnvidia-ml.so.1")
_AMD, _NVIDIA_VENDOR = "0x1002", "0x10de"
_DISCRETE = 2 << 30  # bytes: less video memory than that is a processor's own graphics, which is no faster than it
_PATIENCE = 8  # seconds; NVML takes 0.02 to 0.5 s, a driver that wakes its GPUs up to 5
Answer = tuple[tuple[Gpu, ...], tuple[str, ...]]


def maker(root: Path) -> str | None:
    """Whose GPU is there, without asking a driver."""
    if sys.platform == "darwin":
        return "Apple" if darwin.integer("hw.optional.arm64") else None
    if any((root / name).exists() for name in _NVIDIA):
        return "NVIDIA"
    return "AMD" if _amd(root) else None


def ask(root: Path, machine: Machine, library: str | None = None) -> Answer:
    """Every GPU that a driver answers for, and what went wrong. library: NVML's, by default where it always is."""
    if machine.gpu == "Apple":
        return (_apple(machine),), ()
    found = _amd(root)
    if machine.gpu == "NVIDIA" or sys.platform == "win32" or library:
        nvidia, problems = ask_nvidia(library)
        quiet = sys.platform == "win32" and machine.gpu is None and not library
        return (*nvidia, *found), () if quiet else problems
    if _NVIDIA_VENDOR in _display_vendors(root):
        return found, ("an NVIDIA GPU is there, but no NVIDIA driver is loaded",)
    return found, ()


def ask_nvidia(library: str | None = None) -> Answer:
    """NVML's answer. A library that crashes, hangs or lies costs its process, not ours."""
    import subprocess

    script = str(Path(__file__).with_name("nvml.py"))
    command = [sys.executable, "-I", "-S", script, *([library] if library else [])]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return (), (f"NVIDIA's driver library did not answer within {_PATIENCE:g} s",)
    except OSError as error:
        return (), (f"NVIDIA's driver library could not be asked: {error.strerror}",)
    if done.returncode:
        return (), (f"NVIDIA's driver library crashed ({_death(done.returncode)})",)
    try:
        answer = json.loads(done.stdout)
        return tuple(Gpu(backend="CUDA", **row) for row in answer["gpus"]), tuple(map(str, answer["problems"]))
    except (ValueError, TypeError, KeyError):
        return (), ("NVIDIA's driver library gave an answer that makes no sense",)


def _death(code: int) -> str:

    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit status {code}"


def _apple(machine: Machine) -> Gpu:
    """Metal may use about three quarters of a Mac's memory; llama.cpp's device list has the exact figure."""
    limit = darwin.integer("iogpu.wired_limit_mb") << 20 or machine.memory_total * 3 // 4
    name = darwin.text("machdep.cpu.brand_string") or "Apple GPU"
    return Gpu(name, "Metal", memory_total=limit, memory_free=min(limit, machine.memory_free), unified=True)


def _amd(root: Path) -> tuple[Gpu, ...]:
    """AMD's driver says its memory in files."""
    found = []
    for card in _cards(root):
        total = number(read(card, "mem_info_vram_total")) or 0
        if read(card, "vendor") == _AMD and total >= _DISCRETE:
            used = number(read(card, "mem_info_vram_used")) or 0
            name = read(card, "product_name") or "AMD GPU"
            found.append(Gpu(name, "ROCm", memory_total=total, memory_free=max(0, total - used)))
    return tuple(found)


def _display_vendors(root: Path) -> set[str]:
    """The makers of the PCI devices of class 03 (display controllers)."""
    try:
        devices = sorted((root / "sys/bus/pci/devices").iterdir())
    except OSError:
        return set()
    return {read(device, "vendor") for device in devices if read(device, "class").startswith("0x03")}


def _cards(root: Path) -> list[Path]:
    try:
        return sorted(path / "device" for path in (root / "sys/class/drm").glob("card[0-9]*") if "-" not in path.name)
    except OSError:
        return []
