"""What to say about a command that does not exist: a typing error, a model without `run`, or one of a later version."""

import os

from infer.errors import InferError, UsageError

_LATER = (
    "chat", "pull", "search", "update", "batch", "embed", "choose", "bench", "doctor", "recommend", "sessions",
)  # fmt: skip


def unknown_command(arguments: list[str], names: list[str]) -> InferError:
    """The error for a command line whose first word is no command; `names` are the commands."""
    word = next((argument for argument in arguments if not argument.startswith("-")), "")
    what = f"no such command: {word}"
    if word == "pull" and (missing := _not_downloaded(arguments)):
        return missing
    if word in _LATER:
        return UsageError(what=what, hint=f"infer {word} comes in a later version")
    from difflib import get_close_matches

    if near := get_close_matches(word, names, 1):
        return UsageError(what=what, hint=f"did you mean {near[0]}?")
    if word == "tiny" or word.endswith(".gguf"):
        return UsageError(what=what, hint=f'infer run {word} "prompt"')
    return UsageError(what=what, hint="infer --help lists the commands")


def _not_downloaded(arguments: list[str]) -> InferError | None:
    """`infer pull NAME`: what to fetch by hand, from the catalogue, as long as there are no downloads."""
    from infer.errors import NotDownloaded
    from infer.models.ref import ModelRef
    from infer.models.store import Store
    from infer.settings import cache_dir, resolve

    name = arguments[arguments.index("pull") + 1 :][:1]
    try:
        if name:
            Store(cache_dir(os.environ), resolve({}).models).resolve(ModelRef.parse(name[0]))
    except NotDownloaded as error:
        return error
    except InferError:
        return None
    return None
