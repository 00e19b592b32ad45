"""Gathers the facts and has them judged: the whole report of `infer doctor`, in the order in which it is shown."""

import ctypes
import importlib.metadata
import importlib.util
import platform
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

import infer
from infer import settings
from infer.engine.prefix.files import FOLDER
from infer.errors import InferError
from infer.jobs.doctor import places
from infer.jobs.doctor.build import Installation, Wishes, describe_machine, judge_build, judge_gpu
from infer.jobs.doctor.cached import look_at_cache, switched_off
from infer.jobs.doctor.check import Check
from infer.jobs.doctor.configuration import look_at_config
from infer.jobs.doctor.guard import Look, looked
from infer.jobs.doctor.leftovers import find_leftovers, judge_leftovers
from infer.jobs.doctor.shell import look_at_completion, look_at_path, look_at_terminal
from infer.jobs.doctor.wheels import Installer
from infer.machine import Machine, detect, detect_all
from infer.models import hub_cache
from infer.types import Build

PATIENCE = 2.5  # seconds for what lies on disks
ENGINE_PATIENCE = 9.0  # seconds for llama.cpp and drivers: with many GPUs they take some to start
# What infer keeps in its two directories; where somebody names one of their own, other things may lie beside it.
_KEPT_IN_CACHE = (FOLDER, "pins", "urls", "metadata")
_KEPT_AS_DATA = ("sessions", "history")
_RUNTIMES = {11: "libcudart.so.11.0", 12: "libcudart.so.12", 13: "libcudart.so.13"}
_HIDE_GPUS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GGML_VK_VISIBLE_DEVICES")
_FILE = "what INFER_CONFIG names has to be a plain file on a disk that answers"


def examine(
    environment: Mapping[str, str],
    ask_build: Callable[[float], Build | InferError | None],
    *,
    terminal: bool,
) -> list[Check]:
    """Look at everything, all at once.

    ask_build: asks the worker, for so many seconds; terminal: whether stdout is one.
    What hangs costs its own line and PATIENCE, and a build or a driver that hangs ENGINE_PATIENCE.
    """
    machine, wishes = list[Machine](), list[Wishes]()
    looks = _looks(environment, wishes, terminal=terminal)
    wait_slow = looked({"machine": lambda: _machine(machine)}, ENGINE_PATIENCE, {"machine": "a GPU's driver hangs"})
    wait = looked(looks, PATIENCE, _ways_out(environment, looks))
    build = ask_build(ENGINE_PATIENCE)
    found = wait_slow() | wait()
    here, wish = (machine or [detect()])[0], (wishes or [Wishes()])[0]
    if wish.no_cache:
        found["prompt-cache"] = [switched_off(wish.no_cache)]
    installation = _installation()
    checks = [*found.pop("machine"), *judge_build(build, here, installation)]
    checks += judge_gpu(build, here, installation.installer, wish)
    return checks + [check for name in found for check in found[name]]


def _looks(environment: Mapping[str, str], wishes: list[Wishes], *, terminal: bool) -> dict[str, Look]:
    """What lies on disks, in the order of the report."""
    cache, data = settings.cache_dir(environment), settings.data_dir(environment)
    root, home = hub_cache.directory(environment), Path(environment.get("HOME") or Path.home())

    def configuration() -> list[Check]:
        wishes.append(_wishes(environment))
        return look_at_config(environment, cache)

    def kept() -> list[Check]:
        named = [cache / name for name in _KEPT_IN_CACHE] + [data / name for name in _KEPT_AS_DATA]
        return places.judge_privacy([places.privacy(place) for place in named if place.exists()], (cache, data))

    def terminal_and_path() -> list[Check]:
        return [
            look_at_path(environment, _own_script()),
            look_at_terminal(environment, terminal=terminal),
        ]

    looks: dict[str, Look] = {
        "config": configuration,
        "models": lambda: [places.judge_place("models", places.look_at(root), "HF_HUB_CACHE")],
        "cache": lambda: [places.judge_place("cache", places.look_at(cache), "INFER_CACHE_DIR")],
        "data": lambda: [places.judge_place("data", places.look_at(data), "INFER_DATA_DIR")],
        "space": lambda: places.judge_space(
            [("models", places.look_at(root)), ("infer's cache", places.look_at(cache))]
        ),
        "private": kept,
        "prompt-cache": lambda: look_at_cache(cache),
        "leftovers": lambda: judge_leftovers(find_leftovers(root, cache)),
        "path": terminal_and_path,
        "completion": lambda: [look_at_completion(environment, home)],
    }
    return looks


def _ways_out(environment: Mapping[str, str], looks: Mapping[str, Look]) -> dict[str, str]:
    """What to do about a look that hangs."""
    cache, data = settings.cache_dir(environment), settings.data_dir(environment)
    own = {"models": (hub_cache.directory(environment), "HF_HUB_CACHE"), "data": (data, "INFER_DATA_DIR")}
    own |= dict.fromkeys(("cache", "prompt-cache"), (cache, "INFER_CACHE_DIR"))
    any_of_them = "a disk that is away (the other lines say which) has to come back, or other directories be named"
    ways = dict.fromkeys(looks, any_of_them) | {"config": _FILE}
    for name, (place, variable) in own.items():
        ways[name] = f"is the disk or server of {place} away (df hangs as well)? {variable} names another directory"
    return ways


def _own_script() -> Path:
    """The `infer` of this installation."""
    started = Path(sys.argv[0]).absolute()
    return started if started.name == "infer" else Path(sysconfig.get_path("scripts")) / "infer"


def _machine(found: list[Machine]) -> list[Check]:
    found.append(detect_all())
    return describe_machine(found[0])


def _wishes(environment: Mapping[str, str]) -> Wishes:
    values = settings.faults(environment)[1].values
    hidden = tuple((name, environment[name]) for name in _HIDE_GPUS if name in environment)
    layers, no_cache = values["gpu_layers"], values["no_cache"]
    off = no_cache.origin if no_cache.value else ""
    return Wishes(layers.value, layers.origin, values["gpu_hint"].value, off, hidden)


def _installation() -> Installation:
    try:
        library = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        library = ""
    installer = Installer(
        python=sys.executable,
        pip=importlib.util.find_spec("pip") is not None,
        glibc=sys.platform != "linux" or platform.libc_ver()[0] == "glibc",
        runtimes=tuple(major for major, name in _RUNTIMES.items() if _loads(name)),
        rocm=Path("/opt/rocm").is_dir(),
    )
    return Installation(infer.__version__, platform.python_version(), library, installer)


def _loads(library: str) -> bool:
    """Whether the loader finds a library; asking itself is the only way to know that is always right."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
