"""The store against a model of it: any order of runs, prompts, damage and evictions."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from infer.engine.prefix.check import check, prune
from infer.engine.prefix.keys import BLOCK
from infer.engine.prefix.store import PrefixStore
from prefix.caches import GENEROUS, ROW, files, identity, load, pieces, random_tokens, rows

STEMS = [random_tokens(900, seed, 50) for seed in range(3)]
ENDS = st.one_of(st.integers(1, 900), st.sampled_from([255, 256, 257, 511, 512, 513, 768]))


class Machine(RuleBasedStateMachine):
    """`known` are the prefixes (as token tuples) whose every position has been stored and not evicted since.

    The prompts are beginnings of three stems, with another beginning of a stem behind them: so they share blocks,
    part inside blocks, and come together nowhere else.
    """

    @initialize(budget=st.sampled_from([6, 12, 10_000]))
    def begin(self, budget: int) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="prefix-machine-"))
        self.budget = budget * (4096 + BLOCK * ROW)
        self.known: set[tuple[int, ...]] = set()
        self.evicted = self.damaged = False
        self.new_run()

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.store.close()
            shutil.rmtree(self.place)

    @rule()
    def new_run(self) -> None:
        self.store = PrefixStore(self.place, identity(), self.budget)

    @rule(stem=st.sampled_from(range(3)), end=ENDS, other=st.sampled_from(range(3)), more=st.integers(0, 300))
    def ask(self, stem: int, end: int, other: int, more: int) -> None:
        """What an engine does with a prompt: find, load, compute the rest, store, generate, store."""
        tokens = [*STEMS[stem][:end], *STEMS[other][:more]]
        path = self.store.path(tokens)
        hit = self.store.match(path)
        assert hit.length <= hit.reach <= hit.shared <= path.length
        got = load(self.store, path, hit)
        assert got == hit.reach
        if not self.evicted:
            assert got >= self.longest_known(tokens)
        for span in self.store.missing(path, path.length, cut=True):
            assert self.store.store(span, rows(path, span.start, span.end))
        assert self.store.flush(30)
        assert self.store.warning is None
        self.known.add(tuple(tokens))
        self.evicted |= sum(piece.size for piece in pieces(self.place)) > self.budget // 2
        if not self.evicted:
            assert load(self.store, path, self.store.match(path)) == path.length

    def longest_known(self, tokens: list[int]) -> int:
        """The promise: tokens shared with anything stored, but for the last few where a fork is not worth a file."""
        best = 0
        for known in self.known:
            common = next((i for i, (a, b) in enumerate(zip(tokens, known, strict=False)) if a != b), None)
            best = max(best, min(len(tokens), len(known)) if common is None else common)
        return max(0, best - 7)

    @rule(blocks=st.integers(0, 12))
    def evict(self, blocks: int) -> None:
        self.evicted = True
        budget = blocks * (4096 + BLOCK * ROW)
        done = PrefixStore(self.place, identity(), GENEROUS).evict(budget)
        assert done is not None
        assert done.left == sum(piece.size for piece in pieces(self.place)) <= budget

    @precondition(lambda self: self.known)
    @rule(index=st.integers(0, 1000), offset=st.integers(0, 1 << 20), bit=st.integers(0, 7))
    def damage(self, index: int, offset: int, bit: int) -> None:
        """A flipped bit; the next who meets it, or prune, removes it."""
        if found := files(self.place):
            file = found[index % len(found)]
            data = bytearray(file.read_bytes())
            data[offset % len(data)] ^= 1 << bit
            file.write_bytes(data)
            self.evicted = True
            if damaged := check(self.place, read_data=True).damaged:
                assert len(damaged) == 1
                file.unlink()
            prune(self.place)

    @invariant()
    def sound(self) -> None:
        if hasattr(self, "place"):
            report = check(self.place, read_data=True)
            assert report.clean
            assert not report.unreachable
            assert not report.foreign
            assert report.bytes <= self.budget


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
test_machine = Machine.TestCase
