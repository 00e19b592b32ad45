"""Limits in time and memory: they are met, and they are gone afterwards."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from infer.chat.guard import limited
from infer.errors import BadTemplate

resource = pytest.importorskip("resource")


def forever() -> None:
    while True:
        pass


def test_a_result_passes_through() -> None:
    assert limited(lambda: 42, seconds=5) == 42


def test_an_error_of_the_function_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        limited(lambda: 1 // 0, seconds=5)


def test_endless_work_ends_at_the_deadline() -> None:
    started = time.monotonic()
    with pytest.raises(BadTemplate, match=r"longer than 0\.1 seconds"):
        limited(forever, seconds=0.1)
    assert time.monotonic() - started < 1


def test_the_deadline_holds_on_any_thread() -> None:
    """The worker may render on a thread that receives no signals."""
    seen: list[str] = []

    def work() -> None:
        try:
            limited(forever, seconds=0.1)
        except BadTemplate as error:
            seen.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)
    assert len(seen) == 1


def test_nothing_fires_after_the_call() -> None:
    """A call that ends right at its deadline either times out or returns; no exception arrives later."""
    for delay in range(60):
        with suppress(BadTemplate):
            limited(partial(time.sleep, delay * 0.0001), seconds=0.003)
        time.sleep(0.002)


def test_memory_has_a_ceiling_that_is_lifted_again() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(BadTemplate, match="more than 64 MiB"):
        limited(lambda: bytearray(256 << 20), seconds=5, memory=64 << 20)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert len(bytearray(128 << 20)) == 128 << 20


@pytest.mark.parametrize("work", [lambda: None, lambda: 1 // 0, forever])
def test_the_memory_limit_is_restored_whatever_happens(work: Callable[[], object]) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(BadTemplate, ZeroDivisionError):
        limited(work, seconds=0.1)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
