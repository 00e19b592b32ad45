"""Words in front of a command that take rights away from it, so that a test means the same for root and for others."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest


def obeying() -> tuple[str, ...]:
    """The permission bits hold for the command, also where root runs the tests."""
    if _obeys():
        return ()
    words = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
    _require([*words, "true"], "root cannot give up its rights here")
    return words


def _obeys() -> bool:
    """Whether the tests themselves cannot write where the bits forbid it."""
    with tempfile.TemporaryDirectory() as place, Frozen(Path(place)):
        try:
            Path(place, "file").touch()
        except PermissionError:
            return True
    return False


def mounted_read_only(place: Path) -> tuple[str, ...]:
    """The command sees a directory on a read-only file system, in a mount namespace of its own."""
    place.mkdir(parents=True, exist_ok=True)
    own = () if os.geteuid() == 0 else ("--map-root-user",)
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    words = ("unshare", *own, "--mount", "bash", "-c", script, str(place))
    _require([*words, "true"], "nothing can be mounted here")
    return words


def _require(words: list[str], reason: str) -> None:
    """Skip the test, and say why, where these words do not work."""
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"{reason}: there is no {words[0]}")
    if done.returncode:
        pytest.skip(f"{reason}: {done.stderr.decode().strip()}")


class Frozen:
    """Directories whose permission bits are changed for the time of a `with`."""

    def __init__(self, *directories: Path, mode: int = 0o555) -> None:
        self._modes = {directory: directory.stat().st_mode & 0o7777 for directory in directories}
        self._mode = mode

    def __enter__(self) -> None:
        for directory in self._modes:
            directory.chmod(self._mode)

    def __exit__(self, *_: object) -> None:
        for directory, mode in self._modes.items():
            directory.chmod(mode)
