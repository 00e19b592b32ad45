"""`infer chat`: a conversation. Here is its face; `infer.cli.chatting` does it, imported when it is called."""

from typing import Annotated

import typer

from infer.cli import options

Model = Annotated[
    str | None, typer.Argument(metavar="MODEL", help="the model; none: the one of the session that goes on")
]
SessionName = Annotated[
    str | None,
    typer.Option("--session", metavar="NAME", help="keep the conversation under this name, or go on with it"),
]
Continue = Annotated[bool, typer.Option("-c", "--continue", help="go on with the session that was used last")]
NoHistory = Annotated[bool, typer.Option("--no-history", help="neither read nor keep what is typed")]
Plain = Annotated[bool, typer.Option("--plain", help="answers as raw text, no Markdown")]


def chat(
    context: typer.Context,
    model: Model = None,
    session: SessionName = None,
    continue_: Continue = False,
    no_history: NoHistory = False,
    plain: Plain = False,
    system: options.System = None,
    file: options.Files = None,
    no_stdin: options.NoStdin = False,
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
    lora: options.Lora = None,
    no_cache: options.NoCache = False,
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    offline: options.Offline = False,
    color: options.Color = None,
) -> int:
    """Talk with a model: infer chat MODEL. /help lists the commands; text piped in is attached to the first message."""
    from infer.cli import chatting
    from infer.cli.constraint import Wanted

    given = {
        "system": system, "max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "min_p": min_p, "repeat_penalty": repeat_penalty, "presence_penalty": presence_penalty,
        "frequency_penalty": frequency_penalty, "seed": seed, "stop": stop or None, "ctx": ctx, "overflow": overflow,
        "gpu_layers": gpu_layers, "threads": threads, "kv_type": kv_type, "think": think,
        "no_cache": no_cache or None, "offline": offline or None, "color": color,
    }  # fmt: skip
    asked = chatting.Asked(
        model=model,
        session=session,
        continues=continue_,
        history=not no_history,
        plain=plain,
        files=tuple(file or ()),
        stdin=not no_stdin,
        wanted=Wanted(schema, grammar, choices),
        lora=tuple(lora or ()),
        yes=yes,
        quiet=quiet,
    )
    return chatting.chat(asked, given, context.obj)
