"""The law of imports: a module imports from its own folder or from a lower floor, and each library has one door.

Floors and doors stand in the two tables below. Modules that stand directly in `infer/` and share a floor share a
folder. Imports inside functions and under TYPE_CHECKING count; so does `import_module` with a literal name.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"

FLOORS = {
    "errors": 0,
    "types": 0,
    "settings": 1,
    "machine": 1,
    "tuned": 1,
    "schema": 1,
    "models": 2,
    "chat": 2,
    "engine": 2,
    "prompt": 3,
    "reasoning": 3,
    "stream": 3,
    "llm": 3,
    "embedder": 3,
    "worker": 4,
    "jobs": 5,
    "server": 5,
    "cli": 6,
}
FOLDERS = {"machine", "schema", "models", "chat", "engine", "worker", "jobs", "server", "cli"}
ENTRIES = {"infer/__init__.py", "infer/__main__.py"}

# library -> where it may be imported: a folder (ending in "/") or a file. Click inside typer is private to it.
DOORS = {
    "llama_cpp": ("infer/engine/llama/",),
    "numpy": ("infer/engine/llama/",),
    "llguidance": ("infer/engine/guidance.py",),
    "jsonschema": ("infer/schema/check.py",),
    "jinja2": ("infer/chat/template.py",),
    "huggingface_hub": ("infer/models/hub.py",),
    "platformdirs": ("infer/settings.py",),
    "matplotlib": ("infer/jobs/bench/plot.py",),
    "typer": ("infer/cli/",),
    "rich": ("infer/cli/",),
    "prompt_toolkit": ("infer/cli/",),
}


def imports(source: str) -> Iterator[tuple[int, str, bool]]:
    """(line, dotted name, whether it is relative) of every import in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "infer" and not node.level:
            yield from ((node.lineno, f"infer.{alias.name}", False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or ""), node.level > 0
        elif isinstance(node, ast.Call) and _is_import_call(node.func) and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value, name.value.startswith(".")


def _is_import_call(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("import_module", "__import__")


def broken(path: str, source: str) -> list[str]:
    """What in the module at `path` (from src/, as in infer/chat/template.py) breaks the law: file:line: why."""
    if path in ENTRIES:
        return []
    why = ((line, _breach(path, name, relative)) for line, name, relative in imports(source))
    found = [f"{path}:{line}: {reason}" for line, reason in why if reason]
    here = _room(path)
    return found if here in FLOORS else [f"{path}:1: '{here}' has no floor in tests/test_imports.py", *found]


def _room(path: str) -> str:
    return path.removesuffix(".py").split("/")[1]


def _breach(path: str, name: str, relative: bool) -> str | None:
    if relative:
        return f"relative import of {name}"
    top, _, rest = name.partition(".")
    if top == "infer":
        return _sideways_or_up(_room(path), rest.split(".")[0], name)
    if top in sys.stdlib_module_names:
        return None
    doors = DOORS.get(top, ())
    if any(path == door or (door.endswith("/") and path.startswith(door)) for door in doors):
        return None
    return f"import of {name}: " + (f"its door is {' and '.join(doors)}" if doors else "it has no door")


def _sideways_or_up(here: str, there: str, name: str) -> str | None:
    if there not in FLOORS:
        return None  # the package itself: infer.__version__
    ours, theirs = FLOORS.get(here, -1), FLOORS[there]
    neighbours = here == there or not {here, there} & FOLDERS
    if theirs < ours or (theirs == ours and neighbours):
        return None
    direction = "sideways" if theirs == ours else "up"
    return f"import of {name}: {direction}, from floor {ours} ({here}) to floor {theirs} ({there})"


def modules() -> list[Path]:
    return sorted(SOURCE.glob("infer/**/*.py"))


def test_every_module_keeps_the_law() -> None:
    """No module of the package breaks the law; the message names each line that does."""
    found = [
        line
        for path in modules()
        for line in broken(path.relative_to(SOURCE).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert not found, "the law of imports is broken:\n" + "\n".join(found)


def test_the_check_sees_the_package() -> None:
    """The walk reaches files in folders, so a pass means something."""
    assert {"errors.py", "template.py"} <= {path.name for path in modules()}


@pytest.mark.parametrize(
    ("path", "source", "reason"),
    [
        ("infer/chat/parser.py", "from infer.engine.engine import Engine", "sideways"),
        ("infer/models/plan.py", "import infer.chat.template", "sideways"),
        ("infer/models/plan.py", "from infer import chat", "sideways"),
        ("infer/jobs/batch.py", "from infer.server.app import app", "sideways"),
        ("infer/engine/engine.py", "from infer.llm import LLM", "up"),
        ("infer/types.py", "from infer.settings import Settings", "up"),
        ("infer/llm.py", "def f():\n    from infer.worker.client import Client", "up"),
        ("infer/worker/client.py", "from infer.cli.output import Output", "up"),
        ("infer/chat/parser.py", "from .formats import Marker", "relative"),
        ("infer/chat/parser.py", "from . import formats", "relative"),
        ("infer/chat/parser.py", "import jinja2", "door"),
        ("infer/llm.py", "import llama_cpp.llama_cpp as c", "door"),
        ("infer/llm.py", "import importlib\nimportlib.import_module('llama_cpp')", "door"),
        ("infer/engine/engine.py", "import numpy as np", "door"),
        ("infer/models/catalog.py", "from huggingface_hub import hf_hub_download", "door"),
        ("infer/worker/process.py", "import rich", "door"),
        ("infer/jobs/batch.py", "if TYPE_CHECKING:\n    import typer", "door"),
        ("infer/cli/app.py", "import click", "no door"),
        ("infer/chat/parser.py", "import requests", "no door"),
        ("infer/utils.py", "", "no floor"),
    ],
)
def test_each_breach_is_found(path: str, source: str, reason: str) -> None:
    """Sources that break one rule each are caught, with file and line."""
    found = broken(path, source)
    assert len(found) == 1
    assert reason in found[0]
    assert found[0].startswith(f"{path}:{max(1, len(source.splitlines()))}: ")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("infer/chat/parser.py", "import re\nfrom infer.chat.formats import Marker\nfrom infer.types import Delta"),
        ("infer/chat/template.py", "def f():\n    from jinja2 import nodes"),
        ("infer/engine/engine.py", "from infer.engine.llama.context import Context"),
        ("infer/engine/llama/library.py", "import llama_cpp.llama_cpp"),
        ("infer/types.py", "from infer.errors import InferError"),
        ("infer/llm.py", "from infer.prompt import Prompt"),
        ("infer/models/hub.py", "import huggingface_hub"),
        ("infer/cli/app.py", "import infer\nimport typer\nfrom infer.worker.client import Client"),
        ("infer/__main__.py", "from infer.cli.main import main"),
    ],
)
def test_lawful_imports_pass(path: str, source: str) -> None:
    """What the plan allows is not reported."""
    assert broken(path, source) == []
