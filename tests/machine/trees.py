"""Recorded computers: what /proc and /sys say on them, as files below a root."""

from pathlib import Path

GIB = 1 << 30


def tree(root: Path, files: dict[str, str]) -> Path:
    """Write `files` (path without the leading slash -> text) below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def meminfo(total: int, available: int) -> dict[str, str]:
    """/proc/meminfo of so many bytes."""
    lines = f"MemTotal:       {total >> 10} kB\nMemFree:        12345 kB\nMemAvailable:   {available >> 10} kB"
    return {"proc/meminfo": lines}


def siblings(pairs: dict[int, str]) -> dict[str, str]:
    """Which hardware threads share a core."""
    return {f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": text for cpu, text in pairs.items()} | {
        "sys/devices/system/cpu/online": f"0-{len(pairs) - 1}"
    }


# i7-1260P: 4 performance cores of two threads each (0-7), 8 efficiency cores (8-15)
HYBRID = (
    siblings({cpu: f"{cpu & ~1}-{cpu | 1}" if cpu < 8 else str(cpu) for cpu in range(16)})
    | meminfo(16 * GIB, 9 * GIB)
    | {
        "sys/devices/cpu_core/cpus": "0-7",
        "sys/devices/cpu_atom/cpus": "8-15",
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: 12th Gen Intel(R) Core(TM) i7-1260P\n"
        "flags\t\t: fpu sse4_2 avx2 avx_vnni",
    }
)
# RK3588: four A55 (0-3) and four A76 (4-7)
BIG_LITTLE = (
    siblings({cpu: str(cpu) for cpu in range(8)})
    | meminfo(16 * GIB, 14 * GIB)
    | {f"sys/devices/system/cpu/cpu{cpu}/cpu_capacity": "530" if cpu < 4 else "1024" for cpu in range(8)}
    | {"proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd asimddp\n\nModel\t\t: Orange Pi 5"}
)
# Raspberry Pi 5: four A76, no capacities, no siblings of two
PI_5 = (
    siblings({cpu: str(cpu) for cpu in range(4)})
    | meminfo(8 * GIB, 7 * GIB)
    | {
        "proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd crc32 asimddp\n\n"
        "Revision\t: d04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0"
    }
)
# a container of cgroup 2 on a server of 64 threads: 1.5 CPUs, 2 GiB of which 1 GiB is used, half of that by page cache
CONTAINER = (
    siblings({cpu: f"{cpu % 32},{cpu % 32 + 32}" for cpu in range(64)})
    | meminfo(256 * GIB, 200 * GIB)
    | {
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/cpu.max": "150000 100000",
        "sys/fs/cgroup/memory.max": str(2 * GIB),
        "sys/fs/cgroup/memory.current": str(GIB),
        "sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {GIB // 2}",
    }
)
# the same limits two levels down in cgroup 1, as Docker with the old hierarchy shows them on the host
CONTAINER_V1 = {
    **{name: text for name, text in CONTAINER.items() if "cgroup" not in name},
    "proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc",
    "sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us": "150000",
    "sys/fs/cgroup/cpu/docker/cpu.cfs_period_us": "100000",
    "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "-1",
    "sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": str(90 * GIB),
    "sys/fs/cgroup/memory/docker/memory.limit_in_bytes": str(2 * GIB),
    "sys/fs/cgroup/memory/docker/memory.usage_in_bytes": str(GIB),
    "sys/fs/cgroup/memory/docker/memory.stat": f"inactive_file 0\ntotal_inactive_file {GIB // 2}",
}
AMD_GPU = meminfo(32 * GIB, 20 * GIB) | {
    "sys/class/drm/card1/device/vendor": "0x1002",
    "sys/class/drm/card1/device/product_name": "Radeon RX 7900 XTX",
    "sys/class/drm/card1/device/mem_info_vram_total": str(24 * GIB),
    "sys/class/drm/card1/device/mem_info_vram_used": str(GIB),
    "sys/class/drm/card0/device/vendor": "0x1002",
    "sys/class/drm/card0/device/mem_info_vram_total": str(GIB // 2),
    "sys/class/drm/card1-HDMI-A-1/status": "connected",
}
