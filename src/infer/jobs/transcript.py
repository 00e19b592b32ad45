"""A conversation as a document: Markdown, JSON or HTML. Pure."""

import json
from dataclasses import asdict
from html import escape

from infer.errors import UsageError
from infer.jobs.conversation import Conversation, Node

FORMATS = ("md", "json", "html")
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ max-width: 44em; margin: 2em auto; padding: 0 1em; font: 16px/1.5 system-ui, sans-serif; }}
h2 {{ font-size: 1em; margin: 2em 0 .3em; color: #666; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: 0; }}
details {{ color: #666; margin-bottom: .5em; }}
</style>
<h1>{title}</h1>
{body}</html>
"""
_WHO = {"system": "System", "user": "You", "assistant": "Assistant"}


def export(conversation: Conversation, form: str, title: str) -> str:
    """The way to the head of a conversation as a document. form: md, json or html. Raises UsageError for another."""
    match form:
        case "md":
            return _markdown(conversation, title)
        case "json":
            return _json(conversation, title)
        case "html":
            return _html(conversation, title)
        case _:
            raise UsageError(what=f"'{form}' is no form of export", hint="md, json or html")


def code_blocks(text: str) -> list[str]:
    """The fenced code blocks of a Markdown text, without their fences."""
    blocks: list[str] = []
    fence, lines = "", list[str]()
    for line in text.splitlines():
        bare = line.strip()
        if fence and bare.startswith(fence) and not bare.strip(fence[0]):
            blocks.append("\n".join(lines) + "\n")
            fence = ""
        elif fence:
            lines.append(line)
        elif bare.startswith(("```", "~~~")):
            fence, lines = bare[: len(bare) - len(bare.lstrip(bare[0]))], []
    return [*blocks, "\n".join(lines) + "\n"] if fence and lines else blocks


def _said(conversation: Conversation) -> list[tuple[str, str, str]]:
    """(who, reasoning, text) of everything that was said on the way to the head."""
    system = conversation.values.get("system")
    first = [(_WHO["system"], "", str(system))] if system else []
    return first + [(_who(node), node.message.reasoning, node.message.text) for node in conversation.path]


def _who(node: Node) -> str:
    return _WHO[node.message.role] + (f" ({node.model})" if node.model else "")


def _markdown(conversation: Conversation, title: str) -> str:
    parts = [f"# {title}"]
    for who, _, text in _said(conversation):
        parts += [f"## {who}", text.strip("\n")]
    return "\n\n".join(parts) + "\n"


def _html(conversation: Conversation, title: str) -> str:
    body = ""
    for who, reasoning, text in _said(conversation):
        thought = (
            f"<details><summary>Reasoning</summary><pre>{escape(reasoning)}</pre></details>\n" if reasoning else ""
        )
        body += f"<h2>{escape(who)}</h2>\n{thought}<pre>{escape(text)}</pre>\n"
    return _PAGE.format(title=escape(title), body=body)


def _json(conversation: Conversation, title: str) -> str:
    messages = [
        {
            "role": node.message.role,
            "content": node.message.text,
            **({"reasoning": node.message.reasoning} if node.message.reasoning else {}),
            **({"model": node.model} if node.model else {}),
            **({"finish_reason": node.ended} if node.ended else {}),
            **({"usage": asdict(node.usage)} if node.usage else {}),
            "time": node.time,
        }
        for node in conversation.path
    ]
    about = {"title": title, "system": conversation.values.get("system"), "messages": messages}
    return json.dumps(about, ensure_ascii=False, indent=1) + "\n"
