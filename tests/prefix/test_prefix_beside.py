"""What stands beside the pieces, about.json, notes.json and usage.jsonl: neither trusted nor needed."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from infer.engine.prefix.check import check, clear, contents, prune
from infer.engine.prefix.store import PrefixStore
from prefix.caches import open_store, random_tokens, reach, save

PROMPT = random_tokens(700, 1)
BESIDE = ("about.json", "notes.json", "usage.jsonl")


@pytest.mark.parametrize("text", BESIDE)
@pytest.mark.parametrize("kind", ["link", "directory", "FIFO"])
def test_foreign_things_under_their_names(tmp_path: Path, kind: str, text: str) -> None:
    """Nothing is read or written through them, nothing hangs, and the run goes on."""
    store = used_store(tmp_path / "cache")
    (place,) = (tmp_path / "cache").rglob(text)
    place.rename(tmp_path / "victim")
    before = (tmp_path / "victim").read_bytes()
    if kind == "link":
        place.symlink_to(tmp_path / "victim")
    elif kind == "directory":
        place.mkdir()
    else:
        os.mkfifo(place)
    assert reach(used_store(tmp_path / "cache"), PROMPT) == 700
    assert (tmp_path / "victim").read_bytes() == before
    assert len(contents(tmp_path / "cache")) == 1
    assert check(tmp_path / "cache", read_data=True).clean
    prune(tmp_path / "cache")
    clear(tmp_path / "cache")
    save(store, PROMPT)


def used_store(cache_dir: Path) -> PrefixStore:
    """After a run that has left everything that can lie beside the pieces."""
    store = open_store(cache_dir)
    save(store, PROMPT)
    store.save_notes({**store.notes(), "self-test": "ok"})
    store.count(700, 300, 1.0)
    store.close()
    return open_store(cache_dir)


LINE = '{"fingerprint": "%s", "lookups": 1, "hits": 1, "prompt": 1, "reused": 1, "seconds": %s}'
HOSTILE = {
    "nothing": b"",
    "deep": b"[" * 200_000,
    "deep values": b'{"a":' * 100_000,
    "a list": b"[1, 2]",
    "a text": b'"abc"',
    "null": b"null",
    "no UTF-8": b"\xff\xfe\x00",
    "a huge number": b'{"facts": ' + b"9" * 5000 + b"}",
    "a large number": (LINE % ("ab" * 16, "9" * 400)).encode(),
    "not a number": (LINE % ("ab" * 16, "NaN")).encode(),
    "infinite": (LINE % ("ab" * 16, "Infinity")).encode(),
    "true": (LINE % ("ab" * 16, "true")).encode(),
    "another directory": (LINE % ("../../../etc", "1")).encode(),
    "a number for a name": (LINE % ("ab" * 16, "1")).replace(f'"{"ab" * 16}"', "5").encode(),
    "a path with a NUL": b'{"format": 1, "model": "a", "path": "a\\u0000b", "facts": {}}',
    "facts that are none": b'{"format": 1, "model": "a", "path": "/", "facts": [1]}',
    "half a character": b'{"format": 1, "model": "\\ud800", "path": "\\ud800", "facts": {"a": "\\ud800"}}',
    "two megabytes": b'{"a": "' + b"x" * (2 << 20) + b'"}',
    "many lines": b'{"fingerprint": 1}\n' * 20_000,
}


@pytest.mark.parametrize("text", BESIDE)
@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_json(tmp_path: Path, text: str, what: str) -> None:
    """It counts as absent, for runs and for the commands; the next run writes a right one."""
    used_store(tmp_path)
    (place,) = tmp_path.rglob(text)
    place.write_bytes(HOSTILE[what])
    sums(tmp_path)
    store = used_store(tmp_path)
    assert reach(store, PROMPT) == 700
    assert store.notes() == {"self-test": "ok"} or text == "notes.json"
    (held,) = contents(tmp_path)
    assert held.identity == store._identity or text == "about.json"
    assert held.usage.lookups >= 1
    sums(tmp_path)
    assert check(tmp_path, read_data=True).clean
    prune(tmp_path)
    clear(tmp_path)
    assert contents(tmp_path) == []


def sums(cache_dir: Path) -> float:
    """What `infer cache stats` adds up, as JSON holds it."""
    plain = [asdict(one.usage) | {"bytes": one.bytes} for one in contents(cache_dir)]
    json.dumps(plain, allow_nan=False)
    return sum(sum(one.values()) for one in plain)


def test_a_line_that_was_torn_takes_no_other_with_it(tmp_path: Path) -> None:
    used_store(tmp_path)
    (place,) = tmp_path.rglob("usage.jsonl")
    place.write_bytes(place.read_bytes()[:-9])
    used_store(tmp_path)
    assert [one.usage.lookups for one in contents(tmp_path)] == [1]


def test_a_chat_that_goes_on_after_a_clear_says_again_whose_its_pieces_are(tmp_path: Path) -> None:
    """Else they would count as those of a model that is gone."""
    store = open_store(tmp_path)
    save(store, PROMPT[:300])
    clear(tmp_path)
    save(store, PROMPT)
    (held,) = contents(tmp_path)
    assert (held.identity, held.dead) == (store._identity, False)
