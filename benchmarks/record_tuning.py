"""Records what `infer bench --tune` measured for a model, for the tests of its choice (tests/jobs/test_bench_tune.py).

    python benchmarks/record_tuning.py MODEL.gguf NAME tests/jobs/recorded_tuning.json [--rounds 3] [--seconds 2]

Each configuration's times stand in the order in which they were measured, so a test can let the search run again. The
noise of the machine is part of what is recorded.
"""

import argparse
import json
import os
from collections import defaultdict
from pathlib import Path

from infer.jobs.bench.runner import described, job_times, pilot, tuning_jobs
from infer.jobs.bench.tune import Times, Trial, candidates, search
from infer.machine import detect
from infer.models.metadata import describe, read_headers
from infer.models.plan import Wish, plan
from infer.tuned import KEYS
from infer.types import EngineConfig
from infer.worker.client import WorkerClient
from infer.worker.spawn import spawn


def name(config: EngineConfig) -> str:
    """What a configuration is called in the file."""
    return json.dumps([getattr(config, key) for key in ("threads", "repack", "ubatch", "flash_attention", "kv_type")])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("name")
    parser.add_argument("out", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    machine = detect()
    config = plan(describe(read_headers(given.model)), machine, Wish())
    worker = WorkerClient(spawn())
    worker.load(given.model, config)
    worker.wait_loaded()
    jobs = tuning_jobs(pilot(worker), config.max_context, given.seconds)
    measure = job_times(worker, given.model, jobs, lambda text: None)
    times: dict[str, list[Times]] = defaultdict(list)

    def recorded(config: EngineConfig) -> Times:
        times[name(config)].append(measure(config))
        return times[name(config)][-1]

    def tell(trial: Trial) -> None:
        print(trial)

    print(described(config), jobs)
    tried = candidates(config, (), machine.cores, os.cpu_count() or 1, gpu=False, kv=False)
    found = search(config, tried, recorded, given.rounds, tell)
    worker.close()
    print(found.values, found.final)
    records = json.loads(given.out.read_text()) if given.out.exists() else {}
    default = {key: getattr(config, key) for key in KEYS}
    records[given.name] = {"default": default, "tried": tried, "kept": found.values, "times": times}
    given.out.write_text(json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
    main()
