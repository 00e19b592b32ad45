"""Lines of texts, what is wrong with them, and vectors as files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infer.errors import OutputUnwritable, UsageError
from infer.jobs.batch.lines import Line
from infer.jobs.embed.items import parse_text, plain_text
from infer.jobs.embed.vectors import NpyRows, as_numbers, header
from infer.jobs.embed.whole import WholeFile
from infer.types import EmbedRequest

BASE = EmbedRequest("", prefix="query: ", normalized=False)


def parsed(line: Any) -> Any:
    return parse_text(6, Line(7, line if isinstance(line, bytes) else json.dumps(line).encode()), BASE)


@pytest.mark.parametrize(
    "line",
    [
        {"text": "a fox"},
        {"input": "a fox"},
        {"input": ["a fox"]},
        {"text": "a fox", "model": "m", "user": "u", "encoding_format": "float"},
        {"body": {"input": "a fox", "model": "m"}},
        {"method": "POST", "url": "/v1/embeddings", "body": {"input": "a fox"}},
    ],
)
def test_forms_of_a_text(line: dict[str, Any]) -> None:
    item = parsed(line)
    assert (item.index, item.custom_id, item.problem) == (6, "7", None)
    assert item.request == EmbedRequest("a fox", prefix="query: ", normalized=False)
    assert parsed(line | {"custom_id": "mine"}).custom_id == "mine"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "not JSON"),
        (b"\xff", "not valid UTF-8"),
        (b'"a fox"', "not a JSON object"),
        (b'{"text": "a", "text": "b"}', "a key stands twice"),
        ({}, "a line needs text or input, once"),
        ({"text": "a", "input": "b"}, "a line needs text or input, once"),
        ({"body": {"text": "a"}}, "a line needs input, once"),
        ({"body": "a"}, "body is not an object"),
        ({"body": {"input": "a"}, "texts": 1}, "unknown key 'texts' beside body"),
        ({"url": "/v1/chat/completions", "body": {"input": "a"}}, "POST /v1/chat/completions is not supported"),
        ({"text": "a", "dimensions": 256}, "unknown key 'dimensions'"),
        ({"text": "a", "encoding_format": "base64"}, "encoding_format"),
        ({"text": 1}, "text is not a text"),
        ({"text": " "}, "text is empty"),
        ({"input": ["a", "b"]}, "input is a list"),
        ({"text": "a", "custom_id": []}, "custom_id is neither"),
        (b'{"text": "\\ud800"}', "half of a character"),
        (b'{"text": "a", "\\ud800": 1}', r"unknown key '\ud800'"),
    ],
)
def test_what_is_no_text(line: Any, problem: str) -> None:
    item = parsed(line)
    assert (item.request, problem in item.problem) == (None, True), item.problem


def test_a_line_that_is_a_text_itself() -> None:
    assert plain_text(0, Line(1, "Łódź".encode()), BASE).request == EmbedRequest(
        "Łódź", prefix="query: ", normalized=False
    )
    assert plain_text(0, Line(1, b"a\xff"), BASE).problem == "not valid UTF-8: invalid byte at offset 1 of the line"
    assert plain_text(0, Line(1, None), BASE).problem == "the line is too long"


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_of_json_have_every_bit(values: list[float]) -> None:
    vector = np.array(values, dtype="<f4")
    read = json.loads(json.dumps(as_numbers(vector.tobytes())))
    assert np.array_equal(np.array(read, dtype=np.float32), vector)


@given(rows=st.integers(0, 10**12), columns=st.integers(0, 10**6))
def test_the_header_is_numpy_s(rows: int, columns: int) -> None:
    from io import BytesIO

    stream = BytesIO(header(rows, columns))
    assert np.lib.format.read_magic(stream) == (1, 0)
    assert np.lib.format.read_array_header_1_0(stream) == ((rows, columns), False, np.dtype("<f4"))
    assert (stream.tell(), len(stream.getvalue())) == (128, 128)


def test_rows_become_a_file_when_all_are_there(tmp_path: Path) -> None:
    place = tmp_path / "out.npy"
    with WholeFile(place) as file:
        rows = NpyRows(file)
        for vector in (None, np.array([1, 2], "<f4").tobytes(), None):
            rows.add(vector)
        assert not place.exists()
        rows.finish(99)
    assert np.array_equal(np.load(place), [[np.nan] * 2, [1, 2], [np.nan] * 2], equal_nan=True)
    assert list(tmp_path.iterdir()) == [place]


def test_a_file_that_is_not_finished_is_none(tmp_path: Path) -> None:
    place = tmp_path / "out.npy"
    place.write_text("before")
    with pytest.raises(ZeroDivisionError), WholeFile(place) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert place.read_text() == "before"
    assert list(tmp_path.iterdir()) == [place]


def test_a_link_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "target.json")
    with WholeFile(link) as file:
        file.write(b"[]")
        file.finish()
    assert (link.is_symlink(), (tmp_path / "target.json").read_text()) == (True, "[]")


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match=r"cannot write to .*out\.npy: no such file"):
        WholeFile(tmp_path / "nowhere" / "out.npy")
    with pytest.raises(UsageError):
        WholeFile(tmp_path)
