"""What Tab offers in the chat: commands, paths, models, sessions, branches, keys."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from infer.cli.commands import BY_NAME, SETTABLE
from infer.cli.repl import Repl
from infer.jobs import sessions
from infer.jobs.transcript import FORMATS
from infer.settings import cache_dir

Candidates = Callable[[str], tuple[int, Iterable[str]]]


def candidates(repl: Repl) -> Candidates:
    """The candidates for the text before the cursor, and how many of its characters they replace."""

    def find(text: str) -> tuple[int, Iterable[str]]:
        if not text.startswith("/") or "\n" in text:
            return 0, ()
        name, space, argument = text[1:].partition(" ")
        if not space:
            return len(name), [word + " " for word in BY_NAME if word.startswith(name)]
        if name in ("file", "schema"):
            return len(argument), _paths(argument)
        return len(argument), [word for word in _words(repl, name) if word.startswith(argument)]

    return find


def _words(repl: Repl, name: str) -> Iterable[str]:
    fixed = {"think": ("on", "off", "show"), "copy": ("code",), "switch": tuple(repl.conversation.names)}
    fixed |= {"set": tuple(key + " " for key in SETTABLE), "export": tuple(form + " " for form in FORMATS)}
    if name == "model":
        return _models(repl)
    return sessions.names(repl.sessions) if name == "load" else fixed.get(name, ())


def _models(repl: Repl) -> list[str]:
    from infer.models.inventory import named
    from infer.models.store import Store

    store = Store(cache_dir(os.environ), repl.opened.settings.models)
    return sorted({row.name for row in named(store)})


def _paths(start: str) -> list[str]:
    """Paths that begin so; a directory ends in a slash."""
    head, slash, tail = start.rpartition("/")
    folder = Path(head + slash or ".").expanduser()
    try:
        names = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(folder))
    except OSError:
        return []
    return [head + slash + name for name in names if name.startswith(tail) and (tail or not name.startswith("."))]
