"""Real shells at a terminal of their own, for completion: type a line, press a key, look at the line.

shell.after("infer run ti")     -> the line after Tab: "infer run tiny "
shell.offers("infer run ")      -> what there is to choose from, as the shell would insert it
"""

import contextlib
import os
import pty
import select
import shlex
import shutil
import signal
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "completions"
PATIENCE = 30.0  # seconds; a shell that says nothing for so long hangs
# After Ctrl-X, letters: a control character would be the terminal's own while the shell is not yet reading.
_WRITE_LINE, _ERASE_LINE, _INSERT_ALL = "\x18w", "\x18e", "\x18a"


class Shell:
    """An interactive shell with the completion script loaded. It is told to write its line to a file when asked."""

    name = ""

    def __init__(self, environment: Mapping[str, str], cwd: Path, scratch: Path) -> None:
        if not self.here():
            pytest.skip(self.missing())
        self.scratch, self.line_file = scratch, scratch / f"{self.name}.line"
        self.screen = b""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(self.name, [self.name, *self.flags()], {**environment, "LINE_FILE": str(self.line_file)})
        termios.tcsetwinsize(self._terminal, (200, 400))
        setup = scratch / f"{self.name}.setup"
        ready = scratch / f"{self.name}.ready"
        setup.write_text(f"{self.setup()}\ntouch {shlex.quote(str(ready))}\n")
        self._type(f"source {shlex.quote(str(setup))}\n")
        self._until(ready.exists)
        self.line()

    @classmethod
    def here(cls) -> bool:
        return shutil.which(cls.name) is not None

    @classmethod
    def missing(cls) -> str:
        return f"{cls.name} is not installed (apt-get install {cls.name})"

    def flags(self) -> list[str]:
        raise NotImplementedError

    def setup(self) -> str:
        raise NotImplementedError

    def after(self, line: str, keys: str = "\t") -> str:
        """The line after it has been typed and Tab has been pressed."""
        self._type(line + keys)
        return self.line()

    def offers(self, line: str) -> list[str]:
        """What the last word could become, each as it would be inserted."""
        typed = self.after(line, _INSERT_ALL)
        return sorted(filter(None, _split(typed)[len(_split(line)) - 1 :]))

    def line(self) -> str:
        """The line being typed, which is then erased."""
        self._type(_WRITE_LINE)
        self._until(self.line_file.exists)
        self._until(lambda: self.line_file.read_text().endswith("\0"))
        text = self.line_file.read_text().removesuffix("\0").rstrip("\n")
        self.line_file.unlink()
        self._type(_ERASE_LINE)
        return text

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def _type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _until(self, condition: Callable[[], object]) -> None:
        """Read what the shell writes to its terminal until something has become true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"{self.name} hangs: {self.screen[-2000:]!r}"
            if select.select([self._terminal], [], [], 0.01)[0]:
                self.screen += os.read(self._terminal, 1 << 16)


def _split(line: str) -> list[str]:
    """The words of a line as they are written, quotes and all; an unfinished one counts."""
    words, word, quote, escaped = [], "", "", False
    for character in line:
        if escaped or (character == "\\" and quote != "'"):
            escaped = not escaped
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == " ":
            words.append(word)
            word = ""
            continue
        word += character
    return [*words, word] if word or line.endswith(" ") else words


class Bash(Shell):
    name = "bash"

    def __init__(self, environment: Mapping[str, str], cwd: Path, scratch: Path, *, before: str = "") -> None:
        self._before = before
        super().__init__(environment, cwd, scratch)

    def flags(self) -> list[str]:
        return ["--norc", "--noprofile", "-i"]

    def setup(self) -> str:
        return f"""PS1='$ '
set +o history
{self._before}
source {shlex.quote(str(SCRIPTS / "infer.bash"))}
bind 'set bell-style none'; bind 'set show-all-if-ambiguous on'
bind 'set completion-query-items 0'; bind 'set page-completions off'
bind 'set enable-bracketed-paste off'
bind '"\\C-xa": insert-completions'; bind '"\\C-xe": kill-whole-line'
bind -x '"\\C-xw": printf "%s\\0" "$READLINE_LINE" > "$LINE_FILE"'
"""


class Zsh(Shell):
    name = "zsh"

    def flags(self) -> list[str]:
        return ["-f", "-i"]

    def setup(self) -> str:
        functions = self.scratch / "functions"
        functions.mkdir()
        (functions / "_infer").write_bytes((SCRIPTS / "infer.zsh").read_bytes())
        return f"""PS1='$ '
fpath=({shlex.quote(str(functions))} $fpath)
autoload -Uz compinit; compinit -u -D
_line() {{ printf '%s\\0' "$BUFFER" > "$LINE_FILE" }}
zle -N _line; bindkey '^Xw' _line; bindkey '^Xe' kill-whole-line
unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste
setopt no_list_beep no_beep
LISTMAX=10000
zle -C all-matches complete-word _generic; bindkey '^Xa' all-matches
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
"""


class Fish(Shell):
    name = "fish"

    def flags(self) -> list[str]:
        return ["--no-config", "-i"]

    def setup(self) -> str:
        return f"""function fish_prompt; echo '$ '; end
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
source {shlex.quote(str(SCRIPTS / "infer.fish"))}
bind \\cxe 'commandline ""'
bind \\cxw 'commandline | string collect > $LINE_FILE; printf "\\\\0" >> $LINE_FILE'
"""
