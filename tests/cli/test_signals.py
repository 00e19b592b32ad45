"""Signals: the command ends at once, with its code; what was generated has gone out, and no worker stays behind."""

import fcntl
import os
import re
import signal
import statistics
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.command import Command, Running, alive, gone
from infer.cli.signals import Signals
from infer.errors import Interrupted

# Sampled with a seed: the same text every time, and no cycle in which a hole could hide.
ENDLESS = ("run", "--seed", "11", "-t", "1", "--top-k", "0", "--max-tokens", "60000", "-n")
LONG_PROMPT = "word " * 3000
PROMISE = 0.3  # seconds; 0.02 were measured
LIMIT = 1.0  # what a single try may take on a busy machine
PHASES = ("load", "prefill", "generation")


@pytest.fixture
def start(infer: Command, heavy_model: Path, slow_model: Path, long_model: Path) -> Callable[[str], Running]:
    """A command that is in the middle of a phase."""

    def begin(phase: str, *more: str) -> Running:
        if phase == "load":
            running = infer.start("run", heavy_model, "x", "-n", *more)
            worker = running.worker()
            running.until(lambda: str(heavy_model) in Path(f"/proc/{worker}/maps").read_text())
        elif phase == "prefill":
            running = infer.start("run", slow_model, LONG_PROMPT, "-n", *more)
            worker = running.worker()
            running.until(lambda: busy(worker) > 0.6)
        else:
            running = infer.start(*ENDLESS, long_model, "x", *more)
            running.until(lambda: len(running.out) > 3000)
        return running

    return begin


def busy(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def unread(descriptor: int) -> int:
    """Bytes that wait in a pipe."""
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.fixture(scope="module")
def whole(infer: Command, long_model: Path) -> bytes:
    """The beginning of what ENDLESS writes."""
    return infer.run(*ENDLESS[:-3], "--max-tokens", "4000", "-n", long_model, "x").out


def interrupt(running: Running, number: int, *, group: bool = True) -> float:
    """Signal it and wait for its end: the seconds that took. No worker is left, no traceback is written."""
    worker = running.worker()
    started = time.monotonic()
    (running.signal_group if group else running.signal)(number)
    result = running.finish(10)
    seconds = time.monotonic() - started
    assert (result.code, result.err) == (128 + number, "")
    assert gone(worker, LIMIT)
    return seconds


HALF = "\ufffd".encode()


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("group", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["terminal", "alone"])
def test_ctrl_c_ends_every_phase_at_once(start: Callable[[str], Running], phase: str, group: bool) -> None:
    assert interrupt(start(phase), signal.SIGINT, group=group) < LIMIT


@pytest.mark.parametrize(("number", "group"), [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGHUP, True)])
def test_other_signals_end_it_with_their_code(start: Callable[[str], Running], number: int, group: bool) -> None:
    assert interrupt(start("generation"), number, group=group) < LIMIT


def test_what_was_generated_has_gone_out_without_a_hole(start: Callable[[str], Running], whole: bytes) -> None:
    for _ in range(2):
        running = start("generation")
        interrupt(running, signal.SIGINT)
        shown = running.out
        while shown.endswith(HALF):  # the last letter's other bytes were still to come
            shown = shown.removesuffix(HALF)
        length = min(len(shown), len(whole))
        assert length > 3000
        assert shown[:length] == whole[:length]


def test_an_interrupted_json_run_still_prints_its_record(infer: Command, long_model: Path) -> None:
    running = infer.start(*ENDLESS, long_model, "x", "--json")
    worker = running.worker()
    running.until(lambda: busy(worker) > 0.6)
    interrupt(running, signal.SIGINT)
    result = running.finish()
    assert result.json["finish_reason"] == "abort"
    assert result.json["usage"]["completion"] > 100
    assert result.json["text"]


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_twenty_times_in_every_phase(
    start: Callable[[str], Running], phase: str, record_property: Callable[[str, object], None]
) -> None:
    times = sorted(interrupt(start(phase), signal.SIGINT) for _ in range(20))
    p95 = times[-2]
    record_property("p95", p95)
    print(f"\n{phase}: median {statistics.median(times):.3f} s, p95 {p95:.3f} s, longest {times[-1]:.3f} s")
    assert p95 < PROMISE


@pytest.mark.slow
def test_ctrl_c_at_any_moment_is_never_a_traceback(infer: Command, random_model: Path) -> None:
    """From the interpreter's start to the end of the answer, in steps of 20 ms."""
    codes = set()
    for step in range(1, 45):
        running = infer.start("run", random_model, "hello", "-n")
        time.sleep(0.02 * step)
        running.signal_group(signal.SIGINT)
        result = running.finish(10)
        # Python's own start, and the console script's import of `main`, are not ours to guard.
        if result.code != 1 or "import_site" not in result.err:
            codes.add(result.code)
        assert not re.search(r'infer/cli/main\.py", line \d+, in \w', result.err), result.err
    assert 130 in codes
    assert codes <= {130, 0, -signal.SIGINT}


def test_a_second_ctrl_c_does_not_wait_for_anything(infer: Command, long_model: Path) -> None:
    """A stopped worker cannot answer; the second signal ends the command all the same."""
    running = infer.start(*ENDLESS, long_model, "x")
    running.until(lambda: len(running.out) > 1000)
    worker = running.worker()
    os.kill(worker, signal.SIGSTOP)
    running.signal(signal.SIGINT)
    running.signal(signal.SIGINT)
    started = time.monotonic()
    assert running.finish(10).code == 130
    assert time.monotonic() - started < LIMIT
    assert gone(worker, LIMIT)


def test_ctrl_c_gets_through_to_a_command_whose_reader_does_not_read(infer: Command, long_model: Path) -> None:
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 8192)
    running = infer.start(*ENDLESS, long_model, "x", stdout=write)
    os.close(write)
    worker = running.worker()
    before = -1
    while (full := unread(read)) != before or not full:  # until the pipe is full, and it waits for its reader
        before = full
        time.sleep(0.3)
    assert interrupt(running, signal.SIGINT) < LIMIT
    assert not alive(worker)
    os.close(read)


def test_signals_that_nohup_ignores_stay_ignored(infer: Command, random_model: Path) -> None:
    command = infer.start("run", random_model, "hello", "-n", "--max-tokens", "20", prefix=("nohup",), stderr="pipe")
    command.worker()
    for _ in range(10):
        command.signal_group(signal.SIGHUP)
        time.sleep(0.02)
    assert command.finish().code == 0


def test_the_worker_dies_with_its_parent(start: Callable[[str], Running]) -> None:
    running = start("prefill")
    worker = running.worker()
    running.signal(signal.SIGKILL)
    assert running.finish(10).code == -signal.SIGKILL
    assert gone(worker, 1.0)


def test_stop_and_continue_lose_nothing(infer: Command, long_model: Path) -> None:
    arguments = ("run", long_model, "x", "-n", "--seed", "11", "--max-tokens", "1500")
    expected = infer.run(*arguments)
    running = infer.start(*arguments, session=False)
    running.until(lambda: len(running.out) > 300)
    running.signal_group(signal.SIGTSTP)
    time.sleep(0.2)
    stopped = len(running.out)
    time.sleep(0.2)
    assert len(running.out) == stopped, "it should stand still"
    running.signal_group(signal.SIGCONT)
    result = running.finish()
    assert (result.code, result.out, result.err) == (0, expected.out, "")


DEATHS = {
    signal.SIGKILL: (6, "was killed by the system, most likely because memory ran out"),
    signal.SIGSEGV: (1, "was ended by SIGSEGV, inside llama.cpp"),
    signal.SIGABRT: (1, "was ended by SIGABRT, inside llama.cpp"),
    signal.SIGBUS: (5, "was ended by SIGBUS: the model file changed or became unreadable while it was in use"),
}
EVERY_DEATH = [
    pytest.param(n, p, marks=() if (n, p) in quick else pytest.mark.slow)
    for quick in [{(signal.SIGKILL, "prefill"), (signal.SIGSEGV, "load"), (signal.SIGABRT, "generation")}]
    for n in DEATHS
    for p in PHASES
]


@pytest.mark.parametrize(("number", "phase"), EVERY_DEATH)
def test_the_death_of_a_worker_is_one_sentence(
    start: Callable[[str], Running], whole: bytes, number: int, phase: str
) -> None:
    running = start(phase)
    worker = running.worker()
    os.kill(worker, number)
    killed = time.monotonic()
    result = running.finish(10)
    assert time.monotonic() - killed < LIMIT
    code, sentence = DEATHS[signal.Signals(number)]
    assert result.code == code
    assert result.lines[0] == f"error: the worker process {sentence}"
    assert all(line.startswith("hint: ") for line in result.lines[1:])
    assert len(result.lines) <= 2
    if phase == "generation":
        length = min(len(result.out), len(whole))
        assert length > 3000
        assert result.out[:length] == whole[:length], "what came before has gone out"
    else:
        assert result.out == b""


def test_a_model_that_shrinks_while_it_is_used_is_exit_5(infer: Command, tmp_path: Path, slow_model: Path) -> None:
    victim = tmp_path / "victim.gguf"
    victim.write_bytes(slow_model.read_bytes())
    running = infer.start("run", victim, LONG_PROMPT, "-n")
    worker = running.worker()
    running.until(lambda: busy(worker) > 0.6)
    os.truncate(victim, 100_000)
    result = running.finish(20)
    assert result.code == 5
    assert re.fullmatch(r"error: the worker process was ended by SIGBUS: the model file changed .*\n", result.err)


def test_no_core_file_is_left(infer: Command, random_model: Path) -> None:
    """A core dump of a process with a model in it is gigabytes."""
    running = infer.start("run", random_model, stdin="silent", prefix=("prlimit", "--core=4096"))
    worker = running.worker()
    running.until(lambda: re.search(r"Max core file size +0 ", Path(f"/proc/{worker}/limits").read_text()), 10)
    assert re.search(r"Max core file size +4096 ", Path(f"/proc/{running.pid}/limits").read_text()), "the parent's own"


def test_while_held_a_signal_is_heard_only_where_the_program_waits() -> None:
    steps = []
    with pytest.raises(Interrupted) as caught, Signals() as signals, signals.held():
        signal.raise_signal(signal.SIGTERM)
        steps.append("what was begun is finished")
        with signals.waiting():
            steps.append("not reached")
    assert steps == ["what was begun is finished"]
    assert caught.value.exit_code == 143


def test_what_is_held_inside_is_held_outside_as_well() -> None:
    with Signals() as signals, signals.held():
        with signals.held():
            pass
        signal.raise_signal(signal.SIGINT)  # raises nothing
        signals.forgive()


def test_a_ctrl_c_that_comes_too_late_is_forgotten_and_other_signals_are_not() -> None:
    with Signals() as signals, signals.held():
        signal.raise_signal(signal.SIGINT)
        signals.settle()
        with signals.waiting():
            pass
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted) as caught:
            signals.settle()
    assert caught.value.exit_code == 143


def test_in_a_chat_ctrl_c_may_be_pressed_often_and_hides_no_other_signal() -> None:
    with Signals() as signals, signals.held():
        signals.patient = True
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Interrupted) as caught, signals.waiting():
            pass
    assert caught.value.exit_code == 143


def test_a_signal_that_was_heard_once_is_not_heard_again() -> None:
    with Signals() as signals, signals.held():
        with pytest.raises(Interrupted), signals.waiting():
            signal.raise_signal(signal.SIGHUP)
        with signals.waiting():
            pass  # the last words may wait, too
