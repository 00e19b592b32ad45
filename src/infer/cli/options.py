"""The options that commands share: one word for one thing, everywhere.

Values stay text here; `infer.settings` knows their types and bounds, so a flag, a variable and a line of config.toml
are checked by the same rule.
"""

from typing import Annotated

import typer

Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="tiny, an alias, org/repo:QUANT, a URL, or the path of a GGUF file")
]
RemoteModel = Annotated[
    str, typer.Argument(metavar="MODEL", help="an alias, org/repo[:QUANT|:FILE.gguf][@REVISION], or a URL")
]
Prompt = Annotated[str | None, typer.Argument(metavar="PROMPT", help="what to ask; none: stdin is the prompt")]
Text = Annotated[str | None, typer.Argument(metavar="TEXT", help="the text; none: stdin")]

System = Annotated[str | None, typer.Option("-s", "--system", metavar="TEXT|@FILE", help="system message")]
Files = Annotated[list[str] | None, typer.Option("-f", "--file", metavar="PATH", help="attach a text file; repeatable")]
NoStdin = Annotated[bool, typer.Option("-n", "--no-stdin", help="do not read stdin")]
MaxTokens = Annotated[str | None, typer.Option("--max-tokens", metavar="N", help="longest answer, in tokens")]
Temperature = Annotated[str | None, typer.Option("-t", "--temperature", metavar="T", help="0 is greedy")]
TopK = Annotated[str | None, typer.Option("--top-k", metavar="K", help="draw from the K likeliest tokens; 0 is off")]
TopP = Annotated[str | None, typer.Option("--top-p", metavar="P", help="draw from the likeliest P; 1 is off")]
MinP = Annotated[str | None, typer.Option("--min-p", metavar="P", help="drop the unlikely; 0 is off")]
RepeatPenalty = Annotated[str | None, typer.Option("--repeat-penalty", metavar="X", help="1 is off")]
PresencePenalty = Annotated[str | None, typer.Option("--presence-penalty", metavar="X", help="0 is off")]
FrequencyPenalty = Annotated[str | None, typer.Option("--frequency-penalty", metavar="X", help="0 is off")]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="same seed, same text")]
Stop = Annotated[list[str] | None, typer.Option("--stop", metavar="TEXT", help="end the answer here; repeatable")]
Ctx = Annotated[str | None, typer.Option("--ctx", metavar="N", help="context in tokens; default: sized to the request")]
Overflow = Annotated[
    str | None,
    typer.Option("--overflow", metavar="error|drop-oldest|drop-middle", help="a prompt larger than the context"),
]
GpuLayers = Annotated[str | None, typer.Option("--gpu-layers", metavar="N|auto|all", help="layers on the GPU")]
Threads = Annotated[str | None, typer.Option("--threads", metavar="N", help="CPU threads")]
KvType = Annotated[str | None, typer.Option("--kv-type", metavar="f16|q8_0|q4_0", help="type of the KV cache")]
Think = Annotated[
    str | None,
    typer.Option(
        "--think",
        metavar="on|off|show|N",
        help="reasoning of thinking models; show: on stderr, anywhere; N: most tokens",
    ),
]
Schema = Annotated[
    str | None,
    typer.Option(
        "--schema", metavar="JSON|FIELDS|FILE|@FILE", help='JSON that fits: a JSON Schema, or "name, age int"'
    ),
]
Grammar = Annotated[str | None, typer.Option("--grammar", metavar="FILE", help="an answer that fits a GBNF grammar")]
Choices = Annotated[str | None, typer.Option("--choices", metavar="A,B,C", help="exactly one of these as the answer")]
LogProbs = Annotated[
    int | None,
    typer.Option("--logprobs", metavar="N", min=0, max=100, help="with --json: each token's probability, and N others"),
]
Tools = Annotated[
    str | None,
    typer.Option("--tools", metavar="FILE", help="functions the model may call, in OpenAI's format; see --json"),
]
Extract = Annotated[bool, typer.Option("-x", "--extract", help="the first fenced code block alone")]
ExtractLang = Annotated[
    str | None, typer.Option("--extract-lang", metavar="LANG", help="the first code block in this language alone")
]
ExtractAll = Annotated[bool, typer.Option("--extract-all", help="all code blocks, one after another")]
Raw = Annotated[bool, typer.Option("--raw", help="no chat template: the prompt as it is")]
Lora = Annotated[
    list[str] | None, typer.Option("--lora", metavar="PATH[:SCALE]", help="apply a LoRA adapter; repeatable")
]
Json = Annotated[bool, typer.Option("--json", help="one JSON object on stdout")]
JsonArray = Annotated[bool, typer.Option("--json", help="a JSON array on stdout")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="nothing on stderr but errors")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="statistics on stderr")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask before a large download")]
Offline = Annotated[bool, typer.Option("--offline", help="never use the network")]
ShowPrompt = Annotated[bool, typer.Option("--show-prompt", help="the prompt as the model gets it, on stderr")]
Color = Annotated[str | None, typer.Option("--color", metavar="auto|always|never", help="colour on stderr")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="no disk reads or writes of the prompt cache")]
CacheVerify = Annotated[
    bool, typer.Option("--cache-verify", help="compute the prompt without the prompt cache as well, and compare")
]
