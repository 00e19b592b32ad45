"""`infer doctor` as a person meets it: every problem is provoked, its fix is carried out, and then the line is ok."""

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.command import INFER
from cli.limits import Frozen, mounted_read_only, obeying
from doctor.patient import Patient
from models.tools import hub_file
from prefix.caches import files

DIGEST = "ab" * 32


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def test_where_nothing_is_wrong_every_line_is_ok_and_it_is_quick(patient: Patient) -> None:
    result = patient.run("doctor", "--json")
    assert (result.code, result.err) == (0, "")
    lines = result.json["checks"]
    assert {"machine", "llama.cpp", "gpu", "config", "models", "space", "private", "prompt-cache"} <= {
        line["name"] for line in lines
    }
    assert all(set(line) == {"name", "level", "text", "fix", "command"} for line in lines)
    assert [line for line in lines if line["level"] != "ok"] == []
    assert result.seconds < 2


def test_for_people_a_line_each_and_a_sum(patient: Patient) -> None:
    (patient.home / ".bashrc").unlink()
    result = patient.run("doctor")
    lines = result.out.decode().splitlines()
    assert (result.code, result.err, lines[-1]) == (0, "", "no problems, 1 warning")
    place = next(number for number, line in enumerate(lines) if line.startswith("warning  completion "))
    assert lines[place + 1].strip() == "fix: this adds it; it works in the next shell:"
    assert lines[place + 2].strip() == "$ echo 'source <(infer completions bash)' >> ~/.bashrc"


def test_everything_that_is_wrong_with_the_configuration_is_said_at_once(patient: Patient) -> None:
    patient.configure('temprature = 0.5\ntop_k = "many"\n[models."mine"]\npath = "/nowhere/gone.gguf"\n')
    found = patient.wrong(env={"INFER_TEMPERATURE": "hot", "INFER_TOPK": "3"})
    told = {(line["name"], line["level"]): line for line in found}
    assert len(found) == 5
    texts = [line["text"] for line in found if (line["name"], line["level"]) == ("config", "problem")]
    assert texts == [
        f"{patient.config}: unknown key 'temprature'",
        f"{patient.config}: top_k: 'many' is not a whole number from 0 to 2,147,483,647",
    ]
    assert told["config", "problem"]["fix"], "the last one has a fix as well"
    assert "gone.gguf" in told["config", "warning"]["text"]
    assert told["environment", "problem"]["command"] == "unset INFER_TEMPERATURE"
    assert told["environment", "warning"]["command"] == "unset INFER_TOPK"
    assert "INFER_TOP_K" in told["environment", "warning"]["fix"]
    first = next(line for line in found if "temprature" in line["text"])
    assert first["fix"] == "did you mean temperature?"

    patient.configure("temperature = 0.5\ntop_k = 3\n")
    script = "; ".join(line["command"] for line in found if line["command"])
    done = patient.shell(f"{script}; infer doctor", INFER_TEMPERATURE="hot", INFER_TOPK="3")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, b"no problems, no warnings")


def test_a_config_that_is_no_toml_is_told_with_its_line(patient: Patient) -> None:
    patient.configure("temperature = 0.5\ntop_k =\n")
    assert patient.only("config", "problem")["text"].startswith(f"{patient.config}:2: ")


def test_a_config_that_is_named_and_not_there(patient: Patient) -> None:
    line = patient.only("config", "problem", env={"INFER_CONFIG": "/nowhere/config.toml"})
    assert line["text"] == "/nowhere/config.toml: INFER_CONFIG names it, but there is no such file"


def test_what_others_may_read_is_taken_from_them(patient: Patient) -> None:
    session = patient.data / "sessions" / "my fox's.jsonl"
    session.parent.mkdir(mode=0o755)
    session.write_text("{}\n")
    session.chmod(0o644)
    pins = patient.cache / "pins"
    pins.mkdir(mode=0o750)
    beside = patient.cache / "somebody else's"
    beside.mkdir(mode=0o755)
    line = patient.only("private", "problem")
    assert line["text"].startswith("others may read 3 files, for example ")
    patient.follow(line)
    assert patient.wrong() == []
    assert [place.stat().st_mode & 0o777 for place in (session, pins, beside)] == [0o600, 0o700, 0o755]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_another_user_is_taken_back(patient: Patient) -> None:
    pin = patient.cache / "pins"
    pin.mkdir(mode=0o700)
    os.chown(pin, 1, 1)
    line = patient.only("private", "problem")
    assert "another user" in line["text"]
    patient.follow(line)
    assert patient.wrong() == []


@pytest.mark.parametrize(
    ("name", "variable"), [("models", "HF_HUB_CACHE"), ("cache", "INFER_CACHE_DIR"), ("data", "INFER_DATA_DIR")]
)
def test_a_directory_that_cannot_be_written(patient: Patient, name: str, variable: str) -> None:
    rights = obeying()
    place = patient.home / "my directory"
    place.mkdir(mode=0o700)
    with Frozen(place, mode=0o500):
        line = patient.only(name, "problem", env={variable: str(place)}, prefix=rights)
        assert line["text"] == f"{place} cannot be written"
        assert line["fix"] == f"{variable} names another directory"
        patient.follow(line, prefix=rights)
        assert patient.wrong(env={variable: str(place)}, prefix=rights) == []


def test_a_directory_that_is_a_file_or_a_link_to_nothing(patient: Patient) -> None:
    patient.hub.rmdir()
    patient.hub.write_text("")
    line = patient.only("models", "problem")
    assert line["text"] == f"{patient.hub} is not a directory"
    patient.follow(line)
    assert patient.wrong() == []
    patient.hub.symlink_to("/nowhere/at/all")
    line = patient.only("models", "problem")
    assert line["text"].startswith(f"{patient.hub} is a link to nothing")
    patient.follow(line)
    assert patient.wrong() == []


def test_a_read_only_file_system(patient: Patient) -> None:
    line = patient.only("models", "problem", prefix=mounted_read_only(patient.hub))
    assert line["text"] == f"{patient.hub} is on a file system that cannot be written"
    assert line["fix"] == "HF_HUB_CACHE names another directory"
    assert patient.wrong(env={"HF_HUB_CACHE": str(patient.home / "other")}) == []


def test_a_disk_that_is_full_and_one_that_is_nearly(patient: Patient) -> None:
    for size, level in (("50m", "problem"), ("2g", "warning")):
        line = patient.only("space", level, prefix=mounted(patient.hub, f"mount -t tmpfs -o size={size} none"))
        assert "for models" in line["text"]
        assert "infer rm MODEL" in line["fix"]
        assert "HF_HUB_CACHE" in line["fix"]
    line = patient.only("space", "problem", prefix=mounted(patient.cache, "mount -t tmpfs -o mode=0700,size=50m none"))
    assert "for infer's cache" in line["text"]
    assert "infer cache clear" in line["fix"]


DEAD = "exec 9<>/dev/fuse && mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0 none"


def test_a_dead_mount_costs_its_own_lines_and_a_moment(patient: Patient) -> None:
    """A file system whose server never answers, as when a network drive is away."""
    result = patient.run("doctor", "--json", prefix=mounted(patient.hub, DEAD), timeout=20)
    assert result.code == 1
    assert result.seconds < 5
    lines = {line["name"]: line for line in result.json["checks"]}
    hanging = {name for name, line in lines.items() if line["level"] != "ok"}
    assert {"models"} <= hanging <= {"models", "space", "leftovers", "config"}
    assert "hangs" in lines["models"]["text"]
    assert "HF_HUB_CACHE" in lines["models"]["fix"]
    assert lines["prompt-cache"]["level"] == lines["llama.cpp"]["level"] == "ok"


def test_a_config_that_never_ends_stops_no_other_line(patient: Patient) -> None:
    fifo = patient.home / "fifo"
    os.mkfifo(fifo)
    line = patient.only("config", "problem", env={"INFER_CONFIG": str(fifo)})
    assert "hangs" in line["text"]
    assert "INFER_CONFIG" in line["fix"]


def test_a_damaged_prompt_cache_is_pruned(patient: Patient, random_model: Path) -> None:
    model = patient.home / "model.gguf"
    shutil.copy(random_model, model)
    ask = ("run", str(model), "fox " * 400, "-n", "--max-tokens", "2")
    assert patient.run(*ask).code == 0
    text = patient.line("prompt-cache")["text"]
    assert text.endswith("all sound")
    assert not text.startswith("0 ")
    piece = files(patient.cache)[0]
    piece.write_bytes(b"\0" * 4096 + piece.read_bytes()[4096:])
    line = patient.only("prompt-cache", "problem")
    assert "damaged" in line["text"]
    patient.follow(line)
    assert patient.wrong() == []
    assert patient.run(*ask).code == 0
    model.unlink()
    line = patient.only("prompt-cache", "warning")
    assert "models that are gone" in line["text"]
    patient.follow(line)
    assert patient.line("prompt-cache")["text"].startswith("0 entries")


def test_a_cache_that_is_switched_off_says_by_what(patient: Patient) -> None:
    line = patient.line("prompt-cache", env={"INFER_NO_CACHE": "1"})
    assert (line["level"], line["text"].split(":")[0]) == ("ok", "switched off by INFER_NO_CACHE")


def partial(patient: Patient) -> Path:
    blob = patient.hub / "models--acme--fox" / "blobs" / f"{DIGEST}.infer.incomplete"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"GGUF" + bytes(10**6))
    blob.with_name(f"{blob.name}.json").write_text('{"etag": "x", "file": "fox-Q4_K_M.gguf"}')
    return blob


def test_a_download_that_was_given_up_can_go_on_or_go(patient: Patient) -> None:
    blob = partial(patient)
    line = patient.only("leftovers", "warning")
    assert line["text"] == "1 download begun and not finished, 1.0 MB: acme/fox:fox-Q4_K_M.gguf"
    assert line["fix"].startswith("infer pull acme/fox:fox-Q4_K_M.gguf goes on with it")
    patient.follow(line)
    assert patient.wrong() == []
    assert list(blob.parent.iterdir()) == []


def test_a_download_that_is_running_is_no_leftover(patient: Patient) -> None:
    partial(patient)
    lock = patient.hub / ".locks" / "models--acme--fox" / f"{DIGEST}.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert patient.line("leftovers")["text"] == "nothing half done; 1 download running now"
    assert patient.only("leftovers", "warning"), "the lock of a dead process holds nothing"


def test_a_removal_that_was_killed_is_finished_by_the_next(patient: Patient, random_model: Path) -> None:
    data = random_model.read_bytes()
    link = hub_file(patient.hub, "acme/fox", "fox.gguf", data)
    hub_file(patient.hub, "acme/hen", "hen.gguf", data[:-1] + b"\1")
    blob = link.resolve()
    blob.rename(f"{blob}.infer.removing")
    line = patient.only("leftovers", "warning")
    assert "1 removal begun and not finished" in line["text"]
    assert "the next infer rm" in line["fix"]
    assert patient.run("rm", "--yes", "acme/hen").code == 0
    assert patient.wrong() == []


def test_temporary_files_of_dead_processes_are_removed(patient: Patient) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    pins = patient.cache / "pins"
    pins.mkdir(mode=0o700)
    left, alive = pins / f".{dead.pid}.{'0' * 16}.infer.tmp", pins / f".{os.getpid()}.{'0' * 16}.infer.tmp"
    for file in (left, alive):
        file.touch(0o600)
    line = patient.only("leftovers", "warning")
    assert line["text"] == f"1 temporary file of processes that were killed: {left}"
    patient.follow(line)
    assert patient.wrong() == []
    assert alive.exists()


COMPLETES = {
    "bash": ("bash", "-ic", "complete -p infer"),
    "zsh": ("zsh", "-ic", "print -r -- $_comps[infer]"),
    "fish": ("fish", "-c", "complete -C 'infer do'"),
}


@pytest.mark.parametrize("shell", COMPLETES)
def test_completion_is_missed_and_installed(patient: Patient, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    patient.environment["SHELL"] = f"/usr/bin/{shell}"
    (patient.home / ".bashrc").write_text("# source <(infer completions bash)\n")
    line = patient.only("completion", "warning")
    assert line["text"] == f"{shell} does not complete infer's commands and models"
    patient.follow(line)
    assert patient.wrong() == []
    done = subprocess.run(
        COMPLETES[shell], env=patient.environment, cwd=patient.home, capture_output=True, timeout=60,
        stdin=subprocess.DEVNULL, start_new_session=True, check=False,
    )  # fmt: skip
    assert (b"doctor" if shell == "fish" else b"_infer") in done.stdout, done.stderr


def test_another_infer_on_the_path_or_none(patient: Patient) -> None:
    good = patient.environment["PATH"]
    patient.environment["PATH"] = os.environ["PATH"].replace(f"{INFER.parent}:", "")
    if shutil.which("infer", path=patient.environment["PATH"]) is None:
        assert "no infer is on the PATH" in patient.only("path", "warning")["text"]
    other = patient.home / "bin" / "infer"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\nexit 3\n")
    other.chmod(0o755)
    patient.environment["PATH"] = f"{other.parent}:{good}"
    line = patient.only("path", "warning")
    assert line["text"] == f"infer on the PATH is {other}, this one is {INFER}"
    done = patient_shell(patient, f"{line['command']}; infer doctor")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, b"no problems, no warnings")


def patient_shell(patient: Patient, script: str) -> subprocess.CompletedProcess[bytes]:
    """As Command.shell, which would put this infer first on the PATH."""
    return subprocess.run(
        ["bash", "-c", script], env=patient.environment, cwd=patient.home, capture_output=True, timeout=60,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def test_a_terminal_that_cannot_show_utf8(patient: Patient) -> None:
    result = patient.run("doctor", "--json", stdout="tty", env={"LANG": "de_DE.ISO-8859-1"})
    line = next(one for one in result.json["checks"] if one["name"] == "terminal")
    assert (line["level"], line["command"]) == ("warning", "export LC_ALL=C.UTF-8")
    result = patient.run("doctor", "--json", stdout="tty", env={"LANG": "de_DE.ISO-8859-1", "LC_ALL": "de_DE.utf8"})
    assert next(one for one in result.json["checks"] if one["name"] == "terminal")["level"] == "ok"


def test_a_signal_ends_it_at_once(patient: Patient) -> None:
    fifo = patient.home / "fifo"
    os.mkfifo(fifo)
    running = patient.start("doctor", env={"INFER_CONFIG": str(fifo)})
    running.worker()
    running.signal(signal.SIGTERM)
    result = running.finish()
    assert (result.code, result.out) == (143, b"")


def mounted(place: Path, mount: str) -> tuple[str, ...]:
    """Words in front of a command that sees another file system at a place. `mount`: what mounts it, but for where."""
    own = () if os.geteuid() == 0 else ("--map-root-user",)
    words = ("unshare", *own, "--mount", "bash", "-c", f'{mount} {shlex.quote(str(place))} && exec "$@"', "bash")
    done = subprocess.run([*words, "true"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"this cannot be mounted here: {done.stderr.decode().strip()}")
    return words
