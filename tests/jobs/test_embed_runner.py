"""Groups of texts: how they are handed over, while the input pauses and when the worker dies."""

from collections.abc import Iterator, Sequence

import pytest

from infer.errors import WorkerDied
from infer.jobs.embed.items import TextItem
from infer.jobs.embed.runner import Runner
from infer.types import Embedded, EmbedRequest, Event

DEATH = WorkerDied(cause="was ended by SIGABRT", detail="")


class Echo:
    """Stands where the worker stands: no real one can be told which text to die of.

    A group is answered from its end. deadly: the text it dies of.
    """

    loaded = True

    def __init__(self, deadly: str = "", *, deaf: bool = False) -> None:
        self.deadly, self.deaf = deadly, deaf
        self.groups: list[list[str]] = []
        self.open: list[tuple[int, str]] = []
        self.count = 0

    def embed(self, requests: Sequence[EmbedRequest]) -> list[int]:
        if self.deaf and requests:
            raise DEATH
        ids = list(range(self.count, self.count + len(requests)))
        self.count += len(ids)
        self.groups.append([request.text for request in requests])
        self.open += zip(ids, self.groups[-1], strict=True)
        return ids

    def events(self, timeout: float | None = None) -> Iterator[Event | None]:
        while True:
            identity, text = self.open.pop()
            if text == self.deadly:
                raise DEATH
            yield Embedded(identity, text.encode(), 1)


def item(index: int, text: str | None) -> TextItem:
    return TextItem(index, str(index), EmbedRequest(text)) if text else TextItem(index, str(index), problem="bad")


def test_groups_do_not_depend_on_how_fast_texts_come() -> None:
    texts = [f"t{number}" if number % 4 else None for number in range(25)]
    pauses = 0

    def slowly() -> Iterator[TextItem | None]:
        for index, text in enumerate(texts):
            yield from [None] * (index % 3)
            yield item(index, text)

    def pause(seconds: float) -> None:
        nonlocal pauses
        pauses += 1

    slow, fast = Echo(), Echo()
    found = [one for one in Runner(slow, slowly(), group=5, pause=pause) if one]  # type: ignore[arg-type]
    quick = (item(index, text) for index, text in enumerate(texts))
    assert [one.item for one in Runner(fast, quick, group=5) if one] == [one.item for one in found]  # type: ignore[arg-type]
    assert [one.item.index for one in found] == list(range(25))
    assert [one for one in slow.groups if one] == [one for one in fast.groups if one]
    assert pauses


@pytest.mark.parametrize("deaf", [True, False])
def test_a_text_that_ends_the_worker_costs_nobody_elses_vector(deaf: bool) -> None:
    """It dies of the text, or has died before it was asked."""
    workers: list[Echo] = []

    def revive() -> Echo:
        workers.append(Echo("t07"))
        return workers[-1]

    texts = [f"t{number:02d}" for number in range(30)]
    items = (item(index, text) for index, text in enumerate(texts))
    found = [one for one in Runner(Echo("t07", deaf=deaf), items, group=5, revive=revive) if one]  # type: ignore[arg-type]
    assert [one.item.index for one in found] == list(range(30))
    assert [one.vector for one in found] == [None if text == "t07" else text.encode() for text in texts]
    assert found[7].failure == {"code": "worker-died", "message": str(DEATH)}
    assert len(workers) == 2 + deaf, "beside others, then alone"


def test_a_worker_that_always_dies_is_nobodys_fault() -> None:
    def revive() -> Echo:
        return Echo(deaf=True)

    items = (item(index, f"t{index}") for index in range(100))
    with pytest.raises(WorkerDied):
        list(Runner(revive(), items, revive=revive))  # type: ignore[arg-type]
