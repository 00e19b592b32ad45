"""`infer rm` through the real command: paths, kills at each step, caches that may not be written or read."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.command import Command, Result
from cli.limits import Frozen, mounted_read_only, obeying
from models.tools import COMMIT, OTHER, hub_file

DATA = b"GGUF" + bytes(range(256)) * 8
HOME = "models--org--repo"
CHANGES = "rename,renameat,renameat2,unlink,unlinkat,rmdir"
NAME = "org/repo:Q4_0"


def hub(command: Command) -> Path:
    return Path(command.environment["XDG_CACHE_HOME"]) / "huggingface" / "hub"


def tree(place: Path) -> dict[str, str]:
    """Everything below a directory, with what a file holds and a link says; without the locks, which stay."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if not name.startswith(".locks"):
            found[name] = f"-> {path.readlink()}" if path.is_symlink() else ""
            if not path.is_symlink() and path.is_file():
                found[name] = path.read_bytes().hex()
    return found


def refused(result: Result, code: int, *parts: str) -> None:
    """The exit code, nothing on stdout, one error and at most one hint."""
    assert (result.code, result.out) == (code, b""), result.err
    assert result.lines[0].startswith("error: "), result.err
    assert [line.startswith("hint: ") for line in result.lines[1:]] in ([], [True]), result.err
    for part in parts:
        assert part in result.err


# --- a path instead of a name


def two_snapshots(command: Command) -> tuple[Path, Path]:
    """The same bytes in two snapshots: their names."""
    root = hub(command)
    return (
        hub_file(root, "org/repo", "sub/m.gguf", DATA),
        hub_file(root, "org/repo", "sub/m.gguf", DATA, OTHER, ref="old"),
    )


def by_itself(path: Path, home: Path) -> str:
    return str(path)


def with_dots(path: Path, home: Path) -> str:
    return f"{path.parent.parent}/sub/../sub/{path.name}"


def through_a_link(path: Path, home: Path) -> str:
    (home / "way").symlink_to(path.parent)
    return str(home / "way" / path.name)


def relative(path: Path, home: Path) -> str:
    return f"./{path.relative_to(home)}"


@pytest.mark.parametrize("written", [by_itself, with_dots, through_a_link, relative])
def test_a_path_in_a_snapshot_is_removed_from_that_snapshot(
    lonely: Command, written: Callable[[Path, Path], str]
) -> None:
    """The other snapshot keeps its name and the bytes; the last name takes them along."""
    first, second = two_snapshots(lonely)
    blob = first.resolve()
    result = lonely.run("rm", "--yes", written(first, lonely.home))
    assert (result.code, result.err) == (0, "")
    assert result.out.endswith(b": 0 B freed\n")
    assert not first.parent.parent.exists()
    assert not (hub(lonely) / HOME / "refs/main").exists()
    assert second.read_bytes() == blob.read_bytes() == DATA
    assert lonely.run("rm", "--yes", str(second)).code == 0
    assert tree(hub(lonely)) == {}


def test_a_path_of_a_cache_that_is_a_link_itself(lonely: Command) -> None:
    """HF_HUB_CACHE says one path, the person types the other."""
    first, _ = two_snapshots(lonely)
    real = hub(lonely).rename(lonely.home / "disk")
    hub(lonely).symlink_to(real)
    assert lonely.run("rm", "--yes", real / first.relative_to(hub(lonely))).code == 0
    assert lonely.run("rm", "--yes", "org/repo").code == 0
    assert tree(real) == {}


def test_any_shard_stands_for_its_model(lonely: Command) -> None:
    names = [f"m-Q4_0-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    paths = [hub_file(hub(lonely), "org/repo", name, DATA + name.encode()) for name in names]
    assert lonely.run("rm", "--yes", paths[1]).code == 0
    assert tree(hub(lonely)) == {}


@pytest.mark.parametrize("through", [False, True])
def test_a_blob_is_refused_and_the_hint_removes_its_model(lonely: Command, through: bool) -> None:
    """Removed by itself it would leave names without bytes."""
    first, second = two_snapshots(lonely)
    blob = first.resolve()
    before = tree(hub(lonely))
    typed = blob
    if through:
        (lonely.home / "way").symlink_to(blob.parent)
        typed = lonely.home / "way" / blob.name
    result = lonely.run("rm", "--yes", typed)
    refused(result, 2, f"error: {typed} holds the bytes of {first} and 1 more", f"hint: infer rm {first} {second}")
    assert tree(hub(lonely)) == before
    assert lonely.run(*result.lines[-1].split()[2:3], "--yes", *result.lines[-1].split()[3:]).code == 0
    assert tree(hub(lonely)) == {}


def test_a_blob_that_nothing_names_may_be_removed_by_hand(lonely: Command) -> None:
    link = hub_file(hub(lonely), "org/repo", "m.gguf", DATA)
    for name in ("f" * 64, f"{'e' * 64}.infer.incomplete"):
        path = link.resolve().with_name(name)
        path.write_bytes(DATA)
        refused(lonely.run("rm", "--yes", path), 2, "no snapshot of the Hugging Face cache names it", f": rm {path}")
        assert path.exists()


@pytest.mark.parametrize(
    "place", ["", "snapshots", f"snapshots/{COMMIT}", f"snapshots/{COMMIT}/README.md", "refs/main"]
)
def test_what_lies_beside_the_models_is_refused(lonely: Command, place: str) -> None:
    """No hint says to remove it by hand: names would be left without bytes, or bytes without a name."""
    hub_file(hub(lonely), "org/repo", "m.gguf", DATA)
    hub_file(hub(lonely), "org/repo", "README.md", b"hello")
    before = tree(hub(lonely))
    path = hub(lonely) / HOME / place
    result = lonely.run("rm", "--yes", path)
    refused(result, 2, f"error: {path} is no model", "hint: infer list shows the names that infer rm takes")
    assert tree(hub(lonely)) == before


@pytest.mark.parametrize("place", ["snapshots", f"snapshots/{COMMIT}", f"snapshots/{COMMIT}/sub"])
def test_nothing_is_removed_through_a_planted_link(lonely: Command, place: str) -> None:
    """A directory of somebody else, in place of one of the cache's."""
    outside = lonely.home / "outside"
    link = hub(lonely) / HOME / place
    inside = outside / f"snapshots/{COMMIT}/sub".removeprefix(place).removeprefix("/")
    inside.mkdir(parents=True)
    (inside / "m.gguf").write_bytes(DATA)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    before = tree(outside)
    result = lonely.run("rm", "--yes", hub(lonely) / HOME / f"snapshots/{COMMIT}/sub/m.gguf")
    refused(result, 5, "leads out of the Hugging Face cache, to ", "hint: nothing was removed")
    assert tree(outside) == before


# --- killed in the middle


def crowded(command: Command) -> Path:
    """A model of two files in two snapshots, a README in the second; beside them another model and a repository."""
    root = hub(command)
    for number in (1, 2):
        name = f"m-Q4_0-0000{number}-of-00002.gguf"
        hub_file(root, "org/repo", name, DATA + bytes([number]))
        hub_file(root, "org/repo", name, DATA + bytes([number]), OTHER, ref="old")
    hub_file(root, "org/repo", "keep-Q8_0.gguf", DATA + b"keep", OTHER, ref=None)
    hub_file(root, "org/repo", "README.md", b"hello", OTHER, ref=None)
    absent = root / HOME / ".no_exist" / COMMIT / "config.json"
    absent.parent.mkdir(parents=True)
    absent.touch()
    return hub_file(root, "org/other", "m-Q4_0.gguf", DATA)


def nothing_is_wrong(root: Path) -> None:
    """Every name has its bytes, under the blob's name or, of what is being removed, set aside."""
    for link in (path for path in root.rglob("*") if path.is_symlink()):
        blob = link.parent / link.readlink()
        assert blob.exists() or blob.with_name(f"{blob.name}.infer.removing").exists(), link
    assert (root / HOME / "snapshots" / OTHER / "keep-Q8_0.gguf").read_bytes() == DATA + b"keep"
    assert (root / HOME / "refs/old").read_text() == OTHER


def left_over(root: Path) -> list[str]:
    """What is still there of the removed model, or of its removal."""
    traces = ("Q4_0-0", ".infer.removing", f"{HOME}/snapshots/{COMMIT}", f".no_exist/{COMMIT}", f"{HOME}/refs/main")
    return [name for name in tree(root) if any(trace in name for trace in traces)]


def injected(command: Command, fault: str, calls: str = CHANGES, paths: tuple[Path, ...] = ()) -> Result:
    """`infer rm` with a fault at a system call."""
    limits = [word for path in paths for word in ("-P", str(path))]
    prefix = ("strace", "-f", "-qq", "-o", str(command.home / "trace"), *limits, "-e", f"inject={calls}:{fault}")
    return command.run("rm", "--yes", NAME, prefix=prefix)


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
FEW = (2, 7, 11)


@needs_strace
@pytest.mark.parametrize("steps", [FEW, pytest.param(range(1, 60), marks=pytest.mark.slow)])
def test_a_killed_removal_is_finished_by_the_next(lonely: Command, steps: "range | tuple[int, ...]") -> None:
    """Killed at each call that changes the disk: no blob stays that nothing names, no name without its bytes."""
    crowded(lonely)
    assert lonely.run("rm", "--yes", NAME).code == 0
    wanted = tree(hub(lonely))
    assert f"{HOME}/snapshots/{OTHER}/keep-Q8_0.gguf" in wanted
    assert left_over(hub(lonely)) == []
    for step in steps:
        home = lonely.home / str(step)
        home.mkdir()
        other = Command(home)
        crowded(other)
        first = injected(other, f"signal=SIGKILL:when={step}")
        nothing_is_wrong(hub(other))
        again = other.run("rm", "--yes", NAME)
        assert again.code in (0, 3), again.err
        assert tree(hub(other)) == wanted, step
        if first.code == 0:
            assert step > 12
            return
    assert steps is FEW, "it never got through"


@needs_strace
def test_any_later_removal_finishes_the_one_that_was_killed(lonely: Command) -> None:
    """Of another repository; the names that dangled are gone then."""
    crowded(lonely)
    assert injected(lonely, "signal=SIGKILL:when=2").code == -9
    assert list((hub(lonely) / HOME / "blobs").glob("*.infer.removing"))
    result = lonely.run("rm", "--yes", "org/other:Q4_0")
    assert (result.code, result.err) == (0, "")
    assert left_over(hub(lonely)) == []
    blobs = [name for name in tree(hub(lonely)) if "/blobs/" in name]
    assert len(blobs) == 2, "of the other model and of the README"


@needs_strace
def test_a_full_disk_stops_no_removal(lonely: Command) -> None:
    """Neither a lock nor a note can be made, and no name can grow: what helps against that is to remove something."""
    crowded(lonely)
    root = hub(lonely)
    blobs = [(root / HOME / f"snapshots/{COMMIT}/m-Q4_0-0000{n}-of-00002.gguf").resolve() for n in (1, 2)]
    notes = [root / HOME / f"{commit}.infer.removing" for commit in (COMMIT, OTHER)]
    locks = [root / ".locks" / HOME / f"{blob.name}.lock" for blob in blobs]
    result = injected(lonely, "error=ENOSPC", "openat,rename,renameat,renameat2", (*blobs, *notes, *locks))
    assert (result.code, result.err) == (0, "")
    assert "(INJECTED)" in (lonely.home / "trace").read_text()
    nothing_is_wrong(root)
    assert left_over(root) == []


# --- a cache that may not be written, or not be read


def some(quick: list[str], others: list[str]) -> list[object]:
    """Places as parameters, all but a few of them slow."""
    return [*quick, *(pytest.param(place, marks=pytest.mark.slow) for place in others)]


MODES = [0, *(pytest.param(mode, marks=pytest.mark.slow) for mode in (0o400, 0o600))]


def directories(place: Path) -> list[Path]:
    return [place, *(path for path in place.rglob("*") if path.is_dir() and not path.is_symlink())]


@pytest.mark.parametrize(
    "place", some(["", f"{HOME}/snapshots/{OTHER}"], [".locks", HOME, f"{HOME}/blobs", f"{HOME}/snapshots/*"])
)
def test_what_may_not_be_written_is_exit_6_and_named(lonely: Command, place: str) -> None:
    """The whole cache, or one directory of it: nothing has changed then, not even half of it."""
    crowded(lonely)
    root = hub(lonely)
    (root / ".locks").mkdir()
    frozen = directories(root) if not place else sorted(root.glob(place))
    before, prefix = tree(root), obeying()
    with Frozen(*frozen):
        result = lonely.run("rm", "--yes", NAME, prefix=prefix)
    named = [f"cannot write to {path}" for path in ([root / ".locks"] if not place else frozen)]
    refused(result, 6, "permission denied", "hint: it can be removed by whoever may write there")
    assert any(name in result.err for name in named), result.err
    if place == f"{HOME}/snapshots/{OTHER}":
        nothing_is_wrong(root)
        assert (root / HOME / f"snapshots/{OTHER}/m-Q4_0-00002-of-00002.gguf").exists()
    else:
        assert tree(root) == before
    again = lonely.run("rm", "--yes", NAME)
    assert again.code == 0, again.err
    assert not [name for name in tree(root) if "Q4_0-0" in name or "removing" in name]


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0, 0o400, 0o555])
@pytest.mark.parametrize("place", ["", "pins", "metadata", "urls"])
def test_a_cache_of_our_own_that_cannot_be_used_keeps_no_model(lonely: Command, place: str, mode: int) -> None:
    crowded(lonely)
    own = Path(lonely.environment["INFER_CACHE_DIR"]) / place
    own.mkdir(parents=True)
    prefix = obeying()
    with Frozen(own, mode=mode):
        result = lonely.run("rm", "--yes", NAME, prefix=prefix)
    assert (result.code, result.err) == (0, "")
    assert left_over(hub(lonely)) == []


@pytest.mark.slow
@pytest.mark.parametrize("json", [False, True])
def test_what_was_removed_before_an_error_is_said(lonely: Command, json: bool) -> None:
    crowded(lonely)
    prefix = obeying()
    with Frozen(hub(lonely) / "models--org--other/blobs"):
        result = lonely.run("rm", "--yes", NAME, "org/other:Q4_0", *(["--json"] if json else []), prefix=prefix)
    assert result.code == 6
    if json:
        assert [row["name"] for row in result.json] == [NAME]
    else:
        assert result.out.startswith(f"removed {NAME}: ".encode())
    assert left_over(hub(lonely)) == []
    assert f"cannot write to {hub(lonely)}/models--org--other/blobs" in result.err


def test_a_read_only_file_system_is_exit_6_and_named(lonely: Command) -> None:
    crowded(lonely)
    before = tree(hub(lonely))
    result = lonely.run("rm", "--yes", NAME, prefix=mounted_read_only(hub(lonely)))
    refused(
        result, 6, f"cannot write to {hub(lonely)}/.locks/{HOME}: read-only file system", "hint: it can be removed by"
    )
    assert tree(hub(lonely)) == before


@pytest.mark.parametrize("place", [f"snapshots/{OTHER}", "snapshots"])
def test_nothing_is_removed_while_a_snapshot_cannot_be_read(lonely: Command, place: str) -> None:
    """It may need the same bytes."""
    crowded(lonely)
    before, prefix = tree(hub(lonely)), obeying()
    path = hub(lonely) / HOME / f"snapshots/{COMMIT}/m-Q4_0-00001-of-00002.gguf"
    with Frozen(hub(lonely) / HOME / place, mode=0o300):
        result = lonely.run("rm", "--yes", path, prefix=prefix)
    refused(result, 3, f"cannot read {hub(lonely) / HOME / place}: permission denied", "hint: who else needs")
    assert tree(hub(lonely)) == before


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "place",
    some([f"{HOME}/refs"], [f"{HOME}/.no_exist", f"{HOME}/.no_exist/{COMMIT}", "models--org--other", ".locks/x"]),
)
def test_a_directory_that_cannot_be_entered_is_no_traceback(lonely: Command, place: str, mode: int) -> None:
    """What only speaks of the model, and what belongs to others, does not keep it."""
    crowded(lonely)
    root = hub(lonely)
    (root / ".locks/x").mkdir(parents=True)
    prefix = obeying()
    with Frozen(root / place, mode=mode):
        result = lonely.run("rm", "--yes", NAME, prefix=prefix)
    assert (result.code, result.err) == (0, "")
    nothing_is_wrong(root)
    assert not [name for name in tree(root) if "Q4_0-0" in name or "removing" in name]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "place", some([f"{HOME}/blobs"], ["", HOME, f"{HOME}/snapshots", f"{HOME}/snapshots/{COMMIT}"])
)
def test_a_cache_that_cannot_be_entered_is_an_ordinary_error(lonely: Command, place: str, mode: int) -> None:
    crowded(lonely)
    before, prefix = tree(hub(lonely)), obeying()
    path = hub(lonely) / HOME / f"snapshots/{COMMIT}/m-Q4_0-00001-of-00002.gguf"
    # The other snapshot keeps the bytes: a removal from this one alone never looks at them.
    for name in (NAME, f"org/repo@{COMMIT}", *([] if place.endswith("blobs") else [str(path)])):
        with Frozen(hub(lonely) / place, mode=mode):
            result = lonely.run("rm", "--yes", name, prefix=prefix)
        assert result.code in (3, 6), (name, result.err)
        refused(result, result.code)
        assert "Traceback" not in result.err
        nothing_is_wrong(hub(lonely))
    assert tree(hub(lonely)) == before


def test_a_file_from_a_url_goes_with_its_note(lonely: Command) -> None:
    """By its path; what lies beside it is no model."""
    place = Path(lonely.environment["INFER_CACHE_DIR"]) / "urls" / ("a" * 32)
    place.mkdir(parents=True)
    for name in ("m.gguf", "url", "lock"):
        (place / name).write_bytes(DATA)
    refused(lonely.run("rm", "--yes", place / "url"), 2, "is no model, although it lies in a cache of models")
    with Frozen(place):
        denied = lonely.run("rm", "--yes", place / "m.gguf", prefix=obeying())
    refused(denied, 6, f"cannot write to {place}: permission denied")
    assert lonely.run("rm", "--yes", place / "m.gguf").code == 0
    assert not place.exists()


def test_root_has_given_up_its_rights(tmp_path: Path) -> None:
    """Else the tests above would say nothing."""
    prefix = obeying()
    with Frozen(tmp_path):
        assert os.spawnvp(os.P_WAIT, (prefix or ("touch",))[0], [*prefix, "touch", str(tmp_path / "x")]) != 0
