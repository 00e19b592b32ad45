"""Where a person types: prompt_toolkit with the keys of the chat. It draws its own line; nothing else is written here.

Enter sends; Alt-Enter or a trailing backslash goes on in a new line; a pasted text of many lines is one message;
Ctrl-G opens $EDITOR; Ctrl-R searches what was typed before; Tab completes. The history is private (0600).
"""

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import create_input
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.input.vt100 import cooked_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.controls import BufferControl
from prompt_toolkit.layout.dimension import AnyDimension, Dimension, to_dimension
from prompt_toolkit.output import ColorDepth, create_output
from prompt_toolkit.styles import Style

from infer.cli.signals import Signals

Candidates = Callable[[str], tuple[int, Iterable[str]]]
_STYLE = Style.from_dict({"bottom-toolbar": "noreverse", "bottom-toolbar.text": "ansibrightblack", "prompt": "bold"})


class _PrivateHistory(FileHistory):
    """prompt_toolkit's file of history; a disk that is full must not end the chat."""

    def store_string(self, string: str) -> None:
        """Append one entry."""
        with suppress(OSError):
            super().store_string(string)

    def load_history_strings(self) -> Iterable[str]:
        """The entries, the newest first; none when the file cannot be read."""
        try:
            return list(super().load_history_strings())
        except OSError:
            return []


class _Completer(Completer):
    """Asks `candidates` for the text before the cursor: how many characters they replace, and the candidates."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """What Tab offers."""
        replaced, words = self._candidates(document.text_before_cursor)
        yield from (Completion(word, start_position=-replaced) for word in words)


class LineEditor:
    """Reads messages from the terminal.

    candidates  what Tab offers for the text before the cursor
    history     the file, None: nothing is kept
    toolbar     the line below the input, None: there is none
    color       whether the terminal's user wants any
    """

    def __init__(
        self, candidates: Candidates, history: Path | None, toolbar: Callable[[], str] | None, *, color: bool
    ) -> None:
        self._session: PromptSession[str] = PromptSession(
            multiline=True,
            history=_history(history),
            completer=_Completer(candidates),
            complete_while_typing=False,
            key_bindings=_keys(),
            enable_open_in_editor=False,
            enable_suspend=True,
            bottom_toolbar=toolbar and (lambda: FormattedText([("", toolbar())])),
            prompt_continuation=lambda width, number, wrapped: " " * width,
            style=_STYLE,
            erase_when_done=True,
            color_depth=None if color else ColorDepth.MONOCHROME,
            tempfile_suffix=".md",
            input=create_input(sys.stdin),
            output=create_output(always_prefer_tty=True),
        )
        _leave_a_row(self._session)

    def read(self, prompt: str, default: str, signals: Signals) -> str:
        """A message, which is not on the screen any more.

        Raises EOFError for Ctrl-D at an empty prompt, KeyboardInterrupt for Ctrl-C at one, Interrupted for a signal;
        one that is raised in the middle prompt_toolkit would only show, and wait for a key.
        """
        end = partial(_end, self._session.app)

        def begun() -> None:
            if signals.pending:
                end()

        with signals.told(end):
            text = self._session.prompt([("class:prompt", prompt)], default=default, handle_sigint=False, pre_run=begun)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # pasted bytes that are no UTF-8

    def take_keys(self) -> None:
        """Take what has been typed meanwhile, for the next `read`.

        A terminal holds 4,096 bytes; when a paste has filled it, a Ctrl-C behind them is not heard.
        """
        keyboard = self._session.input
        while not keyboard.closed and select.select([keyboard.fileno()], [], [], 0)[0]:
            store_typeahead(keyboard, keyboard.read_keys())


def edit(text: str) -> str | None:
    """The text as $VISUAL or $EDITOR leaves it; None when there is none, or it failed."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        return None
    with tempfile.TemporaryDirectory(prefix="infer-") as folder:
        path = Path(folder) / "message.md"
        path.write_text(text, encoding="utf-8")
        try:
            with cooked_mode(0):
                done = subprocess.run(["/bin/sh", "-c", f'{editor} "$1"', "sh", str(path)], check=False)
            return path.read_text(encoding="utf-8").rstrip("\n") if done.returncode == 0 else None
        except (OSError, UnicodeDecodeError):
            return None


def _end(application: Application[str]) -> None:
    """Have a prompt end, if it is being shown; called from a signal's handler, so its loop may be asleep."""
    loop = application.loop

    def leave() -> None:
        if application.future is not None and not application.future.done():
            application.exit(result="")

    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(leave)


def _leave_a_row(session: PromptSession[str]) -> None:
    """Let a long message leave the first row alone: what is erased from there on tmux puts into the scrollback."""
    for window in session.layout.find_all_windows():
        if isinstance(window.content, BufferControl) and window.content.buffer is session.default_buffer:
            window.height = partial(_lower, window.height, session)


def _lower(height: AnyDimension, session: PromptSession[str]) -> Dimension:
    """The height that prompt_toolkit gives the message, with room for the toolbar and one row more."""
    most = max(1, session.output.get_size().rows - 2)
    return Dimension(min=min(to_dimension(height).min, most), max=most)


def _history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600))
    except OSError:
        return InMemoryHistory()
    return _PrivateHistory(str(path))


def _keys() -> KeyBindings:
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)  # not in the line in which Ctrl-R searches

    @keys.add("enter", filter=typing)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=typing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-g", filter=typing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.open_in_editor()

    @keys.add("c-c", filter=typing)
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt)

    return keys
