"""`infer run`: one answer to one prompt. Here is its face; `infer.cli.ask` does it, imported when it is called."""

import os

import typer

from infer.cli import options


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
    schema: options.Schema = None,
    grammar: options.Grammar = None,
    choices: options.Choices = None,
    logprobs: options.LogProbs = None,
    tools: options.Tools = None,
    extract: options.Extract = False,
    extract_lang: options.ExtractLang = None,
    extract_all: options.ExtractAll = False,
    raw: options.Raw = False,
    lora: options.Lora = None,
    no_cache: options.NoCache = False,
    cache_verify: options.CacheVerify = False,
    yes: options.Yes = False,
    json_: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    offline: options.Offline = False,
    show_prompt: options.ShowPrompt = False,
    color: options.Color = None,
) -> int:
    """Answer one prompt: infer run MODEL "prompt". Text piped in or attached stands before the prompt."""
    from infer.cli.ask import Asked, ask
    from infer.cli.constraint import Wanted
    from infer.cli.extract import read_extraction

    given = {
        "system": system, "max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p,
        "min_p": min_p, "repeat_penalty": repeat_penalty, "presence_penalty": presence_penalty,
        "frequency_penalty": frequency_penalty, "seed": seed, "stop": stop or None, "ctx": ctx, "overflow": overflow,
        "gpu_layers": gpu_layers, "threads": threads, "kv_type": kv_type, "think": think,
        "no_cache": no_cache or None, "offline": offline or None, "color": color,
    }  # fmt: skip
    extraction, wanted = read_extraction(extract, extract_lang, extract_all), Wanted(schema, grammar, choices)
    once = (file, no_stdin, raw, json_, show_prompt, cache_verify, tools, extraction, logprobs)
    if prompt is None and not any(once) and _at_a_terminal():
        from infer.cli import chatting

        chat = chatting.Asked(model=model, wanted=wanted, lora=tuple(lora or ()), yes=yes, quiet=quiet)
        return chatting.chat(chat, given, context.obj)
    asked = Asked(
        model=model,
        prompt=prompt,
        files=tuple(file or ()),
        stdin=not no_stdin,
        wanted=wanted,
        logprobs=logprobs,
        tools=tools,
        extraction=extraction,
        raw=raw,
        lora=tuple(lora or ()),
        yes=yes,
        as_json=json_,
        quiet=quiet,
        verbose=verbose,
        show_prompt=show_prompt,
        cache_verify=cache_verify,
    )
    return ask(asked, given, context.obj)


def _at_a_terminal() -> bool:
    """Whether somebody can be talked with: a keyboard, and a screen for both streams."""
    return all(os.isatty(descriptor) for descriptor in (0, 1, 2))
