"""The keystone itself, without a process around it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infer.llm import LLM
from infer.types import EngineConfig, Finished, Message, Request, SamplingParams, TextPart

CONFIG = EngineConfig(max_context=1024, threads=1, batch=64, ubatch=64)


@pytest.fixture
def llm(random_model: Path) -> Iterator[LLM]:
    with LLM(str(random_model), CONFIG) as opened:
        yield opened


def test_an_abort_ends_a_verification(llm: LLM) -> None:
    """Its request is queued all the same: who has asked for the end waits for one."""
    messages = (Message("user", (TextPart("a fox " * 40),)),)
    llm.abort_flag.set()
    number = llm.submit(Request(messages, SamplingParams(temperature=0), 8, verify_cache=True))
    (end,) = llm.abort(number)
    assert isinstance(end, Finished)
    assert (end.completion.finish_reason, end.completion.verified) == ("abort", None)
    assert not llm.has_work
