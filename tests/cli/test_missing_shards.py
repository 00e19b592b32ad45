"""A model of which some files are missing: exit code 5, and whose download has to go on."""

from pathlib import Path

import pytest

from cli.command import Command
from ggufs import write_gguf
from models.tools import COMMIT, hub_file, put

FIRST = "m-Q4_0-00001-of-00002.gguf"
RUN = ("fox", "-n", "--max-tokens", "2")


@pytest.fixture(scope="module")
def part(models_dir: Path) -> Path:
    extra = {"split.no": 0, "split.count": 2, "split.tensors.count": 42}
    return write_gguf(models_dir / "part.gguf", extra=extra)


def hinted(lonely: Command, name: str | Path, hint: str) -> None:
    for command in (["run", name, *RUN], ["show", name], ["show", name, "--template"]):
        result = lonely.run(*command)
        assert (result.code, result.out) == (5, b""), result.err
        assert "part 2 of 2 is missing: m-Q4_0-00002-of-00002.gguf" in result.lines[0]
        assert result.lines[-1] == f"hint: {hint}"


@pytest.mark.parametrize("name", ["org/repo", "org/repo:Q4_0", f"org/repo:{FIRST}", "mine:1b"])
def test_a_name_is_completed_by_infer_pull(lonely: Command, part: Path, name: str) -> None:
    hub_file(lonely.home / "cache/huggingface/hub", "org/repo", FIRST, part.read_bytes())
    lonely.configure(f'[models."mine:1b"]\nrepo = "org/repo"\nfile = "{FIRST}"\n')
    hinted(lonely, name, f"infer pull {name} downloads what is missing")


def test_a_path_in_the_cache_is_completed_by_its_name(lonely: Command, part: Path) -> None:
    link = hub_file(lonely.home / "cache/huggingface/hub", "org/repo", FIRST, part.read_bytes())
    hinted(lonely, link, f"infer pull org/repo:{FIRST}@{COMMIT} downloads what is missing")


def test_what_another_tool_has_begun_is_completed_there(lonely: Command, part: Path) -> None:
    studio = put(part, lonely.home / ".lmstudio/models/pub/repo" / FIRST)
    theirs = "LM Studio has downloaded only a part of it: download it there again"
    hinted(lonely, "lmstudio:pub/repo", theirs)
    hinted(lonely, studio, theirs)
    old = put(part, lonely.home / "cache/llama.cpp" / f"org_repo_{FIRST}")
    result = lonely.run("run", old, *RUN)
    assert result.code == 5
    assert result.lines[-1] == "hint: llama.cpp has downloaded only a part of it: download it there again"


def test_ones_own_file_wants_the_rest_beside_it(lonely: Command, part: Path) -> None:
    own = put(part, lonely.home / FIRST)
    hinted(lonely, own, "download the rest of it into the same directory")
