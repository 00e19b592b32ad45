"""What a model file is, by content, without reading all of it: the identity that the prompt cache is rooted in.

Sampled: the size of each file, its first MiB (metadata and most of the tensor table), 64 stretches of 4 KiB spread
over it, and its end; 2 ms warm, 8 ms cold, where a full hash of 634 MB takes 0.8 s. A change that misses every sample
is not seen, so the time of the last change is part of it as well: a touched file costs a cold prompt, no wrong answer.

What stands under a path when it is loaded may be another file a moment later. So a file is stamped before it is loaded,
and its identity is that of the stamped file or none.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_HEAD = 1 << 20
_SAMPLE = 4096
_SAMPLES = 64


class Changed(Exception):
    """A file is not the one that was stamped."""


class Stamp(NamedTuple):
    """Which file it is, and in which state."""

    device: int
    inode: int
    size: int
    changed: int  # ns

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """The stamp of a file with this status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """The stamps of these files, up to the first that is not there."""
    found = {}
    with suppress(OSError, ValueError):  # llama.cpp says what it makes of that
        for path in paths:
            found[path] = Stamp.of(Path(path).stat())
    return found


def file_identity(paths: Iterable[str], stamped: Mapping[str, Stamp]) -> str:
    """A hex digest over the files in order. Raises OSError, and Changed when one is not that which was stamped."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if Stamp.of(status) != stamped.get(path):
                raise Changed
            digest.update(f"{status.st_size} {status.st_mtime_ns} ".encode())
            for offset, length in _stretches(status.st_size):
                digest.update(os.pread(file.fileno(), length, offset))
    return digest.hexdigest()


def shards(path: str) -> list[str]:
    """All files of the model whose first file this is (`-00001-of-000NN`, as llama.cpp names them)."""
    found = re.fullmatch(r"(.*-)\d{5}(-of-(\d{5})\.gguf)", path, re.DOTALL)
    if found is None:
        return [path]
    return [f"{found[1]}{number:05d}{found[2]}" for number in range(1, int(found[3]) + 1)]


def _stretches(size: int) -> list[tuple[int, int]]:
    step = max(_SAMPLE, (size - _HEAD) // _SAMPLES)
    spread = [(offset, _SAMPLE) for offset in range(_HEAD, size, step)]
    return [(0, _HEAD), *spread, (max(0, size - _SAMPLE), _SAMPLE)]
