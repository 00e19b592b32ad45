"""Shell completion, driven in real shells: a line is typed, Tab is pressed, the line is looked at.

PowerShell is not among them: it cannot be installed where infer is developed, so only the answer it gets is tested.
"""

import base64
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command import INFER, Command
from cli.shells import SCRIPTS, Bash, Fish, Shell, Zsh

ROOT = Path(__file__).parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
EVIL = 'it\'s $(touch pwned) `touch pwned`; "two" words & more.gguf'
CONFIG = r"""
[models."mine:big"]
path = "/nowhere/mine.gguf"
[models."two words"]
path = "/nowhere/two.gguf"
[models."$(touch pwned)"]
path = "/nowhere/three.gguf"
[models."my\u001b[31mred"]
path = "/nowhere/four.gguf"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A home with names in config.toml and in the hub's cache, good ones and bad ones."""
    command = Command(tmp_path_factory.mktemp("home"))
    command.configure(CONFIG)
    hub = command.home / "cache" / "huggingface" / "hub"
    one, several = (hub / f"models--acme--{name}" / "snapshots" / COMMIT for name in ("One-GGUF", "Many-GGUF"))
    files = [
        one / "one-Q5_K_M.gguf",
        one / "mmproj-F16.gguf",
        hub / "models--acme--None" / "snapshots" / COMMIT / "a.bin",
    ]
    files += [
        several / name for name in ("many-Q4_K_M.gguf", "many-Q8_0.gguf", EVIL, "red\x1b[31m.gguf", "two\nlines.gguf")
    ]
    files += [hub / "models--acme--esc\x1b[31m" / "snapshots" / COMMIT / "a.gguf"]
    files += [hub / "models--acme--new\nline" / "snapshots" / COMMIT / "a.gguf"]
    files += [hub / "models--acme--$(touch pwned)" / "snapshots" / COMMIT / "a.gguf"]
    files += [command.home / ".lmstudio" / "models" / "acme" / "Other" / "other-Q4_K_M.gguf"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return command


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory the shells stand in."""
    place = tmp_path_factory.mktemp("place")
    for name in ("my model.gguf", "notes.txt", "$(touch pwned).txt", "it's.md"):
        (place / name).touch()
    (place / "sub folder").mkdir()
    (place / "sub folder" / "inner.txt").touch()
    return place


def environment(home: Command) -> dict[str, str]:
    return {**home.environment, "PATH": f"{INFER.parent}:{os.environ['PATH']}"}


def tree(*roots: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for root in roots for path in root.rglob("*")}


@pytest.fixture(scope="module", params=[Bash, Zsh, Fish], ids=lambda kind: str(kind.name))
def shell(
    request: pytest.FixtureRequest, home: Command, place: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    started = request.param(environment(home), place, tmp_path_factory.mktemp("scratch"))
    yield started
    started.close()
    assert not [*place.glob("**/pwned"), *home.home.glob("**/pwned")], "a name was executed"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("infer ru", "infer run "),
        ("infer cache cle", "infer cache clear "),
        ("infer run ti", "infer run tiny "),
        ("infer run min", "infer run min"),  # mine:big, ministral...
        ("infer run mine:", "infer run mine:big "),
        ("infer run mine", "infer run mine:big "),
        ("infer run qwen3:4b-instruct-", "infer run qwen3:4b-instruct-2507 "),
        ('infer run "qwen3:4b-instruct-', 'infer run "qwen3:4b-instruct-2507" '),
        ("infer run acme/O", "infer run acme/One-GGUF:Q5_K_M "),
        ("infer run acme/Many-GGUF:Q8", "infer run acme/Many-GGUF:Q8_0 "),
        ("infer run nosuchmodel", "infer run nosuchmodel"),
        ("infer run ./my", r"infer run ./my\ model.gguf "),
        ("infer run tiny --col", "infer run tiny --color "),
        ("infer run tiny --color al", "infer run tiny --color always "),
        ("infer run tiny --color=al", "infer run tiny --color=always "),
        ("infer run tiny --overflow drop-o", "infer run tiny --overflow drop-oldest "),
        ("infer run --kv-type q8", "infer run --kv-type q8_0 "),
        ("infer run --gpu-layers au", "infer run --gpu-layers auto "),
        ("infer run tiny -f not", "infer run tiny -f notes.txt "),
        ("infer run tiny --file=not", "infer run tiny --file=notes.txt "),
        ("infer run tiny -s @not", "infer run tiny -s @notes.txt "),
        ("infer run tiny -s @sub\\ folder/inn", "infer run tiny -s @sub\\ folder/inner.txt "),
        ("infer run tiny < not", "infer run tiny < notes.txt "),
        ("infer run tiny -f '$", "infer run tiny -f '$(touch pwned).txt' "),
        ("infer run tiny 'a b; c' --color al", "infer run tiny 'a b; c' --color always "),
        ("infer run tiny \"$(touch pwned)\" --color al", "infer run tiny \"$(touch pwned)\" --color always "),
        ("FOO=1 infer cache cle", "FOO=1 infer cache clear "),
        ("true && infer cache cle", "true && infer cache clear "),
        ("infer completions fi", "infer completions fish "),
        ("infer nosuch ", "infer nosuch "),
        ("infer config x", "infer config x"),
    ],
)  # fmt: skip
def test_the_line_after_tab(shell: Shell, line: str, wanted: str) -> None:
    """What stands on the line after Tab: the same in every shell."""
    assert shell.after(line) == wanted


MANY = {"acme/One-GGUF:Q5_K_M", "acme/Many-GGUF:Q4_K_M", "acme/Many-GGUF:Q8_0", f"acme/Many-GGUF:{EVIL}"}


@pytest.mark.parametrize("shell", [Bash, Zsh], indirect=True, ids=["bash", "zsh"])  # fish inserts no list
@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("infer cache ", {"check", "clear", "list", "prune", "stats"}),
        ("infer run tiny --think ", {"off", "on", "show"}),
        ("infer verify acme/", MANY),  # and no name with a character that no terminal shows
        ("infer verify lm", {"lmstudio:acme/Other"}),
    ],
)
def test_what_there_is_to_choose_from(shell: Shell, line: str, wanted: set[str]) -> None:
    """All of it and nothing else, quoted so that the shell reads it as it is."""
    assert {word for text in shell.offers(line) for word in shlex.split(text)} == wanted


def test_fish_lists_names_with_what_they_mean(home: Command, place: Path) -> None:
    """`complete -C` is fish's own way of asking."""
    if not Fish.here():
        pytest.skip(Fish.missing())
    asks = ["infer verify acme/", "infer run tiny --think ", "infer run qwen3:4b-instruct-2", "infer run tiny --colo"]
    lines = [f"complete --do-complete={ask!r}; echo ." for ask in asks]
    script = f"source {SCRIPTS / 'infer.fish'}; {'; '.join(lines)}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=environment(home),
        cwd=place,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stderr == ""
    answers = [answer.strip("\n").split("\n") for answer in done.stdout.split(".\n")]
    assert set(answers[0]) == {f"{name}\tdownloaded" for name in MANY}
    assert answers[1:3] == [["on", "off", "show"], ["qwen3:4b-instruct-2507\tQwen3 4B Instruct 2507, Q4_K_M, 2.5 GB"]]
    assert answers[3] == ["--color\tcolour on stderr"]


@pytest.mark.parametrize("before", ["COMP_WORDBREAKS=${COMP_WORDBREAKS//:}", "__ltrim_colon_completions() { :; }"])
def test_colons_in_bash_with_other_word_breaks(home: Command, place: Path, tmp_path: Path, before: str) -> None:
    """A colon may break words or not (COMP_WORDBREAKS), bash-completion may be loaded or not: the line is the same."""
    bash = Bash(environment(home), place, tmp_path, before=before)
    try:
        assert bash.after("infer run qwen3:4b-instruct-2") == "infer run qwen3:4b-instruct-2507 "
        assert bash.after('infer run "qwen3:4b-instruct-2') == 'infer run "qwen3:4b-instruct-2507" '
        assert bash.after("infer run tiny --color=al") == "infer run tiny --color=always "
    finally:
        bash.close()


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish", "powershell"])
def test_the_script_is_printed_as_it_lies_in_completions(home: Command, shell_name: str) -> None:
    ending = {"powershell": "ps1"}.get(shell_name, shell_name)
    result = home.run("completions", shell_name)
    assert (result.code, result.err) == (0, "")
    assert result.out == (SCRIPTS / f"infer.{ending}").read_bytes()


def test_an_unknown_shell_is_a_usage_error(home: Command) -> None:
    result = home.run("completions", "tcsh")
    assert (result.code, result.out) == (2, b"")
    assert result.lines == ["error: no completion for 'tcsh'", "hint: there is one for bash, zsh, fish, powershell"]


def test_zsh_takes_the_script_by_source_too(home: Command, place: Path) -> None:
    """source <(infer completions zsh), without a file in fpath."""
    if not Zsh.here():
        pytest.skip(Zsh.missing())
    script = "autoload -Uz compinit; compinit -u -D; source <(infer completions zsh); print -r -- $_comps[infer]"
    done = subprocess.run(
        ["zsh", "-f", "-c", script], env=environment(home), cwd=place, capture_output=True, check=True, text=True
    )
    assert (done.stdout, done.stderr) == ("_infer\n", "")


def test_the_grammar_is_what_the_commands_say() -> None:
    """scripts/completions.py writes it; who changes an option runs that again."""
    check = [sys.executable, ROOT / "scripts" / "completions.py", "--check"]
    assert subprocess.run(check, check=False).returncode == 0, "run: .venv/bin/python scripts/completions.py"


# ----------------------------------------------------------------------------------------------------- the answer alone


def names(home: Command, *words: str) -> list[str]:
    """The candidates, as fish gets them."""
    result = home.run("__complete", "fish", *words)
    assert (result.code, result.err) == (0, "")
    return [line.partition("\t")[0] for line in result.out.decode().splitlines()[1:]]


@pytest.mark.parametrize(
    "content",
    ["[models", "seed = 'x'", b"\xff\xfe", '[models]\n"a" = 3'],
)
def test_a_broken_config_makes_no_noise(lonely: Command, content: str | bytes) -> None:
    """It has no names; those of models.toml are there."""
    lonely.configure(content)
    offered = names(lonely, "run", "")
    assert "tiny" in offered
    assert "qwen3:4b" in offered
    assert "a" not in offered


def test_an_unreadable_home_makes_no_noise(lonely: Command) -> None:
    odd = {"HF_HUB_CACHE": "/dev/null/x", "INFER_CONFIG": "/nonexistent", "INFER_CACHE_DIR": "/dev/null/y", "HOME": ""}
    for words in (["run", ""], ["verify", ""], ["run", "tiny", "--color", ""]):
        result = lonely.run("__complete", "bash", "infer " + " ".join(words), ":", env=odd)
        assert (result.code, result.err) == (0, "")
        assert len(result.out.splitlines()) > 1


@pytest.mark.parametrize(
    "arguments", [[], ["tcsh", "run"], ["bash"], ["bash", ""], ["fish"], ["powershell", "?"], ["zsh", "run", b"\xff"]]
)
def test_nonsense_gets_no_error(home: Command, arguments: list[str | bytes]) -> None:
    result = home.run("__complete", *arguments)
    assert (result.code, result.err) == (0, "")


def test_a_reader_that_has_gone_gets_no_error(home: Command) -> None:
    done = home.shell("infer __complete zsh run '' | true; infer __complete zsh run '' > /dev/full")
    assert done.stderr == b""


def test_a_tab_writes_nothing_and_loads_nothing_heavy(home: Command, place: Path) -> None:
    """No file is made or changed, no library is imported that is not needed, not even what a connection needs."""
    heavy = [
        "typer",
        "rich",
        "numpy",
        "jinja2",
        "huggingface_hub",
        "llama_cpp",
        "socket",
        "ssl",
        "asyncio",
        "subprocess",
    ]
    code = (
        "import sys; from infer.cli.completion import shells\n"
        "shells.main(['bash', 'infer run ', ':']); shells.main(['zsh', 'verify', ''])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    before = tree(home.home, place)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(home), cwd=place, capture_output=True, check=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert len(done.stdout.splitlines()) > 50
    assert tree(home.home, place) == before


def test_a_tab_takes_less_than_150_ms(home: Command) -> None:
    """Processor time of a name's completion above that of an empty Python: the median of ten."""

    def cost(*command: str | Path) -> float:
        process = subprocess.Popen(command, env=home.environment, cwd=home.home, stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        return usage.ru_utime + usage.ru_stime

    pairs = [
        (cost(INFER, "__complete", "bash", "infer run qwen3:4", ":"), cost(sys.executable, "-c", "pass"))
        for _ in range(10)
    ]
    tab, empty = (statistics.median(column) for column in zip(*pairs, strict=True))
    assert tab - empty < 0.150


def test_powershell_gets_words_that_need_no_thought(home: Command) -> None:
    """Its script cannot be run here; the answer to it can: what is inserted is quoted as PowerShell quotes."""

    def answer(*words: str) -> list[list[str]]:
        encoded = base64.b64encode("\n".join(words).encode()).decode()
        result = home.run("__complete", "powershell", encoded)
        assert (result.code, result.err) == (0, "")
        return [line.split("\t") for line in result.out.decode().splitlines()[1:]]

    assert answer("run", "tiny", "--color=al") == [["--color=always", "always", "always"]]
    assert answer("run", "qwen3:4b-instruct-2")[0][:2] == ["qwen3:4b-instruct-2507"] * 2
    inserted = [row[0] for row in answer("verify", "acme/Many-GGUF:it")]
    assert inserted == ["'acme/Many-GGUF:" + EVIL.replace("'", "''") + "'"]


def test_the_powershell_script_evaluates_nothing() -> None:
    script = (SCRIPTS / "infer.ps1").read_text()
    assert "Register-ArgumentCompleter -Native -CommandName infer" in script
    assert "__complete powershell" in script
    assert not [word for word in ("Invoke-Expression", "iex ", "ExpandString", "Add-Type") if word in script]
    assert all(script.count(left) == script.count(right) for left, right in ("{}", "()", "[]"))
