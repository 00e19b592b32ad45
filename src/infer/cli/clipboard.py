"""Text to the clipboard: by the system's own tool where there is one, else by asking the terminal (OSC 52)."""

import base64
import os
import shutil
import subprocess

from infer.cli.output import Output

_TOOLS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    ("HOME", ("pbcopy",)),
)
_MOST = 74_994  # bytes: what xterm takes in one OSC 52, 100,000 characters of base64


def copy(text: str, output: Output) -> str:
    """Copy it and say in one line what was done; whether a terminal obeys cannot be known."""
    for variable, command in _TOOLS:
        if os.environ.get(variable) and shutil.which(command[0]) and _run(command, text):
            return f"copied {len(text):,} characters ({command[0]})"
    data = text.encode()
    if not output.stdout_tty or len(data) > _MOST:
        return "nothing was copied: no clipboard tool (wl-copy, xclip, xsel, pbcopy), and too much for the terminal"
    output.paint(f"\x1b]52;c;{base64.b64encode(data).decode()}\x07")
    return f"sent {len(text):,} characters to the terminal's clipboard (OSC 52); some terminals do not allow it"


def private(path: str, flags: int) -> int:
    """An opener for `open`: what it makes is readable for its owner only."""
    return os.open(path, flags, 0o600)


def _run(command: tuple[str, ...], text: str) -> bool:
    try:
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.run(command, input=text.encode(), timeout=5, check=False, **streams).returncode == 0  # type: ignore[call-overload, no-any-return]
    except (OSError, subprocess.TimeoutExpired):
        return False
