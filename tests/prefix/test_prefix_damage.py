"""What is found in the cache directory is not trusted: damage, swaps, links, other people's files."""

import errno
import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from infer.engine.prefix import files as prefix_files
from infer.engine.prefix.check import check, clear, prune
from infer.engine.prefix.files import FOLDER
from infer.engine.prefix.header import FORMAT, PAGE, Damaged, Header, decode, encode
from infer.engine.prefix.keys import Path as TokenPath
from infer.engine.prefix.keys import parse_name
from infer.engine.prefix.store import PrefixStore
from prefix.caches import files, load, open_store, pieces, random_tokens, reach, rows, save, snapshot, state, temporary

PROMPT = random_tokens(700, 1)


REGIONS = ("header", "base", "padding", "part", "length")
STATE = 100  # times the bytes of a state: larger than what fits between two pages


def places(header: Header) -> dict[str, range]:
    """Which bytes of a piece's file belong to what; empty where there are none."""
    end = PAGE + header.base
    padding = range(end, header.part_offset if header.part else end)
    return {
        "header": range(PAGE),
        "base": range(PAGE, end),
        "padding": padding,
        "part": range(header.size - header.part, header.size),
    }


def damage(data: bytes, header: Header, region: str, generator: random.Random) -> bytes:
    """One or eight bits flipped in a region; or the file cut short, or made longer."""
    if region == "length":
        cut = data[: generator.randrange(len(data))]
        return generator.choice((cut, cut, data + bytes(generator.randrange(1, 5000))))
    flipped = bytearray(data)
    for _ in range(generator.choice((1, 1, 1, 8))):
        flipped[generator.choice(places(header)[region])] ^= 1 << generator.randrange(8)
    return bytes(flipped)


def save_states(store: PrefixStore, window: int) -> TokenPath:
    """The prompt as an engine stores it: without states, with some (recurrent), or with one in each piece (window)."""
    path = store.path(PROMPT)
    for end in (300, 600, 700):
        for span in store.missing(path, end, cut=not window):
            part = state(path, span.end) * STATE if window > 1 or (window and span.end == end) else b""
            store.store(span, rows(path, span.start, span.end), part)
        assert store.flush(10)
    return path


def load_states(store: PrefixStore, path: TokenPath, window: int) -> int:
    """Load what is found of the prompt, compare every byte, and say how far it can be used."""
    hit = store.match(path, window=window)
    with store.load(hit, cut=not window, window=window, empty=b"-" if window else b"") as loading:
        for block in loading:
            assert bytes(block.data[: block.base]) == rows(path, block.piece.start, block.piece.end)
            wanted = window and block.piece.end > hit.length - window
            assert bytes(block.data[block.base :]) == (
                state(path, block.end) * STATE if wanted else b"-" if window else b""
            )
    return loading.end if not window or loading.end == hit.length else 0


@pytest.mark.parametrize("window", [0, 1, 512], ids=["full attention", "recurrent", "sliding window"])
def test_a_thousand_damages(tmp_path: Path, window: int) -> None:
    """Everywhere in pieces with and without a PART. Each is a miss, or is not read: never other bytes."""
    store = open_store(tmp_path)
    path = save_states(store, window)
    originals = {file: file.read_bytes() for file in files(tmp_path)}
    headers = {file: header_of(file, store.fingerprint) for file in originals}
    assert {bool(header.part) for header in headers.values()} == {0: {False}, 1: {False, True}, 512: {True}}[window]
    chain = {header.name for header in store.match(path, window=window).pieces}
    generator = random.Random(window)
    chances = [(file, region) for file in originals for region in REGIONS if has(headers[file], region)]
    assert {region for _, region in chances} == set(REGIONS) - (set() if window else {"padding", "part"})
    for number in range(1000):
        file, region = chances[number % len(chances)]
        header = headers[file]
        file.write_bytes(damaged := damage(originals[file], header, region, generator))
        is_read = header.name in chain and region != "padding" and (region != "part" or header.end > 700 - window)
        got = load_states(store, path, window)
        assert (got < 700) == (is_read and damaged != originals[file]), (file, region)
        assert window or got in (700, header.start)
        assert not (is_read and file.exists()) or damaged == originals[file]
        file.write_bytes(originals[file])
    assert load_states(store, path, window) == 700


def has(header: Header, region: str) -> bool:
    return region == "length" or len(places(header)[region]) > 0


def header_of(file: Path, fingerprint: bytes) -> Header:
    name, data = parse_name(file.name), file.read_bytes()
    assert name
    return decode(data[:PAGE], name, fingerprint, len(data))


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
    with pytest.raises(Damaged, match="another format"):
        decode(of_another_format(page), header.name, header.fingerprint, header.size)
    huge = Header(header.fingerprint, header.name, header.window, False, 1 << 41, 0, 0, 0)
    with pytest.raises(Damaged, match="sizes"):
        decode(encode(huge), huge.name, huge.fingerprint, huge.size)


def of_another_format(page: bytes) -> bytes:
    """A header as a later version may write it, with its checksum."""
    other = bytearray(page)
    struct.pack_into("<I", other, 8, FORMAT + 1)
    struct.pack_into("<I", other, PAGE - 4, crc32(other[: PAGE - 4]))
    return bytes(other)


def test_a_piece_of_another_format_is_a_miss(tmp_path: Path) -> None:
    """In its place stands one of ours after the next run."""
    store = open_store(tmp_path)
    save(store, PROMPT)
    file = files(tmp_path)[1]
    data = file.read_bytes()
    file.write_bytes(of_another_format(data[:PAGE]) + data[PAGE:])
    assert [text.rpartition(": ")[2] for text in check(tmp_path).damaged] == ["another format"]
    assert reach(store, PROMPT) == 256
    save(store, PROMPT)
    assert reach(store, PROMPT) == 700


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
    """No directory of the cache below the user's own is followed when it is a link; nothing changes behind it."""
    store = open_store(tmp_path / "cache")
    save(store, PROMPT)
    store.save_notes({"self-test": "ok"})
    store.close()
    piece = files(tmp_path / "cache")[0]
    place = [tmp_path / "cache", *reversed(piece.parents)][-4 + level] if level else tmp_path / "cache" / FOLDER
    as_link(place, tmp_path / "aside")
    before = snapshot(tmp_path / "aside")
    if place == tmp_path / "cache":
        assert reach(open_store(tmp_path / "cache"), PROMPT) == 700
        return
    fresh = open_store(tmp_path / "cache")
    assert reach(fresh, PROMPT) == 0
    assert level == 3 or fresh.notes() == {}
    save(fresh, PROMPT)
    assert fresh.warning or level == 3
    fresh.save_notes({"self-test": "no"})
    fresh.count(1, 1, 1.0)
    fresh.evict(0)
    fresh.close()
    for clean_up in (prune, clear):
        clean_up(tmp_path / "cache")
        assert place.is_symlink()
    assert snapshot(tmp_path / "aside") == before


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


def test_a_file_system_that_cannot_reserve_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is written to all the same."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    store = open_store(tmp_path)
    save(store, PROMPT)
    assert store.warning is None
    assert reach(open_store(tmp_path), PROMPT) == 700
