"""Hit counters: one line a run, appended to `usage.jsonl`; best effort, and summed up when the file has grown.

{"fingerprint": "…", "lookups": 3, "hits": 2, "prompt": 6339, "reused": 4096, "seconds": 51.2}
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from infer.engine.prefix.files import FOLDER, directory, own_file

_FILE = "usage.jsonl"
_LARGEST = 1 << 18  # bytes; then the lines of a fingerprint become one
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Usage:
    """What the cache was good for: lookups and those that found something, tokens, seconds of prefill saved."""

    lookups: int = 0
    hits: int = 0
    prompt: int = 0
    reused: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, key) + getattr(other, key) for key in Usage.__slots__))


def record(cache_dir: Path, fingerprint: bytes, usage: Usage) -> None:
    """Add the counters of a run. A failure is silent, and so is a cache that was never written."""
    if not usage.lookups:
        return
    with suppress(OSError), directory(cache_dir / FOLDER) as top:
        file = os.open(_FILE, _APPEND, 0o600, dir_fd=top)
        try:
            own_file(file)
            os.write(file, _line(fingerprint.hex(), usage))
            if os.fstat(file).st_size > _LARGEST:
                _sum_up(top, cache_dir)
        finally:
            os.close(file)


def load_usage(cache_dir: Path) -> dict[str, Usage]:
    """The counters of every fingerprint. Lines that cannot be read are skipped."""
    found: dict[str, Usage] = {}
    with suppress(OSError), directory(cache_dir / FOLDER) as top:
        file = os.open(_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=top)
        with open(file, "rb") as stream:
            own_file(file)
            for line in stream.read(16 * _LARGEST).splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    plain = json.loads(line)
                    fingerprint = plain.pop("fingerprint")
                    found[fingerprint] = found.get(fingerprint, Usage()) + _checked(Usage(**plain))
    return found


def forget_usage(cache_dir: Path, fingerprints: set[str]) -> None:
    """Take the counters of these fingerprints away. Raises OSError."""
    with directory(cache_dir / FOLDER) as top:
        _replace(top, {key: usage for key, usage in load_usage(cache_dir).items() if key not in fingerprints})


def _checked(usage: Usage) -> Usage:
    if not all(isinstance(getattr(usage, key), int | float) for key in Usage.__slots__):
        raise TypeError
    return usage


def _line(fingerprint: str, usage: Usage) -> bytes:
    return json.dumps({"fingerprint": fingerprint, **asdict(usage)}).encode() + b"\n"


def _sum_up(top: int, cache_dir: Path) -> None:
    _replace(top, load_usage(cache_dir))


def _replace(top: int, counters: dict[str, Usage]) -> None:
    temporary = f".{os.getpid()}-{os.urandom(6).hex()}.tmp"
    file = os.open(temporary, _CREATE, 0o600, dir_fd=top)
    try:
        with open(file, "wb") as stream:
            stream.writelines(_line(key, usage) for key, usage in counters.items())
        os.rename(temporary, _FILE, src_dir_fd=top, dst_dir_fd=top)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=top)
        raise
