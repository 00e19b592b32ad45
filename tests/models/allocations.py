"""What llama.cpp says it allocates for a model and a context; run as a script, since its log belongs to a process.

    python allocations.py FILE [CONTEXT:KV_TYPE:UBATCH:FLASH:PARALLEL ...]

One JSON object a line: bytes of "cache" (KV and recurrent state), "compute", "output". Nothing is
allocated (`no_alloc`), so a model of any size can be asked about.
"""

import json
import re
import sys

from infer.engine.llama.context import _params
from infer.engine.llama.library import bindings
from infer.engine.llama.log import Log
from infer.types import EngineConfig

_KINDS = {"llama_kv_cache:": "cache", "RS buffer": "cache", "compute buffer": "compute", "output buffer": "output"}
_LINE = re.compile(r"(llama_kv_cache:|RS buffer|compute buffer|output buffer) +size += +([\d.]+) MiB")


def sizes(log: Log) -> dict[str, float]:
    """Bytes by kind, from the lines that were logged since the last time."""
    found = dict.fromkeys(_KINDS.values(), 0.0)
    for _, line in log._lines:
        if match := _LINE.search(line):
            found[_KINDS[match[1]]] += float(match[2]) * (1 << 20)
    log._lines.clear()
    return found


def main(path: str, questions: list[str]) -> None:
    """Ask llama.cpp."""
    log = Log(100_000)
    params = bindings.llama_model_default_params()
    params.no_alloc = True
    params.use_extra_bufts = False
    params.load_mode = bindings.LLAMA_LOAD_MODE_NONE
    model = bindings.llama_model_load_from_file(path.encode(), params)
    if not model:
        sys.exit("\n".join(line for _, line in log._lines)[-2000:])
    sizes(log)
    for question in questions:
        context, kv_type, ubatch, flash, parallel = question.split(":")
        config = EngineConfig(
            kv_type=kv_type,
            ubatch=int(ubatch),
            flash_attention=flash == "1",
            parallel=int(parallel),  # type: ignore[arg-type]
        )
        made = bindings.llama_init_from_model(model, _params(config, int(context)))
        if not made:
            sys.exit("\n".join(line for _, line in log._lines)[-2000:])
        print(json.dumps(sizes(log) | {"question": question}), flush=True)
        bindings.llama_free(made)
    bindings.llama_model_free(model)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
