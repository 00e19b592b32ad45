"""What the engine's settings cost on this machine: the numbers behind the CPU defaults.

    python benchmarks/engine_settings.py MODEL.gguf [context] [abort] [suffix] [ubatch]

Names choose experiments; none: all. Times are medians, in milliseconds. Nothing here is a promise; docs/LOG.md keeps
what came out.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from measure import median

from infer.engine.llama.context import AbortFlag, Context, Row
from infer.engine.llama.library import bindings
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.types import EngineConfig

CONFIG = EngineConfig(threads=os.cpu_count() or 1)
TOKEN = 1000  # any


def milliseconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    started = perf_counter()
    action()
    return (perf_counter() - started) * 1000


def feed(context: Context, start: int, count: int) -> None:
    """Decode `count` tokens from position `start`, in batches, with logits for the last."""
    end = start + count
    for first in range(start, end, CONFIG.batch):
        last = min(first + CONFIG.batch, end)
        context.decode([Row(TOKEN + p % 7, p, 0, p == end - 1) for p in range(first, last)])


def context(model: Model) -> None:
    """Creating and freeing a context of so many positions."""
    for size in (256, 768, 4096, 16_384):
        times = [milliseconds(lambda size=size: Context(model, CONFIG, size, AbortFlag()).close()) for _ in range(5)]
        print(f"context of {size:6,}: {median(times):7.1f} ms")


def abort(model: Model) -> None:
    """A prefill of 512 tokens under three abort callbacks, in turns."""
    flag = AbortFlag()
    python = bindings.ggml_abort_callback(lambda _: False)
    made = {"C strlen": (flag.callback, flag.data), "none": (bindings.ggml_abort_callback(0), None)}
    made["Python"] = (python, ctypes.c_void_p(0))
    memory = Context(model, CONFIG, 512, flag)
    feed(memory, 0, 512)
    times: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(5):
        for name, (callback, data) in made.items():
            bindings.llama_set_abort_callback(memory.pointer, callback, data)
            memory.remove(0)
            times[name].append(milliseconds(lambda: feed(memory, 0, 512)))
    for name, found in times.items():
        print(f"prefill of 512, abort callback {name:8}: {median(found):7.1f} ms")
    memory.close()


def suffix(model: Model, depth: int = 3500) -> None:
    """Flash attention on and off: a long prefill, and short suffixes behind it."""
    for flash in (False, True):
        memory = Context(model, replace(CONFIG, flash_attention=flash), 4096, AbortFlag())
        took = milliseconds(lambda memory=memory: feed(memory, 0, depth))
        line = [f"flash attention {'on ' if flash else 'off'}: prefill of {depth:,} {took:8.0f} ms; suffix of"]
        for count in (1, 16, 32, 64, 256):
            times = []
            for _ in range(3):
                memory.remove(0, depth)
                times.append(milliseconds(lambda memory=memory, count=count: feed(memory, depth, count)))
            line.append(f"{count}: {median(times):.0f} ms")
        print(" ".join(line))
        memory.close()


def ubatch(model: Model) -> None:
    """A prefill of 1,024 tokens in compute graphs of different sizes, in turns."""
    sizes = (64, 128, 256, 512)
    made = {size: Context(model, replace(CONFIG, ubatch=size), 1024, AbortFlag()) for size in sizes}
    times: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(3):
        for size, memory in made.items():
            memory.remove(0)
            times[size].append(milliseconds(lambda memory=memory: feed(memory, 0, 1024)))
    for size, memory in made.items():
        print(f"prefill of 1,024 in ubatches of {size:3}: {1024 / median(times[size]) * 1000:6.1f} tok/s")
        memory.close()


def main() -> None:
    """Command line."""
    path, *names = sys.argv[1:]
    experiments = {function.__name__: function for function in (context, abort, suffix, ubatch)}
    with Model(path, CONFIG, Log()) as model:
        for name in names or experiments:
            experiments[name](model)


if __name__ == "__main__":
    main()
