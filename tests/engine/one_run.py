"""One run of the engine in a process of its own: reads a job as JSON on stdin, writes what came of it on stdout.

{"model": path, "config": {…EngineConfig…}, "tokens": [...]}  ->  {"cached": 512, "logits": ["0x1.8p+1", …]}
"""

import json
import sys
from pathlib import Path

from infer.engine.engine import Engine
from infer.engine.llama.log import Log
from infer.engine.llama.model import Model
from infer.engine.reuse import open_reuse
from infer.types import EngineConfig, SamplingParams

KEPT = ("self-test", "self-test-failures")


def forget_rates(cache_dir: str | None) -> None:
    """The tests' models compute faster than any disk reads; without measured rates the cache is used all the same."""
    for notes in Path(cache_dir or "/nonexistent").rglob("notes.json"):
        notes.write_text(
            json.dumps({name: value for name, value in json.loads(notes.read_text()).items() if name in KEPT})
        )


def main() -> None:
    job = json.load(sys.stdin)
    config = EngineConfig(**job["config"])
    forget_rates(config.cache_dir)
    with Model(job["model"], config, Log()) as model:
        engine = Engine(model, config, reuse=open_reuse(model, job["model"], config)[0])
        tokens = job["tokens"]
        # A batch of one row takes other kernels than one of many: all runs end in the same chunk.
        sequence = engine.submit(tokens, SamplingParams(temperature=0), 0, 1, (len(tokens) - 1,))
        while engine.has_work:
            engine.step()
        logits = [value.hex() for value in engine.last_logits()]
        engine.close(timeout=10)
    json.dump({"cached": sequence.cached, "logits": logits}, sys.stdout)


if __name__ == "__main__":
    main()
