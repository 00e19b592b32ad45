"""Where the vectors of `infer embed` go: one JSON object, an array, JSONL, or a `.npy` file."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Literal, Protocol

from infer.cli.model import Opened
from infer.cli.output import Output
from infer.errors import UsageError
from infer.jobs.batch.journal import Journal
from infer.jobs.batch.ledger import digest
from infer.jobs.embed.runner import Answered
from infer.jobs.embed.vectors import NpyRows
from infer.jobs.embed.whole import WholeFile
from infer.types import EmbedRequest

Format = Literal["json", "jsonl", "npy"]
_FORMATS: tuple[Format, ...] = ("json", "jsonl", "npy")
_SYNC_EVERY = 1.0  # seconds between two syncs of a JSONL file


class Sink(Protocol):
    """Takes what is done, in the order of the input."""

    def has(self, custom_id: str, data: bytes) -> bool:
        """Whether the record of a text is in the output already. Raises UsageError when it was another text's."""

    def add(self, answered: Answered, data: bytes) -> None:
        """Take a text that is done. data: the bytes it was made from."""

    def tick(self) -> None:
        """Nothing has come for a while."""

    def end(self, *, whole: bool) -> None:
        """Nothing follows; not `whole`: because of a signal."""

    @property
    def failed_before(self) -> int:
        """Where an earlier run has written records: how many in all say that they failed."""


class Lines:
    """JSONL on stdout."""

    failed_before = 0

    def __init__(self, output: Output) -> None:
        self._output = output

    def has(self, custom_id: str, data: bytes) -> bool:
        """Nothing is there before."""
        return False

    def add(self, answered: Answered, data: bytes) -> None:
        """A line."""
        self._output.json(_dumped(answered.record()) + "\n")

    def tick(self) -> None:
        """Does anybody still read?"""
        self._output.check_reader()

    def end(self, *, whole: bool) -> None:
        """Every line was written as it came."""


class Records:
    """JSONL in a file, which a killed run goes on with, as a batch does."""

    def __init__(self, journal: Journal) -> None:
        self._journal, self._synced = journal, monotonic()
        self._resumed = journal.done > 0

    def has(self, custom_id: str, data: bytes) -> bool:
        """The journal knows."""
        return self._journal.has(custom_id, digest(data))

    def add(self, answered: Answered, data: bytes) -> None:
        """A line, on the disk within a second."""
        self._journal.add(answered.item.custom_id, digest(data), answered.record())
        self.tick()

    def tick(self) -> None:
        """Sync now and then."""
        if monotonic() - self._synced > _SYNC_EVERY:
            self._journal.sync()
            self._synced = monotonic()

    def end(self, *, whole: bool) -> None:
        """What is there is kept; the journal goes only when all is done."""
        if whole:
            self._journal.finish()
        else:
            self._journal.sync()

    @property
    def failed_before(self) -> int:
        """Reads the whole output, so only after an earlier run."""
        return self._journal.failed() if self._resumed else 0


class Document:
    """JSON: an object for a single text, else an array of records. file: None for stdout."""

    failed_before = 0

    def __init__(self, write: Callable[[str], None], file: WholeFile | None, about: dict[str, Any] | None) -> None:
        self._write, self._file, self._about = write, file, about
        self._opened = False

    def has(self, custom_id: str, data: bytes) -> bool:
        """Nothing is there before."""
        return False

    def add(self, answered: Answered, data: bytes) -> None:
        """The object, or one more of the array."""
        record = answered.record()
        if self._about is not None:
            found = {"model": self._about["model"], "embedding": record["embedding"]}
            rest = {key: value for key, value in self._about.items() if key != "model"}
            dimensions = len(record["embedding"])
            self._write(_dumped({**found, "dimensions": dimensions, **rest, "usage": record["usage"]}) + "\n")
            return
        self._write((",\n" if self._opened else "[") + _dumped(record))
        self._opened = True

    def tick(self) -> None:
        """There is nothing to do."""

    def end(self, *, whole: bool) -> None:
        """Close the array, also after a signal; a file that is not whole is none."""
        if self._about is None:
            self._write("]\n" if self._opened else "[]\n")
        if self._file and whole:
            self._file.finish()


class Rows:
    """A .npy file. columns: how wide it is where every text failed."""

    failed_before = 0

    def __init__(self, file: WholeFile, columns: int) -> None:
        self._rows, self._columns = NpyRows(file), columns

    def has(self, custom_id: str, data: bytes) -> bool:
        """Nothing is there before."""
        return False

    def add(self, answered: Answered, data: bytes) -> None:
        """A row; NaN for a text that failed."""
        self._rows.add(answered.vector)

    def tick(self) -> None:
        """There is nothing to do."""

    def end(self, *, whole: bool) -> None:
        """A file that is not whole is none."""
        if whole:
            self._rows.finish(self._columns)


def output_format(given: str | None, path: str | None) -> Format | None:
    """The format: as given, else by the file's ending; None: neither says. Raises UsageError."""
    wanted = given or (Path(path).suffix[1:].lower() if path else None)
    found = next((one for one in _FORMATS if one == wanted), None)
    if wanted is not None and found is None:
        what = f"--format {given} is not one of" if given else f"the ending of {path} is not one of"
        raise UsageError(what=f"{what} {', '.join(_FORMATS)}", hint="-o OUT.npy, or --format npy")
    if found == "npy" and path is None:
        raise UsageError(what="a .npy file begins with its number of rows, which a pipe cannot", hint="-o OUT.npy")
    return found


@contextmanager
def open_sink(
    form: Format | None, path: str | None, single: bool, opened: Opened, base: EmbedRequest, output: Output
) -> Iterator[Sink]:
    """What writes this format to this place. Raises OutputUnwritable, and UsageError where something else stands."""
    form = form or ("json" if single else "jsonl")
    about = _about(opened, base) if single else None
    if form == "jsonl" and path is None:
        yield Lines(output)
    elif form == "jsonl":
        with Journal(Path(str(path)), _parameters(opened, base)) as journal:
            yield Records(journal)
    elif path is None:
        yield Document(output.json, None, about)
    else:
        with WholeFile(Path(path)) as file:
            columns = opened.model.metadata.embedding_length
            yield (
                Rows(file, columns) if form == "npy" else Document(lambda text: file.write(text.encode()), file, about)
            )


def _about(opened: Opened, base: EmbedRequest) -> dict[str, Any]:
    """What one object says beside its vector."""
    model = opened.model
    return {
        "model": {"ref": model.ref, "file": model.path, "sha256": model.sha256},
        "pooling": opened.config.pooling,
        "normalized": base.normalized,
        "prefix": base.prefix,
    }


def _parameters(opened: Opened, base: EmbedRequest) -> str:
    """Everything but the text that a vector depends on; not the path, a file may be moved, nor what memory was free."""
    metadata = opened.model.metadata
    model = [opened.model.sha256, metadata.name, metadata.file_size, metadata.tensor_bytes]
    return json.dumps([model, opened.config.pooling, opened.settings["ctx"], base.prefix, base.normalized])


def _dumped(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)
