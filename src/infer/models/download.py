"""Files from the network to their place: resumed, hashed while they stream, checked before they get their name."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infer.errors import BadModelFile, DiskFull, IntegrityError, NetworkError
from infer.machine import disk_free
from infer.models.gguf import check_magic, parse_header
from infer.models.lock import free_now, locked
from infer.models.partial import (
    NOTE_LIMIT,
    SUFFIX,
    Partial,
    in_directory,
    is_abandoned,
    sync_directory,
    temporary_beside,
    unwritable,
)
from infer.models.ref import shown
from infer.models.removal import finish_removals
from infer.models.small import read_small
from infer.models.transfer import Answer, Interruption, Web

ATTEMPTS = 6  # that bring not a single new byte, one after the other, until we give up
_FIRST_PAUSE = 0.5  # seconds before the second attempt, doubled for each further one
_SPARE = 16 << 20  # bytes that stay free on the disk
_MAGIC = 64  # bytes that tell what a file is
_ABANDONED = 30 * 86400  # seconds after which nobody comes back for a partial file

_DEAD = 3600  # seconds without a byte after which the process of a file without a lock counts as ended
_ALONE = re.compile(r"\.[0-9a-f]{8}\.infer\.incomplete\Z")
_AT_WORK = 5  # seconds within which whoever writes a file has most likely touched it

State = Literal["checking", "waiting", "downloading", "retrying", "done"]


@dataclass(frozen=True, slots=True)
class Item:
    """A file to have here.

    name    as its repository calls it        blob    where its bytes lie, once they are checked
    size    bytes, None: not known            link    the name under which others find the blob, None: only the blob
    digest  sha256 or git blob id, None: not known    lock    held while it is downloaded
    mode    permission bits of what is made: the shared cache is for everybody whom the umask lets in
    """

    name: str
    url: str
    size: int | None
    digest: str | None
    blob: Path
    lock: Path
    link: Path | None = None
    mode: int = 0o666


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is. done, resumed, size: bytes; `resumed` were here before this run. why: of a new attempt."""

    index: int
    name: str
    state: State
    done: int
    size: int | None
    resumed: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of an item: its path, the digest where it was computed, bytes that were fetched in this run."""

    path: Path
    digest: str | None
    fetched: int


Report = Callable[[Progress], None]


def pull(items: Sequence[Item], web: Web, report: Report) -> tuple[Pulled, ...]:
    """Have all items' blobs here, one after the other; what is here already is not fetched again. Then: `link`.

    `report` hears how it goes, at every chunk. What has arrived is kept whenever this ends early. Raises NetworkError,
    Gated, VariantNotFound (gone meanwhile), IntegrityError, BadModelFile, DiskFull, CacheUnwritable.
    """
    for home in {item.blob.parent.parent for item in items if item.link is not None}:
        finish_removals(home.parent)
    _require_space(items)
    for directory in {place.parent for item in items for place in (item.blob, item.link) if place is not None}:
        sweep(directory, items)
    return tuple(_Download(index, item, web, report).run() for index, item in enumerate(items))


def link(items: Sequence[Item]) -> bool:
    """Give the blobs their names. This comes last of all: whoever sees a model's first file may run it.

    False when a blob has gone meanwhile (`infer rm`, in another process): `pull` again. Raises CacheUnwritable.
    """
    return all(_link(item) for item in reversed(items))


def here(item: Item) -> bool:
    """Whether an item's blob is in its place (its name vouches for its content)."""
    return any(_is_whole(path, item.size) for path in (item.blob, item.link) if path is not None)


def sweep(directory: Path, items: Sequence[Item] = ()) -> None:
    """Remove what crashes have left: notes without a file, temporary files, other versions of the items' files.

    Partial files of other downloads stay for a month: somebody may resume them.
    """
    wanted = {item.blob.name + SUFFIX for item in items}
    names = {item.name for item in items}
    for path in _ours(directory):
        with suppress(OSError):
            old = time.time() - path.stat(follow_symlinks=False).st_mtime
            stem = path.with_name(path.name.removesuffix(".json"))
            orphan = stem != path and not stem.exists()
            if _ALONE.search(stem.name):
                if orphan or old > _DEAD:
                    path.unlink()
            elif orphan or is_abandoned(path):
                path.unlink()
            elif stem.name not in wanted:
                superseded = old > _AT_WORK and any(_is_of(stem, name) for name in names)
                if superseded or old > _ABANDONED:
                    _unlink_if_dead(path, stem, items)


def _unlink_if_dead(path: Path, partial: Path, items: Sequence[Item]) -> None:
    """Remove a partial file (or its note) unless a process holds the lock of its download.

    No byte for some time proves nothing: a connection may stall, a pause between two attempts may be long.
    """
    name = partial.name.removesuffix(SUFFIX)
    locks = {item.lock.with_name(item.lock.name.replace(item.blob.name, name)) for item in items}
    with ExitStack() as stack:
        if all(stack.enter_context(free_now(lock)) for lock in sorted(locks)):
            path.unlink()


def _ours(directory: Path) -> Iterator[Path]:
    with suppress(OSError):
        # Notes come after their files: "x" sorts before "x.json".
        for path in sorted(directory.iterdir()):
            if path.name.endswith((SUFFIX, SUFFIX + ".json", ".infer.tmp")):
                yield path


def _is_of(partial: Path, name: str) -> bool:
    """Whether a partial file holds (another version of) this file."""
    try:
        note = json.loads(read_small(partial.with_name(partial.name + ".json"), NOTE_LIMIT))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(note, dict) and note.get("file") == name


def _require_space(items: Sequence[Item]) -> None:
    """Raises DiskFull before the first byte is asked for."""
    missing = [item for item in items if item.size is not None and not here(item)]
    for directory in {item.blob.parent for item in missing}:
        mine = [item for item in missing if item.blob.parent == directory]
        need = sum((item.size or 0) - _arrived(item) for item in mine)
        have = max(0, disk_free(directory) - _SPARE)
        if need > have:
            what = mine[0].name if len(mine) == 1 else f"the {len(mine)} files of {mine[0].name}"
            raise DiskFull(what=what, need=need, have=have, path=str(directory))


def _arrived(item: Item) -> int:
    try:
        return min(item.size or 0, item.blob.with_name(item.blob.name + SUFFIX).stat(follow_symlinks=False).st_size)
    except OSError:
        return 0


def _is_whole(path: Path, size: int | None) -> bool:
    try:
        return path.is_file() and (size is None or path.stat().st_size == size)
    except OSError:
        return False


class _Download:
    """One item on its way."""

    def __init__(self, index: int, item: Item, web: Web, report: Report) -> None:
        self.index, self.item, self.web, self._report = index, item, web, report
        self.size, self.resumed, self.fetched = item.size, 0, 0

    def run(self) -> Pulled:
        digest = None
        if not here(self.item):
            with locked(self.item.lock, self._waiting, self.item.mode) as held:
                digest = None if here(self.item) else self._fetch(held)
        self.report("done", self.size or 0)
        return Pulled(self.item.link or self.item.blob, digest, self.fetched)

    def report(self, state: State, done: int, why: str = "") -> None:
        self._report(Progress(self.index, self.item.name, state, done, self.size, self.resumed, why))

    def _waiting(self) -> None:
        """Another process downloads it: show how far that one is."""
        self.report("waiting", _arrived(self.item))

    def _fetch(self, held: bool) -> str:
        """Download, check, publish: the sha256 (or git blob id) found."""
        # Without a lock, another process may be writing the file of this name: take one that nobody else has.
        alone = "" if held else f".{os.urandom(4).hex()}"
        path = self.item.blob.with_name(f"{self.item.blob.name}{alone}{SUFFIX}")
        partial = Partial(path, self.item.name, self.item.size, self.item.digest, self.item.mode)
        try:
            partial.open(lambda done: self.report("checking", done))
            self.resumed = partial.size
            self._attempts(partial)
            if self.resumed and not partial.sound():
                self.resumed = 0  # the bytes of an earlier run may have been the bad ones: once more, all of it
                partial.restart()
                self._attempts(partial)
            digest = partial.check()
            if self.item.digest is None:
                self._require_usable(partial)
            partial.publish(self.item.blob)
        finally:
            partial.close()
            if alone or partial.is_empty():
                partial.discard()
        return digest

    def _require_usable(self, partial: Partial) -> None:
        """Nobody has promised a digest: at least the header is whole, and the tensors that it names are there.

        Raises BadModelFile, and keeps nothing then.
        """
        try:
            parse_header(shown(self.item.url), partial.size, partial.read_at)
        except BadModelFile:
            partial.discard()
            raise

    def _attempts(self, partial: Partial) -> None:
        """Try until the file is whole, or until several attempts in a row have brought nothing new.

        Bytes that are fetched again are none: a server that always cuts at the same place would keep us for ever.
        """
        failures, furthest = 0, partial.size
        while True:
            try:
                self._attempt(partial)
            except Interruption as interruption:
                failures = failures + 1 if partial.size <= furthest else 1
                furthest = max(furthest, partial.size)
                if interruption.beyond:
                    partial.restart()
                nobody = interruption.refused and not self.fetched
                if failures >= ATTEMPTS or nobody:
                    raise self._given_up(interruption, partial) from interruption
                self.report("retrying", partial.size, interruption.why)
                time.sleep(min(_FIRST_PAUSE * 2 ** (failures - 1), max(self.web.stall / 2, _FIRST_PAUSE)))
            else:
                return

    def _given_up(self, interruption: Interruption, partial: Partial) -> NetworkError:
        kept = f"{partial.size:,} bytes are kept; the same command goes on from there" if partial.size else ""
        what = f"{self.item.name} cannot be downloaded: {interruption.why}"
        return NetworkError(what=what, hint=kept or "check the connection and try again")

    def _attempt(self, partial: Partial) -> None:
        """Ask for what is missing, until the file is whole. Raises Interruption."""
        if self.item.size is not None and partial.size == self.item.size:
            return
        if self.item.digest is None and partial.size and partial.etag is None:
            partial.restart()  # nothing could prove that the two halves belong together
        self.report("downloading", partial.size)
        with closing(self._ask(partial)) as answer:
            # Nothing that arrived earlier is given up before this body has shown what it is.
            first = self._beginning(answer) if not answer.start else b""
            self._require_length(answer)
            if answer.start != partial.size:  # everything from the beginning: the file has changed, or no ranges here
                partial.restart()
                self.resumed = 0
            partial.remember(answer.etag)
            self._stream(answer, partial, first)

    def _ask(self, partial: Partial) -> Answer:
        """What is missing; everything, when the rest that the server offers is that of another file."""
        answer = self.web.get(self.item.url, partial.size, etag=partial.etag)
        proven = answer.etag == partial.etag or (answer.etag is None and self.item.digest is not None)
        if not answer.start or partial.etag is None or proven:
            return answer
        answer.close()  # it does not heed If-Range
        return self.web.get(self.item.url)

    def _beginning(self, answer: Answer) -> bytes:
        """The first bytes, once they are those of a GGUF file. Raises BadModelFile."""
        data = b""
        while len(data) < _MAGIC and (more := answer.read()):
            data += more
        if not data and answer.total != 0:
            raise Interruption("the connection ended before the first byte")
        check_magic(shown(self.item.url), data[:_MAGIC])
        return data

    def _require_length(self, answer: Answer) -> None:
        """Raises IntegrityError when the server's file has another length than the one that was promised."""
        if self.item.size is None:
            self.size = answer.total
        elif answer.total not in (None, self.item.size):
            what = f"{self.item.name} has {answer.total:,} bytes there, promised were {self.item.size:,}"
            raise IntegrityError(what=what, hint="a proxy or a mirror has another file under this name")

    def _stream(self, answer: Answer, partial: Partial, data: bytes) -> None:
        while data or (data := answer.read()):
            if self.size is not None and partial.size + len(data) > self.size:
                partial.restart()  # what arrived before this is not to be trusted either
                what = f"{self.item.name} goes on after its {self.size:,} bytes"
                raise IntegrityError(what=what, hint="a proxy or a mirror has another file under this name")
            partial.append(data)
            self.fetched += len(data)
            self.report("downloading", partial.size)
            data = b""
        if self.size is not None and partial.size < self.size:
            raise Interruption(f"the connection ended after {partial.size:,} of {self.size:,} bytes")


def _link(item: Item) -> bool:
    """Make the blob known under its name, unless it has gone. Raises CacheUnwritable."""
    if item.link is None:
        return True
    with locked(item.lock, lambda: None):  # `infer rm` looks under this lock who needs a blob
        try:
            return _has_name(item.link, item.blob)
        except OSError as error:
            raise unwritable(error, item.link) from error


def _has_name(link: Path, blob: Path) -> bool:
    """Make the link relative, as huggingface_hub makes it. Raises OSError."""
    if not blob.exists():  # where there are no links the file itself has the name
        return link.is_file()
    target = os.path.relpath(blob, link.parent)
    if link.is_symlink() and os.readlink(link) == target:  # noqa: PTH115 (the text, not a path)
        return True
    in_directory(link.parent, lambda: _place(link, blob, target))
    return True


def _place(link: Path, blob: Path, target: str) -> None:
    temporary = temporary_beside(link)
    try:
        temporary.symlink_to(target)
    except FileNotFoundError:
        raise
    except OSError:
        blob.replace(link)
    else:
        temporary.replace(link)
    sync_directory(link.parent)
