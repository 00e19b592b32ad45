"""The store as the engine uses it: what was stored is found, no more and nothing else."""

import ctypes
import os
import threading
import time
from pathlib import Path

import pytest

from infer.engine.prefix.check import check
from infer.engine.prefix.files import FOLDER
from infer.engine.prefix.keys import BLOCK
from infer.engine.prefix.lookup import complete
from infer.engine.prefix.window import Span
from prefix.caches import ROW, distinct, files, load, open_store, pieces, random_tokens, reach, rows, save, state

DOCUMENT = random_tokens(1450, 1)


def test_an_empty_cache_makes_nothing(tmp_path: Path) -> None:
    """Opening, matching, counting and closing leave no trace."""
    store = open_store(tmp_path / "cache")
    hit = store.match(DOCUMENT)
    assert (hit.length, hit.reach, hit.shared) == (0, 0, 0)
    assert load(store, DOCUMENT, hit) == 0
    store.count(1450, 0, 0.0)
    assert store.close() == 0
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("count", [1, 7, 255, 256, 257, 512, 1450])
def test_what_was_stored_is_found(tmp_path: Path, count: int) -> None:
    """Of the same prompt everything up to the limit, by another process too; rows come back as they were."""
    save(open_store(tmp_path), DOCUMENT[:count])
    store = open_store(tmp_path)
    assert store.match(DOCUMENT[:count]).length == count
    assert reach(store, DOCUMENT[:count]) == reach(store, DOCUMENT) == count
    assert check(tmp_path, read_data=True).clean


def test_a_limit_cuts_the_last_piece(tmp_path: Path) -> None:
    """All but the last token of a prompt that fills its blocks: whole pieces, and one to be cut."""
    store = open_store(tmp_path)
    save(store, DOCUMENT[:512])
    hit = store.match(DOCUMENT[:512], 511)
    assert (hit.length, hit.reach, hit.shared) == (256, 511, 511)
    assert [usable for _, usable in hit.uses(cut=True)] == [256, 255]
    assert [usable for _, usable in hit.uses(cut=False)] == [256]


def test_a_branch_is_taken_token_by_token(tmp_path: Path) -> None:
    """Where two prompts part inside a block, the rows before that are used; fewer than eight are not."""
    store = open_store(tmp_path)
    save(store, DOCUMENT[:512])
    for common in (256 + 8, 256 + 200, 511):
        prompt = [*DOCUMENT[:common], *random_tokens(300, 2)]
        assert reach(store, prompt) == common
        assert store.match(prompt).length == 256
    assert reach(store, [*DOCUMENT[:263], *random_tokens(300, 2)]) == 256


def test_twenty_questions_on_one_document(tmp_path: Path) -> None:
    """Bytes on disk stay within 1.15 of a perfect cache, and everything but the question is found each time."""
    paths = []
    for question in range(20):
        store = open_store(tmp_path)
        path = store.path([*DOCUMENT, *random_tokens(50, 100 + question)])
        found = load(store, path, store.match(path, path.length - 1), row=2048)
        assert found >= (len(DOCUMENT) if question else 0)
        save(store, path, path.length - 1, row=2048)
        path.extend(random_tokens(100, 200 + question))
        save(store, path, row=2048)
        store.close()
        paths.append(path)
    assert sum(piece.size for piece in pieces(tmp_path)) <= 1.15 * distinct(paths) * 2048
    assert check(tmp_path, read_data=True).clean
    assert not check(tmp_path).unreachable


def test_a_chat_of_twenty_turns(tmp_path: Path) -> None:
    """Each turn finds all before it, and at the end nothing is on disk twice: full blocks replace their tails."""
    path = open_store(tmp_path).path([])
    for turn in range(20):
        store = open_store(tmp_path)
        assert load(store, path, store.match(path), row=2048) == path.length
        path.extend(random_tokens(30 + 7 * turn, turn))
        save(store, path, path.length - 1, row=2048)
        path.extend(random_tokens(90, 100 + turn))
        save(store, path, row=2048)
    found = pieces(tmp_path)
    assert sum(piece.size for piece in found) <= 1.15 * path.length * 2048
    assert sum(piece.name.count for piece in found) == path.length
    assert {piece.name.count for piece in found if piece.name.end <= path.length // BLOCK * BLOCK} == {BLOCK}


def test_forks_survive_the_blocks_that_contain_them(tmp_path: Path) -> None:
    """A tail at which another prompt hangs stays when its window is full; that prompt is still found."""
    store = open_store(tmp_path)
    one, other = [*DOCUMENT[:400], *random_tokens(300, 2)], [*DOCUMENT[:400], *random_tokens(300, 3)]
    for prompt in (one, other, one, other):
        save(store, prompt)
    assert reach(store, one) == reach(store, other) == 700
    assert not check(tmp_path).unreachable


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    """What is here, or on its way, is not missing; what is stored again is not touched."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    release = threading.Event()
    write = store._writer._write
    store._writer._write = lambda job: release.wait(10) and write(job)
    for span in store.missing(path, 700, cut=True):
        assert store.store(span, rows(path, span.start, span.end))
    assert [(span.start, span.end) for span in store.missing(path, 750, cut=True)] == [(700, 750)]
    assert [(span.start, span.end) for span in store.missing(path, 800, cut=True)] == [(512, 768), (768, 800)]
    release.set()
    assert store.flush(10)
    before = {file: file.stat().st_ino for file in files(tmp_path)}
    assert store.missing(path, 700, cut=True) == []
    save(open_store(tmp_path), DOCUMENT[:700])
    assert {file: file.stat().st_ino for file in files(tmp_path)} == before


def test_recurrent_states_come_only_at_their_end(tmp_path: Path) -> None:
    """A memory that cannot be cut gets the longest chain that ends in a PART, though more rows are here."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    for end in (600, 700, 1100):
        for span in store.missing(path, end, cut=False):
            part = state(path, span.end) if span.end == end else b""
            assert store.store(span, rows(path, span.start, span.end), part)
        assert store.flush(10)
    assert store.match(DOCUMENT, window=1).length == 1100
    hit = store.match(DOCUMENT, 1099, window=1)
    assert (hit.length, hit.shared) == (700, 1099)
    with store.load(hit, cut=False, window=1, empty=b"none") as loading:
        parts = [bytes(block.data[block.base :]) for block in loading]
    assert parts == [b"none"] * (len(parts) - 1) + [state(path, 700)]
    assert store.match(DOCUMENT[:650], window=1).length == 600


def test_sliding_windows_need_a_part_in_every_piece_they_touch(tmp_path: Path) -> None:
    """Only the pieces in the last positions must have one; a hole before them does no harm."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    for span in store.missing(path, 1280, cut=False):
        store.store(span, rows(path, span.start, span.end), b"" if span.start == 256 else state(path, span.end))
    assert store.flush(10)
    lengths = {limit: store.match(DOCUMENT, limit, window=512).length for limit in (1280, 1024, 900, 600, 256)}
    assert lengths == {1280: 1280, 1024: 1024, 900: 256, 600: 256, 256: 256}
    hit = store.match(DOCUMENT, 1280, window=512)
    assert complete(hit.pieces, 512)
    with store.load(hit, cut=False, window=512, empty=b"-") as loading:
        assert [bytes(block.data[block.base :]) for block in loading][:3] == [b"-"] * 3


def test_a_part_is_added_to_a_piece_that_had_none(tmp_path: Path) -> None:
    """The piece with more replaces the one with less, never the other way round."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    (span,) = store.missing(path, 200, cut=False)
    base = rows(path, 0, 200)
    for part in (b"", b"state", b""):
        assert store.store(span, base, part)
        assert store.flush(10)
    assert store.match(DOCUMENT).pieces[0].part == len(b"state")


@pytest.mark.parametrize("end", [512, 600])
def test_a_state_that_is_wanted_makes_up_for_a_piece_without_one(tmp_path: Path, end: int) -> None:
    """Where prompts part there is to be a state; a piece that was stored without one gets it from a later run."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    for span in store.missing(path, end, cut=False):
        store.store(span, rows(path, span.start, span.end))
    assert store.flush(10)
    assert store.match(DOCUMENT, end, window=1).length == 0
    later = open_store(tmp_path)
    assert later.missing(path, end, cut=False) == later.missing(path, end, cut=True, keep=True) == []
    (span,) = later.missing(path, end, cut=False, keep=True)
    assert (span.start, span.end) == ((end - 1) // BLOCK * BLOCK, end)
    before = later.match(DOCUMENT, end)
    with later.load(before, cut=True) as loading:
        next(iter(loading))
        assert later.store(span, rows(path, span.start, span.end), state(path, end))
        assert later.flush(10)
    assert later.missing(path, end, cut=False, keep=True) == []
    hit = later.match(DOCUMENT, end, window=1)
    assert hit.length == end
    with later.load(hit, cut=False, window=1, empty=b"-") as loading:
        assert [bytes(block.data[block.base :]) for block in loading][-1] == state(path, end)
    assert check(tmp_path, read_data=True).clean


def test_a_state_is_never_given_up_for_a_fork(tmp_path: Path) -> None:
    """What is stored again to be kept, without its state, keeps that; and a fork stays one when it gets a state."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    (span,) = store.missing(path, 200, cut=False)
    fork = Span(span.name, span.window, keep=True)
    for one, part in ((span, b""), (fork, b""), (span, b"state"), (fork, b""), (span, b"")):
        assert store.store(one, rows(path, 0, 200), part)
        assert store.flush(10)
    (piece,) = store.match(DOCUMENT).pieces
    assert (piece.keep, piece.part) == (True, len(b"state"))


def test_a_state_is_found_beside_a_shorter_way_without_one(tmp_path: Path) -> None:
    """Two chains end at one position: the one with the state is taken."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    for start, end, part in ((0, 100, b""), (100, 256, state(path, 256)), (0, 256, b"")):
        store.store(Span(path.name(start, end), path.window(start, end), keep=True), rows(path, start, end), part)
        assert store.flush(10)
    assert len(pieces(tmp_path)) == 3
    assert store.match(DOCUMENT, window=1).length == 256


def test_a_kept_tail_is_never_merged(tmp_path: Path) -> None:
    """The state before a question stays when the answer fills the window: what follows hangs at it."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    for end, keep in ((150, True), (200, False), (300, False)):
        for span in store.missing(path, end, cut=False, keep=keep):
            store.store(span, rows(path, span.start, span.end), state(path, span.end))
        assert store.flush(10)
    assert [(piece.name.start, piece.name.end) for piece in pieces(tmp_path)] == [(0, 150), (150, 256), (256, 300)]


def test_a_full_queue_declines_what_hangs_at_it_too(tmp_path: Path) -> None:
    """The caller never waits; nothing that could not be reached is written; later it is missing again."""
    store = open_store(tmp_path)
    release = threading.Event()
    write = store._writer._write
    store._writer._write = lambda job: release.wait(10) and write(job)
    store._writer._capacity = 300 * ROW
    path = store.path(DOCUMENT)
    spans = store.missing(path, 1034, cut=True)  # the last would fit
    accepted = [store.store(span, rows(path, span.start, span.end)) for span in spans]
    assert accepted == [True, False, False, False, False]
    release.set()
    assert store.flush(10)
    assert reach(store, DOCUMENT) == 256
    assert [span.start for span in store.missing(path, 1024, cut=True)] == [256, 512, 768]
    assert not check(tmp_path).unreachable


def test_closing_waits_a_fifth_of_a_second_at_most(tmp_path: Path) -> None:
    """What is unwritten then is dropped, and no temporary file stays."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT)
    fill = os.pwrite
    for span in store.missing(path, 1024, cut=True):
        store.store(span, rows(path, span.start, span.end))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", lambda *arguments: (time.sleep(0.15), fill(*arguments))[1])
        started = time.monotonic()
        dropped = store.close()
        assert time.monotonic() - started < 0.5
        store._writer._thread.join(5)
    assert dropped >= 2
    assert reach(open_store(tmp_path), DOCUMENT) == 1024 - 256 * dropped
    assert not list(tmp_path.rglob("*.tmp"))
    assert not store.store(store.missing(path, 1024, cut=True)[-1], b"x")


def test_what_was_given_up_at_the_end_is_not_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that is late finds no file to rename: the process has removed it, nobody has cleared the cache."""
    store = open_store(tmp_path)
    rename, opened, begun, stopped = os.rename, os.open, threading.Event(), threading.Event()
    made: list[str] = []

    def watched(path: str, flags: int, *more: int, **others: int) -> int:
        if flags & os.O_CREAT and begun.is_set():
            made.append(path)
        return opened(path, flags, *more, **others)

    def late(source: str, target: str, **more: int) -> None:
        if target.endswith(".kv"):
            begun.set()
            stopped.wait(10)
        rename(source, target, **more)

    monkeypatch.setattr(os, "rename", late)
    monkeypatch.setattr(os, "open", watched)
    path = store.path(DOCUMENT[:100])
    (span,) = store.missing(path, 100, cut=True)
    assert store.store(span, rows(path, 0, 100))
    assert begun.wait(10)
    store.close(0)
    stopped.set()
    thread = store._writer._thread
    assert thread
    thread.join(10)
    assert made == []
    assert store.warning is None
    assert not pieces(tmp_path)
    assert not list(tmp_path.rglob("*.tmp"))


def test_modes_under_an_open_umask(tmp_path: Path) -> None:
    """Directories 0700, files 0600, the parents that were missing too."""
    before = os.umask(0)
    try:
        store = open_store(tmp_path / "a" / "cache")
        save(store, DOCUMENT[:600])
        store.count(600, 300, 1.0)
        store.save_notes({"prefill": 77.0})
        store.evict(0)
        store.close()
    finally:
        os.umask(before)
    found = list((tmp_path / "a").rglob("*"))
    assert len(found) > 8
    for place in [tmp_path / "a", *found]:
        assert place.stat().st_mode & 0o777 == (0o700 if place.is_dir() else 0o600), place


def test_notes_and_counters_outlive_the_run(tmp_path: Path) -> None:
    """Of several runs the counters are summed, the notes are the last."""
    from infer.engine.prefix.check import contents

    for _ in range(3):
        store = open_store(tmp_path)
        save(store, DOCUMENT[:300])
        store.count(300, 200, 1.5)
        store.save_notes({"self-test": "ok"})
        store.close()
    (held,) = contents(tmp_path)
    assert (held.usage.lookups, held.usage.hits, held.usage.reused, held.usage.seconds) == (3, 3, 600, 4.5)
    assert open_store(tmp_path).notes() == {"self-test": "ok"}
    assert open_store(tmp_path, rope=1).notes() == {}
    assert held.identity == store._identity


def test_loading_touches_the_whole_chain_once(tmp_path: Path) -> None:
    """What is used is not evicted next; a second load in the same run writes nothing."""
    save(open_store(tmp_path), DOCUMENT[:600])
    for file in files(tmp_path):
        os.utime(file, (1000, 1000))
    store = open_store(tmp_path)
    reach(store, DOCUMENT[:600])
    times = [file.stat().st_mtime for file in files(tmp_path)]
    assert min(times) > 1000
    reach(store, DOCUMENT[:600])
    assert [file.stat().st_mtime for file in files(tmp_path)] == times


@pytest.mark.parametrize("damaged", [False, True])
def test_how_fast_the_disk_is(tmp_path: Path, damaged: bool) -> None:
    """Bytes that were read, over the time in which they were: who is slow to use them does not make the disk slow."""
    store = open_store(tmp_path)
    save(store, DOCUMENT[:1024])
    hit = store.match(DOCUMENT[:1024])
    if damaged:
        file = next(file for file in files(tmp_path) if hit.pieces[2].name.text == file.name)
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    loading = store.load(hit, cut=True)
    loading.start()
    time.sleep(0.3)
    with loading:
        for _ in loading:
            time.sleep(0.1)
    assert loading.end == (512 if damaged else 1024)
    assert loading.bytes in ((2 * 256 * ROW, 3 * 256 * ROW) if damaged else (4 * 256 * ROW,))
    assert 0 < loading.seconds < 0.2


def test_leaving_a_load_early_ends_its_threads(tmp_path: Path) -> None:
    """Nobody waits for a buffer that is never given back."""
    store = open_store(tmp_path)
    save(store, DOCUMENT)
    with store.load(store.match(DOCUMENT), cut=True) as loading:
        next(iter(loading))
    assert not [thread for thread in threading.enumerate() if thread.name == "prefix-reader"]


def test_clearing_while_a_run_goes_on(tmp_path: Path) -> None:
    """The next piece makes its directories again; what hangs at removed pieces does no harm."""
    from infer.engine.prefix.check import clear

    store = open_store(tmp_path)
    save(store, DOCUMENT[:256])
    clear(tmp_path)
    assert not list((tmp_path / FOLDER).glob("*/*/*"))
    save(store, DOCUMENT[:512])
    assert store.warning is None
    assert reach(store, DOCUMENT) == 512


def test_a_piece_on_its_way_holds_its_parent(tmp_path: Path) -> None:
    """A tail is not dropped with the block that contains it while something that hangs at it is still queued."""
    store = open_store(tmp_path)
    save(store, DOCUMENT[:100])
    path, other = store.path(DOCUMENT[:256]), store.path([*DOCUMENT[:100], *random_tokens(20, 2)])
    (block,), (tail,) = store.missing(path, 256, cut=True), store.missing(other, 120, cut=True)
    release = threading.Event()
    write = store._writer._write
    store._writer._write = lambda job: release.wait(10) and write(job)
    for span, owner in ((block, path), (tail, other)):
        assert store.store(span, rows(owner, span.start, span.end))
    release.set()
    assert store.flush(10)
    assert not check(tmp_path).unreachable
    assert store.match([*DOCUMENT[:100], *random_tokens(20, 2)]).length == 120


def test_a_branch_that_hangs_where_the_chain_was_cut_back(tmp_path: Path) -> None:
    """Where a PART is wanted and missing, a branch behind it is of no use."""
    store = open_store(tmp_path)
    save(store, DOCUMENT[:512])
    hit = store.match(DOCUMENT[:512], 511, window=1)
    assert (hit.pieces, hit.branch, hit.shared) == ((), None, 511)


def test_native_buffers_go_in_and_come_out(tmp_path: Path) -> None:
    """A ctypes array is stored without a copy, and what is loaded can be handed to C; BASE alone may be empty."""
    store = open_store(tmp_path)
    path = store.path(DOCUMENT[:100])
    (span,) = store.missing(path, 100, cut=False)
    part = (ctypes.c_uint8 * 3000)(*range(200))
    assert not store.store(span, b"")
    assert store.store(span, b"", part)
    assert store.flush(10)
    with store.load(store.match(path, window=1), cut=False, window=1) as loading:
        found = [bytes((ctypes.c_uint8 * len(block.data)).from_buffer(block.data)) for block in loading]
    assert found == [bytes(part)]
