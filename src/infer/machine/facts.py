"""The facts about a computer, as values."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU as its driver describes it; memory in bytes, 0 and "" where the driver does not say.

    backend             what of llama.cpp drives it best: "CUDA", "Metal", "ROCm", "Vulkan"
    driver              the driver's version, e.g. "570.124.06"
    cuda                the highest CUDA version the driver runs, e.g. "12.8"; "" where it is no NVIDIA driver
    compute_capability  of an NVIDIA GPU, e.g. "9.0"
    unified             whether its memory is the computer's own (Apple silicon, integrated GPUs)
    """

    name: str
    backend: str
    memory_total: int = 0
    memory_free: int = 0
    driver: str = ""
    cuda: str = ""
    compute_capability: str = ""
    unified: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What may be used: `detect` answers in a millisecond and asks no driver, `detect_all` fills in the rest.

    cores              physical cores this process may use: affinity and the cgroup's quota taken off
    memory_free        bytes that can be taken without swapping, the cgroup's limit taken into account
    gpu                the maker of a GPU worth using ("NVIDIA", "Apple", "AMD"), None where there is none
    physical_cores     of the whole computer; 0: unknown
    performance_cores  of `cores`, those that are not efficiency cores; the same number where all are alike; 0: unknown
    logical_cpus       hardware threads of the whole computer
    allowed_cpus       hardware threads that the affinity of this process leaves
    cpu_quota          CPUs that the cgroup grants (1.5: one and a half); None: no limit
    memory_total       bytes of the whole computer; 0: unknown
    memory_limit       bytes that the cgroup grants; None: no limit
    cpu_name           as the system calls it
    cpu_features       its instruction sets under Linux's names ("avx2", "avx512_vnni", "asimddp"), sorted
    gpus               every GPU a driver answered for; empty from `detect`
    problems           what was asked and could not be answered, a sentence each
    system             "linux", "darwin" or "win32"
    architecture       "x86_64", "arm64" (whatever the system calls it: aarch64, AMD64)
    """

    cores: int
    memory_free: int
    gpu: str | None
    physical_cores: int = 0
    performance_cores: int = 0
    logical_cpus: int = 0
    allowed_cpus: int = 0
    cpu_quota: float | None = None
    memory_total: int = 0
    memory_limit: int | None = None
    cpu_name: str = ""
    cpu_features: tuple[str, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    problems: tuple[str, ...] = ()
    system: str = sys.platform
    architecture: str = ""
