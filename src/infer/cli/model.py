"""From a model's name and the settings to a worker that is loading it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite, nan
from pathlib import Path

from infer.cli.session import Session
from infer.errors import DeviceMissing, NotDownloaded, UsageError
from infer.machine import Gpu, Machine, detect, processor_name
from infer.models import stamp
from infer.models.about import makes_embeddings
from infer.models.gguf import read_header
from infer.models.plan import Wish, plan, plan_embedding
from infer.models.ref import ModelRef
from infer.models.store import Resolved, Store
from infer.settings import Settings, cache_dir
from infer.tuned import machine_key, model_key
from infer.types import Device, EngineConfig, LocalModel, Pooling
from infer.worker.client import WorkerClient


@dataclass(frozen=True, slots=True)
class Opened:
    """A model on its way into the worker, with the settings that now include the model's own."""

    model: LocalModel
    settings: Settings
    config: EngineConfig
    machine: Machine
    worker: WorkerClient


def open_model(
    name: str,
    settings: Settings,
    lora: Sequence[str],
    session: Session,
    *,
    yes: bool = False,
    wish: Wish | None = None,
) -> Opened:
    """Resolve a name, download what is not here, plan, and tell the worker to load; returns while it loads.

    wish: what is asked for beside the settings, of several sequences.

    Raises what the rooms raise: ModelNotFound, FileUnreadable, BadModelFile, DoesNotFit, ConfigError, NetworkError; and
    UsageError for a model that makes embeddings.
    """
    model, recommended = _resolve(name, settings, session, yes=yes)
    stamp.touch(model.path, cache_dir(os.environ))
    if makes_embeddings(model.metadata):
        raise _answers_nothing(model)
    settings = settings.under(model.metadata.sampling, "the model's file").under(recommended, "models.toml")
    machine = _with_gpus(detect(), settings, session)
    settings = settings.tuned_for(partial(model_key, model.metadata), lambda: machine_name(machine))
    wish = wish_of(settings, tuple(map(_adapter, lora)), wish)
    config = _with_cache(plan(model.metadata, machine, wish), settings)
    return Opened(model, settings, config, machine, _loading(model, config, wish, session))


def open_embedder(
    name: str, settings: Settings, session: Session, pooling: Pooling | None = None, *, yes: bool = False
) -> Opened:
    """`open_model` for a model that makes embeddings. pooling: instead of what its file says.

    Raises UsageError where that is nothing, or no vector.
    """
    model, _ = _resolve(name, settings, session, yes=yes)
    stamp.touch(model.path, cache_dir(os.environ))
    machine = _with_gpus(detect(), settings, session)
    wish = Wish(context=settings["ctx"], threads=settings["threads"], gpu_layers=settings["gpu_layers"])
    config = plan_embedding(model.metadata, machine, wish, pooling or _pooling(model))
    return Opened(model, settings, config, machine, _loading(model, config, wish, session))


def revived(opened: Opened, session: Session) -> WorkerClient:
    """Another worker on its way with the same model, in the place of one that has died."""
    session.renew()
    worker = session.worker()
    worker.load(opened.model.path, opened.config)
    return worker


def open_tokenizer(name: str, settings: Settings, session: Session, *, chat: bool) -> Opened:
    """Either of the two, for its tokens alone: of an embedding model those that the longest text is measured by."""
    model, _ = _resolve(name, settings, session, yes=False)
    if chat or not makes_embeddings(model.metadata):
        return open_model(name, settings, [], session)
    return open_embedder(name, settings, session, "mean")


def prefixes(name: str, opened: Opened) -> Mapping[str, str]:
    """What stands before a text, by what the text is for, as far as the catalogue knows it of this model."""
    store = Store(cache_dir(os.environ), opened.settings.models)
    return store.prefixes(ModelRef.parse(name), opened.model.metadata)


def _loading(model: LocalModel, config: EngineConfig, wish: Wish, session: Session) -> WorkerClient:
    """The worker, on its way. Raises DeviceMissing."""
    worker = session.worker()
    if wish.gpu_layers not in ("auto", 0) and gpu(worker.wait_devices()) is None:
        raise DeviceMissing(asked=f"--gpu-layers {wish.gpu_layers}")
    worker.load(model.path, config)
    return worker


def _answers_nothing(model: LocalModel) -> UsageError:
    if model.metadata.pooling == "rank":
        return UsageError(what=f"{model.ref} is a reranker: it writes no text", hint="infer list shows other models")
    return UsageError(what=f"{model.ref} makes embeddings: it writes no text", hint=f'infer embed {model.ref} "text"')


def _pooling(model: LocalModel) -> Pooling:
    """How the model's file says that one vector is made of a text's many."""
    pooling = model.metadata.pooling
    if pooling in ("mean", "cls", "last"):
        return pooling
    if pooling == "rank":
        raise UsageError(what=f"{model.ref} is a reranker: it scores pairs of texts and makes no embeddings", hint="")
    what = f"{model.ref} is not known to make embeddings: its file names no pooling"
    hint = "infer embed wants an embedding model; --pooling mean|cls|last if you know that this is one"
    raise UsageError(what=what, hint=hint)


def wish_of(settings: Settings, lora: tuple[tuple[str, float], ...] = (), wish: Wish | None = None) -> Wish:
    """What the settings ask of the plan. wish: what is asked for beside them, of several sequences."""
    flash = settings["flash_attention"]
    return replace(
        wish or Wish(),
        context=settings["ctx"],
        threads=settings["threads"],
        kv_type=settings["kv_type"],
        gpu_layers=settings["gpu_layers"],
        lora=lora,
        ubatch=settings["ubatch"],
        flash_attention=None if flash == "auto" else flash == "on",
        repack=settings["repack"],
    )


def _resolve(name: str, settings: Settings, session: Session, *, yes: bool) -> Resolved:
    """The model and what is recommended for it; downloaded first, when it is not here."""
    store, ref = Store(cache_dir(os.environ), settings.models), ModelRef.parse(name)
    try:
        return store.resolve(ref, thinking(settings))
    except NotDownloaded:
        from infer.cli.fetch import fetch

        wish = Wish(context=settings["ctx"], kv_type=settings["kv_type"])
        fetch(ref, store, settings, session, yes=yes, wish=wish)
        return store.resolve(ref, thinking(settings))


def machine_name(machine: Machine) -> str:
    """What is measured here is filed under: the processor, and whose GPUs this build uses."""
    return machine_key(processor_name(), machine.cores, machine.gpu if machine.gpus else None)


def _with_gpus(machine: Machine, settings: Settings, session: Session) -> Machine:
    """The machine with the GPUs that this build can use; where none is there nobody waits for the build's answer."""
    return machine if settings["gpu_layers"] == 0 else replace(machine, gpus=usable_gpus(machine, session))


def usable_gpus(machine: Machine, session: Session) -> tuple[Gpu, ...]:
    """The GPUs that this build of llama.cpp can use: separate ones, else the processor's own."""
    if machine.gpu is None:
        return ()
    devices = session.worker().wait_devices()
    kind = "gpu" if any(device.kind == "gpu" for device in devices) else "igpu"
    found = (_as_gpu(device, unified=kind == "igpu") for device in devices if device.kind == kind)
    return tuple(_with_what_is_free(one, machine) if one.unified else one for one in found)


def _with_what_is_free(shared: Gpu, machine: Machine) -> Gpu:
    """Of memory that belongs to the computer, its driver counts what it may take, not what others have left."""
    return replace(shared, memory_free=min(shared.memory_free, machine.memory_free))


def _as_gpu(device: Device, *, unified: bool) -> Gpu:
    backend = device.name.rstrip("0123456789")
    shared = unified or backend in ("MTL", "Metal")
    return Gpu(device.description, backend, device.memory_total, device.memory_free, unified=shared)


def _with_cache(config: EngineConfig, settings: Settings) -> EngineConfig:
    """The prompt cache's place and budget; the default budget is for the store, which knows what is in the cache."""
    if settings["no_cache"]:
        return config
    place = cache_dir(os.environ).absolute()
    return replace(config, cache_dir=str(place), cache_bytes=settings["cache.max_bytes"])


def thinking(settings: Settings) -> bool | None:
    """--think as the template takes it: on, show and a number switch reasoning on, off switches it off."""
    wish = settings["think"]
    return wish != "off" if wish is not None else None


def thinking_limit(settings: Settings) -> int | None:
    """--think N: tokens of reasoning after which it is closed."""
    wish = settings["think"]
    return wish if isinstance(wish, int) else None


def gpu(devices: tuple[Device, ...]) -> Device | None:
    """The first GPU that this build of llama.cpp can use."""
    return next((device for device in devices if device.kind in ("gpu", "igpu")), None)


def device_name(opened: Opened) -> str:
    """Where the model runs, as `--json` and `--verbose` say it."""
    device = gpu(opened.worker.wait_devices()) if opened.config.gpu_layers else None
    return f"{device.name} ({device.description})" if device else "CPU"


def unused_gpu(opened: Opened) -> str | None:
    """One line about a GPU that is there and does nothing, until the user does not want to hear it any more."""
    maker = opened.machine.gpu
    if maker is None or opened.settings["gpu_layers"] == 0 or not opened.settings["gpu_hint"]:
        return None
    if gpu(opened.worker.wait_devices()):
        if opened.config.gpu_layers:
            return None
        why = "it has too little free memory (INFER_GPU_HINT=0 ends this note)"
        return f"the {maker} GPU of this machine is not used: {why}"
    return (
        f"the {maker} GPU of this machine is not used: infer doctor says why, and how it would be "
        "(INFER_GPU_HINT=0 ends this note)"
    )


def _adapter(text: str) -> tuple[str, float]:
    """PATH or PATH:SCALE, and a look at the file before llama.cpp gets it."""
    path, colon, tail = text.rpartition(":")
    scale = 1.0
    if not colon or Path(text).exists():
        path = text
    else:
        try:
            scale = float(tail)
        except ValueError:
            scale = nan
        if not isfinite(scale):
            raise UsageError(what=f"--lora {text}: '{tail}' is not a scale", hint="--lora PATH:0.5")
    if not path:
        raise UsageError(what="--lora needs the path of an adapter", hint="--lora PATH or --lora PATH:0.5")
    read_header(path)
    return path, scale
