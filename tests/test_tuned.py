"""`[[tuned]]` in config.toml: read for the right model and machine, written with everything else left as it was."""

import os
import stat
import tomllib
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import ConfigError
from infer.settings import resolve
from infer.tuned import Tuned, parse_tables, rewrite, with_table, without_table

MINE = Tuned('A "model" é\x7f\n, 12 bytes', "cpu, 2 cores", {"ubatch": 512, "flash_attention": "on", "repack": True})
OTHER = Tuned("another", "cpu, 2 cores", {"threads": 4})
COMMENTED = """# mine
threads = 2  # both

[cache]
max_bytes = 5

[models.mine]  # a model
path = "/m.gguf"
# the end
"""
pieces = st.sampled_from(
    ["# a comment\n", "\n", "threads = 3\n", "[cache]\nmax_bytes = 1 # why\n", '[models."a b"]\npath = "/x"\n']
)


def texts() -> st.SearchStrategy[str]:
    """config.toml as people write it: keys first, each table once."""
    tables = st.lists(pieces, max_size=4, unique=True).map(lambda found: sorted(found, key=lambda text: text[0] == "["))
    return tables.map("".join)


@given(texts(), st.booleans())
def test_a_table_is_added_replaced_and_taken_out_and_nothing_else_changes(text: str, beside: bool) -> None:
    """What stood there stands there, byte for byte, before and after."""
    text = with_table(text, OTHER, "of another day") if beside else text
    written = with_table(text, MINE, "today")
    assert written.startswith(text)
    tables = tomllib.loads(written)["tuned"]
    assert parse_tables(tables, "x")[-1] == MINE
    changed = Tuned(MINE.model, MINE.machine, {"threads": 1})
    again = with_table(written, changed, "tomorrow")
    assert parse_tables(tomllib.loads(again)["tuned"], "x") == (*((OTHER,) if beside else ()), changed)
    assert again.startswith(text)
    assert without_table(again, MINE).rstrip("\n") == text.rstrip("\n")


def test_a_comment_inside_the_table_and_what_follows_it_stay() -> None:
    text = with_table("", MINE, "today").replace("repack", "# why not\nrepack") + "\n[cache] # last\nmax_bytes = 1\n"
    new = with_table(text, Tuned(MINE.model, MINE.machine, {"threads": 1}), "later")
    assert "# why not\n" in new
    assert new.endswith("\n[cache] # last\nmax_bytes = 1\n")
    assert "repack" not in new


def test_a_rewrite_keeps_comments_permissions_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    real.write_text(COMMENTED)
    real.chmod(0o640)
    link.symlink_to(real)
    rewrite(link, partial(with_table, tuned=MINE, remark="today"), MINE, gone=False)
    assert link.is_symlink()
    assert real.read_text().startswith(COMMENTED)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    rewrite(link, partial(without_table, tuned=MINE), MINE, gone=True)
    assert tomllib.loads(real.read_text()) == tomllib.loads(COMMENTED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "dotfiles.toml"]


def test_a_new_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "infer" / "config.toml"
    rewrite(path, partial(with_table, tuned=MINE, remark="today"), MINE, gone=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text",
    [
        'tuned = [{model = "another", machine = "x", threads = 1}]\n',  # an inline array cannot be added to
        'system = """\n[[tuned]]\n"""\ntuned = []\n',
    ],
)
def test_what_cannot_be_changed_safely_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="cannot change"):
        rewrite(path, partial(with_table, tuned=MINE, remark="today"), MINE, gone=False)
    assert path.read_text() == text
    assert os.listdir(tmp_path) == ["config.toml"]  # noqa: PTH208


def test_a_text_that_looks_like_a_table_is_none(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text := 'system = """\n[[tuned]]\nmodel = "x"\n"""\n')
    rewrite(path, partial(with_table, tuned=MINE, remark="today"), MINE, gone=False)
    assert path.read_text().startswith(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("tuned = 1", "must be tables"),
        ("[[tuned]]\nmodel = 'a'", "has no machine"),
        ("[[tuned]]\nmodel = 'a'\nmachine = 'b'\nthread = 1", "unknown key 'thread'"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=what):
        resolve({}, {"INFER_CONFIG": str(path)})


def test_tuned_goes_before_the_rest_of_config_toml_and_behind_flags_and_variables(tmp_path: Path) -> None:
    """It says more about this model than a line for all of them; who writes a flag knows better."""
    path = tmp_path / "config.toml"
    path.write_text(with_table("threads = 8\nubatch = 64\n", Tuned("m", "here", {"threads": 2, "ubatch": 128}), "now"))
    environment = {"INFER_CONFIG": str(path), "INFER_UBATCH": "1024"}
    here = resolve({}, environment).tuned_for(lambda: "m", lambda: "here")
    assert (here["threads"], here["ubatch"]) == (2, 1024)
    assert here.values["threads"].origin == "config.toml: tuned for m"
    for model, machine in (("n", "here"), ("m", "there")):
        assert resolve({}, environment).tuned_for(lambda m=model: m, lambda m=machine: m)["threads"] == 8
    assert resolve({"threads": 3}, environment).tuned_for(lambda: "m", lambda: "here")["threads"] == 3


def test_a_tuned_value_is_checked_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(with_table("", Tuned("m", "here", {"threads": 0}), "now"))
    with pytest.raises(ConfigError, match="tuned for m: threads: 0 is out of range"):
        resolve({}, {"INFER_CONFIG": str(path)}).tuned_for(lambda: "m", lambda: "here")


def test_nobody_is_asked_for_names_where_nothing_is_tuned() -> None:
    def never() -> str:
        raise AssertionError

    settings = resolve({}, {"INFER_CONFIG": "/dev/null"})
    assert settings.tuned_for(never, never) is settings
