"""What is given up when there is too much: the least recently used leaves, never what is needed."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infer.engine.prefix import evict as eviction
from infer.engine.prefix.about import Identity
from infer.engine.prefix.check import check, clear, contents, prune
from infer.engine.prefix.evict import choose, evict, unreachable
from infer.engine.prefix.files import FOLDER
from infer.engine.prefix.keys import Name, root
from infer.engine.prefix.store import PrefixStore
from infer.engine.prefix.survey import STALE, Census, Stored
from prefix.caches import (
    GENEROUS,
    ROW,
    files,
    identity,
    load,
    open_store,
    pieces,
    random_tokens,
    reach,
    rows,
    save,
    temporary,
)

PROMPT = random_tokens(700, 1)
PRINT = "ab" * 16


def forest(shape: list[tuple[int, int, int]]) -> list[Stored]:
    """Pieces from (index of the parent, size, time); a parent that does not come before is the root."""
    keys = [bytes([index]) * 16 for index in range(len(shape))]
    found = []
    for index, (parent, size, used) in enumerate(shape):
        above = keys[parent] if parent < index else root(bytes.fromhex(PRINT))
        found.append(Stored(PRINT, Name(above, above, 0, 1, bytes(4), keys[index]), size, used))
    return found


def nothing(_: Stored) -> bool:
    return False


FORESTS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(0, 5)), max_size=20).map(forest)


@given(FORESTS, st.integers(0, 60), st.sets(st.integers(0, 19)))
def test_choosing(found: list[Stored], budget: int, indices: set[int]) -> None:
    """Within the budget or only what is protected is left; children before parents; no more than was needed."""
    protected = {found[index].place for index in indices if index < len(found)}
    chosen = choose(found, budget, lambda piece: piece.place in protected, ())
    left = [piece for piece in found if piece not in chosen]
    total = sum(piece.size for piece in left)
    assert not protected & {piece.place for piece in chosen}
    assert not unreachable(left)
    leaves = [piece for piece in left if piece.name.key not in {other.name.parent for other in left}]
    assert total <= budget or protected >= {piece.place for piece in leaves}
    assert not chosen or total + chosen[-1].size > budget
    for index, piece in enumerate(chosen):
        rest = [*left, *chosen[index + 1 :]]
        assert piece.name.key not in {other.name.parent for other in rest}
        free = [other for other in rest if other.name.key not in {one.name.parent for one in [*rest, piece]}]
        assert all(piece.used <= other.used for other in free if other.place not in protected)


def test_unreachable_and_dead_go_first() -> None:
    """However recently they were used."""
    found = forest([(99, 1, 0), (0, 1, 1), (99, 1, 9)])
    orphan = Stored(PRINT, Name(b"x" * 16, b"x" * 16, 0, 1, bytes(4), b"y" * 16), 1, 99)
    assert choose([*found, orphan], 3, nothing, ()) == [orphan]
    dead = Stored("cd" * 16, Name(b"x" * 16, root(b"\xcd" * 16), 0, 1, bytes(4), b"z" * 16), 1, 98)
    assert choose([*found, dead], 3, nothing, ("cd" * 16,)) == [dead]
    assert choose(found, 3, nothing, ()) == []


def test_the_least_recently_used_prompt_goes(tmp_path: Path) -> None:
    """Of three prompts the one that was loaded last stays; a shared beginning stays with it."""
    prompts = [[*PROMPT[:512], *random_tokens(100, seed)] for seed in range(3)]
    for prompt in prompts:
        save(open_store(tmp_path), prompt)
    for index, file in enumerate(files(tmp_path)):
        os.utime(file, (1000 + index, 1000 + index))
    store = open_store(tmp_path)
    assert reach(store, prompts[1]) == 612
    total = sum(piece.size for piece in pieces(tmp_path))
    done = open_store(tmp_path).evict(total - 1)
    assert (done.removed, done.left) == (1, sum(piece.size for piece in pieces(tmp_path)))
    open_store(tmp_path).evict(0 + sum(piece.size for piece in pieces(tmp_path)) - 1)
    assert reach(open_store(tmp_path), prompts[1]) == 612
    assert not check(tmp_path).unreachable
    assert open_store(tmp_path).evict(0).left == 0


def test_the_budget_is_kept_while_storing(tmp_path: Path) -> None:
    """At every moment, over all models; what this run needs last stays, and the prompt is found as far as it goes."""
    size = 4096 + 256 * 64
    for seed in range(6):
        store = open_store(tmp_path, 10 * size, weights=seed % 2)
        prompt = random_tokens(1024, seed)
        for end in range(256, 1025, 256):
            save(store, prompt, end)
            assert sum(piece.size for piece in pieces(tmp_path)) <= 10 * size
        assert reach(store, prompt) == 1024
        assert store.warning is None
    assert len({piece.fingerprint for piece in pieces(tmp_path)}) == 2


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_a_prompt_larger_than_the_budget(tmp_path: Path, blocks: int) -> None:
    """Its beginning is stored, the rest is not, and nothing hangs in the air."""
    size = 4096 + 256 * 64
    store = open_store(tmp_path, blocks * size + 100)
    save(store, random_tokens(2048, 1))
    assert len(pieces(tmp_path)) == blocks
    assert reach(store, random_tokens(2048, 1)) == 256 * blocks
    assert not check(tmp_path).unreachable
    assert store.warning is None


def test_what_is_being_loaded_stays(tmp_path: Path) -> None:
    """An eviction of the same run leaves the pieces of its hit alone; one of another run does no harm."""
    save(open_store(tmp_path), PROMPT)
    store = open_store(tmp_path)
    hit = store.match(PROMPT)
    with store.load(hit, cut=True) as loading:
        blocks = iter(loading)
        next(blocks)
        assert store.evict(0).removed == 0
        assert len(list(blocks)) == 2
    assert open_store(tmp_path).evict(0).removed == 3
    assert load(store, PROMPT, hit) == 0


def test_what_cannot_be_removed_costs_no_room_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The piece stays and what it hangs at, others go in their place, and `problem` says why."""
    stuck, other = random_tokens(600, 1), random_tokens(600, 2)
    for index, prompt in enumerate((stuck, other)):
        save(open_store(tmp_path), prompt)
        for file in files(tmp_path):
            os.utime(file, (1000 + index, 1000 + index))
    leaf = open_store(tmp_path).match(stuck).pieces[-1].name.text
    for place in files(tmp_path):
        os.utime(place, (999, 999) if place.name == leaf else None)
    real = os.unlink

    def unlink(path: str, **more: int) -> None:
        if path == leaf:
            raise PermissionError(1, "Operation not permitted")
        real(path, **more)

    monkeypatch.setattr(os, "unlink", unlink)
    store = open_store(tmp_path)
    done = store.evict(sum(piece.size for piece in pieces(tmp_path)) // 2)
    assert (done.removed, done.left) == (3, sum(piece.size for piece in pieces(tmp_path)))
    assert store.warning == "the prompt cache cannot be written: Operation not permitted"
    assert reach(open_store(tmp_path), stuck) == 600
    assert reach(open_store(tmp_path), other) == 0


def test_where_nothing_can_be_removed_nothing_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget holds though no eviction works."""

    def unlink(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    size = 4096 + 256 * 64
    monkeypatch.setattr(os, "unlink", unlink)
    for seed in range(5):
        save(open_store(tmp_path, 4 * size), random_tokens(512, seed))
    assert len(pieces(tmp_path)) == 4


def test_what_another_has_removed_meanwhile_makes_room_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that evict at once choose the same pieces; neither takes more than it has to, nor thinks that it is full."""
    for seed in range(8):
        save(open_store(tmp_path), random_tokens(256, seed))
    choosing = eviction.choose

    def interrupted(*arguments: object) -> list[Stored]:
        chosen = choosing(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(eviction, "choose", choosing)
        assert open_store(tmp_path).evict(5 * (4096 + 256 * 64)).removed == 3
        return chosen

    monkeypatch.setattr(eviction, "choose", interrupted)
    done = open_store(tmp_path).evict(5 * (4096 + 256 * 64))
    assert (done.removed, done.left) == (0, 5 * (4096 + 256 * 64))
    assert len(pieces(tmp_path)) == 5


def test_pieces_of_models_that_are_gone(tmp_path: Path) -> None:
    """Are given up before others, and by prune at once."""
    model = tmp_path / "model.gguf"
    model.write_bytes(b"")
    gone = PrefixStore(tmp_path, Identity("gone", str(model), {"w": 1}), GENEROUS)
    save(open_store(tmp_path), PROMPT)
    save(gone, PROMPT)
    model.unlink()
    held = {one.identity.model: one for one in contents(tmp_path) if one.identity}
    assert (held["gone"].dead, held["tiny"].dead) == (True, False)
    total = sum(piece.size for piece in pieces(tmp_path))
    open_store(tmp_path).evict(total - 1)
    assert reach(gone, PROMPT) < 700
    assert reach(open_store(tmp_path), PROMPT) == 700
    assert prune(tmp_path).entries == 2
    assert [one.identity.model for one in contents(tmp_path) if one.identity] == ["tiny"]
    assert not (tmp_path / FOLDER / gone.fingerprint.hex()).exists()


def test_prune_removes_orphans_and_old_temporary_files(tmp_path: Path) -> None:
    """A young temporary file has a writer; an old one has none."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    first, second, last = files(tmp_path)
    first.unlink()
    assert len(check(tmp_path).unreachable) == 2
    assert check(tmp_path).clean
    for name in (".1-2-young.tmp", ".1-2-old.tmp"):
        (second.parent / name).write_bytes(b"x")
    old = second.parent / ".1-2-old.tmp"
    os.utime(old, (old.stat().st_mtime - STALE - 1,) * 2)
    assert check(tmp_path).temporary == (str(old.relative_to(tmp_path / FOLDER)),)
    assert check(tmp_path).clean
    assert prune(tmp_path).entries == 2
    assert [place.name for place in second.parent.iterdir()] == [".1-2-young.tmp"]
    assert not last.exists()


def test_clear_takes_everything_of_a_model(tmp_path: Path) -> None:
    """Not a token and not a row of it is left anywhere; the other model's stay."""
    mine, other = open_store(tmp_path), open_store(tmp_path, weights=2)
    for store in (mine, other):
        save(store, PROMPT)
        store.count(700, 0, 0.0)
        store.save_notes({"a": 1})
        store.close()
    removed = clear(tmp_path, {mine.fingerprint.hex()})
    assert removed.entries == 3
    assert [one.fingerprint for one in contents(tmp_path)] == [other.fingerprint.hex()]
    assert reach(open_store(tmp_path, weights=2), PROMPT) == 700
    clear(tmp_path)
    assert contents(tmp_path) == []
    left = [place for place in tmp_path.rglob("*") if place.is_file()]
    assert all(place.name in ("usage.jsonl",) and place.stat().st_size < 20 for place in left)


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_order_of_interrupted_evictions_leaves_a_tree(
    tmp_path_factory: pytest.TempPathFactory, random_: random.Random
) -> None:
    """After any first part of an eviction's removals everything that is left can be reached."""
    found = forest([(random_.randrange(20), 1, random_.randrange(5)) for _ in range(20)])
    chosen = choose(found, 0, nothing, ())
    gone = set(chosen[: random_.randrange(21)])
    assert not unreachable([piece for piece in found if piece not in gone])


def test_evicting_nothing(tmp_path: Path) -> None:
    """A cache that was never written stays so."""
    assert evict(tmp_path / "none", 0).left == evict(tmp_path / "none", None).left == 0
    assert not (tmp_path / "none").exists()


def test_two_runs_keep_one_budget(tmp_path: Path) -> None:
    """Though neither knows what the other writes."""
    size = 4096 + 256 * 64
    one, other = open_store(tmp_path, 10 * size), open_store(tmp_path, 10 * size)
    for step in range(12):
        save((one, other)[step % 2], random_tokens(256, step))
        assert sum(piece.size for piece in pieces(tmp_path)) <= 10 * size


def test_eight_runs_that_write_at_once_keep_one_budget(tmp_path: Path) -> None:
    """Of 200 small pieces: none writes enough of it to look again by itself, and eight ask for the last room."""
    size = 4096 + 64 * ROW
    stores = [open_store(tmp_path, 200 * size) for _ in range(8)]
    for step in range(30):
        for index, store in enumerate(stores):
            path = store.path(random_tokens(64, 100 * index + step))
            (span,) = store.missing(path, 64, cut=True)
            assert store.store(span, rows(path, 0, 64))
        assert all(store.flush(30) for store in stores)
        assert len(pieces(tmp_path)) <= 200
    assert len(pieces(tmp_path)) > 180
    assert all(store.warning is None for store in stores)


@pytest.mark.slow
def test_a_count_of_ten_thousand_pieces_is_cheap(tmp_path: Path) -> None:
    """Before each write: of the directories that nobody has changed only the time is asked for."""
    store = open_store(tmp_path)
    for seed in range(256):
        (tmp_path / FOLDER / store.fingerprint.hex() / f"{seed:02x}").mkdir(parents=True)
    for number in range(10_000):
        name = store.path([number]).name(0, 1)
        name = replace(name, boundary=bytes([number % 256]) + name.boundary[1:])
        place = tmp_path / FOLDER / store.fingerprint.hex() / name.shard / name.text
        place.write_bytes(b"x" * 100)
    for shard in (tmp_path / FOLDER / store.fingerprint.hex()).iterdir():
        os.utime(shard, (1000, 1000))
    census = Census(tmp_path)
    assert census.total() == 1_000_000
    seconds = []
    for _ in range(20):
        started = time.thread_time()
        assert census.total() == 1_000_000
        seconds.append(time.thread_time() - started)
    print(f"median {median(seconds) * 1e3:.2f} ms")
    assert median(seconds) <= 0.005
    place.with_name(".1-a.tmp").write_bytes(b"y" * 50)
    assert census.total() == 1_000_050
    place.unlink()
    assert census.total() == 999_950


def test_what_another_run_stores_can_be_hung_at(tmp_path: Path) -> None:
    """A piece there was no room for is here all the same once another process has stored it."""
    size = 4096 + 256 * ROW
    store, other = open_store(tmp_path, 3 * size), open_store(tmp_path)
    save(other, random_tokens(768, 5))
    store.load(store.match(random_tokens(768, 5)), cut=True)  # all of it is in use
    save(store, PROMPT[:256])
    assert reach(other, PROMPT) == 0
    save(other, PROMPT[:256])
    store.load(store.match([]), cut=True)
    save(store, PROMPT[:300])
    assert reach(other, PROMPT) == 300


def test_the_default_budget_is_a_tenth_of_the_disk_without_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the cache takes from the disk it does not take from its own budget; never more than 20 GB."""
    size = 4096 + 256 * 64
    disk = 100 * size

    def free(place: Path) -> int:
        return disk - sum(piece.size for piece in pieces(place))

    monkeypatch.setattr(eviction, "disk_free", free)
    for seed in range(30):
        save(PrefixStore(tmp_path, identity(), None), random_tokens(256, seed))
        assert len(pieces(tmp_path)) == min(seed + 1, 10)
    for taken in (20, 90):  # other files on the disk
        monkeypatch.setattr(eviction, "disk_free", lambda place, taken=taken: free(place) - taken * size)
        assert PrefixStore(tmp_path, identity(), None).evict().left == (100 - taken) // 10 * size
    monkeypatch.setattr(eviction, "disk_free", lambda _: 10**15)
    assert PrefixStore(tmp_path, identity(), None).evict().budget == 20 * 10**9


def test_facts_that_are_not_those_of_the_directory(tmp_path: Path) -> None:
    """about.json must hash to the name it stands under; the next run that writes mends it."""
    store = open_store(tmp_path)
    save(store, PROMPT[:300])
    about = tmp_path / FOLDER / store.fingerprint.hex() / "about.json"
    plain = json.loads(about.read_text())
    about.write_text(json.dumps(plain | {"facts": {"weights": "other"}}))
    assert [(one.identity, one.dead) for one in contents(tmp_path)] == [(None, True)]
    save(open_store(tmp_path), PROMPT)
    assert json.loads(about.read_text())["facts"] == plain["facts"]


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    """At every level; not what is young: its process may live where we cannot see it, in another container."""
    store = open_store(tmp_path)
    save(store, random_tokens(300, 1))
    shard = files(tmp_path)[0].parent
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    places = [shard, shard.parent, shard.parent.parent]
    for place in places:
        for process, text in ((ended.pid, "old"), (ended.pid, "young"), (os.getpid(), "mine")):
            file = place / f".{process}-{text}.tmp"
            file.write_bytes(b"half")
            if text != "young":
                os.utime(file, (1000, 1000))
    store.evict()
    assert sorted(temporary(tmp_path)) == sorted(
        place / f".{process}-{text}.tmp"
        for place in places
        for process, text in ((ended.pid, "young"), (os.getpid(), "mine"))
    )


def test_what_is_larger_than_the_budget_drives_nothing_out(tmp_path: Path) -> None:
    save(open_store(tmp_path, max_bytes=1 << 20), random_tokens(300, 1))
    before = files(tmp_path)
    save(open_store(tmp_path, max_bytes=8192), random_tokens(300, 2), row=1 << 10)
    assert files(tmp_path) == before
