"""The facts about a computer: right on recorded ones, modest where nobody says, never an error."""

import os
import struct
from pathlib import Path

import pytest

from infer.machine import cores, darwin, detect, detect_all, files, gpus, processor_name
from infer.machine.facts import Gpu
from machine import trees
from machine.trees import GIB, tree

MIB = 1 << 20


def allow(monkeypatch: pytest.MonkeyPatch, cpus: set[int]) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: cpus)


def test_this_machine_is_described_sanely() -> None:
    found = detect_all()
    assert 1 <= found.performance_cores <= found.cores <= found.physical_cores <= (os.cpu_count() or 1)
    assert 64 * MIB < found.memory_free <= found.memory_total
    assert found.memory_total == pytest.approx(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), rel=0.02)
    assert found.gpu in (None, "NVIDIA", "Apple", "AMD")
    assert found.cpu_name
    assert found.cpu_features


def test_a_machine_that_says_nothing_gets_modest_answers(tmp_path: Path) -> None:
    """As in a sandbox without /proc and /sys."""
    found = detect_all(tmp_path)
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.performance_cores == found.cores
    assert found.memory_free > 0
    assert (found.gpu, found.gpus, found.problems, found.cpu_quota, found.memory_limit) == (None, (), (), None, None)


def test_files_that_cannot_be_read_are_empty(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert [files.read(tmp_path, name) for name in ("absent", "bytes", ".", "a\0b")] == [""] * 4


@pytest.mark.parametrize(
    "text", ["MemAvailable: much kB", "MemAvailable:", "\0\0", "MemTotal: 99999999999999999999999 kB"]
)
def test_nonsense_in_proc_is_no_answer(tmp_path: Path, text: str) -> None:
    broken = dict.fromkeys(trees.HYBRID, "-7,x-3") | {"proc/meminfo": text, "proc/self/cgroup": "::::\n0::/../.."}
    found = detect_all(tree(tmp_path, broken))
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.memory_free > 0


def test_a_hybrid_processor_has_performance_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, set(range(16)))
    found = detect_all(tree(tmp_path, trees.HYBRID))
    assert (found.physical_cores, found.cores, found.performance_cores) == (12, 12, 4)
    assert (found.cpu_name, found.cpu_features) == (
        "12th Gen Intel(R) Core(TM) i7-1260P",
        ("avx2", "avx_vnni", "fpu", "sse4_2"),
    )
    assert found.memory_free == 9 * GIB
    allow(monkeypatch, {8, 9})
    assert detect(tmp_path).performance_cores == 2, "where only slow ones are allowed, they are what there is"


def test_cores_of_different_capacity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, set(range(8)))
    found = detect_all(tree(tmp_path, trees.BIG_LITTLE))
    assert (found.cores, found.performance_cores, found.cpu_name) == (8, 4, "Orange Pi 5")


def test_affinity_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, {1, 2, 33})
    found = detect_all(tree(tmp_path, {n: t for n, t in trees.CONTAINER.items() if "cpu.max" not in n}))
    assert (found.physical_cores, found.cores, found.allowed_cpus) == (32, 2, 3)


@pytest.mark.parametrize("recorded", [trees.CONTAINER, trees.CONTAINER_V1], ids=["v2", "v1"])
def test_the_limits_of_the_cgroup_count_and_its_page_cache_gives_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: dict[str, str]
) -> None:
    allow(monkeypatch, set(range(64)))
    found = detect(tree(tmp_path, recorded))
    assert (found.cores, found.cpu_quota, found.memory_limit) == (2, 1.5, 2 * GIB)
    assert (found.memory_free, found.memory_total) == (1536 * MIB, 256 * GIB)
    limits = {n: str(9 * GIB) for n in recorded if n.endswith(("memory.current", "docker/memory.usage_in_bytes"))}
    assert detect(tree(tmp_path, limits)).memory_free == 0, "never negative"
    none = {n: "max" for n in recorded if n.endswith(("memory.max", "cpu.max"))}
    none |= {n: "-1" for n in recorded if n.endswith("quota_us")}
    none |= {n: "9223372036854771712" for n in recorded if n.endswith("limit_in_bytes")}
    free = detect(tree(tmp_path, none))
    assert (free.cores, free.cpu_quota, free.memory_limit, free.memory_free) == (32, None, None, 200 * GIB)


def test_the_group_above_may_be_the_tighter_one(tmp_path: Path) -> None:
    """systemd: the slice has a limit, the service in it none, or a wider one."""
    groups = {
        "proc/self/cgroup": "0::/work.slice/job.service",
        "sys/fs/cgroup/work.slice/memory.max": str(GIB),
        "sys/fs/cgroup/work.slice/memory.current": str(GIB // 4),
        "sys/fs/cgroup/work.slice/job.service/memory.max": str(3 * GIB),
        "sys/fs/cgroup/work.slice/job.service/memory.current": "0",
        "sys/fs/cgroup/work.slice/cpu.max": "50000 100000",
        "sys/fs/cgroup/work.slice/job.service/cpu.max": "max 100000",
    }
    found = detect(tree(tmp_path, trees.meminfo(64 * GIB, 60 * GIB) | groups))
    assert (found.memory_limit, found.memory_free, found.cpu_quota) == (GIB, GIB * 3 // 4, 0.5)
    assert found.cores == 1, "less than one CPU is still one thread"


def test_a_path_of_the_host_that_is_not_here_means_the_mount_itself(tmp_path: Path) -> None:
    files = {**trees.CONTAINER, "proc/self/cgroup": "0::/docker/0123/../../system.slice"}
    assert detect(tree(tmp_path, files)).memory_limit == 2 * GIB


def test_amd_says_its_memory_in_files(tmp_path: Path) -> None:
    found = detect_all(tree(tmp_path, trees.AMD_GPU))
    assert found.gpu == "AMD"
    assert found.gpus == (Gpu("Radeon RX 7900 XTX", "ROCm", 24 * GIB, 23 * GIB),), "not the processor's own graphics"


def test_an_nvidia_card_without_a_driver_is_a_problem(tmp_path: Path) -> None:
    card = {"sys/bus/pci/devices/0000:01:00.0/vendor": "0x10de", "sys/bus/pci/devices/0000:01:00.0/class": "0x030000"}
    found = detect_all(tree(tmp_path, card))
    assert (found.gpu, found.problems) == (None, ("an NVIDIA GPU is there, but no NVIDIA driver is loaded",))


@pytest.mark.parametrize("sign", ["proc/driver/nvidia/version", "dev/nvidiactl", "usr/lib/wsl/lib/libnvidia-ml.so.1"])
def test_a_driver_of_nvidia_is_seen_by_its_files(tmp_path: Path, sign: str) -> None:
    assert gpus.maker(tree(tmp_path, {sign: ""})) == "NVIDIA"


def test_a_mac_is_asked_by_names() -> None:
    """An M3 Pro: 12 cores, 6 of them performance cores; 16 kB pages."""
    said = {"hw.physicalcpu": 12, "hw.perflevel0.physicalcpu": 6, "vm.page_free_count": 1000}
    said |= {"vm.page_pageable_external_count": 500, "hw.optional.arm.FEAT_DotProd": 1}

    def sysctl(name: str) -> bytes:
        return (
            struct.pack("<q", 16384)
            if name == "hw.pagesize"
            else struct.pack("<i", said[name])
            if name in said
            else b""
        )

    assert cores.apple(sysctl) == (12, 6)
    assert darwin.memory_free(sysctl) == 1500 * 16384
    assert darwin.integer("hw.absent", sysctl) == 0
    del said["hw.perflevel0.physicalcpu"]
    assert cores.apple(sysctl) == (12, 12), "a Mac with Intel has one kind"


def test_other_systems_have_no_sysctl_by_these_names() -> None:
    assert darwin.sysctl("hw.no_such_name") == b""


def test_the_processor_has_a_name_also_where_proc_has_none(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor : 0\nmodel name\t: A  Processor 9\n")
    assert processor_name(tmp_path) == "A Processor 9"
    assert processor_name(tmp_path / "none") == os.uname().machine
