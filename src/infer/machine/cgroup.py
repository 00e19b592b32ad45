"""What the cgroup of this process grants: CPUs and memory, version 1 and 2.

A process lies in a path of groups, each of which may have a limit; the tightest counts. Inside a container
/proc/self/cgroup may name the path outside, which does not exist here; then the mount's own root is the group.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from infer.machine.files import number, read

_MOUNT = "sys/fs/cgroup"
_NO_LIMIT = 1 << 60  # version 1 says "no limit" with the largest number of pages there is


def cpu_quota(root: Path) -> float | None:
    """CPUs that may be busy at once, e.g. 1.5; None: no limit."""
    quotas = [_quota_v2(root, group) for group in _groups(root, "")]
    quotas += [_quota_v1(root, group) for group in _groups(root, "cpu")]
    return min((quota for quota in quotas if quota), default=None)


def memory_limit(root: Path) -> int | None:
    """Bytes that may be taken altogether; None: no limit."""
    return min((limit for limit, _ in _memory(root)), default=None)


def memory_room(root: Path) -> int | None:
    """Bytes that may still be taken: page cache counts as used there but gives way. None: no limit."""
    room = min((limit - used for limit, used in _memory(root)), default=None)
    return None if room is None else max(0, room)


def _groups(root: Path, controller: str) -> Iterator[str]:
    """The group of this process under a controller of version 1 ("": version 2), and those above it, as folders."""
    path = PurePosixPath("/")
    for line in read(root, "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, found = rest.partition(":")
        if controller in names.split(","):
            path = PurePosixPath(found.partition(" (deleted)")[0])
    base = f"{_MOUNT}/{controller}" if controller else _MOUNT
    for group in (path, *path.parents):
        if ".." not in group.parts:
            yield base + str(group).rstrip("/")


def _quota_v2(root: Path, group: str) -> float | None:
    quota, _, period = read(root, f"{group}/cpu.max").partition(" ")
    return _ratio(number(quota), number(period))


def _quota_v1(root: Path, group: str) -> float | None:
    quota = number(read(root, f"{group}/cpu.cfs_quota_us"))  # -1: no limit
    return _ratio(quota, number(read(root, f"{group}/cpu.cfs_period_us")))


def _ratio(quota: int | None, period: int | None) -> float | None:
    return quota / period if quota and period else None


def _memory(root: Path) -> Iterator[tuple[int, int]]:
    """(limit, used) of each group that has a limit."""
    for group in _groups(root, ""):
        yield from _limited(root, group, "memory.max", "memory.current", "inactive_file ")
    for group in _groups(root, "memory"):
        yield from _limited(root, group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")


def _limited(root: Path, group: str, limit: str, used: str, gives_way: str) -> Iterator[tuple[int, int]]:
    most, taken = number(read(root, f"{group}/{limit}")), number(read(root, f"{group}/{used}"))
    if most is None or taken is None or most > _NO_LIMIT:
        return
    lines = read(root, f"{group}/memory.stat").splitlines()
    cached = next((number(line.split()[1]) for line in lines if line.startswith(gives_way)), None)
    yield most, max(0, taken - (cached or 0))
