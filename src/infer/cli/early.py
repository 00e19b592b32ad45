"""Starts loading the model before the command line is parsed: the parser's libraries take longer than all the rest."""

import os
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial

from infer.machine import detect, processor_name
from infer.models.plan import Wish, plan, plan_embedding
from infer.models.ref import ModelRef
from infer.models.store import Store
from infer.settings import cache_dir, resolve
from infer.tuned import machine_key, model_key
from infer.worker.spawn import Spawned
from infer.worker.wire import Wire

_WITH_VECTORS = ("embed", "tokens")
_CHANGE_THE_WEIGHTS = ("--gpu-layers", "--lora")


def load_early(worker: Spawned, arguments: list[str]) -> None:
    """Tell the worker to load what the parsed command line will ask for; do nothing where that is not certain.

    The first word after the command is MODEL unless it is an option. The parsed command line sends its own `load`; it
    keeps these weights if they are the right ones (`LLM.serves`), and what is wrong with the model is said then.
    """
    if len(arguments) < 2 or arguments[1].startswith("-"):
        return
    if any(word.startswith(_CHANGE_THE_WEIGHTS) for word in arguments):
        return
    with suppress(Exception):  # whatever it is, the parsed command line meets it again and says it
        machine = detect()
        if machine.gpu:  # where the layers go depends on what the build can use, which nobody knows yet
            return
        settings = resolve({})
        model, _ = Store(cache_dir(os.environ), settings.models).resolve(ModelRef.parse(arguments[1]))
        settings = settings.tuned_for(
            partial(model_key, model.metadata), lambda: machine_key(processor_name(), machine.cores, None)
        )
        wish = Wish(gpu_layers=settings["gpu_layers"], threads=settings["threads"], repack=settings["repack"])
        pooling = model.metadata.pooling
        if arguments[0] in _WITH_VECTORS and pooling in ("mean", "cls", "last"):
            config = plan_embedding(model.metadata, machine, replace(wish, repack=False), pooling)
        else:
            config = plan(model.metadata, machine, wish)
        Wire(worker.reader, worker.writer).send({"do": "load", "path": model.path, "config": asdict(config)})
