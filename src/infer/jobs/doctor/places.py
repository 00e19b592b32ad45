"""The directories infer works in: are they there, may they be written, is there room, are the private ones private?"""

import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infer.jobs.doctor.check import Check, Level, amount
from infer.machine import disk_free

_TIGHT, _FULL = 5 * 10**9, 200 * 10**6  # bytes free: a model of 4 B in Q4 takes 2.5 GB
_MOST = 20_000  # entries of private directories that are looked at


State = Literal["there", "absent", "no directory", "broken link", "blocked", "read-only", "forbidden"]


@dataclass(frozen=True, slots=True)
class Place:
    """A directory as it is found.

    state     can it be used (there; absent: it can be made), and if not why: `blocked` by a file in the way, on a
              `read-only` file system, `forbidden` by the permissions of what stands there
    standing  the nearest directory above it that is there, itself if it is; on which device, with how many bytes free
    owned     whether that belongs to this user
    """

    path: Path
    state: State
    standing: Path
    device: int
    free: int
    owned: bool


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is wrong in a place that only its user may read: paths others may read, and paths of other users."""

    place: Path
    open: tuple[Path, ...] = ()
    foreign: tuple[Path, ...] = ()


def look_at(path: Path) -> Place:
    """How a directory is found; nothing is made."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 (kept as it was given, links and all)
    standing = next((place for place in (path, *path.parents) if place.is_dir()), Path("/"))
    status = standing.stat()
    owned = status.st_uid == os.geteuid()
    return Place(path, _state(path, standing), standing, status.st_dev, disk_free(standing), owned)


def _state(path: Path, standing: Path) -> State:
    if path.is_symlink() and not path.exists():
        return "broken link"
    if path != standing and os.path.lexists(path):
        return "no directory"
    if any(os.path.lexists(place) for place in path.parents if standing in place.parents):
        return "blocked"
    if os.statvfs(standing).f_flag & os.ST_RDONLY:
        return "read-only"
    if not os.access(standing, os.R_OK | os.W_OK | os.X_OK):
        return "forbidden"
    return "there" if path == standing else "absent"


def privacy(place: Path) -> Privacy:
    """Walk something of infer's own; links are not followed."""
    opened, foreign = list[Path](), list[Path]()
    for count, (path, state) in enumerate(_walk(place)):
        if count > _MOST:
            break
        if stat.S_ISLNK(state.st_mode):
            continue
        if state.st_uid != os.geteuid():
            foreign.append(path)
        elif state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            opened.append(path)
    return Privacy(place, tuple(opened), tuple(foreign))


def judge_place(name: str, place: Place, variable: str) -> Check:
    """Whether a directory can be used; `variable` names another one."""
    if place.state == "there":
        return Check(name, "ok", str(place.path))
    if place.state == "absent":
        return Check(name, "ok", f"{place.path} (made when it is needed)")
    another = f"{variable} names another directory"
    what, command = _wrong(place)
    fix = f"move it away, or {another}" if command.startswith("mv ") else another
    return Check(name, "problem", what, fix, command)


def _wrong(place: Place) -> tuple[str, str]:
    """What is wrong with a directory that cannot be used, and the command that mends it, if there is one."""
    path, standing = shlex.quote(str(place.path)), shlex.quote(str(place.standing))
    away = f"mv {path} {path}.old"
    mend = f"chmod u+rwx {standing}" if place.owned else _take_over(standing)
    whose = "" if place.owned else ": it belongs to another user"
    wrongs: dict[State, tuple[str, str]] = {
        "broken link": (f"{place.path} is a link to nothing (is a disk not mounted?)", away),
        "no directory": (f"{place.path} is not a directory", away),
        "blocked": (f"{place.path} cannot be made: a file is in the way", ""),
        "read-only": (f"{place.standing} is on a file system that cannot be written", ""),
        "forbidden": (f"{place.path} cannot be written{whose}", mend),
    }
    return wrongs[place.state]


def judge_space(places: Sequence[tuple[str, Place]]) -> list[Check]:
    """Whether there is room; `places`: what is kept there, each disk once. The models' comes first."""
    disks: dict[int, tuple[list[str], Place]] = {}
    for what, place in places:
        disks.setdefault(place.device, ([], place))[0].append(what)
    return [_space(kinds, place) for kinds, place in disks.values()]


def judge_privacy(found: Sequence[Privacy], directories: Sequence[Path]) -> list[Check]:
    """Prompts, answers and what models made of them are their user's alone. directories: where all of it lies."""
    checks = []
    if opened := [one for one in found if one.open]:
        count = sum(len(one.open) for one in opened)
        text = f"others may read {_count(count)}, for example {opened[0].open[0]}"
        command = f"chmod -R go-rwx {_all(opened)}"
        checks.append(Check("private", "problem", text, "take their rights away", command))
    if foreign := [one for one in found if one.foreign]:
        count = sum(len(one.foreign) for one in foreign)
        text = f"{_count(count)} belong to another user, for example {foreign[0].foreign[0]} (was infer run with sudo?)"
        checks.append(Check("private", "problem", text, "make them yours", _take_over(_all(foreign), "-R ")))
    where = " and ".join(str(directory) for directory in dict.fromkeys(directories))
    return checks or [Check("private", "ok", f"only you may read what infer keeps in {where}")]


def _space(kinds: list[str], place: Place) -> Check:
    text = f"{amount(place.free)} free for {' and '.join(kinds)} ({place.standing})"
    level: Level = "problem" if place.free < _FULL else "ok"
    if "models" in kinds:
        level = "warning" if _FULL <= place.free < _TIGHT else level
        fix = "infer list shows sizes, infer rm MODEL removes one; HF_HUB_CACHE names a larger disk"
    else:
        fix = "infer cache clear empties the prompt cache; INFER_CACHE_DIR names a larger disk"
    return Check("space", level, text, fix if level != "ok" else "")


def _walk(place: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with suppress(OSError):
        yield place, place.stat()
    waiting = [place]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    yield Path(entry.path), state
                    if stat.S_ISDIR(state.st_mode):
                        waiting.append(Path(entry.path))


def _take_over(paths: str, recursive: str = "") -> str:
    return f"{'' if os.geteuid() == 0 else 'sudo '}chown {recursive}{os.geteuid()} {paths}"


def _all(found: Sequence[Privacy]) -> str:
    return " ".join(shlex.quote(str(one.place)) for one in found)


def _count(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
