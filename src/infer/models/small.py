"""Small files whose content becomes a decision: regular ones only, never waited for, never larger than they may be."""

import os
import stat
from pathlib import Path


def read_small(path: str | Path, limit: int) -> bytes:
    """A small regular file. Raises OSError, and ValueError for anything else (a FIFO, a device, more than `limit`)."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (opening a device may do something)
        raise ValueError("not a regular file")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("not a regular file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"larger than {limit:,} bytes")
    return data
