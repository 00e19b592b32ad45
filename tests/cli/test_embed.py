"""`infer embed` as a script meets it."""

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minilm
from cli.command import Command, Result, children
from encoders import cosine, write_bert, write_last
from ggufs import write_gguf


@pytest.fixture(scope="module")
def bert(models_dir: Path) -> Path:
    return write_bert(models_dir / "embed-bert.gguf")


@pytest.fixture(scope="module")
def decoder(models_dir: Path) -> Path:
    return write_last(models_dir / "embed-last.gguf", name="Qwen3 Embedding 0.0b")


@pytest.fixture(scope="module")
def nomic(models_dir: Path) -> Path:
    return write_bert(models_dir / "some-file.gguf", name="nomic-embed-text-v1.5")


def write(path: Path, lines: Sequence[Any]) -> Path:
    path.write_bytes(b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines))
    return path


def records(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def vector(infer: Command, *arguments: str | Path, **options: Any) -> np.ndarray:
    result = infer.run("embed", *arguments, **options)
    assert result.code == 0, result.err
    return np.array(result.json["embedding"])


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return cosine(one, other) > 1 - 1e-6


# One text


def test_a_text_is_one_json_object(infer: Command, bert: Path) -> None:
    result = infer.run("embed", bert, "the fox")
    assert (result.code, result.err) == (0, "")
    found = result.json
    assert list(found) == ["model", "embedding", "dimensions", "pooling", "normalized", "prefix", "usage"]
    assert found["model"] == {"ref": str(bert), "file": str(bert), "sha256": None}
    assert (len(found["embedding"]), found["dimensions"]) == (32, 32)
    assert (found["pooling"], found["normalized"], found["prefix"]) == ("mean", True, "")
    assert found["usage"] == {"prompt": 4}
    assert np.linalg.norm(found["embedding"]) == pytest.approx(1)


def test_argument_stdin_and_file_are_the_same_text(infer: Command, bert: Path, tmp_path: Path) -> None:
    place = tmp_path / "text.txt"
    place.write_text("the fox\n")
    expected = vector(infer, bert, "the fox")
    assert same(vector(infer, bert, stdin=b"the fox\n"), expected)
    assert same(vector(infer, bert, "-", stdin=b"the fox"), expected)
    assert same(vector(infer, bert, "-f", place), expected)
    assert same(vector(infer, bert, place), expected)
    assert same(vector(infer, bert, "text.txt", cwd=tmp_path), expected)
    assert same(vector(infer, bert, "the fox", stdin=b"something else"), expected)


def test_a_text_of_several_lines_is_one_text(infer: Command, bert: Path) -> None:
    assert same(vector(infer, bert, stdin=b"the fox\nand a fox\n"), vector(infer, bert, "the fox and a fox"))


def test_as_the_model_gives_it(infer: Command, bert: Path) -> None:
    raw, normal = vector(infer, bert, "the fox", "--no-normalize"), vector(infer, bert, "the fox")
    assert np.linalg.norm(raw) > 1.1
    assert same(raw, normal)


def test_the_path_of_no_file_is_no_text(infer: Command, bert: Path) -> None:
    for name in ("nothing.jsonl", "./nothing", "nothing.txt"):
        result = infer.run("embed", bert, name)
        assert (result.code, result.lines[0]) == (3, f"error: cannot read {name}: no such file or directory")
        assert (
            result.lines[1] == "hint: a text that looks like a path can be piped in: printf %s TEXT | infer embed MODEL"
        )
        assert result.out == b""
    assert vector(infer, bert, "and/or a fox. x").size == 32


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_to_embed(infer: Command, bert: Path, text: str) -> None:
    result = infer.run("embed", bert, text)
    assert (result.code, result.out, result.lines[0]) == (2, b"", "error: the prompt is empty")
    assert infer.run("embed", bert, stdin=None).code == 2


def test_a_text_that_is_too_long_is_not_cut(infer: Command, bert: Path) -> None:
    assert len(vector(infer, bert, stdin=b"x " * 510)) == 32
    result = infer.run("embed", bert, stdin=b"x " * 511)
    assert (result.code, result.out) == (7, b"")
    assert result.lines == [
        "error: the text has 513 tokens, 512 are possible",
        "hint: split it: the model was trained for 512 tokens",
    ]
    smaller = infer.run("embed", bert, "--ctx", "100", stdin=b"x " * 200)
    assert (smaller.code, smaller.lines[0]) == (7, "error: the text has 202 tokens, 100 are possible")
    assert infer.run("embed", bert, "the fox", "--ctx", "100000").code == 0


def test_invalid_utf8(infer: Command, bert: Path) -> None:
    result = infer.run("embed", bert, stdin=b"a \xff b")
    assert (result.code, result.lines[0]) == (2, "error: stdin is not valid UTF-8: invalid byte at offset 2")


# Many texts


def test_lines_come_back_in_order(infer: Command, bert: Path, tmp_path: Path) -> None:
    texts = [f"fox {n} " + "and a fox " * (n % 40) for n in range(300)]
    lines = [{"text": text, "custom_id": f"id-{n}"} for n, text in enumerate(texts)]
    result = infer.run("embed", bert, write(tmp_path / "in.jsonl", lines))
    assert (result.code, result.err) == (0, "")
    found = records(result)
    assert list(found[0]) == ["custom_id", "index", "embedding", "usage", "error"]
    assert [one["custom_id"] for one in found] == [f"id-{n}" for n in range(300)]
    assert [one["index"] for one in found] == list(range(300))
    for number in (0, 37, 299):
        alone = infer.run("embed", bert, texts[number]).json
        assert same(np.array(found[number]["embedding"]), np.array(alone["embedding"]))
        assert found[number]["usage"] == alone["usage"]


def test_the_same_input_gives_the_same_bytes(infer: Command, bert: Path, tmp_path: Path) -> None:
    """What is computed together does not depend on who was how fast: not on a slow pipe either."""
    lines = write(tmp_path / "in.jsonl", [{"text": f"fox {n} " + "and " * (n % 50)} for n in range(700)])
    first = infer.run("embed", bert, lines).out
    slowly = f"(head -300 {lines}; sleep 0.3; tail -n +301 {lines}) | infer embed {bert} --input jsonl"
    assert infer.shell(slowly).stdout == first
    assert len(first.splitlines()) == 700


def test_a_pipe_that_pauses_hears_a_signal(infer: Command, bert: Path) -> None:
    reader, writer = os.pipe()
    running = infer.start("embed", bert, "--input", "lines", stdin=reader)
    os.close(reader)
    os.write(writer, b"the fox\n" * 256 + b"a fo")
    running.until(lambda: running.out.count(b"\n") == 256)
    running.signal_group(signal.SIGTERM)
    result = running.finish(10)
    os.close(writer)
    assert (result.code, result.err) == (143, "")


def test_stdin_that_is_closed_is_empty(infer: Command, bert: Path) -> None:
    result = infer.run("embed", bert, "--input", "lines", stdin="closed")
    assert (result.code, result.out, result.err) == (0, b"", "")


def test_more_bad_lines_than_are_handed_over_at_once(infer: Command, bert: Path) -> None:
    data = b"bad\n" * 600 + b'{"text": "the fox"}\n' + b"bad\n" * 600
    result = infer.run("embed", bert, "--input", "jsonl", stdin=data)
    assert (result.code, len(records(result))) == (9, 1201)
    assert records(result)[600]["error"] is None


def test_openai_lines_and_plain_lines(infer: Command, bert: Path) -> None:
    body = {"model": "text-embedding-3-small", "input": "the fox", "encoding_format": "float"}
    line = {"custom_id": "r", "method": "POST", "url": "/v1/embeddings", "body": body}
    (found,) = records(infer.run("embed", bert, "--input", "jsonl", stdin=json.dumps(line).encode()))
    assert found["custom_id"] == "r"
    plain = records(infer.run("embed", bert, "--input", "lines", stdin=b"the fox\n\na fox\n"))
    assert [one["custom_id"] for one in plain] == ["1", "3"]
    assert [one["index"] for one in plain] == [0, 1]
    assert same(np.array(found["embedding"]), np.array(plain[0]["embedding"]))


def test_bad_lines_are_records_and_the_rest_goes_on(infer: Command, bert: Path, tmp_path: Path) -> None:
    lines = [
        {"text": "the fox", "custom_id": "a"},
        b"not json",
        {"text": "x" * 10_000_001},
        b'{"text": "\xff"}',
        {"custom_id": "a", "text": "a fox"},
        {"text": "x " * 600, "custom_id": "long"},
        {"text": ""},
        {"text": "a fox", "dimensions": 8},
        {"input": ["a", "b"]},
        {"text": "the fox", "custom_id": "z"},
    ]
    result = infer.run("embed", bert, write(tmp_path / "in.jsonl", lines))
    assert (result.code, result.err) == (9, "note: 8 of 10 texts failed\n")
    found = records(result)
    codes = [one["error"] and one["error"]["code"] for one in found]
    assert codes == [None, *["bad-line"] * 4, "text-too-long", *["bad-line"] * 3, None]
    assert found[5]["error"]["message"] == "the text has 602 tokens, 512 are possible"
    assert [one["embedding"] is None for one in found] == [code is not None for code in codes]
    assert same(np.array(found[0]["embedding"]), np.array(found[9]["embedding"]))


def test_ids_that_meet(infer: Command, bert: Path) -> None:
    ids: list[dict[str, Any]] = [{"custom_id": "2"}, {}, {"custom_id": "a"}, {"custom_id": "a (text 5)"}]
    lines = [{"text": "the fox", **one} for one in [*ids, {"custom_id": "a"}]]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    found = records(infer.run("embed", bert, "--input", "jsonl", stdin=data))
    assert [one["custom_id"] for one in found] == ["2", "2 (text 2)", "a", "a (text 5)", "a (text 5) (text 5)"]
    assert [one["error"] is None for one in found] == [True, True, True, True, False]


def test_files_are_one_text_each(infer: Command, bert: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"the fox {name}\n")
    found = records(infer.run("embed", bert, "-f", "a", "-f", "b", cwd=tmp_path))
    assert [one["custom_id"] for one in found] == ["a", "b"]
    array = infer.run("embed", bert, "-f", "a", "-f", "b", "--format", "json", cwd=tmp_path).json
    assert array == found
    refused = infer.run("embed", bert, "text", "-f", "a", cwd=tmp_path)
    assert (refused.code, refused.out) == (2, b"")


# Files of vectors


def test_a_npy_file_is_numpy_s(infer: Command, bert: Path, tmp_path: Path) -> None:
    lines = write(tmp_path / "in.jsonl", [{"text": f"fox {n}"} for n in range(70)])
    result = infer.run("embed", bert, lines, "-o", tmp_path / "out.npy")
    assert (result.code, result.out, result.err) == (0, b"", "")
    found = np.load(tmp_path / "out.npy", mmap_mode="r")
    assert (found.shape, found.dtype, found.flags.c_contiguous) == ((70, 32), np.dtype("<f4"), True)
    exact = [one["embedding"] for one in records(infer.run("embed", bert, lines))]
    assert np.array_equal(found, np.array(exact, dtype=np.float32)), "JSON has every bit of a float32"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.npy"]


def test_a_npy_file_of_one_text_and_of_failures(infer: Command, bert: Path, tmp_path: Path) -> None:
    assert infer.run("embed", bert, "the fox", "-o", "one.npy", cwd=tmp_path).code == 0
    assert np.load(tmp_path / "one.npy").shape == (1, 32)
    lines = write(tmp_path / "in.jsonl", [b"bad", {"text": "the fox"}, {"text": "x " * 600}])
    some = infer.run("embed", bert, lines, "-o", tmp_path / "some.npy")
    assert (some.code, some.lines[0]) == (9, "note: 2 of 3 texts failed: rows of NaN")
    assert some.lines[1].startswith("note: 1: not JSON")
    assert some.lines[2:] == ["note: 3: the text has 602 tokens, 512 are possible"]
    found = np.load(tmp_path / "some.npy")
    assert np.isnan(found).all(axis=1).tolist() == [True, False, True]
    write(lines, [b"bad"])
    assert infer.run("embed", bert, lines, "-o", tmp_path / "none.npy").code == 9
    assert np.load(tmp_path / "none.npy").shape == (1, 32)
    write(lines, [])
    assert infer.run("embed", bert, lines, "-o", tmp_path / "empty.npy").code == 0
    assert np.load(tmp_path / "empty.npy").shape == (0, 32)


def test_formats(infer: Command, bert: Path, tmp_path: Path) -> None:
    lines = write(tmp_path / "in.jsonl", [{"text": "the fox"}, {"text": "a fox"}])
    expected = records(infer.run("embed", bert, lines))
    for name in ("out.json", "out.jsonl"):
        assert infer.run("embed", bert, lines, "-o", tmp_path / name).out == b""
    assert json.loads((tmp_path / "out.json").read_text()) == expected
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == expected
    assert infer.run("embed", bert, lines, "--format", "json").json == expected
    (alone,) = records(infer.run("embed", bert, "the fox", "--format", "jsonl"))
    assert same(np.array(alone["embedding"]), np.array(expected[0]["embedding"]))
    assert alone | {"embedding": 0} == expected[0] | {"embedding": 0}
    for arguments in (("-o", "out.txt"), ("--format", "csv"), ("--format", "npy"), ("--input", "xml")):
        result = infer.run("embed", bert, lines, *arguments, cwd=tmp_path)
        assert (result.code, result.out) == (2, b""), arguments
        assert len(result.lines) <= 2


def test_a_place_that_cannot_be_written(infer: Command, bert: Path, tmp_path: Path) -> None:
    for name in ("out.npy", "out.json", "out.jsonl"):
        place = tmp_path / "nowhere" / name
        result = infer.run("embed", bert, "the fox", "-o", place)
        assert (result.code, result.lines[0].startswith(f"error: cannot write to {place}")) == (6, True)
    refused = infer.run("embed", bert, "the fox", "--format", "npy", "-o", "/dev/null")
    assert (refused.code, Path("/dev/null").is_char_device()) == (2, True)


# Interruptions


def test_a_killed_run_goes_on(infer: Command, bert: Path, tmp_path: Path) -> None:
    lines = write(tmp_path / "in.jsonl", [{"text": f"fox {n} " + "and " * 300} for n in range(3000)])
    place = tmp_path / "out.jsonl"
    running = infer.start("embed", bert, lines, "-o", place)
    running.until(lambda: place.exists() and place.stat().st_size > 0)
    running.signal(signal.SIGKILL)
    running.finish()
    other = infer.run("embed", bert, lines, "-o", place, "--no-normalize")
    assert (other.code, "other parameters" in other.err) == (2, True)
    assert infer.run("embed", bert, lines, "-o", place).code == 0
    found = [json.loads(line) for line in place.read_text().splitlines()]
    assert [one["custom_id"] for one in found] == [str(n) for n in range(1, 3001)]
    assert [one["index"] for one in found] == list(range(3000))
    before = place.read_bytes()
    assert infer.run("embed", bert, lines, "-o", place).code == 0
    assert place.read_bytes() == before


def test_a_worker_that_dies_is_replaced(infer: Command, bert: Path, tmp_path: Path) -> None:
    lines = write(tmp_path / "in.jsonl", [{"text": f"fox {n} " + "and " * 300} for n in range(3000)])
    place = tmp_path / "out.jsonl"
    running = infer.start("embed", bert, lines, "-o", place)
    running.until(lambda: place.exists() and place.stat().st_size > 0)
    os.kill(running.worker(), signal.SIGKILL)
    result = running.finish()
    assert (result.code, result.err) == (0, "")
    found = [json.loads(line) for line in place.read_text().splitlines()]
    assert [one["index"] for one in found] == list(range(3000))
    assert all(one["embedding"] for one in found)


@pytest.mark.parametrize("form", ["npy", "json", "jsonl"])
def test_ctrl_c_leaves_nothing_half(infer: Command, bert: Path, tmp_path: Path, form: str) -> None:
    lines = write(tmp_path / "in.jsonl", [{"text": f"fox {n} " + "and " * 300} for n in range(3000)])
    place = tmp_path / f"out.{form}"
    place.write_text("" if form == "jsonl" else "before")
    running = infer.start("embed", bert, lines, "-o", place)
    worker = running.worker()
    beside = tmp_path / "out.jsonl"
    running.until(lambda: any(one.stat().st_size > 50_000 for one in tmp_path.glob(".out*")) or _grown(beside))
    running.signal_group(signal.SIGINT)
    result = running.finish()
    assert (result.code, result.out) == (130, b"")
    assert not children(worker)
    if form == "jsonl":
        assert all(json.loads(line)["embedding"] for line in place.read_text().splitlines())
    else:
        assert place.read_text() == "before"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", place.name]


def _grown(place: Path) -> bool:
    return place.exists() and place.stat().st_size > 0


def test_a_reader_that_has_enough_ends_it_quietly(infer: Command, bert: Path, tmp_path: Path) -> None:
    lines = write(tmp_path / "in.jsonl", [{"text": f"fox {n}"} for n in range(3000)])
    reader, writer = os.pipe()
    running = infer.start("embed", bert, lines, stdout=writer)
    os.close(writer)
    assert os.read(reader, 1)
    os.close(reader)
    result = running.finish()
    assert (result.code, result.err) == (0, "")


# Prefixes and pooling


def test_prefixes_are_those_that_models_toml_knows_of_the_name(infer: Command, nomic: Path, decoder: Path) -> None:
    for model, query in (
        (nomic, "search_query: "),
        (decoder, "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"),
    ):
        asked = infer.run("embed", model, "the fox", "--as", "query").json
        assert asked["prefix"] == query
        assert same(
            np.array(asked["embedding"]), vector(infer, model, "--as", "none", stdin=f"{query}the fox".encode())
        )
        assert not same(np.array(asked["embedding"]), vector(infer, model, "the fox", "--as", "passage"))


def test_without_a_word_nothing_stands_before_the_text(infer: Command, nomic: Path) -> None:
    result = infer.run("embed", nomic, "the fox")
    assert result.json["prefix"] == ""
    purposes = "--as query, --as passage, --as clustering, --as classification, or --as none"
    assert result.lines == [f"note: this model was trained to be told what a text is for: {purposes}"]
    assert infer.run("embed", nomic, "the fox", "--as", "none").err == ""
    assert infer.run("embed", nomic, "the fox", "-q").err == ""


def test_a_prefix_of_ones_own(infer: Command, bert: Path) -> None:
    found = infer.run("embed", bert, "the fox", "--prefix", "query: ").json
    assert found["prefix"] == "query: "
    assert same(np.array(found["embedding"]), vector(infer, bert, "query: the fox"))
    refused = infer.run("embed", bert, "the fox", "--as", "query")
    assert (refused.code, refused.out) == (2, b"")
    assert infer.run("embed", bert, "the fox", "--as", "query", "--prefix", "x").code == 2


def test_prefixes_of_config_toml(lonely: Command, bert: Path) -> None:
    lonely.configure(f'[models."mine"]\npath = "{bert}"\nprefixes = {{ query = "search " }}\n')
    assert lonely.run("embed", "mine", "the fox", "--as", "query").json["prefix"] == "search "
    lonely.configure(f'[models."mine"]\npath = "{bert}"\nprefixes = {{ query = 1 }}\n')
    assert lonely.run("embed", "mine", "the fox").code == 2


def test_a_decoder_reads_to_its_last_token(infer: Command, decoder: Path) -> None:
    found = infer.run("embed", decoder, "the fox", "--as", "none").json
    assert found["pooling"] == "last"
    long = infer.run("embed", decoder, "--as", "none", stdin=b"a b " * 450).json
    assert (long["usage"]["prompt"] > 1000, long["dimensions"]) == (True, 64)


def test_pooling_is_the_file_s_unless_one_knows_better(infer: Command, bert: Path, random_model: Path) -> None:
    cls = infer.run("embed", bert, "the fox", "--pooling", "cls").json
    assert cls["pooling"] == "cls"
    assert not same(np.array(cls["embedding"]), vector(infer, bert, "the fox"))
    assert infer.run("embed", random_model, "the fox", "--pooling", "last").json["dimensions"] == 64
    assert infer.run("embed", bert, "the fox", "--pooling", "rank").code == 2


# Models that are for something else


def test_a_model_that_makes_no_embeddings(infer: Command, random_model: Path) -> None:
    for model in ("tiny", random_model):
        result = infer.run("embed", model, "the fox")
        assert (result.code, result.out) == (2, b"")
        assert result.lines[0] == f"error: {model} is not known to make embeddings: its file names no pooling"
        assert "--pooling mean|cls|last" in result.lines[1]


@pytest.mark.parametrize("pooling", ["mean", None])
def test_an_embedding_model_does_not_answer(infer: Command, tmp_path: Path, pooling: str | None) -> None:
    model = write_bert(tmp_path / "bert.gguf", pooling=pooling)
    lines = write(tmp_path / "in.jsonl", [{"prompt": "hi"}])
    for arguments in (
        ("run", model, "hi"),
        ("batch", model, lines),
        ("choose", model, "hi", "a", "b"),
    ):
        result = infer.run(*arguments, stdin=b"hi\n")
        assert (result.code, result.out) == (2, b""), arguments
        assert result.lines == [
            f"error: {model} makes embeddings: it writes no text",
            f'hint: infer embed {model} "text"',
        ]


def test_a_reranker_is_neither(infer: Command, tmp_path: Path) -> None:
    model = write_bert(tmp_path / "rank.gguf", pooling="rank")
    for command in ("embed", "run"):
        result = infer.run(command, model, "the fox")
        assert (result.code, result.lines[0].startswith(f"error: {model} is a reranker: ")) == (2, True)


def test_tokens_are_counted_as_they_are_embedded(infer: Command, bert: Path) -> None:
    found = infer.run("tokens", bert, "the fox", "--json").json
    assert (found["count"], [one["text"] for one in found["tokens"]][::3]) == (4, ["[CLS]", "[SEP]"])


def test_what_show_says(infer: Command, bert: Path, decoder: Path) -> None:
    assert infer.run("show", bert, "--json").json["capabilities"] == ["embedding"]
    assert infer.run("show", decoder, "--json").json["capabilities"] == ["embedding"]


def test_help_and_statistics(infer: Command, bert: Path) -> None:
    shown = infer.run("embed", "--help").out.decode()
    assert all(option in shown for option in ("--as", "--prefix", "--no-normalize", "--format", "--input", "--pooling"))
    lines = infer.run("embed", bert, "the fox", "-v").lines
    assert lines[0].startswith("1 texts, 4 tokens in ")
    assert lines[1] == "pooling mean, texts of up to 512 tokens"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "npy"])
def test_a_real_model_agrees_with_its_reference(infer: Command, tmp_path: Path, form: str) -> None:
    """all-MiniLM-L6-v2; see tests/engine/test_minilm.py."""
    model = minilm.write(tmp_path / "minilm.gguf")
    recorded = Path(__file__).parents[1] / "engine"
    texts = json.loads((recorded / "minilm.json").read_text(encoding="utf-8"))["texts"]
    lines = write(tmp_path / "in.jsonl", [{"text": text} for text in texts])
    place = tmp_path / f"out.{form}"
    assert infer.run("embed", model, lines, "-o", place).err == ""
    found = np.load(place) if form == "npy" else [one["embedding"] for one in json.loads(place.read_text())]
    assert (np.array(found, dtype=float) * np.load(recorded / "minilm.npy")).sum(axis=1).min() >= 0.999


@pytest.mark.slow
def test_memory_stays_flat_for_many_lines(infer: Command, tmp_path: Path) -> None:
    """The parent reads as the worker computes: ten times the lines take no more."""
    model = write_gguf(tmp_path / "one.gguf", layers=1, extra={"llama.pooling_type": 1})
    peaks = []
    for count in (2_000, 20_000):
        lines = write(tmp_path / "in.jsonl", [{"text": f"fox {n} " + "and " * 20} for n in range(count)])
        measured = ("/usr/bin/env", "python3", "-c", _PEAK)
        peaks.append(int(infer.run("embed", model, lines, "-o", tmp_path / f"{count}.npy", prefix=measured).out))
    assert peaks[1] < peaks[0] + 8_000, f"{peaks} KiB"


_PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
