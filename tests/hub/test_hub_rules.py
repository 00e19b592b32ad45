"""The pure parts: which model of a repository is meant, where a token may go, what a pin remembers."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infer.cli.output import without_secrets
from infer.errors import NetworkError, VariantNotFound
from infer.models import pins, web_cache
from infer.models.hub import RemoteFile, Repository
from infer.models.pins import Pin
from infer.models.ref import ModelRef, shown
from infer.models.transfer import check_redirect, origin
from infer.models.variants import choose, variants

GB = 10**9
SHA = "a" * 64


def repository(sizes: dict[str, int]) -> Repository:
    files = tuple(RemoteFile(f"{name}.gguf", size, SHA) for name, size in sizes.items())
    return Repository("org/repo", "c" * 40, files, False, (), None, {})


def test_shards_are_one_model_and_incomplete_ones_none() -> None:
    sizes = {f"a-Q4_K_M-0000{n}-of-00003": n for n in (1, 2, 3)} | {f"b-Q8_0-0000{n}-of-00003": n for n in (1, 3)}
    sizes |= {"mmproj-model-f16": 1, "a.imatrix": 1, "a-imatrix": 1}
    found = variants(repository(sizes))
    assert [(variant.quant, variant.size, len(variant.files)) for variant in found] == [("Q4_K_M", 6, 3)]
    part = choose(repository(sizes), ModelRef.parse("org/repo:a-Q4_K_M-00001-of-00003.gguf"), GB)
    assert part == found[0]
    with pytest.raises(VariantNotFound, match="has no file b-Q8_0-00002"):
        choose(repository(sizes), ModelRef.parse("org/repo:b-Q8_0-00001-of-00003.gguf"), GB)


@pytest.mark.parametrize(
    ("here", "there"),
    [("https://a/x", "http://a/x"), ("https://a/x", "ftp://a/x"), ("http://a/x", "file:///etc/passwd")],
)
def test_a_redirect_out_of_the_encryption_or_the_web_is_refused(here: str, there: str) -> None:
    with pytest.raises(NetworkError):
        check_redirect(here, there)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("https://Host/a") == origin("https://host:443/b")
    assert len({origin(f"{url}/") for url in ("http://h", "https://h", "https://h:8443", "https://h.evil")}) == 4


def test_what_is_shown_of_a_url_has_no_secrets() -> None:
    assert shown("https://me:secret@host/m.gguf?X-Signature=secret") == "https://host/m.gguf"


texts = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="/\\\x7f"), min_size=1, max_size=9
)


@settings(deadline=None, max_examples=30)  # a pin is synced to the disk
@given(texts.filter(lambda text: text not in {".", ".."}), st.integers(0, 2**60))
def test_a_pin_is_read_as_it_was_saved(name: str, size: int) -> None:
    if any(0x7F <= ord(char) <= 0x9F for char in name):
        return
    with tempfile.TemporaryDirectory() as home:
        pin = Pin(name, "org/repo", "main", "c" * 40, (f"{name}.gguf",), (SHA,), (size,))
        pins.save(pin, Path(home))
        assert pins.load(name, Path(home)) == pin
        assert pins.every(Path(home)) == [pin]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 1}', '{"format": 1, "name": "m", "repo": "../.."}', "\0"])
def test_a_pin_that_is_none_counts_as_none(tmp_path: Path, text: str) -> None:
    pins.save(Pin("m", "org/repo", "main", "c" * 40, ("m.gguf",), (SHA,), (1,)), tmp_path)
    next((tmp_path / "pins").glob("*.json")).write_text(text)
    assert pins.load("m", tmp_path) is None
    assert pins.every(tmp_path) == []


@given(st.text(st.characters(codec="ascii"), max_size=40))
def test_a_url_never_leaves_its_directory(tail: str) -> None:
    home = Path("/cache")
    place = web_cache.place(f"https://host/{tail}", home)
    assert place.parent.parent == home / "urls"
    assert place.name.lower().endswith(".gguf")
    assert place.name not in {".", ".."}


def test_a_message_about_a_url_keeps_its_secrets_to_itself() -> None:
    text = "error: 'https://me:pw@host:8/m.gguf?X-Sig=a&b=c': no; see http://u@h/x?q and https://host/page?"
    kept = "error: 'https://host:8/m.gguf?...': no; see http://h/x?... and https://host/page?"
    assert without_secrets(text) == kept
