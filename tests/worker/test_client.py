"""WorkerClient against the real worker: events, several requests at once, abort, failures, the end of the process."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ggufs import write_gguf
from infer.errors import BadModelFile, BadTemplate, ContextOverflow, EmptyPrompt, InternalError, WorkerDied
from infer.types import (
    Constraint,
    Delta,
    EngineConfig,
    Failed,
    Finished,
    Message,
    Progress,
    Request,
    SamplingParams,
    TextDelta,
    TextPart,
)
from infer.worker.client import WorkerClient
from infer.worker.spawn import spawn

CONFIG = EngineConfig(max_context=1024, parallel=2, threads=1, batch=64, ubatch=64)
ENDLESS = 900


def ask(text: str, max_tokens: int | None = 8, **options: object) -> Request:
    messages = (Message("user", (TextPart(text),)),)
    return Request(messages, SamplingParams(temperature=0), max_tokens=max_tokens, **options)  # type: ignore[arg-type]


Open = Callable[..., WorkerClient]


@pytest.fixture
def start() -> Iterator[Open]:
    """Makes workers and ends them."""
    workers: list[WorkerClient] = []

    def begin(path: Path | None = None, config: EngineConfig = CONFIG) -> WorkerClient:
        workers.append(worker := WorkerClient(spawn()))
        if path is not None:
            worker.load(str(path), config)
        return worker

    yield begin
    for worker in workers:
        worker.close()


def collect(worker: WorkerClient, *ids: int) -> dict[int, tuple[str, Finished | Failed]]:
    """Events until these requests have ended: their texts and their ends."""
    texts = dict.fromkeys(ids, "")
    ends: dict[int, Finished | Failed] = {}
    for event in worker.events(timeout=20):
        assert event is not None, "nothing came for 20 seconds"
        assert event.id not in ends, "nothing follows the end of a request"
        match event:
            case TextDelta(id, delta):
                texts[id] += delta.content
            case Finished(id, _) | Failed(id, _):
                ends[id] = event
        if len(ends) == len(ids):
            break
    return {id: (texts[id], ends[id]) for id in ids}


@pytest.mark.parametrize("constraint", [Constraint(schema="{}"), Constraint(grammar='root ::= "a"')])
def test_what_a_constraint_needs_is_imported_when_one_is_expected(start: Open, constraint: Constraint) -> None:
    """Before any model is loaded; a grammar needs no llguidance."""
    worker = start()
    worker.expect(constraint)
    maps = Path(f"/proc/{worker.pid}/maps")
    deadline = time.monotonic() + 20
    while "numpy" not in maps.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "numpy" in maps.read_text()
    wanted = constraint.grammar is None
    while wanted and "llguidance" not in maps.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ("llguidance" in maps.read_text()) == wanted


def test_hello_load_and_an_answer(start: Open, random_model: Path) -> None:
    worker = start(random_model)
    assert [device.kind for device in worker.wait_devices()].count("cpu") == 1
    number = worker.submit(ask("hello"))
    text, end = collect(worker, number)[number]
    assert worker.loaded
    assert isinstance(end, Finished)
    assert len(text) > 0
    assert (end.completion.finish_reason, end.completion.usage.completion) == ("length", 8)


def test_several_requests_run_at_once_and_answer_as_they_do_alone(start: Open, random_model: Path) -> None:
    worker = start(random_model, replace(CONFIG, parallel=1))
    requests = [ask("hello", 30), ask("a fox", 12), ask("x" * 200, 20)]
    alone = []
    for request in requests:
        number = worker.submit(request)
        alone.append(collect(worker, number)[number][0])
    together = start(random_model, replace(CONFIG, parallel=3))
    numbers = [together.submit(request) for request in requests]
    assert len(set(numbers)) == 3
    results = collect(together, *numbers)
    same = [results[number][0] == text for number, text in zip(numbers, alone, strict=True)]
    # a batch adds rounding noise of its own, which may turn a close decision of a random model
    assert same.count(True) >= 2
    assert all(results[n][1].completion.finish_reason == "length" for n in numbers)  # type: ignore[union-attr]


def test_requests_beyond_the_places_wait_their_turn(start: Open, random_model: Path) -> None:
    worker = start(random_model)
    numbers = [worker.submit(ask(f"question {i}", 5)) for i in range(7)]
    ends = collect(worker, *numbers)
    assert [ends[number][1].completion.usage.completion for number in numbers] == [5] * 7  # type: ignore[union-attr]


def test_an_abort_ends_one_request_and_leaves_the_others(start: Open, random_model: Path) -> None:
    worker = start(random_model)
    first, second = worker.submit(ask("hello", ENDLESS)), worker.submit(ask("a fox", 60))
    for event in worker.events(timeout=20):
        if isinstance(event, TextDelta) and event.id == first:
            break
    worker.abort(first)
    ends = collect(worker, first, second)
    one, other = ends[first][1], ends[second][1]
    assert isinstance(one, Finished)
    assert isinstance(other, Finished)
    assert one.completion.finish_reason == "abort"
    assert one.completion.usage.completion < ENDLESS
    assert (other.completion.finish_reason, other.completion.usage.completion) == ("length", 60)
    worker.abort(first)
    worker.abort(12345)
    third = worker.submit(ask("and then", 4))
    assert isinstance(collect(worker, third)[third][1], Finished), "aborting what has ended does no harm"


def test_an_abort_is_heard_in_the_middle_of_a_prefill(start: Open, models_dir: Path) -> None:
    slow = write_gguf(models_dir / "slow-worker.gguf", layers=8, width=512, heads=8, ffn=1024, context=8192)
    worker = start(slow, replace(CONFIG, max_context=8192, batch=512, ubatch=512))
    number = worker.submit(ask("x" * 7000))
    for event in worker.events(timeout=30):
        if isinstance(event, Progress):
            break
    worker.abort(number)
    aborted = time.monotonic()
    end = collect(worker, number)[number][1]
    assert isinstance(end, Finished)
    assert end.completion.finish_reason == "abort"
    assert time.monotonic() - aborted < 1
    again = worker.submit(ask("hello", 3))
    assert isinstance(collect(worker, again)[again][1], Finished), "the worker goes on"


def test_progress_counts_up_to_the_prompt(start: Open, random_model: Path) -> None:
    worker = start(random_model)
    worker.submit(ask("x" * 300, 1))
    seen = []
    for event in worker.events(timeout=20):
        if isinstance(event, Progress):
            seen.append((event.done, event.total))
        if isinstance(event, Finished):
            break
    assert seen == [(64, 303), (128, 303), (192, 303), (256, 303)]


def test_a_request_that_cannot_be_answered_fails_alone(start: Open, random_model: Path) -> None:
    worker = start(random_model)
    good, long = worker.submit(ask("hello", 20)), worker.submit(ask("x" * 2000))
    empty = worker.submit(ask("", raw=True))
    ends = collect(worker, good, long, empty)
    assert isinstance(ends[good][1], Finished)
    assert isinstance(ends[long][1], Failed)
    assert isinstance(ends[long][1].error, ContextOverflow)  # type: ignore[union-attr]
    assert ends[long][1].error.facts["prompt"] == 2003  # type: ignore[union-attr]
    assert isinstance(ends[empty][1].error, EmptyPrompt)  # type: ignore[union-attr]


def test_a_broken_template_fails_requests_but_not_raw_ones(start: Open, tmp_path: Path) -> None:
    worker = start(write_gguf(tmp_path / "broken.gguf", chat_template="{{ messages | nothing }}", context=1024))
    chat, raw = worker.submit(ask("hello")), worker.submit(ask("hello", raw=True))
    ends = collect(worker, chat, raw)
    assert isinstance(ends[chat][1].error, BadTemplate)  # type: ignore[union-attr]
    assert isinstance(ends[raw][1], Finished)


def test_prompt_and_tokenize(start: Open, random_model: Path) -> None:
    worker = start(random_model)
    text, pairs = worker.prompt(ask("hello"))
    assert text == "<|user|>hello<|end|><|assistant|>"
    assert "".join(piece for _, piece in pairs) == text
    assert [piece for _, piece in worker.tokenize("the fox")] == ["the", " fox"]
    assert worker.tokenize("") == []


def test_answers_to_questions_do_not_swallow_events(start: Open, random_model: Path) -> None:
    worker = start(random_model)
    number = worker.submit(ask("hello", 200))
    assert len(worker.tokenize("the fox")) == 2
    end = collect(worker, number)[number][1]
    assert isinstance(end, Finished)
    assert end.completion.usage.completion == 200


def test_a_file_that_llama_cpp_refuses_is_raised_by_whatever_waits_next(start: Open, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", extra={"llama.feed_forward_length": 5})
    worker = start(path)
    with pytest.raises(BadModelFile) as error:
        worker.tokenize("x")
    assert error.value.facts["path"] == str(path)
    assert error.value.facts["why"]
    absent = start(tmp_path / "absent.gguf")
    absent.submit(ask("x"))
    with pytest.raises(BadModelFile):
        next(absent.events(timeout=20))


def test_no_time_without_an_event_passes_unnoticed(start: Open) -> None:
    worker = start()
    worker.wait_devices()
    started = time.monotonic()
    assert next(worker.events(timeout=0.2)) is None
    assert 0.15 < time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGKILL, 6, "was killed by the system, most likely because memory ran out"),
        (signal.SIGSEGV, 1, "was ended by SIGSEGV, inside llama.cpp"),
        (signal.SIGABRT, 1, "was ended by SIGABRT, inside llama.cpp"),
        (signal.SIGILL, 1, "was ended by SIGILL, inside llama.cpp"),
        (signal.SIGBUS, 5, "was ended by SIGBUS: the model file changed"),
    ],
)
def test_the_death_of_the_process_is_told_with_its_cause(start: Open, number: int, code: int, words: str) -> None:
    worker = start()
    worker.wait_devices()
    os.kill(worker.pid, number)
    with pytest.raises(WorkerDied) as error:
        next(worker.events(timeout=10))
    assert error.value.exit_code == code
    assert str(error.value).startswith(f"the worker process {words}")
    with pytest.raises(ChildProcessError):
        os.waitpid(worker.pid, os.WNOHANG)  # no zombie is left


def test_asking_a_dead_worker_is_told_too(start: Open) -> None:
    worker = start()
    worker.wait_devices()
    os.kill(worker.pid, signal.SIGKILL)
    while Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    with pytest.raises(WorkerDied):
        for _ in range(3):
            worker.tokenize("x")


def test_what_the_worker_said_last_is_part_of_the_sentence(start: Open, random_model: Path) -> None:
    """As when ggml aborts: its reason stands on stderr."""
    worker = start(random_model)
    worker.tokenize("x")
    with open(f"/proc/{worker.pid}/fd/2", "w") as stderr:
        stderr.write("noise\nggml.c:123: GGML_ASSERT(n > 0) failed\n\n")
    os.kill(worker.pid, signal.SIGABRT)
    with pytest.raises(WorkerDied, match=r"was ended by SIGABRT, inside llama.cpp: ggml.c:123: GGML_ASSERT"):
        worker.tokenize("x")


def test_nonsense_on_the_wire_ends_the_worker_not_the_parent(start: Open) -> None:
    worker = start()
    worker.wait_devices()
    os.write(worker._wire._writer, b"nonsense\n")
    with pytest.raises(WorkerDied):
        next(worker.events(timeout=10))


def _from_outside(number: int) -> bool:
    """Whether the descriptor was handed to this process already, for its children, too."""
    try:
        return os.get_inheritable(number)
    except OSError:
        return False


def test_the_worker_has_no_part_in_the_streams_of_its_parent(start: Open) -> None:
    """A child that kept stdout would keep `$(infer ...)` waiting; one that kept stdin could eat it."""
    worker = start()
    worker.wait_devices()
    descriptors = {int(path.name): str(path.readlink()) for path in Path(f"/proc/{worker.pid}/fd").iterdir()}
    assert descriptors[0] == descriptors[1] == "/dev/null"
    assert all(descriptors[number].startswith("pipe:") for number in (2, 3, 4))
    ours = {str(Path(f"/proc/self/fd/{number}").readlink()) for number in range(3)}
    assert not ours & {target for target in descriptors.values() if target.startswith("pipe:")}
    strays = {number for number in descriptors if number > 4 and not _from_outside(number)}
    assert not strays, descriptors
    status = Path(f"/proc/{worker.pid}/status").read_text()
    blocked = int(status.partition("SigBlk:\t")[2].split()[0], 16)
    assert blocked & (1 << signal.SIGINT - 1)
    assert blocked & (1 << signal.SIGHUP - 1)
    assert os.getpgid(worker.pid) == os.getpgid(0), "the same process group, so that Ctrl-Z stops it as well"


def test_the_end_of_the_wire_ends_the_worker(start: Open, random_model: Path) -> None:
    worker = start(random_model)
    worker.submit(ask("hello", ENDLESS))
    next(worker.events(timeout=20))
    worker._wire.close()
    ended = time.monotonic()
    pid, status = os.waitpid(worker.pid, 0)
    assert (pid, os.waitstatus_to_exitcode(status)) == (worker.pid, 0)
    assert time.monotonic() - ended < 2
    worker._reaped = True
    worker._wire = type(worker._wire)(*os.pipe())  # for the fixture to close


def test_the_end_takes_no_longer_than_it_may(start: Open, random_model: Path) -> None:
    """Of a worker that does not answer; the least of several times, as others may need the machine."""
    worker = start(random_model)
    worker.tokenize("x")
    os.kill(worker.pid, signal.SIGSTOP)
    seconds = []
    for _ in range(5):
        started = time.monotonic()
        assert worker.finish(0.2) == "the prompt cache did not end in time"
        seconds.append(time.monotonic() - started)
    assert 0.19 < min(seconds) < 0.25


def test_close_leaves_neither_process_nor_descriptor(random_model: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        worker = WorkerClient(spawn())
        worker.load(str(random_model), CONFIG)
        worker.submit(ask("hello"))
        worker.close()
        with pytest.raises(ChildProcessError):
            os.waitpid(worker.pid, os.WNOHANG)
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_bug_in_the_worker_is_an_internal_error(start: Open) -> None:
    worker = start()
    number = worker.submit(ask("before any load"))
    end = collect(worker, number)[number][1]
    assert isinstance(end, Failed)
    assert isinstance(end.error, InternalError)


def test_a_second_model_takes_the_place_of_the_first(start: Open, random_model: Path, spm_model: Path) -> None:
    worker = start(random_model)
    assert [piece for _, piece in worker.tokenize("the")] == ["the"]
    worker.load(str(spm_model), CONFIG)
    assert [piece for _, piece in worker.tokenize("the")] == [" the"]
    number = worker.submit(ask("hello", 3))
    text, end = collect(worker, number)[number]
    assert isinstance(end, Finished)
    assert Delta(text)


def test_the_build_says_what_it_is_without_a_model(start: Open) -> None:
    build = start().build(30)
    assert build is not None
    assert "CPU" in build.backends
    assert [device.kind for device in build.devices].count("cpu") == 1
    assert "CPU : " in build.info


def test_a_build_that_does_not_answer_in_time_is_none(start: Open) -> None:
    worker = start()
    os.kill(worker.pid, signal.SIGSTOP)
    assert worker.build(0.1) is None
    os.kill(worker.pid, signal.SIGCONT)
