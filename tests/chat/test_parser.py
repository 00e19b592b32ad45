"""The stream: what is answer, what is reasoning, where it stops, and how little is held back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infer.chat.formats import FORMATS, ReasoningFormat, detect
from infer.chat.parser import BLANKS, StreamParser
from infer.types import Delta

THINK = detect("<think></think>")
GPT_OSS = FORMATS[0]
FRAGMENTS = [
    *(text for form in FORMATS for text in form.texts),
    *("<think>", "</think>", "<thi", "nk>", "</", "<|end|>", "<|start|>assistant", "<|channel|>"),
    *(" ", "\n", "\n\n", "\t", "a", "word", "STOP", "ST", "OP", "é", "\n\n\n\n\n\n"),
]
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join)
stops = st.lists(st.sampled_from(["STOP", "OP", "ST", "\n\n", "</", "<", "word a", "é"]), max_size=3).map(tuple)
forms = st.sampled_from([None, *FORMATS])


def parse(
    chunks: list[str], stop: tuple[str, ...] = (), form: ReasoningFormat | None = THINK, inside: bool = False
) -> tuple[str, str, bool]:
    """(content, reasoning, stopped) of a whole stream."""
    parser = StreamParser(stop, form, inside)
    deltas = [*map(parser.feed, chunks), parser.finish()]
    return "".join(d.content for d in deltas), "".join(d.reasoning for d in deltas), parser.stopped


def cut(text: str, sizes: list[int]) -> list[str]:
    chunks = []
    for size in sizes:
        chunks.append(text[:size])
        text = text[size:]
    return [*chunks, text]


# --- laws -----------------------------------------------------------------------------------------------------


@given(texts, st.lists(st.integers(0, 5), max_size=30), stops, forms, st.booleans())
@example("\n <think>a</think>\n\nb", [1] * 30, (), THINK, False)
def test_any_cut_gives_the_same(
    text: str, sizes: list[int], stop: tuple[str, ...], form: ReasoningFormat | None, inside: bool
) -> None:
    """Law: content, reasoning and the stop do not depend on where the text was cut."""
    whole = parse([text], stop, form, inside)
    assert parse(cut(text, sizes), stop, form, inside) == whole
    assert parse(list(text), stop, form, inside) == whole


@given(st.text(alphabet="ab <>/think\n\té", max_size=60), st.sampled_from([None, GPT_OSS]))
def test_plain_text_is_untouched(text: str, form: ReasoningFormat | None) -> None:
    """Law: without markers and stop strings the content is the input."""
    assert parse(list(text), (), form) == (text, "", False)


@given(texts, stops, forms, st.booleans())
def test_little_is_held_back(text: str, stop: tuple[str, ...], form: ReasoningFormat | None, inside: bool) -> None:
    """Law: never more than the longest marker or stop string, and only while something could come of it."""
    parser = StreamParser(stop, form, inside)
    needles = [*stop, *(form.texts if form else ())]
    longest = max(map(len, needles), default=0)
    for sign in text:
        parser.feed(sign)
        held = parser._held
        blanks = len(held) - len(held.lstrip())
        assert len(held) < longest + BLANKS + 1
        assert not held or any(
            n.startswith(held) or (blanks <= BLANKS and n.startswith(held[blanks:])) for n in needles
        )


@given(texts, st.sampled_from(["STOP", "\n\n", "a"]))
def test_content_ends_at_the_first_stop_string(text: str, stop: str) -> None:
    """Law: without reasoning, content is what stands before the stop string."""
    before, found, _ = text.partition(stop)
    assert parse(list(text), (stop,), None) == (before, "", bool(found))


# --- reasoning ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "content", "reasoning"),
    [
        ("<think>\nhmm\n</think>\n\nYes.", "Yes.", "hmm\n"),
        ("\n\n<think>hmm</think>Yes.", "Yes.", "hmm"),
        ("<think>\n\n</think>\n\nYes.\n", "Yes.\n", ""),
        ("<think>never closed", "", "never closed"),
        ("<think>hmm</thin", "", "hmm</thin"),
        ("<thinker>", "<thinker>", ""),
        ("  <", "  <", ""),
        ("Write <think> and </think>.", "Write <think> and </think>.", ""),
        ("<think>a</think>b <think>c</think>", "b <think>c</think>", "a"),
        ("<think>a</think>\n<think>b</think>c", "c", "ab"),
        ("<think>a <think> b</think>c", "c", "a <think> b"),
        ("</think>\n\nYes.", "Yes.", ""),
        ("      <think>too far</think>", "  ", "too far"),
        ("    code\n", "    code\n", ""),
        ("<think>x</think>\n    code", "    code", "x"),
        ("", "", ""),
    ],
)
def test_reasoning_is_kept_apart(text: str, content: str, reasoning: str) -> None:
    """Markers go, newlines after them too, and an answer may speak about markers."""
    assert parse(list(text)) == (content, reasoning, False)


@pytest.mark.parametrize(
    ("text", "content", "reasoning"),
    [
        ("\nhmm\n</think>\n\nYes.", "Yes.", "hmm\n"),
        ("hmm</think>Yes.", "Yes.", "hmm"),
        ("<think>\nhmm</think>Yes.", "Yes.", "hmm"),
        ("cut off", "", "cut off"),
    ],
)
def test_a_prompt_that_opens_the_reasoning(text: str, content: str, reasoning: str) -> None:
    """The model goes on inside; some open it once more."""
    assert parse(list(text), inside=True) == (content, reasoning, False)


@pytest.mark.parametrize("form", [form for form in FORMATS if len(form.texts) == 2], ids=lambda form: form.name)
def test_each_pair_of_markers(form: ReasoningFormat) -> None:
    start, end = form.texts
    for text in (f"{start}why{end}\n\nanswer", f"\n{start}\nwhy{end}answer"):
        assert parse(list(text), (), form) == ("answer", "why", False)
    assert parse(list(f"why{end}answer"), (), form, inside=True) == ("answer", "why", False)


SCRIPTS = {
    "gpt-oss": (
        "<|channel|>analysis<|message|>why<|end|><|start|>assistant<|channel|>final<|message|>Hello!",
        "Hello!",
        "why",
    ),
    "solar": ("<|think|>why<|end|><|begin|>assistant<|content|>Hello!<|end|>", "Hello!", "why"),
    "kimi-3": ("why<|close|>think<|sep|><|open|>response<|sep|>Hello!<|close|>response<|sep|>", "Hello!", "why"),
    "cohere": ("<|START_THINKING|>why<|END_THINKING|><|START_RESPONSE|>Hello!<|END_RESPONSE|>", "Hello!", "why"),
    "apriel": ("why\n[BEGIN FINAL RESPONSE]\nHello!", "Hello!", "why\n"),
    "muse": (" to=self<|message|>why<|eom|><|start|>assistant to=user<|message|>Hello!", "Hello!", "why"),
    "granite": ("<think>why</think><response>Hello!</response>", "Hello!", "why"),
}


def test_gpt_oss_commentary_is_answer() -> None:
    """What the model says before a call is meant for the person."""
    text = "<|channel|>commentary<|message|>One moment. <|end|><|start|>assistant<|channel|>final<|message|>Hello!"
    assert parse(list(text), (), GPT_OSS) == ("One moment. Hello!", "", False)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripted_streams(name: str) -> None:
    """Families with more than two markers, cut at every position."""
    text, content, reasoning = SCRIPTS[name]
    form = next(form for form in FORMATS if form.name == name)
    inside = name in ("kimi-3", "apriel")  # their templates leave the reasoning open
    for position in range(len(text)):
        assert parse([text[:position], text[position:]], (), form, inside) == (content, reasoning, False)


# --- stop strings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stop", "content"),
    [
        ("one STOP two", ("STOP",), "one "),
        ("one STOPSTOP", ("STOP",), "one "),
        ("abc", ("bc", "abc"), ""),
        ("abx", ("b", "abc"), "a"),
        ("\n\nA\n\nB", ("\n\n",), ""),
        ("text", ("",), "text"),
        ("ends with ST", ("STOP",), "ends with ST"),
        ("a</think>b", ("</",), "a"),
        ("日本語。次", ("。",), "日本語"),
    ],
)
def test_stop_strings(text: str, stop: tuple[str, ...], content: str) -> None:
    """The leftmost one ends the answer; it and what follows are dropped."""
    assert parse(list(text), stop)[0] == content


def test_stop_strings_do_not_end_the_reasoning() -> None:
    assert parse(list("<think>a STOP b</think>c STOP d"), ("STOP",)) == ("c ", "a STOP b", True)


def test_a_marker_goes_before_a_stop_string() -> None:
    """A stop string "<" does not stop the model from thinking."""
    assert parse(list("<think>a</think>b<c"), ("<",)) == ("b", "a", True)


def test_nothing_comes_after_a_stop_string() -> None:
    parser = StreamParser(("END",), None, False)
    assert parser.feed("a END b") == Delta(content="a ")
    assert parser.stopped
    assert parser.feed("c") == Delta()
    assert parser.finish() == Delta()


# --- at once --------------------------------------------------------------------------------------------------


def test_text_streams_at_once() -> None:
    """Each letter comes out when it goes in, also with markers and stop strings about."""
    parser = StreamParser(("STOP",), THINK, False)
    assert [parser.feed(sign).content for sign in "Hi <b> S!"] == ["H", "i", " ", "<", "b", ">", " ", "", "S!"]


def test_a_long_stop_string() -> None:
    """Hundreds of characters are no problem for the pattern."""
    stop = "x" * 900 + "y"
    assert parse(["a" + "x" * 900, "y", "b"], (stop,), None) == ("a", "", True)
