"""What this computer has: cores, memory, and whether a GPU is there. Facts only; nothing here fails."""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_NVIDIA = Path("/proc/driver/nvidia/version")


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


def detect() -> Machine:
    """Ask the system; each question falls back to a modest answer."""
    return Machine(cores=_cores(), memory_free=_memory_free(), gpu=_gpu())


def detect_all() -> Machine:
    """`detect` and all that takes longer: names, features, what the GPU drivers say (in a process of their own)."""
    return detect()


def disk_free(place: Path) -> int:
    """Bytes that are free where `place` is or will be; 0 where nobody knows."""
    for directory in (place, *place.parents):
        with suppress(OSError):
            status = os.statvfs(directory)
            return status.f_bavail * status.f_frsize
    return 0


def _cores() -> int:
    """Physical cores this process may use, limited by the cgroup's CPU quota."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:
        allowed = set(range(os.cpu_count() or 1))
    cores = {_core(cpu) for cpu in allowed}
    return max(1, min(len(cores), _cpu_quota() or len(cores)))


def _core(cpu: int) -> str:
    """The lowest CPU that shares the core of `cpu`; hyperthreads of one core give the same answer."""
    text = _read(Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"))
    return text or str(cpu)


def _cpu_quota() -> int | None:
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    if not quota.isdigit() or not period.isdigit():
        return None
    return max(1, round(int(quota) / int(period)))


def _memory_free() -> int:
    """Bytes that can be taken without swapping: MemAvailable, the cgroup's room, the address space limit."""
    free = _system_memory()
    limit, used = _read(_CGROUP / "memory.max"), _read(_CGROUP / "memory.current")
    if limit.isdigit() and used.isdigit():
        free = min(free, int(limit) - int(used) + _reclaimable())
    return max(0, min(free, _address_space()))


def _system_memory() -> int:
    for line in _read(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return sys.maxsize


def _reclaimable() -> int:
    """Page cache that counts as used in the cgroup but gives way, the mapped model files among it."""
    for line in _read(_CGROUP / "memory.stat").splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0


def _address_space() -> int:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


def _gpu() -> str | None:
    if sys.platform == "darwin" and os.uname().machine == "arm64":
        return "Apple"
    return "NVIDIA" if _NVIDIA.exists() else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
