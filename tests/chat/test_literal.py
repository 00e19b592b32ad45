"""What people write stays text: no control token's text survives in one piece, and nothing else changes."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infer.chat.literal import PRIVATE_USE, pieces, shield
from infer.chat.template import Template
from infer.types import Message, TextPart

CONTROLS = ("<|im_start|>", "<|im_end|>", "<s>", "[INST]", "[/INST]", "<｜end▁of▁sentence｜>", "aba", "abab", "bb")
FRAGMENTS = (*CONTROLS, "<|im_", "start|>", "end|>", "<", "|", ">", "[", "INST]", "a", "b", " ", "\n", "é", "\ue000")


def user(*texts: str) -> Message:
    return Message("user", tuple(map(TextPart, texts)))


def chat(messages: tuple[Message, ...]) -> str:
    """A template that only puts contents in their places."""
    return "".join(f"<|im_start|>{m.role}\n{m.text}<|im_end|>\n" for m in messages) + "<|im_start|>assistant\n"


def bare(messages: tuple[Message, ...]) -> str:
    """A template that puts contents next to each other."""
    return "<s>" + "".join(m.text for m in messages)


texts = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join)
conversations = st.lists(texts, min_size=1, max_size=3).map(lambda found: tuple(map(user, found)))


@given(conversations, st.sampled_from([chat, bare]))
@example((user("ababab"), user("aba")), bare)
@example((user("<|im_"), user("end|>")), bare)
def test_joining_the_pieces_gives_the_rendering_back(messages: tuple[Message, ...], render: object) -> None:
    """Law: the sentinel leaves no trace, so only the borders of tokens can differ."""
    shielded, sentinel = shield(messages, CONTROLS)
    assert "".join(pieces(render(shielded), sentinel)) == render(messages)  # type: ignore[operator]


@given(conversations, st.sampled_from([chat, bare]))
@example((user("<|im_"), user("end|>")), bare)
@example((user("<|im_end|><|im_end|>"),), chat)
def test_every_control_text_that_content_begins_is_cut(messages: tuple[Message, ...], render: object) -> None:
    """Law: a control text that starts inside a message is in no piece, wherever it ends."""
    shielded, sentinel = shield(messages, CONTROLS)
    text, cuts = render(messages), set()  # type: ignore[operator]
    for piece in pieces(render(shielded), sentinel)[:-1]:  # type: ignore[operator]
        cuts.add((max(cuts) if cuts else 0) + len(piece))
    inside = content_positions(messages, render)
    for control in CONTROLS:
        start = text.find(control)
        while start >= 0:
            whole = not any(start < cut < start + len(control) for cut in cuts)
            assert not (whole and start in inside), (control, text, sorted(cuts))
            start = text.find(control, start + 1)


def content_positions(messages: tuple[Message, ...], render: object) -> set[int]:
    """The positions of the rendering that come from messages: what a fill of the same length changes."""
    filled = tuple(user("\x00" * len(m.text)) for m in messages)
    return {i for i, sign in enumerate(render(filled)) if sign == "\x00"}  # type: ignore[operator]


@given(st.lists(st.text(alphabet="abc <>\n", max_size=20), min_size=1, max_size=3))
def test_without_control_texts_nothing_changes(found: list[str]) -> None:
    """The same messages come back, and the prompt is one piece: tokenised as the reference does."""
    messages = tuple(map(user, found))
    assert shield(messages, ["<|im_start|>"[:0], "[INST]", "%%"]) == (messages, None)
    assert pieces("a prompt", None) == ["a prompt"]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_each_control_text_in_each_role(control: str, role: str) -> None:
    """Anywhere in a message: alone, at its ends, doubled, in words."""
    for text in (control, f"a {control}", f"{control} z", control * 2, f"x{control}y"):
        messages = (Message(role, (TextPart(text),)),)  # type: ignore[arg-type]
        shielded, sentinel = shield(messages, [control])
        assert sentinel
        assert not any(control in piece for piece in pieces(bare(shielded), sentinel)[1:])
        assert all(control not in piece for piece in shielded[0].text.split(sentinel))


def test_a_control_text_across_two_parts() -> None:
    """Parts are joined by a blank line; what forms there is cut as well."""
    (shielded,), sentinel = shield([user("one <x", "y> two")], ["<x\n\ny>"])
    assert sentinel
    assert "".join(shielded.text.split(sentinel)) == "one <x\n\ny> two"
    assert "<x\n\ny>" not in shielded.text


def test_the_fewest_cuts() -> None:
    """Nested and overlapping control texts share a cut."""
    (shielded,), sentinel = shield([user("abababx")], ["abab", "ababab", "ba"])
    assert sentinel
    assert shielded.text.count(sentinel) == 2
    assert not any(c in piece for c in ("abab", "ba") for piece in shielded.text.split(sentinel))


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}<s>{{ m.content | trim }}</s>{% endfor %}",
        "{% for m in messages %}<s>{{ m.content.strip() }}|{{ m.content.strip().upper() }}</s>{% endfor %}",
        "{% for m in messages %}<s>{{ m.content.split('\\n')[-1] }}</s>{% endfor %}",
        "{% for m in messages %}{{ m.content | tojson }}{% endfor %}",
        "{{ messages | map(attribute='content') | join('') }}",
        "{{ messages | map(attribute='content') | map('trim') | join('') }}",
    ],
)
def test_templates_that_change_content(source: str) -> None:
    """Trimmed, split, quoted or joined content: no control text in a piece, and the same text after joining."""
    messages = (
        user("\n a <|im_end|> \n"),
        user(" <|im_start|>  "),
        user("x <|im_"),
        user("end|> <|im "),
        user("_end|>"),
    )
    controls = ["<|im_start|>", "<|im_end|>", "<|im_start|>".upper(), "<|IM_END|>"]
    template = Template(source, "", "")
    shielded, sentinel = shield(messages, controls, source)
    parts = pieces(template.render(shielded), sentinel)
    assert "".join(parts) == template.render(messages)
    assert not any(control in part for control in controls[:2] for part in parts)


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}{{ m.content.replace('/no_think', '').replace('/think', '') }}{% endfor %}",
        '{% for m in messages %}{{ m.content | replace("/think", "") | replace( "/no_think", "") }}{% endfor %}',
    ],
)
def test_templates_that_take_commands_out(source: str) -> None:
    """What closes up when the command is gone is no control token, and all other messages stay as they are."""
    messages = (user("a <|im_/no_thinkend|> <b>"), user("<b> <|im_ end|>"))
    template = Template(source, "", "")
    shielded, sentinel = shield(messages, ["<|im_end|>"], source)
    parts = pieces(template.render(shielded), sentinel)
    assert "<|im_end|>" in template.render(messages)
    assert "".join(parts) == template.render(messages)
    assert not any("<|im_end|>" in part for part in parts)
    assert shielded[1] is messages[1]


def test_the_sentinel_is_new() -> None:
    """Neither a message, nor a control text, nor the template holds it; pairs serve when every character is taken."""
    taken = "".join(map(chr, PRIVATE_USE))
    (_,), first = shield([user("<s>\ue000")], ["<s>", "<\ue001>"], template="\ue002")
    assert first == "\ue003"
    (shielded,), pair = shield([user(taken + "<s>")], ["<s>"])
    assert pair
    assert len(pair) == 2
    assert pair not in taken
    assert "".join(pieces(shielded.text, pair)) == taken + "<s>"


def test_a_large_hostile_text_takes_no_time() -> None:
    """A megabyte of beginnings, and a vocabulary with thousands of control tokens."""
    controls = [f"<unused{i}>" for i in range(6000)]
    started = time.monotonic()
    shield([user("<u" * 500_000)], controls)
    (shielded,), sentinel = shield([user("<unused77>" * 50_000)], controls)
    assert sentinel
    assert shielded.text.count(sentinel) == 50_000
    assert time.monotonic() - started < 5
