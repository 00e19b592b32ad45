"""stdout is the answer and nothing else, byte for byte; stderr is everything else; stdin stands before the prompt."""

import json
import os
import pty
import signal
import termios
import time
from pathlib import Path

import pytest

from cli.command import Command, Result, gone
from infer.cli.output import Output

GREEDY = ("-t", "0", "--max-tokens", "24")
KEYS = {
    "model", "text", "reasoning", "tool_calls", "finish_reason", "usage", "timings", "seed", "context", "device",
}  # fmt: skip


def expected(infer: Command, model: Path, *arguments: str) -> bytes:
    """The model's text as --json tells it, which no stream has touched."""
    return infer.run("run", model, *arguments, "--json").json["text"].encode()


@pytest.fixture(scope="module")
def hello(infer: Command, random_model: Path) -> bytes:
    """What the random model answers to "hello": noise with bytes that are no UTF-8, and control characters."""
    return expected(infer, random_model, "hello", *GREEDY)


@pytest.fixture(scope="module")
def record(infer: Command, random_model: Path) -> Result:
    return infer.run("run", random_model, "hello", *GREEDY, "--seed", "7", "--json")


# --- stdout


def test_stdout_in_a_pipe_is_the_text_and_nothing_else(infer: Command, random_model: Path, hello: bytes) -> None:
    result = infer.run("run", random_model, "hello", *GREEDY)
    assert (result.code, result.out, result.err) == (0, hello, "")
    assert "\ufffd" in hello.decode(), "the model should emit bytes that are no UTF-8, or this test shows nothing"


def test_json_is_one_object_with_exactly_the_keys_of_the_contract(record: Result, random_model: Path) -> None:
    assert (record.code, record.err) == (0, "")
    assert record.out.endswith(b"}\n")
    assert record.out.count(b"\n") == 1
    data = record.json
    assert data.keys() == KEYS
    assert data["model"] == {"ref": str(random_model), "file": str(random_model), "sha256": None}
    assert isinstance(data["text"], str)
    assert (data["reasoning"], data["tool_calls"], data["finish_reason"]) == ("", [], "length")
    assert data["usage"] == {"prompt": 8, "cached": 0, "completion": 24}
    assert data["timings"].keys() == {"load_ms", "first_token_ms", "prefill_tps", "decode_tps", "total_ms"}
    assert all(isinstance(value, int | float) and value > 0 for value in data["timings"].values())
    assert data["timings"]["load_ms"] < data["timings"]["first_token_ms"] <= data["timings"]["total_ms"]
    assert data["timings"]["total_ms"] <= 1000 * record.seconds + 150, "it counts from the start of the process"
    assert data["context"] == {"size": 256, "used": 32, "dropped": 0}
    assert (data["seed"], data["device"]) == (7, "CPU")


def test_json_passes_through_json_tool(infer: Command, random_model: Path) -> None:
    line = 'infer run "$M" hello -t 0 --max-tokens 9 --json | python3 -m json.tool; echo ${PIPESTATUS[@]} >&2'
    done = infer.shell(line, M=random_model)
    assert done.stderr == b"0 0\n"
    assert json.loads(done.stdout)["usage"]["completion"] == 9


def test_redirected_streams_hold_the_text_and_nothing(infer: Command, random_model: Path, hello: bytes) -> None:
    done = infer.shell('infer run "$M" hello -t 0 --max-tokens 24 > answer 2> said; echo $?', M=random_model)
    assert done.stdout == b"0\n"
    assert (infer.home / "answer").read_bytes() == hello
    assert (infer.home / "said").read_bytes() == b""


@pytest.mark.parametrize(
    "variables",
    [
        {"NO_COLOR": "1", "TERM": "dumb"},
        *(pytest.param(v, marks=pytest.mark.slow) for v in ({"NO_COLOR": "1"}, {"TERM": None, "LANG": "C"})),
    ],
)
def test_a_plain_terminal_gets_no_sequence_of_ours(
    infer: Command, random_model: Path, variables: dict[str, str | None]
) -> None:
    result = infer.run("run", random_model, "hello", "--max-tokens", "4", "-v", stderr="tty", env=variables)
    assert result.code == 0
    assert "\x1b" not in result.err.replace("\r\x1b[K", ""), "a progress line is all that may be erased"


def test_a_line_that_moves_fits_into_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each of them would leave a row of it behind: of a file's long path, for example."""
    monkeypatch.setenv("TERM", "xterm")
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 20))
    before = os.dup(2)
    os.dup2(slave, 2)
    try:
        Output().progress("loading " + "x" * 100)
    finally:
        os.dup2(before, 2)
        os.close(before)
    assert os.read(master, 1000) == b"\r\x1b[K" + b"loading " + b"x" * 11
    os.close(slave)
    os.close(master)


def test_a_run_without_any_terminal_does_not_wait_for_one(infer: Command, random_model: Path, hello: bytes) -> None:
    done = infer.shell('setsid -w infer run "$M" hello -t 0 --max-tokens 24 < /dev/null', M=random_model)
    assert (done.returncode, done.stdout, done.stderr) == (0, hello, b"")


def test_a_command_substitution_ends_with_the_command(infer: Command, random_model: Path) -> None:
    done = infer.shell('x=$(infer run "$M" hello -t 0 --max-tokens 3); echo "$? ${#x}"', M=random_model, timeout=20)
    code, length = done.stdout.split()
    assert (code, int(length) > 0) == (b"0", True)


def test_closed_stdout_is_a_quiet_end(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "hello", *GREEDY, stdout="closed")
    assert (result.code, result.err) == (0, "")


def test_closed_stderr_costs_nothing(infer: Command, random_model: Path, hello: bytes) -> None:
    result = infer.run("run", random_model, "hello", *GREEDY, "-v", stderr="closed")
    assert (result.code, result.out) == (0, hello)


@pytest.mark.parametrize("more", [(), pytest.param(("--json",), marks=pytest.mark.slow)])
def test_a_full_device_as_stdout_is_exit_6(infer: Command, random_model: Path, more: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        result = infer.run("run", random_model, "hello", *GREEDY, *more, stdout=full.fileno())
    assert (result.code, result.err) == (6, "error: cannot write to stdout: No space left on device\n")


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(infer: Command, long_model: Path) -> None:
    line = 'cat notes.txt | infer run "$M" "go on" --seed 3 --max-tokens 60000 | head -1 >first; echo ${PIPESTATUS[@]}'
    (infer.home / "notes.txt").write_text("a note\n")
    started = time.monotonic()
    done = infer.shell(line, M=long_model)
    assert (done.stdout, done.stderr) == (b"0 0 0\n", b"")
    first = (infer.home / "first").read_bytes()
    assert first.count(b"\n") == 1
    assert time.monotonic() - started < 10, "60,000 tokens take longer"


def test_a_reader_that_goes_away_during_a_prefill_ends_it(infer: Command, slow_model: Path) -> None:
    read, write = os.pipe()
    running = infer.start("run", slow_model, "word " * 3000, "-n", "--max-tokens", "4", stdout=write)
    os.close(write)
    worker = running.worker()
    time.sleep(1)
    os.close(read)
    closed = time.monotonic()
    result = running.finish()
    assert (result.code, result.err) == (0, "")
    assert time.monotonic() - closed < 2
    assert gone(worker, 1)


# --- a terminal


def test_on_a_terminal_one_newline_is_added_and_control_characters_are_shown(infer: Command, long_model: Path) -> None:
    options = ("run", long_model, "hello", "--seed", "5", "-t", "2", "--top-k", "0", "--top-p", "1", "--min-p", "0")
    options = (*options, "--max-tokens", "1500")
    piped, shown = infer.run(*options), infer.run(*options, stdout="tty")
    text = piped.out.decode()
    assert "\x1b" in text, "1,500 random tokens should hold an escape character"
    assert any(0x80 <= ord(c) < 0xA0 for c in text), "and one of the C1 range"
    assert (shown.code, shown.err) == (0, "")
    seen = shown.out.decode()
    assert seen.endswith("\n") and not seen.endswith("\n\n")
    assert not [c for c in seen if (ord(c) < 0x20 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0]
    restored = {0x2400 + code: chr(code) for code in range(0x20)} | {0x2421: "\x7f"}
    assert seen.count("␛") == text.count("\x1b")
    plain = seen.removesuffix("\n") if not text.endswith("\n") else seen
    for code in (*range(0x80, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)):
        escape = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
        text = text.replace(chr(code), escape)
    assert plain.translate(restored) == text


def test_an_answer_on_a_terminal_and_an_error_do_not_share_a_line(infer: Command, long_model: Path) -> None:
    ours, theirs = os.openpty()
    running = infer.start(
        "run", long_model, "hello", "--seed", "1", "--max-tokens", "60000", stdout=theirs, stderr="stdout"
    )
    os.close(theirs)
    worker = running.worker()
    seen = b""
    while len(seen) < 2000:
        seen += os.read(ours, 4096)
    os.kill(worker, signal.SIGSEGV)
    try:
        while block := os.read(ours, 4096):
            seen += block
    except OSError:
        pass
    os.close(ours)
    assert running.finish().code == 1
    assert b"\nerror: the worker process was ended by SIGSEGV" in seen


# --- stdin, attachments, the prompt


def shown_prompt(result: Result) -> str:
    assert result.code == 0, result.err
    return result.err


def test_attachments_stand_before_the_prompt_in_order_with_blank_lines(infer: Command, random_model: Path) -> None:
    (infer.home / "b.txt").write_text("bee\n\n")
    (infer.home / "a.txt").write_text("\n  ant\r\n")
    more = ("-f", "b.txt", "-f", "a.txt", "-s", "sys", "--show-prompt", "--max-tokens", "1")
    result = infer.run("run", random_model, "ask", *more, stdin=b"piped\n")
    expected = "<|system|>sys<|end|><|user|>bee\n\n\n  ant\r\n\npiped\n\nask<|end|><|assistant|>\n"
    assert shown_prompt(result) == expected


def test_a_file_called_dash_is_stdin_in_its_place(infer: Command, random_model: Path) -> None:
    (infer.home / "b.txt").write_text("bee")
    result = infer.run(
        "run", random_model, "ask", "-f", "-", "-f", "b.txt", "--show-prompt", "--max-tokens", "1", stdin=b"piped"
    )
    assert shown_prompt(result) == "<|user|>piped\n\nbee\n\nask<|end|><|assistant|>\n"


def test_stdin_is_the_prompt_when_there_is_no_other(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "--show-prompt", "--max-tokens", "1", stdin="über\n\n".encode())
    assert shown_prompt(result) == "<|user|>über<|end|><|assistant|>\n"


def test_raw_stdin_is_the_prompt_to_the_last_byte(infer: Command, random_model: Path) -> None:
    result = infer.run("run", random_model, "--raw", "--show-prompt", "--json", "--max-tokens", "1", stdin=b" a\n\n")
    assert result.json["usage"]["prompt"] == 3  # " a" is one token
    assert result.err == " a\n\n"


def test_no_stdin_leaves_stdin_alone(infer: Command, random_model: Path) -> None:
    read, write = os.pipe()
    os.write(write, b"for somebody else")
    result = infer.run("run", random_model, "ask", "-n", "--show-prompt", "--max-tokens", "1", stdin=read)
    assert shown_prompt(result) == "<|user|>ask<|end|><|assistant|>\n"
    assert os.read(read, 100) == b"for somebody else"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("stdin", [pytest.param(b"", marks=pytest.mark.slow), None, "closed", "tty"])
def test_empty_stdin_is_just_empty(infer: Command, random_model: Path, stdin: bytes | str | None, hello: bytes) -> None:
    result = infer.run("run", random_model, "hello", *GREEDY, stdin=stdin)
    assert (result.code, result.out, result.err) == (0, hello, "")


def test_an_open_pipe_that_says_nothing_gets_one_line_that_names_n(infer: Command, random_model: Path) -> None:
    running = infer.start("run", random_model, "hello", stdin="silent")
    running.until(lambda: running.err)
    assert 2 <= time.monotonic() - running.started < 8
    time.sleep(0.2)
    assert running.err == "waiting for input on stdin; -n (--no-stdin) does not read it\n"
    running.signal(signal.SIGINT)
    assert running.finish(5).code == 130


def test_a_slow_writer_loses_nothing(infer: Command, random_model: Path) -> None:
    """Input in very many small pieces: in a pipe of packets each write is a read of its own."""
    read, write = os.pipe2(os.O_DIRECT)
    running = infer.start("tokens", random_model, stdin=read)
    os.close(read)
    for _ in range(9000):
        os.write(write, b"x")
    os.close(write)
    assert running.finish().out == b"9000\n"


def test_input_is_streamed_from_files_pipes_and_process_substitutions(infer: Command, random_model: Path) -> None:
    line = 'infer run "$M" ask -f <(echo one) --show-prompt --max-tokens 1 < <(echo two) 2>&1 >/dev/null'
    assert infer.shell(line, M=random_model).stdout == b"<|user|>one\n\ntwo\n\nask<|end|><|assistant|>\n"
