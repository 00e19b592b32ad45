"""The questions in their order: the quick ones on every run, the others when somebody asks about the machine."""

import os
import platform
import sys
from dataclasses import replace
from pathlib import Path

from infer.machine import cgroup, cores, gpus, memory
from infer.machine.facts import Machine
from infer.machine.files import ROOT


def detect(root: Path = ROOT) -> Machine:
    """What a plan needs, from a few small files; each question falls back to a modest answer. No driver is asked."""
    allowed = cores.allowed_cpus()
    quota = cgroup.cpu_quota(root)
    most = max(1, round(quota)) if quota else len(allowed)
    usable, fast = cores.apple() if sys.platform == "darwin" else (0, 0)
    if not usable:
        usable = cores.physical(root, allowed)
        fast = cores.physical(root, cores.performance(root, allowed))
    return Machine(
        cores=max(1, min(usable, most)),
        memory_free=memory.memory_free(root),
        gpu=gpus.maker(root),
        performance_cores=max(1, min(fast, most)),
        logical_cpus=os.cpu_count() or 1,
        allowed_cpus=len(allowed),
        cpu_quota=quota,
        memory_total=memory.memory_total(root),
        memory_limit=cgroup.memory_limit(root),
        architecture=os.uname().machine if hasattr(os, "uname") else platform.machine(),
    )


def detect_all(root: Path = ROOT) -> Machine:
    """`detect` and what takes longer: names, features, what the GPU drivers say (in a process of their own)."""
    machine = detect(root)
    found, problems = gpus.ask(root, machine)
    everything = cores.all_cpus(root, cores.allowed_cpus())
    return replace(
        machine,
        physical_cores=cores.apple()[0] if sys.platform == "darwin" else cores.physical(root, everything),
        cpu_name=cores.name(root),
        cpu_features=cores.features(root),
        gpus=found,
        problems=problems,
    )
