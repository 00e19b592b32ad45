"""`infer bench`: how fast a model is here. Here is its face; `infer.cli.benching` does it, imported when called."""

from typing import Annotated

import typer

from infer.cli import options

Prompts = Annotated[
    str | None, typer.Option("--prompts", metavar="N,N", help="tokens of the prompts; default: by the model's speed")
]
Parallel = Annotated[
    str | None, typer.Option("--parallel", metavar="N,N", help="sequences at once; default: by the model's speed")
]
Rounds = Annotated[int | None, typer.Option("--rounds", metavar="N", min=1, max=100, help="repetitions; default: 5")]
Quick = Annotated[bool, typer.Option("--quick", help="a few seconds: fewer sizes, 3 rounds")]
Compare = Annotated[bool, typer.Option("--compare", help="say what has changed since the last run")]
Tune = Annotated[bool, typer.Option("--tune", help="find the fastest settings and write them to config.toml")]
TuneKv = Annotated[bool, typer.Option("--tune-kv", help="with --tune: try smaller KV caches, which change the answers")]
Plot = Annotated[str | None, typer.Option("--plot", metavar="FILE", help="draw it as .svg or .png; needs infer[plot]")]


def bench(
    context: typer.Context,
    model: options.Model,
    prompts: Prompts = None,
    parallel: Parallel = None,
    rounds: Rounds = None,
    quick: Quick = False,
    compare: Compare = False,
    tune: Tune = False,
    tune_kv: TuneKv = False,
    plot: Plot = None,
    threads: options.Threads = None,
    kv_type: options.KvType = None,
    gpu_layers: options.GpuLayers = None,
    yes: options.Yes = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    offline: options.Offline = False,
) -> int:
    """Measure a model here: prefill, decode, first token, memory, and what the machine's limits allow."""
    from infer.cli.benching import Asked, run_bench

    given = {"threads": threads, "kv_type": kv_type, "gpu_layers": gpu_layers, "offline": offline or None}
    asked = Asked(
        model=model,
        prompts=prompts,
        parallel=parallel,
        rounds=rounds,
        quick=quick,
        compare=compare,
        tune=tune,
        tune_kv=tune_kv,
        plot=plot,
        yes=yes,
        as_json=json_,
        quiet=quiet,
    )
    return run_bench(asked, given, context.obj)
