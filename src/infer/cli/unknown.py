"""What to say about a command that does not exist: a typing error, or a model without `run`."""

from infer.errors import InferError, UsageError


def unknown_command(arguments: list[str], names: list[str]) -> InferError:
    """The error for a command line whose first word is no command; `names` are the commands."""
    word = next((argument for argument in arguments if not argument.startswith("-")), "")
    what = f"no such command: {word}"
    from difflib import get_close_matches

    if near := get_close_matches(word, names, 1):
        return UsageError(what=what, hint=f"did you mean {near[0]}?")
    if word == "tiny" or word.endswith(".gguf"):
        return UsageError(what=what, hint=f'infer run {word} "prompt"')
    return UsageError(what=what, hint="infer --help lists the commands")
