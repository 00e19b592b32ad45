"""The directories infer works in: are they there, may they be written, is there room, are the private ones private?"""

import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infer.jobs.doctor.check import Check, Level, amount
from infer.machine import disk_free

_TIGHT, _FULL = 5 * 10**9, 200 * 10**6  # bytes free: a model of 4 B in Q4 takes 2.5 GB
_MOST = 200_000  # entries of private directories that are looked at


@dataclass(frozen=True, slots=True)
class Place:
    """A directory as it is found. is_directory: None where there is nothing, not even a broken link.

    standing  the nearest directory above it that is there, itself if it is
    writable  whether something can be put there, or it can be made
    owned     whether what stands there belongs to this user
    free      bytes on its disk
    """

    path: Path
    is_directory: bool | None
    standing: Path
    writable: bool
    owned: bool
    free: int


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is wrong in a directory that only its user may read: paths others may read, and paths of other users."""

    place: Path
    open: tuple[Path, ...] = ()
    foreign: tuple[Path, ...] = ()


def look_at(path: Path) -> Place:
    """How a directory is found; nothing is made."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 (kept as it was given, links and all)
    standing = next((place for place in (path, *path.parents) if place.is_dir()), Path("/"))
    is_directory = (standing == path) if os.path.lexists(path) else None
    made = is_directory is not False and _no_file_between(path, standing)
    writable = made and os.access(standing, os.W_OK | os.X_OK) and os.access(standing, os.R_OK)
    owned = standing.stat().st_uid == os.geteuid()
    return Place(path, is_directory, standing, writable, owned, disk_free(standing))


def privacy(place: Path) -> Privacy:
    """Walk a directory of infer's own; links are not followed."""
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
    path, another = shlex.quote(str(place.path)), f"{variable} names another directory"
    if place.is_directory is False:
        broken = place.path.is_symlink()
        what = "a link to nothing (is a disk not mounted?)" if broken else "not a directory"
        return Check(name, "problem", f"{place.path} is {what}", f"move it away, or {another}", f"mv {path} {path}.old")
    if not place.writable and place.standing.stat().st_mode & 0o200 and place.owned:
        blocked = place.is_directory is None and not _no_file_between(place.path, place.standing)
        if blocked:
            return Check(name, "problem", f"{place.path} cannot be made: a file is in the way", another)
        if stat.S_IMODE(place.standing.stat().st_mode) & 0o700 == 0o700:
            return Check(name, "problem", f"{place.standing} is on a file system that cannot be written", another)
    if not place.writable:
        standing = shlex.quote(str(place.standing))
        text = f"{place.path} cannot be written" + ("" if place.owned else ": it belongs to another user")
        command = f"chmod u+rwx {standing}" if place.owned else _take_over(standing)
        return Check(name, "problem", text, another, command)
    state = "" if place.is_directory else " (made when it is needed)"
    return Check(name, "ok", f"{place.path}{state}")


def judge_space(places: Sequence[tuple[str, Place]]) -> list[Check]:
    """Whether there is room; `places`: what is kept there, each disk once. The models' comes first."""
    disks: dict[int, tuple[list[str], Place]] = {}
    for what, place in places:
        disks.setdefault(place.standing.stat().st_dev, ([], place))[0].append(what)
    return [_space(kinds, place) for kinds, place in disks.values()]


def judge_privacy(found: Sequence[Privacy]) -> list[Check]:
    """Prompts, answers and what models made of them are their user's alone."""
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
    where = " and ".join(str(one.place) for one in found)
    return checks or [Check("private", "ok", f"only you may read {where}")]


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


def _no_file_between(path: Path, standing: Path) -> bool:
    """Whether nothing but directories stands in the way from a directory that is there to one to be made."""
    return not any(os.path.lexists(place) for place in (path, *path.parents) if standing in place.parents)


def _take_over(paths: str, recursive: str = "") -> str:
    return f"{'' if os.geteuid() == 0 else 'sudo '}chown {recursive}{os.geteuid()} {paths}"


def _all(found: Sequence[Privacy]) -> str:
    return " ".join(shlex.quote(str(one.place)) for one in found)


def _count(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
