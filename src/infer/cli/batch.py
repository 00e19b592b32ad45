"""`infer batch`: many prompts from a file. Here is its face; `infer.cli.batching` does it, imported when called."""

from typing import Annotated

import typer

from infer.cli import options

Input = Annotated[str | None, typer.Argument(metavar="IN", help="JSONL, or with --template also CSV; none or -: stdin")]
OutputFile = Annotated[
    str | None, typer.Option("-o", "--output", metavar="OUT", help="JSONL; a killed run goes on; none: stdout")
]
Template = Annotated[
    str | None, typer.Option("--template", metavar="TEXT|@FILE", help='the prompt of a line: "Summarise: {text}"')
]
Read = Annotated[
    str | None, typer.Option("--input", metavar="jsonl|csv", help="what IN is; default: by its ending, else jsonl")
]
Parallel = Annotated[str | None, typer.Option("--parallel", metavar="N", help="prompts that are computed together")]
AsCompleted = Annotated[bool, typer.Option("--as-completed", help="records as they are done, not in the input's order")]


def batch(
    context: typer.Context,
    model: options.Model,
    input_: Input = None,
    output: OutputFile = None,
    read: Read = None,
    template: Template = None,
    parallel: Parallel = None,
    as_completed: AsCompleted = False,
    system: options.System = None,
    max_tokens: options.MaxTokens = None,
    temperature: options.Temperature = None,
    top_k: options.TopK = None,
    top_p: options.TopP = None,
    min_p: options.MinP = None,
    repeat_penalty: options.RepeatPenalty = None,
    presence_penalty: options.PresencePenalty = None,
    frequency_penalty: options.FrequencyPenalty = None,
    seed: options.Seed = None,
    stop: options.Stop = None,
    ctx: options.Ctx = None,
    overflow: options.Overflow = None,
    gpu_layers: options.GpuLayers = None,
    threads: options.Threads = None,
    kv_type: options.KvType = None,
    think: options.Think = None,
    schema: options.Schema = None,
    grammar: options.Grammar = None,
    choices: options.Choices = None,
    tools: options.Tools = None,
    raw: options.Raw = False,
    lora: options.Lora = None,
    no_cache: options.NoCache = False,
    yes: options.Yes = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    offline: options.Offline = False,
    color: options.Color = None,
) -> int:
    """Answer every line of a file: infer batch MODEL IN.jsonl -o OUT.jsonl. The same command goes on after a crash."""
    from infer.cli.batching import Asked, run_batch
    from infer.cli.constraint import Wanted

    given = {
        "system": system, "max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "min_p": min_p, "repeat_penalty": repeat_penalty, "presence_penalty": presence_penalty,
        "frequency_penalty": frequency_penalty, "seed": seed, "stop": stop or None, "ctx": ctx, "overflow": overflow,
        "gpu_layers": gpu_layers, "threads": threads, "kv_type": kv_type, "think": think, "parallel": parallel,
        "no_cache": no_cache or None, "offline": offline or None, "color": color,
    }  # fmt: skip
    asked = Asked(
        model=model,
        input=None if input_ in (None, "-") else input_,
        output=None if output == "-" else output,
        read=read,
        template=template,
        ordered=not as_completed,
        wanted=Wanted(schema, grammar, choices),
        tools=tools,
        raw=raw,
        lora=tuple(lora or ()),
        yes=yes,
        as_json=json_,
        quiet=quiet,
        verbose=verbose,
    )
    return run_batch(asked, given, context.obj)
