"""Cores: how many there are, how many this process may use, and which of them are fast ones."""

import os
import sys
from pathlib import Path

from infer.machine import darwin
from infer.machine.files import ROOT, cpu_list, number, read

_CPU = "sys/devices/system/cpu"
_SLOW = 0.6  # of the largest capacity: an efficiency core has a quarter to a half, a middle core of three kinds 0.7


def allowed_cpus() -> set[int]:
    """The hardware threads that the affinity of this process leaves."""
    try:
        return os.sched_getaffinity(0)
    except AttributeError:  # macOS and Windows have none
        return set(range(os.cpu_count() or 1))


def physical(root: Path, cpus: set[int]) -> int:
    """The cores that these hardware threads belong to."""
    return len({_core(root, cpu) for cpu in cpus})


def all_cpus(root: Path, allowed: set[int]) -> set[int]:
    """The hardware threads of the whole computer."""
    return cpu_list(read(root, f"{_CPU}/online")) or set(range(os.cpu_count() or 1)) | allowed


def performance(root: Path, cpus: set[int]) -> set[int]:
    """Those of `cpus` that belong to performance cores; all of them where the system makes no difference."""
    intel = cpu_list(read(root, "sys/devices/cpu_core/cpus"))
    if intel:
        return cpus & intel or cpus
    capacity = {cpu: number(read(root, f"{_CPU}/cpu{cpu}/cpu_capacity")) or 0 for cpu in cpus}
    most = max(capacity.values(), default=0)
    return {cpu for cpu, value in capacity.items() if value >= _SLOW * most}


def apple(ask: darwin.Sysctl = darwin.sysctl) -> tuple[int, int]:
    """(cores, performance cores) of a Mac; an Intel one has a single kind. 0: unknown."""
    cores = darwin.integer("hw.physicalcpu", ask)
    return cores, darwin.integer("hw.perflevel0.physicalcpu", ask) or cores


def name(root: Path) -> str:
    """What the processor is called; "" where nobody says."""
    if sys.platform == "darwin":
        return darwin.text("machdep.cpu.brand_string")
    for key in ("model name", "Model", "Hardware"):  # a Raspberry Pi says only "Model"
        if found := _cpuinfo(root, key):
            return found
    return os.environ.get("PROCESSOR_IDENTIFIER", "") if sys.platform == "win32" else ""


def processor_name(root: Path = ROOT) -> str:
    """`name`, else what kind of processor it is."""
    return " ".join(name(root).split()) or os.uname().machine


def features(root: Path, ask: darwin.Sysctl = darwin.sysctl) -> tuple[str, ...]:
    """The instruction sets, sorted; Apple's under the names that Linux has for them."""
    found = _cpuinfo(root, "flags") or _cpuinfo(root, "Features")
    apple = {"hw.optional.arm.FEAT_DotProd": "asimddp", "hw.optional.arm.FEAT_I8MM": "i8mm"}
    return tuple(sorted({*found.split(), *(ours for theirs, ours in apple.items() if darwin.integer(theirs, ask))}))


def _core(root: Path, cpu: int) -> str:
    """The hardware threads that share the core of `cpu`; they give the same answer."""
    return read(root, f"{_CPU}/cpu{cpu}/topology/thread_siblings_list") or str(cpu)


def _cpuinfo(root: Path, key: str) -> str:
    for line in read(root, "proc/cpuinfo").splitlines():
        word, colon, value = line.partition(":")
        if colon and word.strip() == key:
            return value.strip()
    return ""
