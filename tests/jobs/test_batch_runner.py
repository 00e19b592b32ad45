"""The window of requests: how far a batch reads ahead, and in which order it asks and answers."""

from collections.abc import Iterator, Sequence

import pytest

from infer.errors import WorkerDied
from infer.jobs.batch.items import Item
from infer.jobs.batch.runner import Runner
from infer.types import (
    Completion,
    ContextUse,
    Delta,
    Event,
    Finished,
    Message,
    Request,
    TextDelta,
    TextPart,
    Timings,
    Usage,
)


class Echo:
    """Stands where the worker stands: no real one can be told which request to answer first, or to die of.

    The first one that was asked is answered last. deadly: the prompt it dies of.
    """

    loaded = True

    def __init__(self, deadly: str = "") -> None:
        self.deadly = deadly
        self.asked: list[Request] = []
        self.open: list[int] = []
        self.coming: list[Event] = []
        self.done: list[int] = []
        self.most = 0

    def submit_all(self, requests: Sequence[Request]) -> list[int]:
        ids = list(range(len(self.asked), len(self.asked) + len(requests)))
        self.asked += requests
        self.open += ids
        self.most = max(self.most, len(self.open))
        return ids

    def events(self, timeout: float | None = None) -> Iterator[Event]:
        while True:
            if not self.coming:
                identity = self.open.pop()
                self.done.append(identity)
                text = self.asked[identity].messages[0].text
                if text == self.deadly:
                    raise WorkerDied(cause="was ended by SIGABRT", detail="")
                done = Completion("stop", Usage(1, 0, 1), Timings(), ContextUse(), 0)
                self.coming = [TextDelta(identity, Delta(text)), Finished(identity, done)]
            yield self.coming.pop(0)


def item(number: int, text: str | None) -> Item:
    if text is None:
        return Item(number, str(number), problem="bad")
    return Item(number, str(number), Request((Message("user", (TextPart(text),)),)))


def run(texts: list[str | None], **options: bool | int) -> tuple[list[str], Echo, int]:
    """The ids as they come out, the worker, and how many items were read at most before their records came out."""
    echo, read, given, ahead = Echo(), 0, [], 0

    def items() -> Iterator[Item]:
        nonlocal read
        for number, text in enumerate(texts, 1):
            read += 1
            yield item(number, text)

    for answered in Runner(echo, items(), **options):  # type: ignore[arg-type]
        if answered is not None:
            given.append(answered.item.custom_id)
            assert answered.error or answered.text == texts[answered.item.number - 1]
        ahead = max(ahead, read - len(given))
    return given, echo, ahead


def test_records_come_in_the_order_of_the_input() -> None:
    texts = [f"prompt {number * 7 % 10}" if number % 3 else None for number in range(500)]
    given, echo, _ = run(texts, ahead=20)
    assert given == [str(number) for number in range(1, 501)]
    assert echo.most <= 20
    assert all(request.whole for request in echo.asked), "nobody reads along"


def test_as_they_are_done_means_not_in_order_and_none_missing() -> None:
    given, _, _ = run([f"p{number}" for number in range(100)], ahead=10, ordered=False)
    assert given != [str(number) for number in range(1, 101)]
    assert sorted(given, key=int) == [str(number) for number in range(1, 101)]


def test_neighbours_in_the_window_begin_alike() -> None:
    texts: list[str | None] = [f"{'abc'[number % 3]} {number}" for number in range(30)]
    _, echo, _ = run(texts, ahead=30)
    first = [request.messages[0].text[0] for request in echo.asked]
    assert first == sorted(first)


def test_bad_lines_alone_are_not_collected() -> None:
    """A file of nothing but bad lines comes out as it is read."""
    given, _, ahead = run([None] * 5000, ahead=10)
    assert len(given) == 5000
    assert ahead <= 20


def test_large_prompts_are_few_at_a_time() -> None:
    _, echo, _ = run(["x" * 9_000_000] * 8)
    assert echo.most == 2


def test_one_that_takes_long_does_not_hold_up_the_others() -> None:
    """Records that wait for it are small; it is not asked alone at the end."""
    echo = Echo()
    items = (item(number, f"{number:04d}") for number in range(1, 301))
    found = [one.item.number for one in Runner(echo, items, ahead=10) if one]  # type: ignore[arg-type]
    assert found == list(range(1, 301))
    assert echo.done[-1] == 0, "all others were answered meanwhile"


def test_a_request_that_ends_the_worker_costs_nobody_elses_answer() -> None:
    workers: list[Echo] = []

    def revive() -> Echo:
        workers.append(Echo("p07"))
        return workers[-1]

    texts = [f"p{number:02d}" for number in range(30)]
    items = (item(number, text) for number, text in enumerate(texts))
    found = [one for one in Runner(Echo("p07"), items, ahead=10, revive=revive) if one]  # type: ignore[arg-type]
    assert [one.text or (one.error and one.error["code"]) for one in found] == [
        "worker-died" if text == "p07" else text for text in texts
    ]
    assert len(workers) == 3, "twice beside others, then alone"


def test_a_worker_that_always_dies_is_nobodys_fault() -> None:
    class Dying(Echo):
        def events(self, timeout: float | None = None) -> Iterator[Event]:
            raise WorkerDied(cause="was ended by SIGILL", detail="")

    items = (item(number, "x") for number in range(1000))
    with pytest.raises(WorkerDied):
        list(Runner(Dying(), items, revive=Dying))  # type: ignore[arg-type]
