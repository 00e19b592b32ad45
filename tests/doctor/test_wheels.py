"""Which build a machine is told to install, and that pip takes what the command names and nothing else."""

import http.server
import importlib.util
import shlex
import subprocess
import sys
import threading
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infer.jobs.doctor import wheels
from infer.jobs.doctor.wheels import Installer, advice, cuda_wheel
from infer.machine import Gpu, Machine

PC = Machine(8, 16 << 30, "NVIDIA", system="linux", architecture="x86_64")
ARM = Machine(64, 16 << 30, "NVIDIA", system="linux", architecture="aarch64")
PIP = Installer("/opt/infer/bin/python", pip=True, runtimes=(12,))
INDEX = "https://abetlen.github.io/llama-cpp-python/whl/"
FROM = f"{PIP.python} -m pip install --force-reinstall --no-deps --index-url {INDEX}"


@pytest.mark.parametrize(
    ("driver", "capability", "runtimes", "tag"),
    [
        ((12, 4), (8, 6), (), "cu124"),  # RTX 3060, driver 550
        ((12, 8), (8, 9), (), "cu125"),  # RTX 4090, driver 570: the newest before it
        ((12, 8), (12, 0), (), "cu125"),  # RTX 5090
        ((13, 0), (9, 0), (), "cu130"),  # H100, driver 580
        ((13, 0), (9, 0), (12,), "cu125"),  # the same with CUDA 12 installed
        ((13, 1), (9, 0), (13,), "cu130"),
        ((13, 2), (12, 0), (), "cu132"),
        ((13, 0), (6, 1), (), "cu125"),  # GTX 1080: CUDA 13 has no code for it
        ((13, 0), (7, 0), (13,), "cu125"),  # V100, though CUDA 13 is here
        ((12, 0), (8, 6), (), "cu118"),
        ((12, 0), (8, 6), (12,), "cu121"),
        ((12, 0), (9, 0), (), "cu121"),  # H100, driver 525: minor version compatibility, cu118 has no code for it
        ((11, 4), (7, 5), (), "cu118"),
        ((12, 2), None, (), "cu122"),
        ((13, 0), (5, 2), (), None),  # GTX 980
        ((10, 2), (7, 5), (), None),
    ],
)
def test_the_wheel_for_a_driver_and_a_gpu(
    driver: tuple[int, int], capability: tuple[int, int] | None, runtimes: tuple[int, ...], tag: str | None
) -> None:
    assert cuda_wheel(driver, capability, runtimes) == tag


def card(cuda: str = "12.4", driver: str = "550.54.14", capability: str = "8.6") -> Gpu:
    return Gpu("NVIDIA GeForce RTX 3060", "CUDA", 12 << 30, 11 << 30, driver, cuda, capability)


@pytest.mark.parametrize(
    ("machine", "gpu", "installer", "begin", "needs"),
    [
        (PC, card(), PIP, f"{FROM}cu124 ", "CUDA 12"),
        (PC, card(cuda=""), PIP, f"{FROM}cu121 ", ""),
        (PC, card(cuda="", driver="580.65.06"), PIP, f"{PIP.python} -m pip", "CUDA 12"),
        (PC, card(), Installer("/u v/py", pip=False), "uv pip install --python '/u v/py' --reinstall ", "libcudart"),
        (PC, card(cuda="10.2"), PIP, "", "newer driver"),
        (PC, card(capability="5.2"), PIP, "CMAKE_ARGS=-DGGML_CUDA=on ", "nvcc"),
        (ARM, card(), PIP, "CMAKE_ARGS=-DGGML_CUDA=on ", "nvcc"),
        (PC, card(), Installer(PIP.python, pip=True, glibc=False), "CMAKE_ARGS=-DGGML_CUDA=on ", "nvcc"),
        (PC, None, PIP, "", "nvidia-smi"),
        (PC, Gpu("AMD", "ROCm"), PIP, f"{FROM}vulkan ", ""),
        (PC, Gpu("AMD", "ROCm"), Installer(PIP.python, pip=True, rocm=True), "CMAKE_ARGS=-DGGML_HIP=on ", "ROCm"),
        (PC, Gpu("Arc", "Vulkan"), PIP, f"{FROM}vulkan ", ""),
        (
            Machine(10, 1, "Apple", system="darwin", architecture="arm64"), Gpu("Apple M3", "Metal"), PIP,
            f"{FROM}metal ", "Metal",
        ),
    ],
)  # fmt: skip
def test_what_a_machine_is_told(
    machine: Machine, gpu: Gpu | None, installer: Installer, begin: str, needs: str
) -> None:
    way = advice(machine, gpu, installer)
    assert way.command.startswith(begin)
    assert bool(way.command) == bool(begin)
    assert needs in way.needs


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert f"llama-cpp-python>={wheels.MINIMUM}" in project["project"]["dependencies"]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index on this machine: a wheel of the right version and a newer source, as on the public one."""
    folder = tmp_path / "whl" / "cu124" / "llama-cpp-python"
    folder.mkdir(parents=True)
    names = ("llama_cpp_python-0.3.36-py3-none-any.whl", "llama_cpp_python-9.9.9.tar.gz")
    with zipfile.ZipFile(folder / names[0], "w") as wheel:
        about = "llama_cpp_python-0.3.36.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: llama_cpp_python\nVersion: 0.3.36\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    (folder / names[1]).touch()
    (folder / "index.html").write_text("".join(f'<a href="{name}">{name}</a>' for name in names))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path), **more)  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/whl/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.slow
def test_pip_takes_the_wheel_of_that_index(index: str, tmp_path: Path) -> None:
    """The command as it is printed, into another directory, from an index of ours in place of the public one."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("there is no pip here")
    command = advice(PC, card(), Installer(sys.executable, pip=True)).command.replace(INDEX, index)
    words = [*shlex.split(command), "--target", str(tmp_path / "site"), "--disable-pip-version-check", "--no-cache-dir"]
    done = subprocess.run(words, capture_output=True, check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr.decode()
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["llama_cpp_python-0.3.36.dist-info"]
