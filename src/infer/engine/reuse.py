"""What a run takes from the prompt cache, and what it leaves there: between the store's files and llama.cpp's state.

    restore   before the first chunk of a prompt is computed: the longest stored prefix goes into the KV memory
    keep      after a step: the blocks that are whole now are copied and queued for the background writer
    finish    when a sequence ends: the rest, the answer's tokens too

Nothing here may cost the answer: whatever fails, the prompt is computed as if there were no cache.

Before the self-test of this model in this setting has passed nothing is stored and nothing is restored. `keep` does it,
when there is something to store; where there is no room for a second copy of the state it waits for the next step.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath
from time import perf_counter

from infer.engine.identity import Changed, file_identity, shards
from infer.engine.llama.context import Context
from infer.engine.llama.library import build_identity
from infer.engine.llama.model import Model
from infer.engine.llama.state import MemoryKind, StateCutter, first_needed
from infer.engine.prefix.about import Identity
from infer.engine.prefix.header import Header
from infer.engine.prefix.keys import BLOCK, Fact, Path
from infer.engine.prefix.load import Block, Loading
from infer.engine.prefix.lookup import PrefixHit
from infer.engine.prefix.store import PrefixStore
from infer.engine.prefix.window import Span
from infer.engine.rates import Rates
from infer.engine.scheduler import Sequence
from infer.engine.self_test import SelfTest
from infer.errors import EngineFailure
from infer.types import EngineConfig

MIN_PROMPT = 64  # tokens; shorter prompts are computed faster than they are looked up
NOT_SERVED = "the prompt cache cannot serve this model: its rotation depends on the size of the context"
CHANGED = "the prompt cache is not used: the model's file changed while it was being loaded"
MIXED = "the prompt cache cannot serve this model: it has a sliding window beside a recurrent state"
_SNAPSHOT_EVERY = 2048  # tokens, at least, between recurrent states that are kept besides those at the stops
_Cut = tuple[Span, memoryview, bytes]  # a span with its base and its part


def open_reuse(model: Model, path: str, config: EngineConfig) -> tuple["Reuse | None", str | None]:
    """The prompt cache for a model in this setting, None when it is not wanted or cannot be; and why it cannot."""
    if config.cache_dir is None:
        return None, None
    if model.rotation_border is not None:
        return None, NOT_SERVED
    if model.memory_kind is MemoryKind.MIXED:
        return None, MIXED
    try:
        facts = _facts(model, path, config)
    except Changed:
        return None, CHANGED
    except OSError as error:  # a file that llama.cpp could do without
        return None, f"the prompt cache cannot be used: {error.strerror or error}: {error.filename}"
    identity = Identity(FilePath(path).name, path, facts)
    store = PrefixStore(FilePath(config.cache_dir), identity, config.cache_bytes)
    return Reuse(store, model.memory_kind, model.sliding_window), None


def _facts(model: Model, path: str, config: EngineConfig) -> dict[str, Fact]:
    """Everything that changes what is in the KV memory. Raises OSError, and Changed for files that were replaced."""
    files = model.files
    return {
        "model": file_identity(shards(path), files),
        "build": build_identity(),
        "kv_type": config.kv_type,
        "flash_attention": config.flash_attention,
        "gpu": config.gpu_layers != 0,
        "lora": [[file_identity([lora], files), scale] for lora, scale in config.lora],
        "no_rotation": os.environ.get("LLAMA_ATTN_ROT_DISABLE", ""),
        **({"repack": True} if config.repack else {}),  # absent by default: what was stored before it came stays good
    }


@dataclass(slots=True)
class _Kept:
    """How far one sequence's prefix is stored, as far as this run knows."""

    path: Path
    until: int = 0
    seen: int = 0  # `computed` when keep last looked
    state: int = 0  # the last position of which a recurrent state is stored, or was restored


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What was looked up for a sequence before there was a context, and the reading that has begun."""

    sequence: int
    hit: PrefixHit | None
    loading: Loading | None
    seconds: float


class Reuse:
    """The prompt cache of one engine. window: the size of the model's sliding window, 0 if it has none."""

    def __init__(self, store: PrefixStore, kind: MemoryKind, window: int) -> None:
        self._store = store
        self._kind = kind
        self._cuts = kind is MemoryKind.FULL
        self._window = {MemoryKind.FULL: 0, MemoryKind.WINDOW: window, MemoryKind.RECURRENT: 1}[kind]
        self._kept: dict[int, _Kept] = {}
        self._ahead: _Ahead | None = None
        self._cutter: StateCutter | None = None
        self._context: Context | None = None
        self._notes = store.notes()
        self._rates = Rates(self._notes, MIN_PROMPT)
        self._self_test = SelfTest(self._notes, kind, MIN_PROMPT)
        self._off = self._self_test.given_up
        self._problem = "the prompt cache cannot serve this model" if self._off else None

    @property
    def warning(self) -> str | None:
        """What went wrong, in one line; None while all is well."""
        return self._problem or self._store.warning

    @property
    def needs_stops(self) -> bool:
        """Whether states cannot be cut, so that prefill has to pause where one is worth keeping."""
        return not self._cuts and not self._off

    @property
    def needs_room(self) -> bool:
        """Whether the self-test is still to be done, which takes cells for a second copy of a first chunk."""
        return not self._self_test.passed and not self._off

    def look_ahead(self, sequence: Sequence) -> None:
        """Begin to read what `restore` is going to paste: making a context takes as long as reading for it."""
        if not self._cuts:
            return  # the cutter has to say first what stands in for a part
        started = perf_counter()
        hit = self._look_up(sequence)
        loading = self._store.load(hit, cut=True) if hit else None
        if loading:
            loading.start()
        self._ahead = _Ahead(sequence.id, hit, loading, perf_counter() - started)

    def restore(self, context: Context, sequence: Sequence) -> None:
        """Put the longest stored prefix into the sequence's place and count it as computed and cached.

        What the sequence shares with one in memory stays, unless more than that is stored.
        """
        started = perf_counter()
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.sequence != sequence.id:
            ahead = _Ahead(sequence.id, self._look_up(sequence), None, 0.0)
        if ahead.hit is None:
            return
        self._load(context, sequence, ahead.hit, ahead.loading)
        sequence.restore_seconds = perf_counter() - started + ahead.seconds
        kept = self._kept[sequence.id]
        kept.until = kept.seen = kept.state = sequence.computed
        self._store.count(sequence.prompt, sequence.cached, self._rates.seconds_to_compute(sequence.cached))

    def keep(self, context: Context, sequence: Sequence) -> None:
        """Store what is whole since the last look: blocks, and the prompt up to its stops."""
        kept = self._kept.get(sequence.id)
        if kept is None or self._off:
            return
        reach = sequence.storable
        before, kept.seen = kept.seen, max(kept.seen, reach)
        borders = range((before // BLOCK + 1) * BLOCK, reach + 1, BLOCK)
        stops = [stop for stop in sequence.stops if before < stop <= reach]
        self._keep_until(context, sequence, kept, sorted({*borders, *stops}), test=True)

    def finish(self, context: Context, sequence: Sequence) -> None:
        """Store the rest of a sequence that ends; its rows, and logits that others wait for, are in the memory."""
        kept = self._kept.pop(sequence.id, None)
        reach = sequence.storable
        if kept is not None and not self._off and reach > kept.until:
            borders = range((kept.seen // BLOCK + 1) * BLOCK, reach, BLOCK)
            self._keep_until(context, sequence, kept, [*borders, reach], test=False)
        if sequence.prefill_seconds:
            computed = min(sequence.computed, sequence.prompt)  # less than the prompt when it was aborted
            self._rates.computed(computed - sequence.cached, sequence.prefill_seconds)

    def forget(self, sequence: Sequence) -> None:
        """A sequence that is not in the memory any more, and comes back later."""
        self._kept.pop(sequence.id, None)

    def close(self, timeout: float) -> None:
        """Give the writer `timeout` seconds more, and remember what was learnt."""
        if self._ahead and self._ahead.loading:  # no context could be made
            self._ahead.loading.stop()
        self._store.close(timeout)
        if self._rates.changed:
            self._store.save_notes(self._notes)

    def _cutter_of(self, context: Context) -> StateCutter:
        if self._cutter is None or self._context is not context:
            self._cutter, self._context = context.cutter(self._kind), context
        return self._cutter

    def _look_up(self, sequence: Sequence) -> PrefixHit | None:
        """What is stored of a prompt, if it is more than the sequence has and worth reading."""
        short = sequence.prompt < MIN_PROMPT
        if self._off or (short and not sequence.goes_on):
            return None
        path = self._store.path(sequence.tokens)
        self._kept[sequence.id] = _Kept(path, seen=sequence.computed)
        if short:  # kept for the next prompt, which begins with this one
            return None
        hit = self._store.match(path, sequence.prompt - 1, window=self._window) if self._self_test.passed else None
        if hit:
            reach = hit.reach if self._cuts else hit.length
            if not self._cuts and reach < hit.shared < sequence.prompt:  # prompts part there: a state will be of use
                sequence.stops = tuple(sorted({*sequence.stops, hit.shared}))
            if reach > max(MIN_PROMPT - 1, sequence.computed) and self._rates.pays(hit.payload(cut=self._cuts), reach):
                return hit
        self._store.count(sequence.prompt, 0, 0.0)
        return None

    def _load(self, context: Context, sequence: Sequence, hit: PrefixHit, begun: Loading | None) -> None:
        context.remove(sequence.place)
        end = 0
        try:
            cutter = self._cutter_of(context)
            empty = cutter.no_part
            with begun or self._store.load(hit, cut=self._cuts, window=self._window, empty=empty) as loading:
                self._paste(cutter, sequence.place, loading, hit)
            self._rates.read(loading.bytes, loading.seconds)
            for buffer in loading.buffers:
                cutter.give_back(buffer)
            if self._cuts or loading.end == hit.length:  # else the states belong to positions that are not here
                end = loading.end
            if end and not cutter.is_ready(sequence.place, end):
                end = 0
        except EngineFailure as error:
            self._problem = str(error)
            end = 0
        if end == 0:
            context.remove(sequence.place)
        sequence.computed = sequence.cached = end

    def _paste(self, cutter: StateCutter, place: int, loading: Loading, hit: PrefixHit) -> None:
        for block in loading:
            below = block.end if _is_cut(block) else None
            cutter.paste(place, block.data, below=below, rows=self._rows(block.piece, hit.length))

    def _rows(self, piece: Header, end: int) -> tuple[int, int] | None:
        """What the part of a piece has to bring to a prefix that goes up to `end`: [first, end of the piece)."""
        first = max(piece.start, first_needed(self._kind, end, self._window))
        return None if self._cuts or first >= piece.end else (first, piece.end)

    def _keep_until(self, context: Context, sequence: Sequence, kept: _Kept, ends: list[int], *, test: bool) -> None:
        """Store what is missing up to each of these positions.

        All is copied before the self-test, which may take cells of rows that are out of the window.
        """
        if not self._self_test.passed and not (test and self._self_test.has_room(context, sequence)):
            return
        until, state = kept.until, kept.state
        try:
            cuts: Iterable[_Cut] = self._cuts_until(context, sequence, kept, ends)
            if not self._self_test.passed:
                cuts = list(cuts)
                if not self._test(context, sequence):
                    kept.until, kept.state = until, state
                    return
            give_back = self._cutter_of(context).give_back
            for span, base, part in cuts:
                self._store.store(span, base, part, done=partial(give_back, base))
        except (EngineFailure, MemoryError) as error:
            self._give_up(str(error) or "no memory is left for the prompt cache")

    def _cuts_until(self, context: Context, sequence: Sequence, kept: _Kept, ends: list[int]) -> Iterator[_Cut]:
        for end in ends:
            kept.path.extend(sequence.tokens[kept.path.length : end])
            keep = end in sequence.stops
            for span in self._store.missing(kept.path, end, start=kept.until, cut=self._cuts, keep=keep):
                base, part = self._cutter_of(context).cut(sequence.place, span.start, span.end)
                wanted = self._kind is MemoryKind.WINDOW or self._is_snapshot(sequence, kept, span.end)
                kept.state = span.end if wanted else kept.state
                yield span, base, part if wanted else b""
            kept.until = end

    def _is_snapshot(self, sequence: Sequence, kept: _Kept, end: int) -> bool:
        """Whether the recurrent state at `end` is the present one, and worth its bytes."""
        if self._kind is not MemoryKind.RECURRENT or end != sequence.computed:
            return False
        return end in sequence.stops or end - kept.state >= _SNAPSHOT_EVERY or end % BLOCK != 0

    def _test(self, context: Context, sequence: Sequence) -> bool:
        """The self-test; False when it fails or cannot be done now."""
        difference = self._self_test.run(context, self._cutter_of(context), sequence)
        if difference is None:
            return False
        if not self._self_test.passed:
            self._give_up(f"the prompt cache cannot serve this model: restored states move its logits {difference:.3g}")
        self._store.save_notes(self._notes)  # before the first piece
        return self._self_test.passed

    def _give_up(self, why: str) -> None:
        self._off = True
        self._problem = why


def _is_cut(block: Block) -> bool:
    return block.usable < block.piece.name.count
