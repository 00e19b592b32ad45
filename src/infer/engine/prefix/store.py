"""The store of computed prefixes: match, load, missing, store, evict, for one model in one setting.

    hit = store.match(tokens, limit)                     what is here, nothing is read yet
    with store.load(hit, cut=True) as loading:           verified blocks in order
        for block in loading: ...
    for span in store.missing(path, end, cut=True):      what to store so that the prefix up to `end` is here
        store.store(span, base, part)                    in the background
    store.close()

It knows token ids, positions and bytes. What is in the bytes, the caller knows. Nothing here raises because of the
disk: a cache that fails is a cache that has nothing, and `warning` says why, once.
"""

from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING
from zlib import crc32

from infer.engine.prefix.about import Identity, load_notes, save_about, save_notes
from infer.engine.prefix.evict import LARGEST_BUDGET, Evicted, default_budget, evict
from infer.engine.prefix.files import Folder, NoRoom, Stopped
from infer.engine.prefix.header import Header
from infer.engine.prefix.keys import BLOCK, Name, Path, key_in, parent_in, pieces_in
from infer.engine.prefix.load import Loading, Task
from infer.engine.prefix.lookup import PrefixHit, find, siblings
from infer.engine.prefix.survey import Census, Stored
from infer.engine.prefix.usage import Usage, record
from infer.engine.prefix.window import Span, plan, reachable, superseded
from infer.engine.prefix.writer import CAPACITY, Job, Writer

if TYPE_CHECKING:
    import ctypes

    Buffer = bytes | bytearray | memoryview | ctypes.Array[ctypes.c_uint8]


_COUNTS = 100  # each run counts after a hundredth of the budget: what nine may add unseen is the last tenth of it


class PrefixStore:
    """The pieces of one identity. Opens and makes nothing before it is needed. Not for two threads at once.

    max_bytes: the budget of all pieces of all models, None: the default one (`evict.default_budget`); queue_bytes:
    payload that may wait to be written.
    """

    def __init__(
        self, cache_dir: FilePath, identity: Identity, max_bytes: int | None, *, queue_bytes: int = CAPACITY
    ) -> None:
        self._cache_dir, self._identity, self._max_bytes = cache_dir, identity, max_bytes
        self.fingerprint = identity.fingerprint
        self._folder = Folder(cache_dir, self.fingerprint)
        self._writer = Writer(self._write, queue_bytes)
        self._touched: set[str] = set()
        self._written: dict[str, int] = {}  # place -> bytes, of this run
        self._skipped: dict[bytes, Name] = {}  # pieces there was no room for, by their keys
        self._census = Census(cache_dir)
        self._total: int | None = None  # bytes at the last count
        self._since_count = 0  # bytes that this run has added
        self._budget = LARGEST_BUDGET if max_bytes is None else max_bytes  # as of the last look at the disk
        self._in_use: tuple[str, ...] = ()
        self._usage = Usage()
        self.warning: str | None = None

    def path(self, tokens: Sequence[int]) -> Path:
        """Tokens with the keys of their prefixes; keep it and `extend` it, so that a long prompt is hashed once."""
        return Path(self.fingerprint, tokens)

    def match(self, tokens: Sequence[int] | Path, limit: int | None = None, *, window: int = 0) -> PrefixHit:
        """The longest stored true prefix of the first `limit` tokens (all when None).

        window: see `lookup.find`: 0 full attention, the size of a sliding window, 1 recurrent. Token ids are compared
        with those in the files; a file that does not verify is removed and counts as absent.
        """
        path = tokens if isinstance(tokens, Path) else self.path(tokens)
        return find(self._folder, path, path.length if limit is None else min(limit, path.length), window)

    def load(self, hit: PrefixHit, *, cut: bool, window: int = 0, empty: bytes = b"") -> Loading:
        """The verified payloads of a hit, in order; ends before the first that is damaged, gone or unreadable.

        cut: take the branch. Pieces that touch the last `window` positions come with their PART, all others with
        `empty` in its place. After the loop `end` says how far the prefix goes.
        """
        uses = hit.uses(cut=cut)
        end = uses[-1][0].start + uses[-1][1] if uses else 0
        tasks = [Task(piece, count, bool(piece.part) and piece.end > end - window, empty) for piece, count in uses]
        self._in_use = tuple(self._place(task.piece.name) for task in tasks)
        return Loading(self._folder, tasks, self._touched)

    def missing(self, path: Path, end: int, *, start: int = 0, cut: bool, keep: bool = False) -> list[Span]:
        """What to store so that the first `end` tokens can be found; what is on its way to the disk counts as stored.

        start: a position up to which everything is known to be stored. cut: whether the memory type can drop the last
        rows of a state. keep: other prompts will part here, so never merge the last span into its block; and where a
        state cannot be cut, one is wanted here: a piece that ends here without a PART counts as missing.
        """
        waiting = self._writer.waiting()
        spans: list[Span] = []
        for border in range(start // BLOCK * BLOCK, end, BLOCK):
            stop = min(border + BLOCK, end)
            state = keep and not cut and stop == end
            spans += self._missing_in_window(path, border, stop, waiting, cut=cut, state=state)
        if keep and end % BLOCK and spans and spans[-1].end == end:
            spans[-1] = Span(spans[-1].name, spans[-1].window, keep=True)
        return spans

    def store(self, span: Span, base: "Buffer", part: "Buffer" = b"", done: Callable[[], None] = lambda: None) -> bool:
        """Queue a span for the writer; its buffers must not change until it calls `done`. False when it is declined.

        Declined is what does not fit into the queue, what hangs at something declined, and everything after a failure.
        """
        job = Job(span, memoryview(base).cast("B"), memoryview(part).cast("B"), done)
        return job.size > 0 and self._writer.put(job)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything queued is on disk; False when `timeout` seconds were not enough."""
        return self._writer.flush(timeout)

    def close(self, timeout: float = 0.2) -> int:
        """Write for at most `timeout` seconds more and drop the rest. Returns how many spans were dropped."""
        dropped = self._writer.close(timeout)
        self._folder.abandon()
        record(self._cache_dir, self.fingerprint, self._usage)
        self._usage = Usage()
        return dropped

    def evict(self, max_bytes: int | None = None) -> Evicted:
        """Keep the budget over all models, now, with room for what is being written.

        Never removes what this run is loading or what its queue hangs at, nor the newest half budget it has written.
        """
        limit = self._max_bytes if max_bytes is None else max_bytes
        done = evict(self._cache_dir, limit, self._protected())
        if done.problem:
            self._warn(done.problem)
        if max_bytes is None:
            self._budget = done.budget
        return done

    def count(self, prompt: int, reused: int, seconds_saved: float) -> None:
        """Note a lookup for the statistics: tokens of the prompt, how many were loaded, seconds that saved."""
        self._usage = self._usage + Usage(1, int(reused > 0), prompt, reused, seconds_saved)

    def notes(self) -> dict[str, object]:
        """What was learnt about this model by earlier runs."""
        return load_notes(self._cache_dir, self.fingerprint.hex())

    def save_notes(self, notes: dict[str, object]) -> None:
        """Replace the notes."""
        save_notes(self._cache_dir, self.fingerprint.hex(), notes)

    def _missing_in_window(
        self, path: Path, border: int, end: int, waiting: list[Span], *, cut: bool, state: bool
    ) -> list[Span]:
        full = end == border + BLOCK
        if full and (block := self._folder.header(path.name(border, end))):
            return [_again(block)] if state and not block.part else []
        boundary = path.boundary(border)
        queued = {span.name: span.keep for span in waiting if span.name.boundary == boundary}
        texts = {*self._folder.window(boundary), *(name.text for name in queued)}
        names = path.pieces(texts, border, end)
        stored = {name: header for name in names if name not in queued and (header := self._folder.header(name))}
        kept = {name: header.keep for name, header in stored.items()}
        kept |= {name: queued[name] for name in names if name in queued}
        texts.difference_update(name.text for name in kept)
        shared = border
        if cut:
            near = siblings(self._folder, path, texts, reachable(kept, border), end)
            shared = max((min(one.start + one.shares(path.window(border, end)), end) for one in near), default=border)
        spans = plan(path, end, kept, {*map(parent_in, texts)}, shared, cut=cut)
        if spans or not state:
            return spans
        last = stored.get(reachable(kept, border)[end][-1])
        return [_again(last)] if last and not last.part else []

    def _write(self, job: Job) -> bool:
        try:
            self._write_one(job)
        except Stopped:
            raise
        except Exception as error:
            self._warn(error)
            return False
        return True

    def _write_one(self, job: Job) -> None:
        span = job.span
        present = self._folder.header(span.name)
        if present and not _improves(job, present):
            return
        keep = span.keep or bool(present and present.keep)
        checksums = crc32(job.base), crc32(job.part)
        sizes = len(job.base), len(job.part)
        header = Header(self.fingerprint, span.name, span.window, keep, *sizes, *checksums)
        if self._hangs_in_the_air(span.name) or header.size > self._budget:  # nothing is given up for the latter
            self._skipped[span.name.key] = span.name
            return
        self._skipped.pop(span.name.key, None)
        try:
            self._put_again(header, job)
        except NoRoom:
            self._skipped[span.name.key] = span.name
            return
        self._written[self._place(span.name)] = header.size
        self._drop_superseded(header)

    def _hangs_in_the_air(self, name: Name) -> bool:
        """Whether there was no room for the parent, and no other process has stored it since, in whatever pieces."""
        parent = self._skipped.get(name.parent)
        if parent and any(key_in(text) == parent.key.hex() for text in self._folder.window(parent.boundary)):
            del self._skipped[name.parent]
            return False
        return parent is not None

    def _put_again(self, header: Header, job: Job) -> None:
        try:
            self._put(header, job)
        except FileNotFoundError:  # somebody cleared the cache while we made the file
            if self._writer.stopped:  # or it was ourselves, see `abandon`
                raise Stopped from None
            self._put(header, job)

    def _put(self, header: Header, job: Job) -> None:
        save_about(self._cache_dir, self._identity)  # each time, as the cache may have been cleared since the last
        self._folder.write(header, job.base, job.part, lambda: self._writer.stopped, lambda: self._fits(header.size))

    def _drop_superseded(self, stored: Header) -> None:
        """Remove the tails that a new piece contains."""
        name = stored.name
        texts = {*self._folder.window(name.boundary)}
        inside = {one for one in pieces_in(texts, name.boundary, stored.window) if stored.start <= one.start} - {name}
        for one in list(inside):
            header = self._folder.header(one)
            if not header or header.keep or (header.part and not stored.part):
                inside.discard(one)
        if not inside:
            return
        texts |= {span.name.text for span in self._writer.waiting()}
        others = texts - {one.text for one in inside} - {name.text}
        for one in superseded(name, inside, {*map(parent_in, others)}):
            if not self._folder.remove(one):
                break  # what it hangs at must stay
            self._written.pop(self._place(one), None)

    def _fits(self, size: int) -> bool:
        """Whether the budget is kept with what all processes are writing now, this one too; room is made if not.

        Who comes second sees the file of who came first, so at no time two take the same room. Far from the budget
        not every file is a reason to count.
        """
        self._since_count += size
        rarely = self._since_count * _COUNTS < self._budget
        if rarely and self._total is not None and (self._total + self._since_count) * 10 < self._budget * 9:
            return True
        self._total = total = self._census.total()
        self._since_count = 0
        if self._max_bytes is None:
            self._budget = default_budget(self._cache_dir, total)  # others fill and empty the disk
        if total <= self._budget:
            return True
        done = self.evict()
        return done.left + done.coming <= self._budget

    def _protected(self) -> Callable[[Stored], bool]:
        """What this run is loading, what the spans in its queue hang at, and the newest that it has written.

        Of the latter at most half the budget, lest a process that runs for days fills the cache and then stands still.
        """
        places = set(self._in_use)
        budget = self._budget // 2
        for place, size in reversed(list(self._written.items())):
            if (budget := budget - size) < 0:
                break
            places.add(place)
        ours = self.fingerprint.hex()
        parents = {span.name.parent for span in self._writer.waiting()}
        return lambda piece: piece.place in places or (piece.fingerprint == ours and piece.name.key in parents)

    def _place(self, name: Name) -> str:
        return f"{self.fingerprint.hex()}/{name.shard}/{name.text}"

    def _warn(self, error: Exception) -> None:
        if self.warning is None:
            why = (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"
            self.warning = f"the prompt cache cannot be written: {why}"


def _again(piece: Header) -> Span:
    """What is here, to be stored once more with what it lacks."""
    return Span(piece.name, piece.window, piece.keep)


def _improves(job: Job, present: Header) -> bool:
    """Whether a job has more than the piece that is here: a PART, or as much and it is a fork."""
    if bool(job.part) != bool(present.part):
        return bool(job.part)
    return job.span.keep and not present.keep
