"""`infer run` where the system says nothing, or where a driver library is broken: it works, and is silent about it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.command import Command


def _may_hide() -> bool:
    """Whether this user may mount things in a namespace of its own."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-m", "true"], check=False).returncode == 0


hiding = pytest.mark.skipif(sys.platform != "linux" or not _may_hide(), reason="needs unshare -m")


@hiding
@pytest.mark.parametrize("place", ["/sys", "/proc"])
def test_without_sys_or_proc(place: str, random_model: Path, tmp_path: Path) -> None:
    hide = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs none {place} && exec "$@"', "sh")
    result = Command(tmp_path).run("run", random_model, "x", "-n", "--max-tokens", "4", prefix=hide)
    assert (result.code, result.err) == (0, "")
    assert result.out


@hiding
@pytest.mark.skipif(shutil.which("cc") is None, reason="the broken library is written in C")
def test_with_a_driver_library_that_crashes(random_model: Path, tmp_path: Path) -> None:
    """A run never loads it; `recommend` neither dies of it."""
    code = tmp_path / "broken.c"
    code.write_text("__attribute__((constructor)) static void early(void) { *(volatile int *)0 = 1; }\n")
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", library, code], check=True)
    infer = Command(tmp_path)
    steps = (
        f"export LD_LIBRARY_PATH={tmp_path}",
        "mount -t tmpfs none /dev/shm",
        "mkdir /dev/shm/nvidia",
        "touch /dev/shm/nvidia/version",
        "mount --bind /dev/shm /proc/driver",
        'exec "$@"',
    )
    hide = ("unshare", "-m", "sh", "-c", " && ".join(steps), "sh")
    result = infer.run("run", random_model, "x", "-n", "--max-tokens", "4", prefix=hide)
    assert result.code == 0
    assert result.out
    assert "NVIDIA GPU" in result.err, "the driver's files were seen"
    assert infer.run("recommend", prefix=hide).code == 0
