"""The memory's speed: a number of bytes a second that a machine can have, from the threads that were asked for."""

import pytest

from infer.probe import memory_bandwidth


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_memory_is_read_at_a_speed_that_memory_has(threads: int) -> None:
    """Between 10 MB/s (an emulator) and 100 TB/s; a search that ended at once would be beyond it."""
    assert 1e7 < memory_bandwidth(threads, size=16 << 20, rounds=3) < 1e14
