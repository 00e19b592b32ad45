"""What is recommended: right for machines of every size, from the shipped catalogue, honest about what is not done."""

import pytest

from infer.jobs.recommend import READABLE, USES, WELL, Place, Recommendation, parameters, recommend
from infer.models.catalog import Catalog, CatalogEntry

GB = 10**9
CATALOG = Catalog.load()
ENTRIES = [CATALOG.resolve(name) for name in CATALOG.entry_names()]


def rows(memory: float, bandwidth: float) -> dict[tuple[str, str], Recommendation]:
    return {(row.use, row.kind): row for row in recommend(ENTRIES, [Place("CPU", round(memory * GB), bandwidth * GB)])}


@pytest.mark.parametrize(
    ("memory", "bandwidth"), [(1, 5), (4, 10), (6, 30), (13, 40), (28, 150), (60, 200), (500, 400)]
)
def test_what_is_recommended_fits_and_is_readable(memory: float, bandwidth: float) -> None:
    found = rows(memory, bandwidth)
    assert found
    for (use, kind), row in found.items():
        assert row.size * 1.1 < WELL * memory * GB
        assert row.name in CATALOG.names()
        assert use in USES
        if row.tokens_per_second is not None and kind == "largest" and ("chat", "fastest") in found:
            assert row.tokens_per_second >= READABLE or memory < 8
    for use in USES:
        if (use, "fastest") in found and use != "embedding":
            large, fast = found[use, "largest"], found[use, "fastest"]
            assert (fast.tokens_per_second or 0) >= (large.tokens_per_second or 0)


def test_a_slow_machine_with_much_memory_gets_experts_not_a_dense_giant() -> None:
    """30 GB/s and 60 GB free: 32 billion parameters at 1 token a second are no use, 30 with 3 active are."""
    row = rows(60, 30)["chat", "largest"]
    entry = CATALOG.resolve(row.name)
    assert entry.active_parameters
    assert parameters(row.parameters) > 20e9


def test_a_small_machine_gets_small_models() -> None:
    row = rows(3, 15)["chat", "largest"]
    assert parameters(row.parameters) <= 4e9


def test_what_infer_cannot_do_yet_is_said() -> None:
    found = rows(28, 150)
    assert "no images yet" in found["vision", "largest"].note
    assert found["embedding", "largest"].command.startswith("infer embed ")
    assert found["embedding", "largest"].tokens_per_second is None
    assert not found["chat", "largest"].note


def test_an_entry_without_figures_is_left_out() -> None:
    bare = CatalogEntry(alias="x", parameters="7B", capabilities=("chat",))
    assert (
        recommend([bare, CatalogEntry(alias="y", size=GB, capabilities=("chat",))], [Place("CPU", 99 * GB, 99e9)]) == []
    )


@pytest.mark.parametrize(("text", "count"), [("8.95B", 8.95e9), ("270M", 270e6), ("many", 0), (None, 0)])
def test_parameters_are_read(text: str | None, count: float) -> None:
    assert parameters(text) == pytest.approx(count)


def test_what_fits_on_a_gpu_is_reckoned_with_its_memory_and_the_rest_with_the_processors() -> None:
    """12 GB at 360 GB/s beside 60 GB at 40: what fits on the card is much faster."""
    card, processor = Place("CUDA0", 12 * GB, 360e9), Place("CPU", 60 * GB, 40e9)
    both = {(row.use, row.kind): row for row in recommend(ENTRIES, [card, processor])}
    alone = {(row.use, row.kind): row for row in recommend(ENTRIES, [processor])}
    fast = both["chat", "fastest"]
    assert fast.device == "CUDA0"
    assert fast.size * 1.1 < WELL * card.memory_free
    times = (fast.tokens_per_second or 0) / (alone["chat", "fastest"].tokens_per_second or 1)
    assert 3 < times < 9, "what each layer costs does not depend on the memory"
    assert {row.device for row in both.values()} == {"CUDA0", "CPU"}
