"""Whatever stands in the cache directory: runs and commands go on, and no wrong byte comes out of it."""

import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from infer.engine.prefix.check import check, clear, contents, prune
from infer.engine.prefix.files import FOLDER
from prefix.caches import ROW, open_store, random_tokens, rows, snapshot, state

ONE = random_tokens(700, 1)
PROMPTS = (ONE, [*ONE[:400], *random_tokens(300, 2)])
NAMES = ("aa", "about.json", "x.kv", ".1-a.tmp", "a" * 32, "\udcff")
VICTIM = "victim"  # a directory beside the cache, to which links lead


def use(cache_dir: Path, generator: random.Random) -> None:
    """All that runs of two memory types do, with budgets from small to the default."""
    for tokens in PROMPTS:
        store = open_store(cache_dir, generator.choice((1 << 30, 60_000, 20_000)))
        store.notes()
        path = store.path(tokens)
        with store.load(store.match(path, 699), cut=True) as loading:
            for block in loading:
                assert bytes(block.data[: block.usable * ROW]) == rows(path, block.piece.start, block.end)
        for window in (1, 512):
            store.match(path, window=window)
        for cut in (True, False):
            for span in store.missing(path, 700, cut=cut, keep=generator.random() < 0.5):
                store.store(span, rows(path, span.start, span.end), b"" if cut else state(path, span.end))
        assert store.flush(30)
        store.count(7, 3, 1.0)
        store.save_notes({"a": 1})
        store.evict(generator.choice((None, 50_000)))
        store.close()


def cache_of(place: Path) -> Path:
    return next(parent for parent in place.parents if parent.name == "cache")


def remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink()


def to_directory(place: Path, _: random.Random) -> None:
    remove(place)
    place.mkdir()


def to_fifo(place: Path, _: random.Random) -> None:
    remove(place)
    os.mkfifo(place)


def to_link(place: Path, generator: random.Random) -> None:
    outside = cache_of(place).with_name(VICTIM)
    remove(place)
    place.symlink_to(generator.choice((outside, outside / "about.json", outside / "none", "/dev/zero", place)))


def to_noise(place: Path, generator: random.Random) -> None:
    remove(place)
    place.write_bytes(generator.randbytes(generator.choice((0, 10, 4096, 5000))))


def resize(place: Path, generator: random.Random) -> None:
    if place.is_file() and not place.is_symlink():
        os.truncate(place, generator.choice((0, 100, 4096, 1 << 40)))


def move(place: Path, generator: random.Random) -> None:
    place.rename(generator.choice(sorted(cache_of(place).rglob("*"))))


def add(place: Path, generator: random.Random) -> None:
    if not place.is_symlink():  # nothing outside is touched
        (place / generator.choice(NAMES)).mkdir()


def give_away(place: Path, _: random.Random) -> None:
    os.chown(place, 1234, 1234, follow_symlinks=False)


ACTS: tuple[Callable[[Path, random.Random], None], ...] = (
    to_directory,
    to_fifo,
    to_link,
    to_noise,
    resize,
    move,
    add,
    give_away,
    lambda place, _: remove(place),
)


@pytest.mark.parametrize("seed", range(6))
def test_any_mess(tmp_path: Path, seed: int) -> None:
    generator = random.Random(seed)
    cache_dir, victim = tmp_path / "cache", tmp_path / VICTIM
    use(cache_dir, generator)
    shutil.copytree(cache_dir / FOLDER, victim)
    (victim / "about.json").write_text("{}")
    before = snapshot(victim)
    for _ in range(12):
        for _ in range(generator.randrange(1, 4)):
            if places := sorted(cache_dir.rglob("*")):
                with suppress(OSError):  # a move onto something else, a name that is taken
                    generator.choice(ACTS)(generator.choice(places), generator)
        use(cache_dir, generator)
        contents(cache_dir)
        check(cache_dir, read_data=True)
        generator.choice((prune, prune, clear, contents))(cache_dir)
    clear(cache_dir)
    assert snapshot(victim) == before
