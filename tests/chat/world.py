"""The chat templates of the world, and plain jinja2 to compare with: what apply_chat_template does, without limits."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = os.environ.get("INFER_TEMPLATES")
WORLD = sorted(Path(FOLDER).glob("*.jinja")) if FOLDER else []
MISSING = "INFER_TEMPLATES names no folder with *.jinja (llama.cpp's models/templates)"


class Generation(Extension):
    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller: Callable[[], str]) -> str:
        return caller()


def reference(source: str, messages: list[dict[str, Any]], add_generation_prompt: bool = True, **options: Any) -> str:
    """A conversation as dictionaries, rendered with the same variables as `Template` has; think: the switches."""

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def tojson(value: Any, ensure_ascii: bool = False, **how: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **how)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    think = options.pop("think", None)
    if think is not None:
        names = ("enable_thinking", "thinking", "reasoning")
        options |= dict.fromkeys(names, think)
        options["thinking_budget"] = -1 if think else 0
        options |= {"thinking_mode": "enabled" if think else "disabled", "thinking_option": "on" if think else "off"}
    return environment.from_string(source).render(
        messages=messages,
        tools=options.pop("tools", None),
        documents=None,
        add_generation_prompt=add_generation_prompt,
        bos_token="<s>",
        eos_token="</s>",
        **options,
    )
