"""`--tools FILE`: the functions that are offered, and what cannot be asked for beside them."""

from infer.cli.inputs import read_file
from infer.errors import UsageError
from infer.types import Constraint, Tool


def read_tool_file(given: str | None) -> tuple[Tool, ...]:
    """The tools in a file, or in place where it is a JSON list. Raises UsageError, FileUnreadable, InvalidText."""
    if given is None:
        return ()
    from infer.chat.tools import read_tools

    inline = given.lstrip().startswith("[")
    return read_tools(given if inline else read_file(given.removeprefix("@")), "--tools" if inline else given)


def refuse_beside_tools(tools: str | None, constraint: Constraint | None, *, raw: bool) -> None:
    """Raise UsageError for what would leave the tools no place or no way to be called."""
    if tools is None:
        return
    if raw:
        what = "--raw leaves out the chat template, which offers the tools"
        raise UsageError(what=what, hint="drop --raw or --tools")
    if constraint is not None:
        raise excluded("--tools")


def excluded(option: str) -> UsageError:
    """The error for an option that asks for another kind of answer than a constraint does."""
    what = f"{option} and a constraint (--schema, --grammar, --choices) exclude each other"
    return UsageError(what=what, hint="give one of them")
