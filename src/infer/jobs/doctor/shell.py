"""What stands between a person and infer: the PATH, completion in their shell, their terminal."""

import shlex
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from infer.jobs.doctor.check import Check
from infer.models.small import read_small

_LARGEST = 1 << 20  # bytes of a shell's own file
_SYSTEM = (Path("/usr/share"), Path("/usr/local/share"), Path("/opt/homebrew/share"))
# Locales that say nothing of the terminal: the plain ones, and those that Python puts into LC_CTYPE in their place.
_UNSAID = ("C", "POSIX", "C.UTF-8", "C.utf8", "UTF-8")
_ALSO_BASH = (".bash_profile", ".bash_login", ".profile", ".bash_completion")


def look_at_path(environment: Mapping[str, str], ours: Path) -> Check:
    """Whether typing `infer` starts this one. ours: the `infer` of this installation."""
    found = shutil.which("infer", path=environment.get("PATH"))
    command = f'export PATH={shlex.quote(str(ours.parent))}:"$PATH"'
    if found is None:
        fix = "put it there (in your shell's own file, to keep it)"
        return Check("path", "warning", f"no infer is on the PATH; this one is {ours}", fix, command)
    if ours.exists() and not ours.samefile(found) and _differs(Path(found), ours):
        return Check("path", "warning", f"infer on the PATH is {found}, this one is {ours}", "put this first", command)
    return Check("path", "ok", found)


def look_at_completion(environment: Mapping[str, str], home: Path) -> Check:
    """Whether the user's shell completes infer's commands."""
    shell = Path(environment.get("SHELL", "")).name
    look = {"bash": _bash, "zsh": _zsh, "fish": _fish}.get(shell)
    if look is None:
        return Check("completion", "ok", f"not looked for in {shell or 'no shell'}; infer completions --help")
    where, command = look(environment, home)
    if where is not None:
        return Check("completion", "ok", f"{shell}: {where}")
    fix = "this adds it; it works in the next shell"
    return Check("completion", "warning", f"{shell} does not complete infer's commands and models", fix, command)


def look_at_terminal(environment: Mapping[str, str], *, terminal: bool) -> Check:
    """Whether what infer writes can be shown. terminal: whether stdout is one."""
    name = environment.get("TERM", "dumb")
    said = (environment.get(key, "") for key in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((value for value in said if value and value not in _UNSAID), "")
    if not terminal:
        return Check("terminal", "ok", "stdout is no terminal: plain bytes, no colour")
    if locale and "utf" not in locale.lower():
        text = f"the locale {locale} is not UTF-8, and infer writes UTF-8: other letters than ASCII come out wrong"
        return Check("terminal", "warning", text, "use one that is", "export LC_ALL=C.UTF-8")
    color = "no colour (NO_COLOR)" if environment.get("NO_COLOR") else "colour"
    return Check("terminal", "ok", f"{name}, no colour" if name == "dumb" else f"{name}, {color}")


def _bash(environment: Mapping[str, str], home: Path) -> tuple[str | None, str]:
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    folders = [place / "bash-completion" / "completions" for place in (data, *_SYSTEM)]
    if user := environment.get("BASH_COMPLETION_USER_DIR"):
        folders.insert(0, Path(user) / "completions")
    files = [folder / name for folder in folders for name in ("infer", "infer.bash")]
    files += [Path("/etc/bash_completion.d") / name for name in ("infer", "infer.bash")]
    own = [home / name for name in (".bashrc", *_ALSO_BASH)]
    return _found(files, own, "bash"), "echo 'source <(infer completions bash)' >> ~/.bashrc"


def _zsh(environment: Mapping[str, str], home: Path) -> tuple[str | None, str]:
    dots = Path(environment.get("ZDOTDIR") or home)
    folders = [home / ".zfunc", home / ".zsh" / "completions", home / ".oh-my-zsh" / "completions"]
    folders += [place / "zsh" / name for place in _SYSTEM for name in ("site-functions", "vendor-completions")]
    lines = ["autoload -Uz compinit && compinit", "source <(infer completions zsh)"]
    target = shlex.quote(str(dots / ".zshrc"))
    command = f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} >> {target}"
    return _found([folder / "_infer" for folder in folders], [dots / ".zshrc"], "zsh"), command


def _fish(environment: Mapping[str, str], home: Path) -> tuple[str | None, str]:
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "fish"
    target = own / "completions" / "infer.fish"
    files = [target, *(place / "fish" / "vendor_completions.d" / "infer.fish" for place in _SYSTEM)]
    folder, file = shlex.quote(str(target.parent)), shlex.quote(str(target))
    return _found(files, [own / "config.fish"], "fish"), f"mkdir -p {folder} && infer completions fish > {file}"


def _found(files: list[Path], scripts: list[Path], shell: str) -> str | None:
    """Where the completion of infer is: a file of its own, or a line of one of the shell's scripts."""
    for file in files:
        if file.is_file():
            return str(file)
    return next((str(script) for script in scripts if _speaks_of_us(script, shell)), None)


def _speaks_of_us(script: Path, shell: str) -> bool:
    text = ""
    with suppress(OSError, ValueError):
        text = read_small(script, _LARGEST).decode("utf-8", "replace")
    lines = (line.strip() for line in text.splitlines())
    return any(not line.startswith("#") and _names_us(line, shell) for line in lines)


def _names_us(line: str, shell: str) -> bool:
    return f"infer completions {shell}" in line or f"infer.{shell}" in line


def _differs(one: Path, other: Path) -> bool:
    """Whether two scripts start different installations."""
    try:
        return read_small(one, _LARGEST) != read_small(other, _LARGEST)
    except (OSError, ValueError):
        return True
