"""A conversation is a tree in which nothing is lost: whatever is done, what was said stays a branch."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import UsageError
from infer.jobs.conversation import SUMMARY_QUESTION, Conversation, said


def talk(*texts: str) -> Conversation:
    conversation = Conversation()
    for number, text in enumerate(texts):
        conversation.add(said("assistant" if number % 2 else "user", text))
    return conversation


def texts(conversation: Conversation) -> list[str]:
    return [node.message.text for node in conversation.path]


def test_what_was_said_stands_in_order_behind_the_system_message() -> None:
    conversation = talk("a", "b")
    conversation.set("system", "be brief")
    assert [(m.role, m.text) for m in conversation.messages(said("user", "c"))] == [
        ("system", "be brief"), ("user", "a"), ("assistant", "b"), ("user", "c"),
    ]  # fmt: skip


def test_undo_steps_back_and_keeps_the_branch() -> None:
    conversation = talk("a", "b", "c", "d")
    assert conversation.undo().message.text == "c"
    assert texts(conversation) == ["a", "b"]
    conversation.add(said("user", "e"))
    assert texts(conversation) == ["a", "b", "e"]
    conversation.switch("1")
    assert texts(conversation) == ["a", "b", "c", "d"]


def test_another_answer_stands_beside_the_first() -> None:
    conversation = talk("a", "b")
    conversation.move(conversation.question().id)
    conversation.add(said("assistant", "other"))
    assert texts(conversation) == ["a", "other"]
    assert [(b.number, b.messages, b.current) for b in conversation.branches()] == [(1, 2, False), (2, 2, True)]


def test_forget_leaves_out_the_oldest_exchanges() -> None:
    conversation = talk("a", "b", "c", "d", "e", "f")
    assert [node.message.text for node in conversation.forget(2)] == ["a", "b", "c", "d"]
    assert texts(conversation) == ["e", "f"]
    conversation.switch("1")
    assert texts(conversation) == ["a", "b", "c", "d", "e", "f"]
    for count in (0, 4):
        with pytest.raises(UsageError):
            conversation.forget(count)


def test_compact_puts_a_summary_in_the_place_of_the_oldest() -> None:
    conversation = talk("a", "b", "c", "d", "e", "f")
    conversation.compact(2, said("assistant", "summary"))
    assert texts(conversation) == [SUMMARY_QUESTION, "summary", "e", "f"]


def test_clear_begins_at_the_root() -> None:
    conversation = talk("a", "b")
    conversation.clear()
    assert conversation.messages() == ()
    with pytest.raises(UsageError):
        conversation.undo()


def test_a_branch_is_found_by_its_name() -> None:
    conversation = talk("a", "b")
    conversation.name("here")
    conversation.add(said("user", "c"))
    conversation.switch("here")
    assert texts(conversation) == ["a", "b"]
    for word in ("nowhere", "0", "9", "²", ""):
        with pytest.raises(UsageError):
            conversation.switch(word)


@pytest.mark.parametrize("name", ["2", "²"])
def test_a_branch_is_not_called_like_the_number_of_another(name: str) -> None:
    conversation = talk("a", "b")
    with pytest.raises(UsageError, match="cannot be called"):
        conversation.name(name)
    assert conversation.names == {}


def test_taken_records_are_handed_out_once() -> None:
    conversation = talk("a")
    assert len(conversation.take()) == 1
    assert conversation.take() == []
    conversation.set("seed", 7)
    conversation.set("seed", 7)
    assert len(conversation.take()) == 1


DEEDS = st.sampled_from(["say", "answer", "undo", "forget", "compact", "clear", "name", "set", "switch", "retry"])


def act(conversation: Conversation, deed: str, number: int) -> None:
    match deed:
        case "say":
            conversation.add(said("user", f"q{number}"))
        case "answer":
            conversation.add(said("assistant", f"a{number}"), model="tiny", ended="stop")
        case "undo":
            conversation.undo()
        case "forget":
            conversation.forget(1 + number % 3)
        case "compact" if conversation.turns:
            conversation.compact(1, said("assistant", "sum"))
        case "clear":
            conversation.clear()
        case "name":
            conversation.name(f"n{number % 3}")
        case "set":
            conversation.set("seed", number)
        case "switch":
            conversation.switch(str(1 + number % 5))
        case "retry":
            conversation.move(conversation.question().id)


@given(st.lists(st.tuples(DEEDS, st.integers(0, 20)), max_size=40))
def test_the_records_played_again_make_the_same_conversation(deeds: list[tuple[str, int]]) -> None:
    """Whatever was done, in whatever order; and no message is ever lost."""
    conversation, records, seen = Conversation(), [], set[int]()
    for deed, number in deeds:
        with suppress(UsageError):
            act(conversation, deed, number)
        records += conversation.take()
        assert seen <= conversation.nodes.keys()
        seen |= conversation.nodes.keys()
    for played in (records, conversation.records()):
        again = Conversation()
        for record in played:
            again.replay(record)
        assert (again.nodes, again.head, again.names) == (conversation.nodes, conversation.head, conversation.names)
        assert again.values == conversation.values
        assert again.take() == []
