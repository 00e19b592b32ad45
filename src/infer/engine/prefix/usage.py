"""Hit counters: one line a run, appended to `usage.jsonl`; best effort, and summed up when the file has grown.

{"fingerprint": "…", "lookups": 3, "hits": 2, "prompt": 6339, "reused": 4096, "seconds": 51.2}
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from infer.engine.prefix.files import inside, own_file, read_own, replace_own
from infer.engine.prefix.keys import is_fingerprint

USAGE = "usage.jsonl"
_LARGEST = 1 << 18  # bytes; then the lines of a fingerprint become one
_MOST = 1 << 53  # a counter that is not below it is none
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


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
    with suppress(OSError), inside(cache_dir) as top:
        file = os.open(USAGE, _APPEND, 0o600, dir_fd=top)
        try:
            own_file(file)
            os.write(file, b"\n" + _line(fingerprint.hex(), usage))  # the line before may be torn
            if os.fstat(file).st_size > _LARGEST:
                _replace(top, _load(top))
        finally:
            os.close(file)


def load_usage(cache_dir: Path) -> dict[str, Usage]:
    """The counters of every fingerprint. Lines that cannot be read are skipped."""
    with suppress(OSError), inside(cache_dir) as top:
        return _load(top)
    return {}


def forget_usage(cache_dir: Path, fingerprints: set[str]) -> None:
    """Take the counters of these fingerprints away. Raises OSError."""
    with inside(cache_dir) as top:
        _replace(top, {key: usage for key, usage in _load(top).items() if key not in fingerprints})


def _load(top: int) -> dict[str, Usage]:
    found: dict[str, Usage] = {}
    for line in read_own(USAGE, top, 16 * _LARGEST).splitlines():
        if read := _read_line(line):
            found[read[0]] = found.get(read[0], Usage()) + read[1]
    return found


def _read_line(line: bytes) -> tuple[str, Usage] | None:
    """The fingerprint and the counters of a line; None for what no run of ours has written."""
    try:
        plain = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(plain, dict) or plain.keys() != {"fingerprint", *Usage.__slots__}:
        return None
    fingerprint = str(plain.pop("fingerprint"))
    counts = all(type(value) in (int, float) and 0 <= value < _MOST for value in plain.values())  # not NaN, not True
    return (fingerprint, Usage(**plain)) if counts and is_fingerprint(fingerprint) else None


def _line(fingerprint: str, usage: Usage) -> bytes:
    return json.dumps({"fingerprint": fingerprint, **asdict(usage)}).encode() + b"\n"


def _replace(top: int, counters: dict[str, Usage]) -> None:
    replace_own(USAGE, top, b"".join(_line(key, usage) for key, usage in counters.items()))
