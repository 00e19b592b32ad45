"""`infer completions`: the script that makes a shell complete infer's commands."""

from pathlib import Path
from typing import Annotated

import typer

from infer.cli.session import Session
from infer.errors import IntegrityError, UsageError

Shell = Annotated[str, typer.Argument(metavar="bash|zsh|fish|powershell", help="the shell")]
_ENDINGS = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}


def completions(context: typer.Context, shell: Shell) -> int:
    """Print the completion script of a shell: source <(infer completions bash)."""
    session: Session = context.obj
    if shell not in _ENDINGS:
        raise UsageError(what=f"no completion for '{shell}'", hint=f"there is one for {', '.join(_ENDINGS)}")
    script = _folder() / f"infer.{_ENDINGS[shell]}"
    if not script.is_file():
        raise IntegrityError(what=f"{script} is missing from this installation", hint="install infer again")
    session.output.data(script.read_text(encoding="utf-8"))
    return 0


def _folder() -> Path:
    """completions/: inside the package in a wheel, at the top of the repository in an editable install."""
    package = Path(__file__).parent.parent
    inside = package / "data" / "completions"
    return inside if inside.is_dir() else package.parent.parent / "completions"
