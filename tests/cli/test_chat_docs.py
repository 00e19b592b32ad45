"""docs/chat.md lists every command of the chat, as the program itself lists them."""

import re
from pathlib import Path

from infer.cli.commands import COMMANDS

PAGE = Path(__file__).parents[2] / "docs" / "chat.md"


def test_the_page_lists_the_commands_as_the_program_does() -> None:
    rows = re.findall(r"^\| `/(.*?)` \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    listed = [(usage.replace(r"\|", "|"), about) for usage, about in rows]
    assert listed == [(f"{command.name} {command.form}".strip(), command.about) for command in COMMANDS]


def test_every_key_of_the_page_is_in_the_help() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for key in ("Alt-Enter", "Ctrl-G", "Ctrl-R", "Ctrl-C", "Ctrl-D", "Tab", "//"):
        assert key in page
