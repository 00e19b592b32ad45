#!/usr/bin/env python
"""Write what shell completion knows of the commands, out of the commands: src/infer/cli/completion/grammar.py.

.venv/bin/python scripts/completions.py          write it
.venv/bin/python scripts/completions.py --check  exit code 1 when it is not what the commands say
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from infer.cli.app import build_app

GRAMMAR = Path(__file__).parents[1] / "src" / "infer" / "cli" / "completion" / "grammar.py"

HEAD = '''"""What the commands take. Written out of them by scripts/completions.py: run that again, do not edit."""
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
'''
TAIL = """}
# fmt: on
"""


def grammar() -> str:
    """The module's text."""
    root = typer.main.get_command(build_app())
    return HEAD + "".join(_command("", root)) + TAIL


def _command(name: str, command: Any) -> Iterator[str]:
    """The lines of a command and of those below it; the name of `infer cache list` is "cache list"."""
    about = (command.help or "").partition("\n")[0].partition(". ")[0].removesuffix(".")
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = tuple(_form(parameter) for parameter in shown if not parameter.opts[0].startswith("-"))
    options = [_option(parameter) for parameter in shown if parameter.opts[0].startswith("-")]
    options.append((("-h", "--help"), None, False, "show the usage"))
    yield f"    {_text(name)}: Command({_text(about)}, {_tuple(arguments)}, (\n"
    for names, form, many, help_ in options:
        yield f"        ({_tuple(names)}, {_text(form)}, {many}, {_text(help_)}),\n"
    yield "    )),\n"
    for below, one in sorted(getattr(command, "commands", {}).items()):
        if not one.hidden:
            yield from _command(f"{name} {below}".strip(), one)


def _form(parameter: Any) -> str:
    form = parameter.metavar or parameter.name.upper()
    return form if parameter.nargs != -1 or "..." in form else f"{form}..."


def _option(parameter: Any) -> tuple[tuple[str, ...], str | None, bool, str]:
    names = (*parameter.opts, *parameter.secondary_opts)
    return names, None if parameter.is_flag else _form(parameter), parameter.multiple, parameter.help or ""


def _tuple(texts: tuple[str, ...]) -> str:
    return "(" + ", ".join(map(_text, texts)) + ("," if len(texts) == 1 else "") + ")"


def _text(text: str | None) -> str:
    """As the formatter writes it."""
    if text is None:
        return "None"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> int:
    """Write or check. Returns the exit code."""
    if sys.argv[1:] == ["--check"]:
        return int(GRAMMAR.read_text(encoding="utf-8") != grammar())
    GRAMMAR.write_text(grammar(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
