"""`infer run`: one answer to one prompt."""

import typer

from infer.cli import options
from infer.cli.answer import Answer
from infer.cli.inputs import read_messages
from infer.cli.model import open_model, thinking
from infer.cli.output import Output
from infer.cli.report import statistics
from infer.cli.session import Session
from infer.settings import resolve
from infer.types import Request


def run(
    context: typer.Context,
    model: options.Model,
    prompt: options.Prompt = None,
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
    raw: options.Raw = False,
    lora: options.Lora = None,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    offline: options.Offline = False,
    show_prompt: options.ShowPrompt = False,
    color: options.Color = None,
) -> int:
    """Answer one prompt: infer run MODEL "prompt". Text piped in or attached stands before the prompt."""
    session: Session = context.obj
    given = {
        "system": system, "max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "min_p": min_p, "repeat_penalty": repeat_penalty, "presence_penalty": presence_penalty,
        "frequency_penalty": frequency_penalty, "seed": seed, "stop": stop or None, "ctx": ctx, "overflow": overflow,
        "gpu_layers": gpu_layers, "threads": threads, "kv_type": kv_type, "think": think,
        "offline": offline or None, "color": color,
    }  # fmt: skip
    settings = resolve(given)
    output = session.output
    output.configure(color=settings["color"], quiet=quiet)
    for warning in settings.warnings:
        output.note(f"warning: {warning}")
    opened = open_model(model, settings, lora or [], session)
    settings = opened.settings
    messages = read_messages(prompt, file or [], settings["system"], stdin=not no_stdin, raw=raw, output=output)
    request = Request(
        messages=messages,
        sampling=settings.sampling(),
        raw=raw,
        max_tokens=settings["max_tokens"],
        stop=settings["stop"],
        think=thinking(settings),
        overflow=settings["overflow"],
    )
    if show_prompt:
        output.block(opened.worker.prompt(request)[0])
    answer = Answer(opened, session, as_json=json_, show_reasoning=_shows_reasoning(settings["think"], output))
    answer.stream(request)
    if verbose:
        output.statistics(statistics(opened, answer.result()))
    return 0


def _shows_reasoning(think: str | None, output: Output) -> bool:
    return think == "show" or (output.stderr_tty and not output.quiet)
