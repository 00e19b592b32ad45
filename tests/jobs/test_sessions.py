"""A session survives: crashes lose at most the last line, damage is named, nobody else can read it."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import FileUnreadable, InferError, SessionDamaged, UsageError
from infer.jobs import sessions
from infer.jobs.conversation import Conversation, said
from infer.jobs.sessions import SessionFile
from infer.jobs.transcript import code_blocks, export
from infer.types import Message, TextPart, Usage


def kept(directory: Path, name: str = "one") -> Conversation:
    """A session with an exchange that has everything."""
    conversation = Conversation()
    conversation.set("model", "tiny")
    conversation.set("temperature", 0.5)
    conversation.add(said("user", "document\x1b[31m", "question é 🦊"), time=1.5)
    answer = Message("assistant", (TextPart("a fox"),), (3, 4), "hm")
    conversation.add(answer, time=2.5, model="tiny", ended="stop", usage=Usage(10, 2, 5))
    conversation.name("x")
    file = SessionFile(directory, name)
    file.append(conversation.take(), time=1.0)
    file.close()
    return conversation


def same(one: Conversation, other: Conversation) -> bool:
    return (one.nodes, one.head, one.names, one.values) == (other.nodes, other.head, other.names, other.values)


def test_what_was_kept_comes_back(tmp_path: Path) -> None:
    conversation = kept(tmp_path / "sessions")
    assert same(sessions.read(tmp_path / "sessions", "one"), conversation)


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        kept(tmp_path / "data" / "sessions")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").rglob("*")}
    assert modes == {"sessions": 0o700, "one.jsonl": 0o600}
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_crash_at_any_byte_of_the_last_turn_loses_only_that_turn(tmp_path: Path) -> None:
    kept(tmp_path)
    path = tmp_path / "one.jsonl"
    before = path.read_bytes()
    file = SessionFile(tmp_path, "one")
    conversation = file.read()
    conversation.add(said("user", "and then?"))
    file.append(conversation.take(), time=1.0)
    file.close()
    after = path.read_bytes()
    assert after.startswith(before)
    for size in range(len(before), len(after)):
        path.write_bytes(after[:size])
        file = SessionFile(tmp_path, "one")
        again = file.read()
        assert len(again.nodes) == 2
        again.add(said("user", "once more"))
        file.append(again.take(), time=1.0)
        file.close()
        assert same(sessions.read(tmp_path, "one"), again)


def test_one_process_has_a_session(tmp_path: Path) -> None:
    kept(tmp_path)
    file = SessionFile(tmp_path, "one")
    with pytest.raises(UsageError, match="open in another"):
        SessionFile(tmp_path, "one")
    with pytest.raises(UsageError, match="open in another"):
        sessions.remove(tmp_path, "one")
    file.close()
    sessions.remove(tmp_path, "one")
    assert sessions.names(tmp_path) == []


def test_a_session_in_which_nothing_was_said_leaves_no_file(tmp_path: Path) -> None:
    file = SessionFile(tmp_path, "empty")
    assert file.read().nodes == {}
    file.close()
    file.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", " a", "a ", "a\n", "\x1b[31m", "-rf", "x" * 101])
def test_a_name_that_could_be_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a session"):
        SessionFile(tmp_path, name)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileUnreadable):
        SessionFile(tmp_path, "one")


BAD_LINES = [
    b"null", b"[]", b"{", b'{"message":1}', b'{"message":9,"parent":8,"role":"user","parts":[]}',
    b'{"message":3,"parent":2,"role":"system","parts":["x"]}',
    b'{"message":3,"parent":2,"role":"user","parts":[1]}', b'{"head":7}', b'{"name":"x","at":99}', b"\xff\xfe",
    b"[" * 100_000, b'{"message":3,"parent":3,"role":"user","parts":[]}',
    b'{"message":3,"parent":2,"role":"assistant","parts":["x"],"usage":{"x":1}}',
    b'{"message":1e999,"parent":2,"role":"user","parts":["x"]}', b'{"head":Infinity}',
    b'{"message":3,"parent":2,"role":"user","parts":[]}', b'{"message":3,"parent":2,"role":"user","parts":"x"}',
    b'{"message":3,"parent":2,"role":"assistant","parts":["x"],"ended":[1]}', b'{"set":"system","to":5}',
    b'{"message":3,"parent":2,"role":"assistant","parts":["x"],"usage":{"prompt":"a","cached":0,"completion":0}}',
    b'{"set":"model","to":[]}', b'{"message":3,"parent":2,"role":"user","parts":["x"],"time":"soon"}',
]  # fmt: skip


@pytest.mark.parametrize("line", BAD_LINES)
def test_damage_is_named_with_its_line_and_the_others_are_still_listed(tmp_path: Path, line: bytes) -> None:
    kept(tmp_path)
    kept(tmp_path, "two")
    path = tmp_path / "one.jsonl"
    number = path.read_bytes().count(b"\n") + 1
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(SessionDamaged, match=f"line {number} "):
        sessions.read(tmp_path, "one")
    assert {one.name: bool(one.problem) for one in sessions.listed(tmp_path)} == {"one": True, "two": False}


def test_half_of_a_surrogate_pair_becomes_a_sign_that_can_be_tokenized(tmp_path: Path) -> None:
    kept(tmp_path)
    with (tmp_path / "one.jsonl").open("ab") as file:
        file.write(b'{"message":3,"parent":2,"role":"user","parts":["a \\ud800 \\ud83e\\udd8a"]}\n')
    assert sessions.read(tmp_path, "one").path[-1].message.text == "a \ufffd 🦊"


def test_a_file_of_another_version_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"infer":"session","version":2}\n')
    with pytest.raises(SessionDamaged, match="version"):
        sessions.read(tmp_path, "one")


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_in_another_way(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-bytes"
    folder.mkdir(exist_ok=True)
    (folder / "one.jsonl").write_bytes(b'{"infer":"session","version":1}\n' + data)
    try:
        sessions.read(folder, "one")
    except InferError as error:
        assert isinstance(error, SessionDamaged)


def test_search_finds_a_text_in_any_case_on_any_branch(tmp_path: Path) -> None:
    kept(tmp_path)
    assert [(name, node.message.role) for name, node in sessions.search(tmp_path, "FOX")] == [("one", "assistant")]
    assert list(sessions.search(tmp_path, "wolf")) == []


def test_an_unknown_name_tells_the_near_ones(tmp_path: Path) -> None:
    kept(tmp_path, "my-chat")
    with pytest.raises(UsageError) as caught:
        sessions.read(tmp_path, "chat")
    assert "my-chat" in caught.value.hint


def test_documents_hold_what_was_said(tmp_path: Path) -> None:
    conversation = kept(tmp_path)
    assert export(conversation, "md", "t").startswith("# t\n\n## You\n\ndocument")
    assert "<pre>a fox</pre>" in export(conversation, "html", "<t>")
    assert "&lt;t&gt;" in export(conversation, "html", "<t>")
    assert '"content": "a fox"' in export(conversation, "json", "t")
    with pytest.raises(UsageError):
        export(conversation, "pdf", "t")


def test_code_blocks_are_what_stands_between_the_fences() -> None:
    text = "x\n```python\na = 1\n\nb = `2`\n```\ny\n~~~~\n```\n~~~~\n```\nopen"
    assert code_blocks(text) == ["a = 1\n\nb = `2`\n", "```\n", "open\n"]
