"""Model references: every form of the contract's table, hostile text, and text <-> parts as inverses."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infer.errors import UsageError
from infer.models.ref import ModelRef

FORMS = [
    ("tiny", ModelRef("tiny", "tiny")),
    ("qwen3", ModelRef("alias", "qwen3")),
    ("qwen3:4b", ModelRef("alias", "qwen3:4b")),
    ("gpt-oss:20b", ModelRef("alias", "gpt-oss:20b")),
    ("qwen2.5-coder:1.5b-fim", ModelRef("alias", "qwen2.5-coder:1.5b-fim")),
    ("org/repo", ModelRef("hub", "org/repo")),
    ("hf:org/repo", ModelRef("hub", "org/repo")),
    ("org/repo:Q4_K_M", ModelRef("hub", "org/repo", quant="Q4_K_M")),
    ("org/repo:UD-Q4_K_XL@main", ModelRef("hub", "org/repo", quant="UD-Q4_K_XL", revision="main")),
    ("org/repo@0123abc", ModelRef("hub", "org/repo", revision="0123abc")),
    ("org/repo:file.gguf", ModelRef("hub", "org/repo", file="file.gguf")),
    (
        "org/repo:Q4/m-00001-of-00002.gguf@refs/pr/1",
        ModelRef("hub", "org/repo", file="Q4/m-00001-of-00002.gguf", revision="refs/pr/1"),
    ),
    ("hf:org/model.gguf", ModelRef("hub", "org/model.gguf")),
    ("m.gguf", ModelRef("file", "m.gguf")),
    ("./m.gguf", ModelRef("file", "./m.gguf")),
    ("../m", ModelRef("file", "../m")),
    ("/a/b.gguf", ModelRef("file", "/a/b.gguf")),
    ("~/m.gguf", ModelRef("file", "~/m.gguf")),
    ("models/my model.gguf", ModelRef("file", "models/my model.gguf")),
    ("a/b/c.GGUF", ModelRef("file", "a/b/c.GGUF")),
    ("file:m", ModelRef("file", "m")),
    ("file:./m.gguf", ModelRef("file", "./m.gguf")),
    ("file:///a/b.gguf", ModelRef("file", "/a/b.gguf")),
    ("https://host/m.gguf", ModelRef("url", "https://host/m.gguf")),
    ("http://127.0.0.1:8080/m.gguf?x=1", ModelRef("url", "http://127.0.0.1:8080/m.gguf?x=1")),
    ("ollama:qwen3", ModelRef("ollama", "qwen3")),
    ("ollama:library/qwen3:4b", ModelRef("ollama", "library/qwen3:4b")),
    ("lmstudio:pub/repo/m.gguf", ModelRef("lmstudio", "pub/repo/m.gguf")),
]

REFUSED = [
    "",
    "   ",
    "x" * 5000,
    "ti\x00ny",
    "a\nb",
    "\x1b[31mtiny",
    "a\x9bb",
    "qwen3:4b:x",
    "two words",
    "-rf",
    ".hidden",
    "é",
    "a/b/c",
    "org/repo:",
    "org/repo@",
    "org/re--po",
    "org/re..po",
    "org/repo:../x.gguf",
    "org/repo:/etc/x.gguf",
    "org/repo:a//x.gguf",
    "org/repo:a\\x.gguf",
    "org/repo:Q4 K",
    "org/repo@../../x",
    "hf:",
    "hf:repo",
    "hf:../x",
    "file:",
    "file://host/m.gguf",
    "ftp://host/m.gguf",
    "https://",
    "https://host",
    "https://host/a b.gguf",
    "ollama:",
    "ollama:../../x",
    "lmstudio:",
    "lmstudio:../x",
]


@pytest.mark.parametrize(("text", "ref"), FORMS, ids=[text for text, _ in FORMS])
def test_every_form_of_the_contract_has_its_parts(text: str, ref: ModelRef) -> None:
    assert ModelRef.parse(text) == ref
    assert ModelRef.parse(str(ref)) == ref


@pytest.mark.parametrize("text", REFUSED, ids=[ascii(text)[:30] for text in REFUSED])
def test_what_names_no_model_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        ModelRef.parse(text)
    message = str(refused.value)
    assert len(message) < 400
    assert message.isprintable()


PIECES = ["a", "Q4_K_M", "..", ".", "/", ":", "@", "-", "--", "~", "hf:", "file:", "//", "///", ".gguf", "\\", " "]
PIECES += [
    "tiny",
    "http://",
    "https://",
    "ollama:",
    "lmstudio:",
    "é",
    "\n",
    "\ud800",
    "org/repo",
    "?",
    "00001-of-00002",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)))
@example("file:hf:x.gguf")
@example("file:file:x")
@example("file:tiny")
@example("file:https://x/y.gguf")
@example("hf:a/b@c.gguf")
@example("a/b:c.gguf@d.gguf")
@example("a/b:Q4@x.gguf")
def test_parse_and_str_are_inverse(text: str) -> None:
    """parse raises nothing but UsageError, and parse(str(ref)) is ref."""
    with contextlib.suppress(UsageError):
        ref = ModelRef.parse(text)
        assert ModelRef.parse(str(ref)) == ref
        assert str(ModelRef.parse(str(ref))) == str(ref)
