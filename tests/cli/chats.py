"""What the tests of `infer chat` share: what the models say, and what a session's file then holds."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from cli.command import Command
from cli.terminal import Terminal

OpenChat = Callable[..., Terminal]
NEEDS_TMUX = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
MARKDOWN = """# Two things

Here is **bold** text and a list:

- apples
- pears

```python
def double(x):
    return 2 * x
```

| fruit | count |
|-------|------:|
| apple | 3 |

That is all."""
WORDS = [f"word{n} " if n % 40 else f"word{n}\n\n" for n in range(1, 2500)]
SLOW = {"layers": 8, "ffn": 4096}  # 300 tokens a second on a quiet core, 15 on a busy one


def records(command: Command, name: str) -> list[dict[str, Any]]:
    """The lines of a session's file."""
    path = command.home / ".local" / "share" / "infer" / "sessions" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def said(command: Command, name: str) -> list[dict[str, Any]]:
    return [record for record in records(command, name) if "message" in record]
