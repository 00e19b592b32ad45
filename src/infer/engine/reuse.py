"""What a run takes from the prompt cache, and what it leaves there: between the store's files and llama.cpp's state.

    restore   before the first chunk of a prompt is computed: the longest stored prefix goes into the KV memory
    keep      after a step: the blocks that are whole now are copied and queued for the background writer
    finish    when a sequence ends: the rest, the answer's tokens too

Nothing here may cost the answer: whatever fails, the prompt is computed as if there were no cache.
"""

import os
from dataclasses import dataclass
from pathlib import Path as FilePath
from time import perf_counter

from infer.engine.identity import file_identity, shards
from infer.engine.llama.context import Context
from infer.engine.llama.library import build_identity
from infer.engine.llama.model import Model
from infer.engine.llama.state import MemoryKind, StateCutter
from infer.engine.prefix.about import Identity
from infer.engine.prefix.keys import BLOCK, Fact, Path
from infer.engine.prefix.load import Block, Loading
from infer.engine.prefix.lookup import PrefixHit
from infer.engine.prefix.store import PrefixStore
from infer.engine.scheduler import Sequence
from infer.errors import EngineFailure
from infer.types import EngineConfig

MIN_PROMPT = 64  # tokens; shorter prompts are computed faster than they are looked up
NOT_SERVED = "the prompt cache cannot serve this model: its rotation depends on the size of the context"
_SNAPSHOT_EVERY = 2048  # tokens between recurrent states that are kept besides those at the stops
_LEARNING = 0.3  # weight of the newest measurement in the rates that are remembered


def open_reuse(model: Model, path: str, config: EngineConfig) -> "Reuse | None":
    """The prompt cache for a model in this setting; None when none is wanted or it is NOT_SERVED."""
    if config.cache_dir is None or model.has_two_rotations:
        return None
    facts: dict[str, Fact] = {
        "model": file_identity(shards(path)),
        "build": build_identity(),
        "kv_type": config.kv_type,
        "flash_attention": config.flash_attention,
        "gpu": config.gpu_layers != 0,
        "lora": [[file_identity([lora]), scale] for lora, scale in config.lora],
        "no_rotation": os.environ.get("LLAMA_ATTN_ROT_DISABLE", ""),
    }
    identity = Identity(FilePath(path).name, path, facts)
    store = PrefixStore(FilePath(config.cache_dir), identity, config.cache_bytes)
    return Reuse(store, model.memory_kind, model.sliding_window)


@dataclass(slots=True)
class _Kept:
    """How far one sequence's prefix is stored, as far as this run knows."""

    path: Path
    until: int = 0
    seen: int = 0  # `computed` when keep last looked


class Reuse:
    """The prompt cache of one engine. window: the size of the model's sliding window, 0 if it has none."""

    def __init__(self, store: PrefixStore, kind: MemoryKind, window: int) -> None:
        self._store = store
        self._kind = kind
        self._cuts = kind is MemoryKind.FULL
        self._window = {MemoryKind.FULL: 0, MemoryKind.WINDOW: window, MemoryKind.RECURRENT: 1}[kind]
        self._kept: dict[int, _Kept] = {}
        self._cutter: StateCutter | None = None
        self._context: Context | None = None
        self._notes = store.notes()
        self._learnt = False
        self._tested = self._notes.get("self-test") == "ok"
        self._off = self._notes.get("self-test") == "failed"
        self._problem = "the prompt cache cannot serve this model" if self._off else None

    @property
    def warning(self) -> str | None:
        """What went wrong, in one line; None while all is well."""
        return self._problem or self._store.warning

    @property
    def needs_stops(self) -> bool:
        """Whether states cannot be cut, so that prefill has to pause where one is worth keeping."""
        return not self._cuts and not self._off

    def restore(self, context: Context, sequence: Sequence) -> None:
        """Put the longest stored prefix into the sequence's place and count it as computed and cached.

        What the sequence shares with one in memory stays, unless more than that is stored.
        """
        short = sequence.prompt < MIN_PROMPT
        if self._off or (short and not sequence.goes_on):
            return
        started = perf_counter()
        path = self._store.path(sequence.tokens)
        self._kept[sequence.id] = kept = _Kept(path, seen=sequence.computed)
        if short:
            return
        hit = self._store.match(path, sequence.prompt - 1, window=self._window)
        reach = hit.reach if self._cuts else hit.length
        if not self._cuts and reach < hit.shared < sequence.prompt:  # prompts part there: a state will be of use
            sequence.stops = tuple(sorted({*sequence.stops, hit.shared}))
        if reach < max(MIN_PROMPT, sequence.computed + 1) or not self._pays(hit, reach):
            self._store.count(sequence.prompt, 0, 0.0)
            return
        self._load(context, sequence, hit)
        sequence.restore_seconds = perf_counter() - started
        kept.until = kept.seen = sequence.computed
        self._learn("restore", hit.payload(cut=self._cuts), sequence.restore_seconds)
        self._store.count(sequence.prompt, sequence.cached, sequence.cached / self._rate("prefill", 1e9))

    def keep(self, context: Context, sequence: Sequence) -> None:
        """Store what is whole since the last look: blocks, and the prompt up to its stops."""
        kept = self._kept.get(sequence.id)
        if kept is None or self._off:
            return
        before, kept.seen = kept.seen, sequence.computed
        borders = range((before // BLOCK + 1) * BLOCK, sequence.computed + 1, BLOCK)
        stops = [stop for stop in sequence.stops if before < stop <= sequence.computed]
        for end in sorted({*borders, *stops}):
            if not self._off:
                self._keep_until(context, sequence, kept, end, before)

    def finish(self, context: Context, sequence: Sequence) -> None:
        """Store the rest of a sequence that ends; its rows are still in the memory."""
        self.keep(context, sequence)
        kept = self._kept.pop(sequence.id, None)
        if kept is not None and not self._off and sequence.computed > kept.until:
            self._keep_until(context, sequence, kept, sequence.computed, kept.seen - 1)
        if sequence.prefill_seconds:
            self._learn("prefill", sequence.prompt - sequence.cached, sequence.prefill_seconds)

    def close(self, timeout: float) -> None:
        """Give the writer `timeout` seconds more, and remember what was learnt."""
        self._store.close(timeout)
        if self._learnt:
            self._store.save_notes(self._notes)

    def _cutter_of(self, context: Context) -> StateCutter:
        if self._cutter is None or self._context is not context:
            self._cutter, self._context = context.cutter(self._kind), context
        return self._cutter

    def _load(self, context: Context, sequence: Sequence, hit: PrefixHit) -> None:
        cutter = self._cutter_of(context)
        context.remove(sequence.place)
        try:
            with self._store.load(hit, cut=self._cuts, window=self._window, empty=cutter.no_part) as loading:
                self._paste(cutter, sequence.place, loading)
            end = loading.end
            if not self._cuts and end < hit.length:
                end = 0  # the states that are here belong to positions that are not
        except EngineFailure as error:
            self._problem = str(error)
            end = 0
        if end == 0 or context.positions(sequence.place) != end:
            context.remove(sequence.place)
            end = 0
        sequence.computed = sequence.cached = end

    def _paste(self, cutter: StateCutter, place: int, loading: Loading) -> None:
        for block in loading:
            cutter.paste(place, block.data, below=block.end if _is_cut(block) else None)

    def _keep_until(self, context: Context, sequence: Sequence, kept: _Kept, end: int, before: int) -> None:
        kept.path.extend(sequence.tokens[kept.path.length : end])
        try:
            for span in self._store.missing(
                kept.path, end, start=kept.until, cut=self._cuts, keep=end in sequence.stops
            ):
                if self._kind is MemoryKind.WINDOW and span.end <= before:
                    return  # its window is no longer in the memory
                cutter = self._cutter_of(context)
                base, part = cutter.cut(sequence.place, span.start, span.end)
                has_room = context.free >= span.end - span.start
                if not self._tested and has_room and not self._test(cutter, base, part):
                    return
                wanted = self._kind is MemoryKind.WINDOW or self._is_snapshot(sequence, span.end)
                self._store.store(span, base, part if wanted else b"")
            kept.until = end
        except EngineFailure as error:
            self._give_up(str(error))

    def _is_snapshot(self, sequence: Sequence, end: int) -> bool:
        """Whether the recurrent state at `end` is the present one, and worth its bytes."""
        if self._kind is not MemoryKind.RECURRENT or end != sequence.computed:
            return False
        return end in sequence.stops or end % _SNAPSHOT_EVERY == 0 or end % BLOCK != 0

    def _test(self, cutter: StateCutter, base: memoryview, part: bytes) -> bool:
        """Once for each model in each setting: what was cut, pasted and cut again is the same (it takes free cells)."""
        if cutter.survives(base, part):
            self._tested = True
            self._note("self-test", "ok")
            return True
        self._note("self-test", "failed")
        self._give_up("the prompt cache cannot serve this model: its state does not survive a round trip")
        return False

    def _give_up(self, why: str) -> None:
        self._off = True
        self._problem = why

    def _pays(self, hit: PrefixHit, reach: int) -> bool:
        """Whether reading is faster than computing, by the rates of earlier runs; yes when they are not known."""
        read, computed = self._rate("restore", float("inf")), self._rate("prefill", 0.0)
        return not computed or hit.payload(cut=self._cuts) / read < reach / computed

    def _rate(self, name: str, unknown: float) -> float:
        rate = self._notes.get(name)
        return float(rate) if isinstance(rate, int | float) and rate > 0 else unknown

    def _learn(self, name: str, amount: int, seconds: float) -> None:
        """Bytes (restore) or tokens (prefill) a second."""
        if amount < MIN_PROMPT or seconds <= 0:
            return
        newest = amount / seconds
        self._note(name, round(newest * _LEARNING + self._rate(name, newest) * (1 - _LEARNING), 1))

    def _note(self, name: str, value: str | float) -> None:
        self._notes[name] = value
        self._learnt = True


def _is_cut(block: Block) -> bool:
    return block.usable < block.piece.name.count
