"""What is found in the cache directory is not trusted: damage, swaps, links, other people's files."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infer.engine.prefix import files as prefix_files
from infer.engine.prefix.check import check, prune
from infer.engine.prefix.files import FOLDER
from infer.engine.prefix.header import PAGE, Damaged, Header, decode, encode
from prefix.caches import files, load, open_store, pieces, random_tokens, reach, rows, save, temporary

PROMPT = random_tokens(700, 1)


def damage(data: bytes, generator: random.Random) -> bytes:
    """Bits flipped, cut short, or made longer; half of the flips in the header."""
    kind = generator.random()
    if kind < 0.15:
        return data[: generator.randrange(len(data))]
    if kind < 0.2:
        return data + bytes(generator.randrange(1, 5000))
    flipped = bytearray(data)
    for _ in range(generator.choice((1, 1, 1, 8))):
        reach = PAGE if kind < 0.6 else len(data)
        flipped[generator.randrange(reach)] ^= 1 << generator.randrange(8)
    return bytes(flipped)


def test_a_thousand_damages(tmp_path: Path) -> None:
    """Each is a miss, or is not read: never other bytes, never an exception; the next store mends it."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    generator = random.Random(1)
    originals = {file: file.read_bytes() for file in files(tmp_path)}
    names = {piece.place: piece.name for piece in pieces(tmp_path)}
    for _ in range(1000):
        file = generator.choice(list(originals))
        file.write_bytes(damaged := damage(originals[file], generator))
        start = names[str(file.relative_to(tmp_path / FOLDER))].start
        assert reach(store, PROMPT) == (700 if damaged == originals[file] else start)
        assert not file.exists() or damaged == originals[file]
        file.write_bytes(originals[file])


def test_a_damaged_piece_is_stored_again(tmp_path: Path) -> None:
    """'It exists' is not 'it is there': a damaged header or payload does not keep its hole for ever."""
    for offset in (100, PAGE + 5):
        store = open_store(tmp_path)
        save(store, PROMPT)
        data = bytearray(files(tmp_path)[1].read_bytes())
        data[offset] ^= 1
        files(tmp_path)[1].write_bytes(data)
        assert len(check(tmp_path, read_data=True).damaged) == 1
        assert len(check(tmp_path).damaged) == (1 if offset < PAGE else 0)
        assert reach(store, PROMPT) == 256
        save(store, PROMPT)
        assert reach(store, PROMPT) == 700
        assert check(tmp_path, read_data=True).clean


@pytest.mark.parametrize("other", [{"weights": 2}, {"rope": 1}, {"lora": 1}, {"flash": 0}])
def test_another_fingerprint_finds_nothing(tmp_path: Path, other: dict[str, int]) -> None:
    """Not in its own directory, and not when the whole directory is renamed to its name."""
    first = open_store(tmp_path)
    save(first, PROMPT)
    second = open_store(tmp_path, **other)
    assert reach(second, PROMPT) == 0
    (tmp_path / FOLDER / first.fingerprint.hex()).rename(tmp_path / FOLDER / second.fingerprint.hex())
    assert reach(second, PROMPT) == 0


def test_renamed_into_the_place_of_another_model(tmp_path: Path) -> None:
    """A piece of one model under the name that another model's piece would have is removed."""
    first, second = open_store(tmp_path), open_store(tmp_path, weights=2)
    save(first, PROMPT)
    save(second, PROMPT)
    mine = sorted((tmp_path / FOLDER / first.fingerprint.hex()).glob("*/*"))
    theirs = sorted((tmp_path / FOLDER / second.fingerprint.hex()).glob("*/*"))
    for source, target in zip(mine, theirs, strict=True):
        shutil.copyfile(source, target)
    assert reach(second, PROMPT) == 0
    assert reach(first, PROMPT) == 700


def test_swapped_pieces(tmp_path: Path) -> None:
    """Two sound files under each other's names are both refused."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    one, other, _ = files(tmp_path)
    one.rename(tmp_path / "x")
    other.rename(one)
    (tmp_path / "x").rename(other)
    assert len(check(tmp_path).damaged) == 2
    assert reach(store, PROMPT) == 0


def test_headers_of_another_format_or_impossible(tmp_path: Path) -> None:
    """Fields that disagree are refused though the checksum is right."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    header = store.match(PROMPT).pieces[0]
    page = encode(header)
    assert decode(page, header.name, header.fingerprint, header.size) == header
    with pytest.raises(Damaged, match="size"):
        decode(page, header.name, header.fingerprint, header.size + 1)
    with pytest.raises(Damaged, match="another model"):
        decode(page, header.name, bytes(16), header.size)
    with pytest.raises(Damaged, match="name"):
        decode(page, store.match(PROMPT).pieces[1].name, header.fingerprint, header.size)
    huge = Header(header.fingerprint, header.name, header.window, False, 1 << 41, 0, 0, 0)
    with pytest.raises(Damaged, match="sizes"):
        decode(encode(huge), huge.name, huge.fingerprint, huge.size)


def as_link(place: Path, aside: Path) -> None:
    place.rename(aside)
    place.symlink_to(aside)


def as_directory(place: Path, _: Path) -> None:
    place.unlink()
    place.mkdir()


def as_fifo(place: Path, _: Path) -> None:
    place.unlink()
    os.mkfifo(place)


@pytest.mark.parametrize("make", [as_link, as_directory, as_fifo])
def test_foreign_things_under_our_names(tmp_path: Path, make: Callable[[Path, Path], None]) -> None:
    """A link to a sound piece, a directory, a FIFO: absent, left alone, listed by check."""
    store = open_store(tmp_path / "cache")
    save(store, PROMPT)
    place = files(tmp_path / "cache")[1]
    make(place, tmp_path / "aside")
    assert reach(store, PROMPT) == 256
    assert os.path.lexists(place)
    report = check(tmp_path / "cache", read_data=True)
    assert report.clean
    assert [Path(text).name for text in report.foreign] == [place.name]
    prune(tmp_path / "cache")
    assert os.path.lexists(place)


@pytest.mark.parametrize("level", range(4))
def test_a_directory_that_is_a_link(tmp_path: Path, level: int) -> None:
    """No directory of the cache below the user's own is followed when it is a link; nothing is written behind it."""
    store = open_store(tmp_path / "cache")
    save(store, PROMPT)
    piece = files(tmp_path / "cache")[0]
    place = [tmp_path / "cache", *reversed(piece.parents)][-4 + level] if level else tmp_path / "cache" / FOLDER
    as_link(place, tmp_path / "aside")
    before = sorted(tmp_path.rglob("*"))
    if place == tmp_path / "cache":
        assert reach(open_store(tmp_path / "cache"), PROMPT) == 700
    else:
        fresh = open_store(tmp_path / "cache")
        assert reach(fresh, PROMPT) == 0
        save(fresh, PROMPT)
        assert fresh.warning or level == 3
    assert [path for path in before if not os.path.lexists(path)] == []


def test_another_users_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are absent for us, and stay."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    found = files(tmp_path)
    monkeypatch.setattr(prefix_files.os, "geteuid", lambda: 12345)
    assert reach(store, PROMPT) == 0
    assert pieces(tmp_path) == []
    save(store, PROMPT)
    assert store.warning is not None
    monkeypatch.undo()
    assert files(tmp_path) == found
    assert reach(open_store(tmp_path), PROMPT) == 700


def test_anything_else_in_the_directory_is_left_alone(tmp_path: Path) -> None:
    """Names that are not ours are never opened and never removed, at any level."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    shard = files(tmp_path)[0].parent
    foreign = [shard / "README", shard / ".kv", shard.parent / "zz", shard.parent.parent / "x.kv", shard / "a.tmp"]
    for place in foreign:
        place.write_text("mine")
        place.chmod(0)
    assert reach(store, PROMPT) == 700
    report = check(tmp_path)
    assert report.clean
    assert len(report.foreign) == len(foreign)
    prune(tmp_path)
    assert all(place.exists() for place in foreign)


def test_a_piece_that_goes_while_it_is_loaded(tmp_path: Path) -> None:
    """Removed after it was found, it ends the prefix; removed after it was opened, it does not matter."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    hit = store.match(PROMPT)
    files(tmp_path)[1].unlink()
    assert load(store, PROMPT, hit) == 256


def test_an_unreadable_piece_ends_the_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO of a payload is no exception, and the file stays: the next disk check may tell more."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    hit = store.match(PROMPT)

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    assert load(store, PROMPT, hit) == 0
    monkeypatch.undo()
    assert load(store, PROMPT, hit) == 700


@pytest.mark.parametrize("call", ["pwrite", "posix_fallocate", "rename", "open", "mkdir"])
@pytest.mark.parametrize("number", [28, 5, 30, 13])
def test_a_disk_that_does_not_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    """Full, broken, read-only, forbidden: one warning, no exception, no temporary file; what is there can be read."""
    store = open_store(tmp_path)
    save(store, PROMPT[:300])

    def fail(*arguments: object, **_: object) -> int:
        if call == "open" and not arguments[1] & os.O_CREAT:  # type: ignore[operator]
            return real(*arguments, **_)
        raise OSError(number, os.strerror(number))

    real = getattr(os, call)
    monkeypatch.setattr(os, call, fail)
    path = store.path(PROMPT)
    for span in store.missing(path, 700, cut=True):
        store.store(span, rows(path, span.start, span.end))
    store.flush(10)
    assert store.close() >= 0
    monkeypatch.undo()
    assert store.warning == f"the prompt cache cannot be written: {os.strerror(number)}"
    assert not temporary(tmp_path)
    assert reach(open_store(tmp_path), PROMPT) == (512 if call == "mkdir" else 300)
    assert check(tmp_path, read_data=True).clean
