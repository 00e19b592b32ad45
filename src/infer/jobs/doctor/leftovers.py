"""What downloads and removals have left half done in the models' cache and in infer's own."""

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infer.jobs.doctor.check import Check, amount
from infer.models import web_cache
from infer.models.lock import is_held
from infer.models.partial import NOTE_LIMIT, SUFFIX, is_abandoned
from infer.models.removal import REMOVING
from infer.models.small import read_small

_TOLD = 3  # of many that a line names
_NAME = "leftovers"
Kind = Literal["download", "temporary", "removal"]


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something half done. of: what `infer pull` takes to go on with a download, "" where nobody knows.

    running  whether a process is at it just now
    """

    kind: Kind
    path: Path
    size: int
    of: str = ""
    running: bool = False


def find_leftovers(root: Path, cache_dir: Path) -> list[Leftover]:
    """Look through the Hugging Face cache at `root` and the files of URLs. Nothing is locked, nothing changed."""
    found: list[Leftover] = []
    for home in _entries(root):
        if home.name.startswith("models--"):
            repo = home.name.removeprefix("models--").replace("--", "/", 1)
            locks = root / ".locks" / home.name
            found += [_removal(path) for path in _entries(home) if path.name.endswith(REMOVING)]
            for path in _entries(home / "blobs"):
                found += _of_file(path, repo, locks / f"{path.name.removesuffix(SUFFIX)}.lock")
    for home in _entries(web_cache.directory(cache_dir)):
        for path in _entries(home):
            found += _of_file(path, "", home / "lock")
    found += [_temporary(path) for path in _entries(cache_dir / "pins") if is_abandoned(path)]
    return found


def judge_leftovers(found: Sequence[Leftover]) -> list[Check]:
    """One line a kind."""
    running = [one for one in found if one.running]
    kinds = [
        [one for one in found if one.kind == kind and not one.running] for kind in ("download", "removal", "temporary")
    ]
    downloads, removals, temporary = kinds
    checks = []
    if downloads:
        text = f"{_count(len(downloads), 'download')} begun and not finished, {_size(downloads)}: {_told(downloads)}"
        known = next((one.of for one in downloads if one.of), "")
        fix = (
            f"infer pull {shlex.quote(known)} goes on with it; this removes what has come"
            if known
            else "this removes them"
        )
        checks.append(Check(_NAME, "warning", text, fix, _remove(downloads)))
    if removals:
        text = f"{_count(len(removals), 'removal')} begun and not finished: {_told(removals)}"
        checks.append(Check(_NAME, "warning", text, "the next infer rm or infer pull, of any model, finishes them"))
    if temporary:
        text = f"{_count(len(temporary), 'temporary file')} of processes that were killed: {_told(temporary)}"
        checks.append(Check(_NAME, "warning", text, "this removes them", _remove(temporary)))
    at_work = f"; {_count(len(running), 'download')} running now" if running else ""
    return checks or [Check(_NAME, "ok", f"nothing half done{at_work}")]


def _of_file(path: Path, repo: str, lock: Path) -> Iterator[Leftover]:
    if path.name.endswith(SUFFIX):
        of = f"{repo}:{name}" if repo and (name := _file_name(path)) else _url(path)
        yield Leftover("download", path, _bytes(path), of, is_held(lock))
    elif path.name.endswith(REMOVING):
        yield _removal(path)
    elif is_abandoned(path):
        yield _temporary(path)


def _file_name(path: Path) -> str:
    """Which file of the repository a partial one is, by the note beside it."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        name = json.loads(read_small(path.with_name(f"{path.name}.json"), NOTE_LIMIT))["file"]
        return name if isinstance(name, str) and name.isprintable() else ""
    return ""


def _url(path: Path) -> str:
    with suppress(OSError, ValueError):
        url = read_small(path.parent / "url", web_cache.URL_LIMIT).decode()
        return url if "?" not in url and "@" not in url else ""
    return ""


def _removal(path: Path) -> Leftover:
    return Leftover("removal", path, _bytes(path))


def _temporary(path: Path) -> Leftover:
    return Leftover("temporary", path, _bytes(path))


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _bytes(path: Path) -> int:
    with suppress(OSError):
        return os.lstat(path).st_size
    return 0


def _size(found: Sequence[Leftover]) -> str:
    return amount(sum(one.size for one in found))


def _count(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"


def _told(found: Sequence[Leftover]) -> str:
    names = [one.of or str(one.path) for one in found]
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def _remove(found: Sequence[Leftover]) -> str:
    paths = [path for one in found for path in (one.path, one.path.with_name(f"{one.path.name}.json"))]
    return "rm -f " + " ".join(shlex.quote(str(path)) for path in paths if os.path.lexists(path))
