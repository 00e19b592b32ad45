"""Keys and names: what they depend on, and what they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.engine.prefix.about import Identity
from infer.engine.prefix.keys import BLOCK, Path, fingerprint, key_after, pack, parse_name, root, shared
from prefix.caches import random_tokens

FINGERPRINT = fingerprint({"weights": "abc"})
TOKENS = random_tokens(700, 1)


def test_a_key_does_not_depend_on_the_pieces() -> None:
    """Two ways to cut a prefix lead to the same key."""
    path = Path(FINGERPRINT, TOKENS)
    whole, first, second = path.name(256, 512), path.name(256, 300), path.name(300, 512)
    assert first.parent == whole.parent
    assert first.key == second.parent
    assert second.key == whole.key == path.boundary(512)


def test_keys_are_chained() -> None:
    """The same block after another prefix, at another position or under another fingerprint has another key."""
    block = TOKENS[:BLOCK]
    first, other = Path(FINGERPRINT, block * 2), Path(FINGERPRINT, [1, *block[1:], *block])
    keys = {first.key(256), first.key(512), other.key(512), Path(fingerprint({"weights": "x"}), block).key(256)}
    assert len(keys) == 4


def test_keys_stay_what_they_are() -> None:
    """A change of these values makes everybody's cache useless: raise FORMAT when it is meant."""
    assert root(bytes(16)).hex() == "c8510dbd013c7b9f253d6a18459c8648"
    assert key_after(bytes(16), pack([1, -2])).hex() == "8c571040ba05f72ffc07a83a5e08c32e"
    assert fingerprint({"b": 1, "a": [True, None, 0.5]}).hex() == "cf5cad0d3ee9b56785e559b2b8631601"


def test_extending_is_the_same_as_starting_longer() -> None:
    """A path that grew token by token has the keys of one that was made at once."""
    grown = Path(FINGERPRINT, TOKENS[:255])
    for token in TOKENS[255:600]:
        grown.extend([token])
        grown.key(grown.length)
    whole = Path(FINGERPRINT, TOKENS[:600])
    assert [grown.key(end) for end in range(601)] == [whole.key(end) for end in range(601)]


@given(st.integers(0, 699), st.integers(1, 256))
def test_names_round_trip(start: int, count: int) -> None:
    """A name is parsed back from its text."""
    end = min(start + count, start // BLOCK * BLOCK + BLOCK, len(TOKENS))
    name = Path(FINGERPRINT, TOKENS).name(start, end)
    assert parse_name(name.text) == name
    assert len(name.text) < 143  # eCryptfs allows no more


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.upper(),
        lambda text: text + "x",
        lambda text: "/" + text,
        lambda text: text.replace(".0.", ".00."),
        lambda text: text.replace(".0.", ".-1."),
        lambda text: text.replace(".256.", ".257."),
        lambda text: text.replace(".256.", ".0."),
        lambda text: text.replace(".0.256.", ".1.256."),
        lambda text: text + "\n",
        lambda text: text.replace("0.256", "٠.256"),
    ],
)
def test_other_names_are_not_ours(change) -> None:  # type: ignore[no-untyped-def]
    """Only the one canonical spelling is a name."""
    text = Path(FINGERPRINT, TOKENS).name(0, 256).text
    assert parse_name(text)
    assert change(text) == text or parse_name(change(text)) is None


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=20), st.lists(st.integers(0, 3), max_size=20))
def test_shared_tokens(common: list[int], rest: list[int]) -> None:
    """The common beginning of two sequences, in tokens."""
    assert shared(pack([*common, 7, *rest]), pack([*common, 8, *rest])) == len(common)
    assert shared(pack(common), pack([*common, *rest])) == len(common)


def test_the_order_of_facts_is_none() -> None:
    """The fingerprint is that of the facts, not of the dictionary; every value counts, and its type."""
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert len({fingerprint({"a": value}) for value in (1, "1", 1.5, True, None, [1])}) == 6
    with pytest.raises(ValueError, match="JSON"):
        fingerprint({"rope": float("nan")})


def test_the_format_is_part_of_the_fingerprint() -> None:
    """Files of another format can never be asked for."""
    assert Identity("m", "p", {"a": 1}).fingerprint == Identity("other", "q", {"a": 1}).fingerprint
    assert Identity("m", "p", {"a": 1}).fingerprint != fingerprint({"a": 1})
