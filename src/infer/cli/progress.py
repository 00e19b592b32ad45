"""How a download is shown: bars on a terminal, elsewhere a line every ten seconds."""

import io
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from infer.cli.output import Output, visible
from infer.cli.table import size
from infer.models.download import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_LINE_EVERY = 10.0  # seconds
_DRAW_EVERY = 0.1  # seconds
_WORDS = {"checking": "checking what is here", "waiting": "another process downloads it", "done": "done"}


class DownloadProgress:
    """Hears how downloads go (`report`) and shows it; a context, since bars have to be taken away at the end."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._bars = _Bars(output) if output.draws else None
        self._lines = _Lines(output)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def report(self, progress: Progress) -> None:
        """Show it, if it is time to."""
        if self._bars is not None:
            self._bars.report(progress)
        else:
            self._lines.report(progress)


class _Lines:
    """For a log: what happens, and now and then how far it is."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._index, self._state = -1, ""
        self._begun = self._said = time.monotonic()
        self._base = 0

    def report(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.index != self._index or (progress.state == "downloading" and self._state != "downloading"):
            if progress.state == "downloading" and progress.done and self._state != "retrying":
                self._output.note(f"{progress.name}: going on after {size(progress.done)}")
            self._index, self._begun, self._said, self._base = progress.index, now, now, progress.done
        if progress.state != self._state and progress.state == "waiting":
            self._output.note(f"{progress.name}: another process is downloading it, waiting")
        if progress.state == "retrying":
            self._output.note(f"{progress.name}: {progress.why}; trying again")
        self._state = progress.state
        if now - self._said >= _LINE_EVERY:
            self._said = now
            self._output.note(f"{progress.name}: {self._how_far(progress, now)}")

    def _how_far(self, progress: Progress, now: float) -> str:
        if progress.size is None:
            return f"{size(progress.done)} so far"
        share = f"{100 * progress.done / max(1, progress.size):.0f} % of {size(progress.size)}"
        speed = (progress.done - self._base) / max(0.001, now - self._begun)
        if progress.state != "downloading" or speed <= 0:
            return f"{share}, {_WORDS.get(progress.state, progress.state)}"
        left = (progress.size - progress.done) / speed
        return f"{share}, {size(round(speed))}/s, {_duration(left)} left"


class _Bars:
    """For a terminal: a bar for each file with size, speed and time left."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._progress: Bars | None = None
        self._tasks: dict[int, TaskID] = {}
        self._states: dict[int, str] = {}
        self._drawn = 0.0

    def report(self, progress: Progress) -> None:
        bars = self._started()
        task = self._tasks.get(progress.index)
        if task is None:
            name = visible(progress.name.rpartition("/")[2])
            task = bars.add_task(name, total=progress.size, completed=progress.done, state="")
            self._tasks[progress.index] = task
        if progress.state == "downloading" and self._states.get(progress.index) == "checking":
            bars.reset(task, completed=progress.done)  # what was read from the disk says nothing about the network
        changed = self._states.get(progress.index) != progress.state
        self._states[progress.index] = progress.state
        bars.update(task, completed=progress.done, total=progress.size, state=_state(progress))
        if changed or time.monotonic() - self._drawn > _DRAW_EVERY:
            self._drawn = time.monotonic()
            bars.refresh()

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _started(self) -> "Bars":
        if self._progress is None:
            from rich import progress
            from rich.console import Console

            # No thread draws: every byte on stderr comes from the main thread, where signals are heard.
            console = Console(file=_Terminal(self._output), force_terminal=True, no_color=not self._output.color)
            self._progress = progress.Progress(
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(),
                progress.DownloadColumn(),
                progress.TransferSpeedColumn(),
                progress.TimeRemainingColumn(),
                progress.TextColumn("{task.fields[state]}", markup=False),
                console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._progress.start()
        return self._progress


class _Terminal(io.StringIO):
    """What rich takes for a file: everything goes through the one mouth."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def write(self, text: str) -> int:
        self._output.draw(text)
        return len(text)

    def isatty(self) -> bool:
        return True


def _state(progress: Progress) -> str:
    if progress.state == "retrying":
        return visible(progress.why)[:60]
    if progress.state == "downloading":
        return f"resumed at {size(progress.resumed)}" if progress.resumed else ""
    return _WORDS[progress.state]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
