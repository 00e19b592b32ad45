"""What the commands take. Written out of them by scripts/completions.py: run that again, do not edit."""
# ruff: noqa: E501


class Command:
    """One command.

    about      its first sentence
    arguments  the forms of its arguments, as --help shows them; the last may be repeated if there is a "..." in it
    options    of each: its names, the form of its value (None: it has none), whether it may be repeated, what it does
    """

    __slots__ = ("about", "arguments", "options")

    def __init__(self, about: str, arguments: tuple[str, ...] = (), options: tuple["Option", ...] = ()) -> None:
        self.about, self.arguments, self.options = about, arguments, options


Option = tuple[tuple[str, ...], str | None, bool, str]

# fmt: off
COMMANDS = {
    "": Command("Run language models on the machine in front of you", (), (
        (("--version",), None, False, "print the version"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "batch": Command("Answer every line of a file: infer batch MODEL IN.jsonl -o OUT.jsonl", ("MODEL", "IN"), (
        (("-o", "--output"), "OUT", False, "JSONL; a killed run goes on; none: stdout"),
        (("--template",), "TEXT|@FILE", False, "the prompt of a line: \"Summarise: {text}\""),
        (("--parallel",), "N", False, "prompts that are computed together"),
        (("--as-completed",), None, False, "records as they are done, not in the input's order"),
        (("-s", "--system"), "TEXT|@FILE", False, "system message"),
        (("--max-tokens",), "N", False, "longest answer, in tokens"),
        (("-t", "--temperature"), "T", False, "0 is greedy"),
        (("--top-k",), "K", False, "draw from the K likeliest tokens; 0 is off"),
        (("--top-p",), "P", False, "draw from the likeliest P; 1 is off"),
        (("--min-p",), "P", False, "drop the unlikely; 0 is off"),
        (("--repeat-penalty",), "X", False, "1 is off"),
        (("--presence-penalty",), "X", False, "0 is off"),
        (("--frequency-penalty",), "X", False, "0 is off"),
        (("--seed",), "N", False, "same seed, same text"),
        (("--stop",), "TEXT", True, "end the answer here; repeatable"),
        (("--ctx",), "N", False, "context in tokens; default: sized to the request"),
        (("--overflow",), "error|drop-oldest|drop-middle", False, "a prompt larger than the context"),
        (("--gpu-layers",), "N|auto|all", False, "layers on the GPU"),
        (("--threads",), "N", False, "CPU threads"),
        (("--kv-type",), "f16|q8_0|q4_0", False, "type of the KV cache"),
        (("--think",), "on|off|show|N", False, "reasoning of thinking models; show: on stderr, anywhere; N: most tokens"),
        (("--raw",), None, False, "no chat template: the prompt as it is"),
        (("--lora",), "PATH[:SCALE]", True, "apply a LoRA adapter; repeatable"),
        (("--no-cache",), None, False, "no disk reads or writes of the prompt cache"),
        (("--yes", "-y"), None, False, "do not ask before a large download"),
        (("--json",), None, False, "one JSON object on stdout"),
        (("-q", "--quiet"), None, False, "nothing on stderr but errors"),
        (("-v", "--verbose"), None, False, "statistics on stderr"),
        (("--offline",), None, False, "never use the network"),
        (("--color",), "auto|always|never", False, "colour on stderr"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "cache": Command("The prompt cache on disk: what is in it, is it sound, empty it", (), (
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "cache check": Command("Verify what is stored; exit code 5 when something is damaged", (), (
        (("--read-data",), None, False, "verify every byte, not only the headers"),
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "cache clear": Command("Remove everything, or everything of one model", ("[MODEL]",), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "cache list": Command("What is stored, for which model and setting", (), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "cache prune": Command("Remove what is of no use: damaged, unreachable, of models that are gone", (), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "cache stats": Command("How much it holds and how much it has saved", (), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "chat": Command("Talk with a model: infer chat MODEL", ("MODEL",), (
        (("--session",), "NAME", False, "keep the conversation under this name, or go on with it"),
        (("-c", "--continue"), None, False, "go on with the session that was used last"),
        (("--no-history",), None, False, "neither read nor keep what is typed"),
        (("--plain",), None, False, "answers as raw text, no Markdown"),
        (("-s", "--system"), "TEXT|@FILE", False, "system message"),
        (("-f", "--file"), "PATH", True, "attach a text file; repeatable"),
        (("-n", "--no-stdin"), None, False, "do not read stdin"),
        (("--max-tokens",), "N", False, "longest answer, in tokens"),
        (("-t", "--temperature"), "T", False, "0 is greedy"),
        (("--top-k",), "K", False, "draw from the K likeliest tokens; 0 is off"),
        (("--top-p",), "P", False, "draw from the likeliest P; 1 is off"),
        (("--min-p",), "P", False, "drop the unlikely; 0 is off"),
        (("--repeat-penalty",), "X", False, "1 is off"),
        (("--presence-penalty",), "X", False, "0 is off"),
        (("--frequency-penalty",), "X", False, "0 is off"),
        (("--seed",), "N", False, "same seed, same text"),
        (("--stop",), "TEXT", True, "end the answer here; repeatable"),
        (("--ctx",), "N", False, "context in tokens; default: sized to the request"),
        (("--overflow",), "error|drop-oldest|drop-middle", False, "a prompt larger than the context"),
        (("--gpu-layers",), "N|auto|all", False, "layers on the GPU"),
        (("--threads",), "N", False, "CPU threads"),
        (("--kv-type",), "f16|q8_0|q4_0", False, "type of the KV cache"),
        (("--think",), "on|off|show|N", False, "reasoning of thinking models; show: on stderr, anywhere; N: most tokens"),
        (("--lora",), "PATH[:SCALE]", True, "apply a LoRA adapter; repeatable"),
        (("--no-cache",), None, False, "no disk reads or writes of the prompt cache"),
        (("--yes", "-y"), None, False, "do not ask before a large download"),
        (("-q", "--quiet"), None, False, "nothing on stderr but errors"),
        (("--offline",), None, False, "never use the network"),
        (("--color",), "auto|always|never", False, "colour on stderr"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "choose": Command("Say how likely each of these is as the answer: infer choose MODEL \"prompt\" yes no", ("MODEL", "PROMPT", "CHOICE..."), (
        (("-s", "--system"), "TEXT|@FILE", False, "system message"),
        (("-f", "--file"), "PATH", True, "attach a text file; repeatable"),
        (("-n", "--no-stdin"), None, False, "do not read stdin"),
        (("--raw",), None, False, "no chat template: the prompt as it is"),
        (("--ctx",), "N", False, "context in tokens; default: sized to the request"),
        (("--gpu-layers",), "N|auto|all", False, "layers on the GPU"),
        (("--threads",), "N", False, "CPU threads"),
        (("--kv-type",), "f16|q8_0|q4_0", False, "type of the KV cache"),
        (("--lora",), "PATH[:SCALE]", True, "apply a LoRA adapter; repeatable"),
        (("--no-cache",), None, False, "no disk reads or writes of the prompt cache"),
        (("--tokens",), None, False, "each token of each choice, with its probability"),
        (("--yes", "-y"), None, False, "do not ask before a large download"),
        (("--json",), None, False, "a JSON array on stdout"),
        (("-q", "--quiet"), None, False, "nothing on stderr but errors"),
        (("--offline",), None, False, "never use the network"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "completions": Command("Print the completion script of a shell: source <(infer completions bash)", ("bash|zsh|fish|powershell",), (
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "config": Command("Show every setting, its value and where it came from", (), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "list": Command("What is on this machine: name, size, quantisation, context, last used, where it came from", (), (
        (("--catalog",), None, False, "what models.toml knows, here or not, and what fits"),
        (("--json",), None, False, "a JSON array on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "pull": Command("Download and verify a model; nothing happens when it is here already (infer update looks for a newer one)", ("MODEL",), (
        (("--yes", "-y"), None, False, "do not ask before a large download"),
        (("--json",), None, False, "one JSON object on stdout"),
        (("-q", "--quiet"), None, False, "nothing on stderr but errors"),
        (("--offline",), None, False, "never use the network"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "rm": Command("Remove a downloaded model", ("MODEL...",), (
        (("--yes", "-y"), None, False, "do not ask"),
        (("--json",), None, False, "a JSON array on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "run": Command("Answer one prompt: infer run MODEL \"prompt\"", ("MODEL", "PROMPT"), (
        (("-s", "--system"), "TEXT|@FILE", False, "system message"),
        (("-f", "--file"), "PATH", True, "attach a text file; repeatable"),
        (("-n", "--no-stdin"), None, False, "do not read stdin"),
        (("--max-tokens",), "N", False, "longest answer, in tokens"),
        (("-t", "--temperature"), "T", False, "0 is greedy"),
        (("--top-k",), "K", False, "draw from the K likeliest tokens; 0 is off"),
        (("--top-p",), "P", False, "draw from the likeliest P; 1 is off"),
        (("--min-p",), "P", False, "drop the unlikely; 0 is off"),
        (("--repeat-penalty",), "X", False, "1 is off"),
        (("--presence-penalty",), "X", False, "0 is off"),
        (("--frequency-penalty",), "X", False, "0 is off"),
        (("--seed",), "N", False, "same seed, same text"),
        (("--stop",), "TEXT", True, "end the answer here; repeatable"),
        (("--ctx",), "N", False, "context in tokens; default: sized to the request"),
        (("--overflow",), "error|drop-oldest|drop-middle", False, "a prompt larger than the context"),
        (("--gpu-layers",), "N|auto|all", False, "layers on the GPU"),
        (("--threads",), "N", False, "CPU threads"),
        (("--kv-type",), "f16|q8_0|q4_0", False, "type of the KV cache"),
        (("--think",), "on|off|show|N", False, "reasoning of thinking models; show: on stderr, anywhere; N: most tokens"),
        (("--schema",), "JSON|FIELDS|FILE|@FILE", False, "JSON that fits: a JSON Schema, or \"name, age int\""),
        (("--grammar",), "FILE", False, "an answer that fits a GBNF grammar"),
        (("--choices",), "A,B,C", False, "exactly one of these as the answer"),
        (("--logprobs",), "N", False, "with --json: each token's probability, and N others"),
        (("--tools",), "FILE", False, "functions the model may call, in OpenAI's format; see --json"),
        (("-x", "--extract"), None, False, "the first fenced code block alone"),
        (("--extract-lang",), "LANG", False, "the first code block in this language alone"),
        (("--extract-all",), None, False, "all code blocks, one after another"),
        (("--raw",), None, False, "no chat template: the prompt as it is"),
        (("--lora",), "PATH[:SCALE]", True, "apply a LoRA adapter; repeatable"),
        (("--no-cache",), None, False, "no disk reads or writes of the prompt cache"),
        (("--cache-verify",), None, False, "compute the prompt without the prompt cache as well, and compare"),
        (("--yes", "-y"), None, False, "do not ask before a large download"),
        (("--json",), None, False, "one JSON object on stdout"),
        (("-q", "--quiet"), None, False, "nothing on stderr but errors"),
        (("-v", "--verbose"), None, False, "statistics on stderr"),
        (("--offline",), None, False, "never use the network"),
        (("--show-prompt",), None, False, "the prompt as the model gets it, on stderr"),
        (("--color",), "auto|always|never", False, "colour on stderr"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "search": Command("Find repositories of GGUF models, most downloaded first; the size is that of a Q4_K_M file, estimated", ("TERM",), (
        (("--limit",), "N", False, "how many at most"),
        (("--json",), None, False, "a JSON array on stdout"),
        (("--offline",), None, False, "never use the network"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "sessions": Command("The conversations that were kept: infer chat --session NAME", (), (
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "sessions export": Command("Print a session as a document: infer sessions export NAME --format html > NAME.html", ("NAME",), (
        (("--format",), "md|json|html", False, "the form of the document"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "sessions list": Command("What was kept: name, messages, model, last used, how it begins", (), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "sessions rm": Command("Remove sessions", ("NAME...",), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "sessions search": Command("Find messages that contain a text, on every branch of every session", ("TEXT",), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "sessions show": Command("Print a session, as the way to where it stands", ("NAME",), (
        (("--json",), None, False, "one JSON object on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "show": Command("Metadata, chat template, licence, capabilities, sampling, memory; of a model that is not here: what fits", ("MODEL",), (
        (("--ctx",), "N", False, "the memory at a context of N tokens as well"),
        (("--template",), None, False, "print the chat template and nothing else"),
        (("--json",), None, False, "one JSON object on stdout"),
        (("--offline",), None, False, "never use the network"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "tokens": Command("Count or list the tokens of a text; with --chat, of the prompt made of it", ("MODEL", "TEXT"), (
        (("--chat",), None, False, "as a user's message, with the chat template around it"),
        (("--list",), None, False, "each token's id and text, one a line"),
        (("-s", "--system"), "TEXT|@FILE", False, "system message"),
        (("-f", "--file"), "PATH", True, "attach a text file; repeatable"),
        (("-n", "--no-stdin"), None, False, "do not read stdin"),
        (("--json",), None, False, "one JSON object on stdout"),
        (("--offline",), None, False, "never use the network"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "update": Command("Look for newer files of what was pulled, say what changes, and download them (--list: only say it)", ("[MODEL]",), (
        (("--list",), None, False, "only say what is newer"),
        (("--yes", "-y"), None, False, "do not ask before a large download"),
        (("--json",), None, False, "a JSON array on stdout"),
        (("-q", "--quiet"), None, False, "nothing on stderr but errors"),
        (("--offline",), None, False, "never use the network"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
    "verify": Command("Hash a model's files again; exit code 5 when one is damaged", ("MODEL...",), (
        (("--all",), None, False, "every model that infer list shows"),
        (("--json",), None, False, "a JSON array on stdout"),
        (("-h", "--help"), None, False, "show the usage"),
    )),
}
# fmt: on
