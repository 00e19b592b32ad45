"""What fits, what a model can do, and what it takes: pure functions over metadata."""

from dataclasses import replace
from pathlib import Path

import pytest

import ggufs
from infer.errors import DoesNotFit
from infer.machine import Machine
from infer.models import about
from infer.models.catalog import Catalog, CatalogEntry
from infer.models.plan import Wish, fit, fit_by_size, memory_need, plan
from infer.models.stamp import read_metadata
from infer.types import Metadata


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Metadata:
    path = ggufs.write_gguf(tmp_path_factory.mktemp("about") / "m.gguf")
    return replace(read_metadata(path, None), context_length=131072, tensor_bytes=4 << 30)


def test_what_fits_is_what_the_plan_lets_run(metadata: Metadata) -> None:
    """`infer show` and `infer run` never disagree."""
    for row in about.memory(metadata, 5 << 30):
        machine = Machine(2, 5 << 30, None)
        for kv_type, need in (("f16", row.need), ("q8_0", row.need_q8_0)):
            assert need is not None
            try:
                plan(metadata, machine, Wish(context=row.context, kv_type=kv_type))
                runs = True
            except DoesNotFit as error:
                assert error.facts["need"] == need
                runs = False
            assert runs == (need <= 5 << 30)


def test_memory_is_shown_up_to_the_trained_context(metadata: Metadata) -> None:
    rows = about.memory(metadata, 1 << 40)
    assert [row.context for row in rows] == [4096, 8192, 32768, 131072]
    assert {row.fit for row in rows} == {"fits"}
    short = about.memory(replace(metadata, context_length=512), 1 << 40)
    assert [row.context for row in short] == [512]
    odd = about.memory(replace(metadata, key_length=24), 1 << 40)
    assert all(row.need_q8_0 is None for row in odd)


def test_partly_is_less_than_fits_and_more_than_no(metadata: Metadata) -> None:
    assert fit(metadata, memory_need(metadata, 8192)) == "fits"
    assert fit(metadata, memory_need(metadata, 8192) - 1) == "partly"
    assert fit(metadata, memory_need(metadata, 256) - 1) == "no"
    row = about.memory(metadata, memory_need(metadata, 131072, "q8_0"))[-1]
    assert row.fit == "partly"
    assert [fit_by_size(size, 10 << 30) for size in (1 << 30, int(9.9 * (1 << 30)), 10 << 30)] == [
        "fits",
        "partly",
        "no",
    ]


def test_capabilities(metadata: Metadata) -> None:
    entry = CatalogEntry("x", capabilities=("chat", "code"))
    assert about.capabilities(metadata, entry) == (("chat", "code"), "models.toml")
    assert about.capabilities(replace(metadata, architecture="nomic-bert"), None)[0] == ("embedding",)
    assert about.capabilities(replace(metadata, chat_template=None), None)[0] == ()
    assert about.capabilities(replace(metadata, chat_template="<think> {{ tools }}"), None)[0] == (
        "chat",
        "thinking",
        "tools",
    )


def test_recommended_sampling_is_what_a_run_uses(metadata: Metadata) -> None:
    """The file's own values come before those of models.toml."""
    entry = Catalog.load().resolve("qwen3:4b")
    with_own = replace(metadata, sampling={"temperature": 0.1})
    values, source = about.recommended(with_own, entry)
    assert values == {**entry.recommended(), "temperature": 0.1}
    assert source == "the model's file and models.toml"
    assert about.recommended(metadata, None) == ({}, "")


def test_a_projector_beside_a_model_is_seen(tmp_path: Path) -> None:
    (tmp_path / "mmproj-F16.gguf").touch()
    assert about.projector(tmp_path / "m.gguf") == "mmproj-F16.gguf"
    assert about.projector(tmp_path / "gone" / "m.gguf") is None
