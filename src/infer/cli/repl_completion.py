"""What Tab offers in the chat: commands, paths, models, sessions, branches, keys."""

import os
from collections.abc import Callable, Iterable

from infer.cli.commands import BY_NAME, SETTABLE
from infer.cli.paths import beginning
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
        if name == "schema":
            return len(argument), beginning(argument)
        if name == "file":
            whole, last = (
                beginning(argument),
                argument.rpartition(" ")[2],
            )  # one name with blanks, or the last of several
            return (len(argument), whole) if whole else (len(last), beginning(last))
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
