"""`infer embed`: vectors of texts. Here is its face; `infer.cli.embedding` does it, imported when it is called."""

from typing import Annotated

import typer

from infer.cli import options

Input = Annotated[
    str | None,
    typer.Argument(metavar="TEXT|FILE", help="a text, or the path of a text or .jsonl file; none or -: stdin"),
]
Files = Annotated[list[str] | None, typer.Option("-f", "--file", metavar="PATH", help="a file is one text; repeatable")]
Read = Annotated[
    str | None,
    typer.Option(
        "--input", metavar="text|lines|jsonl", help="one text, a text on each line, or JSONL (.jsonl: always)"
    ),
]
OutputFile = Annotated[
    str | None, typer.Option("-o", "--output", metavar="OUT", help=".json, .jsonl or .npy; none: stdout")
]
Format = Annotated[str | None, typer.Option("--format", metavar="json|jsonl|npy", help="default: by the ending of OUT")]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="query|passage|none", help="what the texts are for, where the model asks for that"),
]
Prefix = Annotated[str | None, typer.Option("--prefix", metavar="TEXT", help="stands before each text")]
NotNormalized = Annotated[bool, typer.Option("--no-normalize", help="vectors as the model gives them, not of length 1")]
PoolingWish = Annotated[
    str | None, typer.Option("--pooling", metavar="mean|cls|last", help="instead of what the model's file says")
]
Ctx = Annotated[str | None, typer.Option("--ctx", metavar="N", help="the longest text in tokens; default: what it can")]


def embed(
    context: typer.Context,
    model: options.Model,
    input_: Input = None,
    file: Files = None,
    read: Read = None,
    output: OutputFile = None,
    format_: Format = None,
    as_: As = None,
    prefix: Prefix = None,
    no_normalize: NotNormalized = False,
    pooling: PoolingWish = None,
    ctx: Ctx = None,
    gpu_layers: options.GpuLayers = None,
    threads: options.Threads = None,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    offline: options.Offline = False,
    color: options.Color = None,
) -> int:
    """Make embeddings: infer embed MODEL "text", or of many texts infer embed MODEL IN.jsonl -o OUT.npy."""
    from infer.cli.embedding import Asked, run_embed

    given = {
        "ctx": ctx, "gpu_layers": gpu_layers, "threads": threads, "offline": offline or None, "color": color,
    }  # fmt: skip
    asked = Asked(
        model=model,
        input=None if input_ in (None, "-") else input_,
        files=tuple(file or ()),
        read=read,
        output=None if output == "-" else output,
        format=format_,
        role=as_,
        prefix=prefix,
        normalized=not no_normalize,
        pooling=pooling,
        yes=yes,
        quiet=quiet,
        verbose=verbose,
    )
    return run_embed(asked, given, context.obj)
