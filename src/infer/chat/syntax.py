"""How model families write tool calls: a table of their syntax, chosen by what the chat template contains."""

import re
from dataclasses import dataclass
from typing import Literal

Arguments = Literal["json", "tags", "tree", "python", "gemma"]
_JSON = r"\s*(?=\{)"  # what stands in front of the arguments, where they are a JSON object


@dataclass(frozen=True, slots=True)
class CallFormat:
    """One way to write calls. A stretch of calls begins with one of `opens` and ends with `closes`.

    needs      texts that a chat template of this family all contains
    opens      texts; where two formats of a model share one, the first format in the table has it
    closes     a text; "": the stretch ends where its first call does
    head       regular expression in front of a call's arguments, groups: name, id (may be absent).
               "": the stretch is JSON that names the functions itself
    arguments  json: an object · tags: `start` value `end` for each argument · tree: tags inside tags, `start` and `end`
               around each · python: a=1, b="x") · gemma: {a:1,b:<|"|>x<|"|>}
    start, end regular expressions, groups of start: key, type (may be absent)
    tail       regular expression behind a call's arguments
    first      counts only before the answer has begun
    offered    counts only when the function is one that was offered: the syntax is ordinary JSON
    anywhere   counts inside reasoning as well: control tokens, which nobody writes by chance
    drops      texts that are taken out wherever they stand
    inside     control tokens between `opens` and `closes`
    """

    name: str
    needs: tuple[str, ...]
    opens: tuple[str, ...]
    closes: str = ""
    head: str = ""
    arguments: Arguments = "json"
    start: str = ""
    end: str = ""
    tail: str = ""
    first: bool = False
    offered: bool = False
    anywhere: bool = False
    drops: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """What has to be shown as text, even where it is a control token."""
        return (*self.opens, *filter(None, (self.closes,)), *self.drops, *self.inside)


def _invokes(name: str, need: str, prefix: str, block: str, attributes: str = "", **more: object) -> CallFormat:
    """<block><invoke name="f"><parameter name="a">value</parameter></invoke></block>, each tag with a prefix."""
    p = re.escape(prefix)
    return CallFormat(
        name,
        (need,),
        (f"<{prefix}{block}>",),
        f"</{prefix}{block}>",
        rf'<{p}invoke name="(?P<name>[^"]+)">\s*',
        "tags",
        rf'<{p}parameter name="(?P<key>[^"]*)"{attributes}>',
        rf"</{p}parameter>\s*",
        rf"</{p}invoke>",
        **more,  # type: ignore[arg-type]
    )


_FUNCTION_TAGS = (r"<parameter=(?P<key>[^>\n]+)>\n?", r"\n?</parameter>\s*")
_ATEM = (r'<atem:parameter name="(?P<key>[^"]*)">', r"</atem:parameter>\s*", r"</atem:invoke>")
_DSML = {"attributes": ' string="(?P<type>true|false)"', "anywhere": True, "inside": ("｜DSML｜",)}
_MINIMAX = re.escape("]<]minimax[>[")

# Ordered: of two formats that open with the same text, the first whose needs a template has. Sources: the chat
# templates of the models named.
CALLS: tuple[CallFormat, ...] = (
    CallFormat(
        "glm",  # GLM 4.5 to 4.7, Laguna, Ling 3, Spark 2.5
        ("<tool_call>", "<arg_key>"),
        ("<tool_call>",),
        "</tool_call>",
        r"(?P<name>[^\s<>{}]+)\s*",
        "tags",
        r"<arg_key>(?P<key>[^<]*)</arg_key>\s*<arg_value>",
        r"</arg_value>\s*",
    ),
    CallFormat(
        "hunyuan",  # Hunyuan 3
        ("<tool_calls{}>", "':opensource'"),
        ("<tool_calls:opensource>",),
        "</tool_calls:opensource>",
        r"<tool_call:opensource>(?P<name>[^\s<>]+)<tool_sep:opensource>\s*",
        "tags",
        r"<arg_key:opensource>(?P<key>[^<]*)</arg_key:opensource>\s*<arg_value:opensource>",
        r"</arg_value:opensource>\s*",
        r"</tool_call:opensource>",
        anywhere=True,
        inside=("<tool_call:opensource>", "<tool_sep:opensource>", "</tool_call:opensource>"),
    ),
    CallFormat(
        "qwen-coder",  # Qwen 3 Coder, Qwen 3.5, Nemotron 3, Step 3.5
        ("<tool_call>", "<function=", "<parameter="),
        ("<tool_call>",),
        "</tool_call>",
        r"<function=(?P<name>[^>\n]+)>\s*",
        "tags",
        *_FUNCTION_TAGS,
        r"</function>",
    ),
    CallFormat(
        "qwen-coder-bare",  # the same models now and then leave <tool_call> out
        ("<tool_call>", "<function=", "<parameter="),
        ("<function=",),
        "</function>",
        r"(?P<name>[^>\n]+)>\s*",
        "tags",
        *_FUNCTION_TAGS,
        drops=("</tool_call>",),
    ),
    CallFormat(
        "seed",  # Seed-OSS
        ("<seed:tool_call>", "<parameter="),
        ("<seed:tool_call>",),
        "</seed:tool_call>",
        r"<function=(?P<name>[^>\n]+)>\s*",
        "tags",
        *_FUNCTION_TAGS,
        r"</function>",
    ),
    _invokes("minimax-2", "<minimax:tool_call>", "", "minimax:tool_call"),
    CallFormat(
        "minimax-3",
        ("]<]minimax[>[", "<tool_call>"),
        ("]<]minimax[>[<tool_call>",),
        "]<]minimax[>[</tool_call>",
        rf'{_MINIMAX}<invoke name="(?P<name>[^"]+)">',
        "tree",
        rf"{_MINIMAX}<(?P<key>[^/<>\s]+)>",
        rf"{_MINIMAX}</(?P<key>[^<>\s]+)>",
        rf"{_MINIMAX}</invoke>",
        anywhere=True,
    ),
    _invokes("deepseek-3.2", "dsml_token + 'function_calls>", "｜DSML｜", "function_calls", **_DSML),  # type: ignore[arg-type]
    _invokes("deepseek-4", "dsml_token + 'tool_calls>", "｜DSML｜", "tool_calls", **_DSML),  # type: ignore[arg-type]
    CallFormat(
        "muse-addressed",  # Muse Glimmer: to=FUNCTION<|message|>, then the call
        ("<atem:function_calls>",),
        (" to=",),
        "</atem:function_calls>",
        r'[^<\s]+<\|message\|>\s*<atem:function_calls>\s*<atem:invoke name="(?P<name>[^"]+)">\s*',
        "tags",
        *_ATEM,
        first=True,
        anywhere=True,
        inside=("<|message|>",),
    ),
    _invokes("muse", "<atem:function_calls>", "atem:", "function_calls", anywhere=True),
    CallFormat(
        "minicpm",  # MiniCPM 5
        ('<function name="', '<param name="'),
        ("<function",),
        "</function>",
        r'name="(?P<name>[^"]+)">\s*',
        "tags",
        r'<param name="(?P<key>[^"]*)">(?:<!\[CDATA\[)?',
        r"(?:\]\]>)?</param>\s*",
    ),
    CallFormat(
        "functionary-3.1",
        ("<function=example_function_name>{",),
        ("<function=",),
        "</function>",
        r"(?P<name>[^>\n]+)>" + _JSON,
    ),
    CallFormat(
        "functionary-3.2",
        (">>>${recipient}",),
        (">>>",),
        head=r"(?P<name>[\w.-]+)\n" + _JSON,
        drops=(">>>all\n",),
    ),
    CallFormat(
        "gpt-oss",  # the recipient stands before or after the channel
        ("<|channel|>commentary", "functions."),
        ("<|channel|>commentary to=", "<|channel|>analysis to="),
        head=r"(?:functions\.)?(?P<name>[\w.-]+)[^{]{0,80}?<\|message\|>" + _JSON,
        anywhere=True,
        drops=("<|call|>",),
        inside=("<|constrain|>", "<|message|>"),
    ),
    CallFormat(
        "gpt-oss-addressed",
        ("<|channel|>commentary", "functions."),
        (" to=functions.",),
        head=r"(?P<name>[\w.-]+)[^{]{0,80}?<\|message\|>" + _JSON,
        first=True,
        anywhere=True,
        inside=("<|channel|>", "<|constrain|>", "<|message|>"),
    ),
    CallFormat(
        "solar",  # Solar Open
        ("<|tool_call:begin|>",),
        ("<|tool_call:begin|>",),
        "<|tool_call:end|>",
        r"(?P<id>[^<]*)<\|tool_call:name\|>(?P<name>[^<]+)<\|tool_call:args\|>" + _JSON,
        anywhere=True,
        drops=("<|tool_calls|>", "<|calls|>"),
        inside=("<|tool_call:name|>", "<|tool_call:args|>"),
    ),
    CallFormat(
        "kimi-2",  # Kimi K2, also thinking
        ("<|tool_call_begin|>", "<|tool_call_argument_begin|>"),
        ("<|tool_calls_section_begin|>",),
        "<|tool_calls_section_end|>",
        r"<\|tool_call_begin\|>\s*(?P<id>(?:functions\.)?(?P<name>[^\s<:]+)(?::\d+)?)\s*<\|tool_call_argument_begin\|>"
        + _JSON,
        tail=r"\s*<\|tool_call_end\|>",
        anywhere=True,
        inside=("<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"),
    ),
    CallFormat(
        "kimi-3",
        ("open_tag('call'", "open_tag('tools'"),
        ("<|open|>tools<|sep|>",),
        "<|close|>tools<|sep|>",
        r'<\|open\|>call tool="(?P<name>[^"]+)"[^<]*<\|sep\|>\s*',
        "tags",
        r'<\|open\|>(?:argument key="(?P<key>[^"]*)"|json) type="(?P<type>[^"]*)"<\|sep\|>',
        r"<\|close\|>(?:argument|json)<\|sep\|>\s*",
        r"<\|close\|>call<\|sep\|>",
        anywhere=True,
        inside=("<|open|>", "<|sep|>", "<|close|>"),
    ),
    CallFormat(
        "deepseek",  # DeepSeek R1 and its distilled models, V3, V3.1
        ("<｜tool▁call▁begin｜>",),
        ("<｜tool▁calls▁begin｜>",),
        "<｜tool▁calls▁end｜>",
        r"<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>(?=[^\n]+\n```))?(?P<name>[^\n<]+)(?:<｜tool▁sep｜>|\n```json)"
        + _JSON,
        tail=r"\s*(?:```\s*)?<｜tool▁call▁end｜>",
        anywhere=True,
        inside=("<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"),
    ),
    CallFormat(
        "mistral",  # Mistral Small 3.2, Devstral, Magistral, Ministral 3
        ("[TOOL_CALLS]", "[ARGS]"),
        ("[TOOL_CALLS]",),
        head=r"(?P<name>[\w.-]+)(?:\[CALL_ID\](?P<id>\w*))?\[ARGS\]" + _JSON,
        anywhere=True,
        inside=("[ARGS]", "[CALL_ID]"),
    ),
    CallFormat("mistral-list", ("[TOOL_CALLS]",), ("[TOOL_CALLS]",)),  # Mistral 7B v0.3, Nemo
    CallFormat(
        "gemma",  # Gemma 4
        ("<|tool_call>call:",),
        ("<|tool_call>",),
        "<tool_call|>",
        r"call:(?P<name>[^\s{]+)\s*(?=\{)",
        "gemma",
        anywhere=True,
        inside=('<|"|>',),
    ),
    CallFormat(
        "lfm2",  # LFM2, LFM2.5
        ("List of tools: ",),
        ("<|tool_call_start|>",),
        "<|tool_call_end|>",
        r"\[?\s*(?P<name>[\w.-]+)\(",
        "python",
        tail=r"\s*\]?",
    ),
    CallFormat(
        "llama",  # Llama 3.1 to 3.3: the whole answer is the call
        ('{"name": function name, "parameters"',),
        ('{"name"', '{ "name"', '{\n  "name"', '{"type": "function", "name"'),
        head=r'\s*:\s*"(?P<name>[^"\\]+)"\s*,\s*"(?:parameters|arguments)"\s*:' + _JSON,
        tail=r"\s*\}",
        first=True,
        offered=True,
    ),
    CallFormat("llama-python", ('{"name": function name, "parameters"',), ("<|python_tag|>",)),
    CallFormat("firefunction", ("functools[",), ("functools",)),  # FireFunction 2
    CallFormat("granite-3", ("<|tool_call|> followed by a JSON list",), ("<|tool_call|>",)),
    CallFormat("cohere", ("<|START_ACTION|>",), ("<|START_ACTION|>",), "<|END_ACTION|>", anywhere=True),
    CallFormat("command-r-plus", ("Action:\\n```json",), ("Action:\n```json", "Action: ```json"), "```"),
    CallFormat("nemotron-2", ("<TOOLCALL>",), ("<TOOLCALL>",), "</TOOLCALL>"),
    CallFormat(
        "tool-calls", ("<tool_calls>", "</tool_calls>"), ("<tool_calls>",), "</tool_calls>"
    ),  # Apriel, MiniMax M1
    CallFormat("gigachat-3.1", ("<|function_call|>",), ("<|function_call|>",), drops=("<|message_sep|>",)),
    CallFormat(
        "gigachat-3",
        ("'role': 'function call'",),
        ("<|message_sep|>\n\nfunction call<|role_sep|>\n", "function call<|role_sep|>\n"),
        drops=("<|message_sep|>",),
    ),
    CallFormat(
        "apertus",
        ("<|tools_prefix|>",),
        ("<|tools_prefix|>",),
        "<|tools_suffix|>",
        anywhere=True,
    ),
    CallFormat(
        "hermes", ("<tool_call>",), ("<tool_call>",), "</tool_call>"
    ),  # Hermes, Qwen 2.5, Qwen 3, Granite 4, ...
)


def call_formats(template: str | None) -> tuple[CallFormat, ...]:
    """How a model with this chat template writes calls; empty: nothing is known about it."""
    found: dict[str, CallFormat] = {}
    for form in CALLS if template else ():
        if all(text in str(template) for text in form.needs) and not found.keys() & set(form.opens):
            found |= dict.fromkeys(form.opens, form)
    return tuple(dict.fromkeys(found.values()))


def opened(prompt: str, formats: tuple[CallFormat, ...]) -> str:
    """What of a text in the table stands at the end of the prompt already: Functionary's ends with ">>>"."""
    texts = (text for form in formats for text in (*form.opens, *form.drops))
    heads = (text[:size] for text in texts for size in range(len(text) - 1, 1, -1))
    return max((head for head in heads if prompt.endswith(head)), key=len, default="")
