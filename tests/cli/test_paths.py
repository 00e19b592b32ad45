"""What is typed behind /file: names, patterns, and what is neither; nothing of it ends the chat."""

from pathlib import Path

import pytest

from infer.cli.paths import beginning, expanded, meant
from infer.errors import FileUnreadable


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "sub").mkdir()
    for name in ("a.txt", "b.txt", "two words.txt", "[x].txt", ".hidden.txt", "sub/c.txt"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.txt", ["a.txt"]), ("a.txt b.txt", ["a.txt", "b.txt"]), ("two words.txt", ["two words.txt"]),
        ("'two words.txt' a.txt", ["two words.txt", "a.txt"]), ("[x].txt", ["[x].txt"]),
        ("[ab].txt", ["a.txt", "b.txt"]),
        ("*.txt", ["[x].txt", "a.txt", "b.txt", "two words.txt"]), ("**/c.txt", ["sub/c.txt"]), ("gone", ["gone"]),
        ("~nobody-is-called-so/x", ["~nobody-is-called-so/x"]), ("it's", ["it's"]),
    ],
)  # fmt: skip
def test_what_a_text_means(text: str, found: list[str]) -> None:
    assert meant(text) == found


def test_the_home_is_a_folder_like_any_other(folder: Path) -> None:
    assert meant("~/a.*") == [str(folder / "a.txt")]
    assert expanded("~/x") == folder / "x"


@pytest.mark.parametrize("pattern", ["**x", "[a" * 3000 + "]", "no/*/where", "a\0*", "?" * 300])
def test_a_pattern_that_nothing_matches_is_an_error_like_any_other(pattern: str) -> None:
    with pytest.raises(FileUnreadable):
        meant(pattern)


@pytest.mark.parametrize("name", ["y" * 5000, "a\0b", "x/" * 3000])
def test_a_name_that_no_file_can_have_is_left_to_the_reader(name: str) -> None:
    assert meant(name) == [name.removesuffix("/") if "/" in name else name]


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("a", ["a.txt"]), ("su", ["sub/"]), ("sub/", ["sub/c.txt"]), ("~/b", ["~/b.txt"]), (".h", [".hidden.txt"]),
        ("~nobody-is-called-so/", []), ("a\0/", []), ("y" * 5000 + "/", []), ("two w", ["two words.txt"]),
    ],
)  # fmt: skip
def test_what_begins_so(start: str, found: list[str]) -> None:
    assert beginning(start) == found
