"""GGUF headers: what a good one says, and that every kind of bad one is refused with its reason."""

import os
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import gguf as reference
import pytest

import encoders
import ggufs
from infer.errors import BadModelFile, FileUnreadable
from infer.models import ggml, gguf
from infer.models.metadata import describe, read_headers, shard_paths
from infer.types import Metadata

U8, I32, U32, F32, BOOL, TEXT, ARRAY, U64 = 0, 5, 4, 6, 7, 8, 9, 10
FORMS = {U8: "<B", I32: "<i", U32: "<I", F32: "<f", BOOL: "<?", U64: "<Q"}


def read(path: Path) -> Metadata:
    return describe(read_headers(str(path)))


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def scalar(kind: int, value: object) -> bytes:
    return text(value) if isinstance(value, str | bytes) else struct.pack(FORMS[kind], value)


def pair(key: str | bytes, kind: int, value: object) -> bytes:
    return text(key) + struct.pack("<I", kind) + scalar(kind, value)


def array(key: str, kind: int, values: Iterable[object], count: int | None = None) -> bytes:
    items = [scalar(kind, value) for value in values]
    length = len(items) if count is None else count
    return text(key) + struct.pack("<IIQ", ARRAY, kind, length) + b"".join(items)


def tensor(name: str, dims: tuple[int, ...] = (4,), kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


GOOD = {
    "general.architecture": pair("general.architecture", TEXT, "llama"),
    "llama.context_length": pair("llama.context_length", U32, 64),
    "llama.embedding_length": pair("llama.embedding_length", U32, 8),
    "llama.block_count": pair("llama.block_count", U32, 2),
    "llama.attention.head_count": pair("llama.attention.head_count", U32, 2),
    "tokenizer.ggml.model": pair("tokenizer.ggml.model", TEXT, "llama"),
    "tokenizer.ggml.tokens": array("tokenizer.ggml.tokens", TEXT, ["a", "b", "c"]),
}


def model(
    *more: bytes,
    without: str = "",
    tensors: tuple[bytes, ...] = (tensor("t"),),
    magic: bytes = b"GGUF",
    version: int = 3,
    counts: tuple[int, int] | None = None,
    data: int = 16,
    alignment: int = 32,
    **changed: bytes,
) -> bytes:
    """A tiny good file with pairs added, left out or changed ("__" stands for a dot in their names)."""
    pairs = {**GOOD, **{key.replace("__", "."): value for key, value in changed.items()}}
    pairs.pop(without, None)
    everything = [*pairs.values(), *more]
    header = magic + struct.pack("<I", version)
    header += struct.pack("<QQ", *(counts or (len(tensors), len(everything))))
    header += b"".join(everything) + b"".join(tensors)
    return header + b"\0" * (-len(header) % alignment) + b"\0" * data


def heads(count: int, kv: int, width: int = 8) -> bytes:
    return model(
        pair("llama.attention.head_count_kv", U32, kv),
        llama__attention__head_count=pair("llama.attention.head_count", U32, count),
        llama__embedding_length=pair("llama.embedding_length", U32, width),
    )


def number(key: str, value: object, kind: int = U32) -> bytes:
    return model(without=key, *[pair(key, kind, value)])  # noqa: B026


def tokens(*values: str | bytes) -> bytes:
    return model(tokenizer__ggml__tokens=array("tokenizer.ggml.tokens", TEXT, values))


BAD: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "it is empty"),
    "HTML page": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "it is an HTML page"),
    "HTML page, bare": (b"<HTML>404" + b" " * 99, "it is an HTML page"),
    "XML page": (b"<?xml version='1.0'?><Error/>", "it is an XML page"),
    "JSON error": (b'{"error":"Repository not found"}', "it is a server's error message"),
    "git-LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git-LFS pointer"),
    "zip": (b"PK\x03\x04" + bytes(60), "ZIP archive or a PyTorch checkpoint"),
    "old GGML": (b"tjgg" + bytes(60), "came before GGUF"),
    "safetensors": (struct.pack("<Q", 100) + b'{"weight":{' + bytes(60), "safetensors"),
    "other": (b"\x1b[31mX" + bytes(60), r"does not begin with 'GGUF' but with '\\x1b\[31'"),
    "magic alone": (b"GGUF", "truncated"),
    "half a preamble": (model()[:13], "truncated"),
    "version 0": (model(version=0), "version is 0"),
    "version 1": (model(version=1), "version is 1"),
    "version 4": (model(version=4), "version is 4"),
    "big endian": (b"GGUF" + struct.pack(">IQQ", 3, 1, 7) + bytes(99), "big-endian"),
    "2^63 pairs": (model(counts=(1, 1 << 63)), "truncated or damaged: the header with 9,223,372,036,854,775,808"),
    "2^63 tensors": (model(counts=(1 << 63, 7)), "truncated or damaged: the header with"),
    "one pair too many": (model(counts=(1, 8)), "tensor 1 of 1 has a name of 0 bytes"),
    "key of length 0": (model(pair("", U32, 1)), "metadata entry 8 has an empty key"),
    "key of 2^62": (model(struct.pack("<Q", 1 << 62)), "truncated or damaged: metadata entry 8"),
    "key of 70,000": (model(pair("k" * 70000, U32, 1)), "key of 70,000 bytes"),
    "key not UTF-8": (model(pair(b"ke\xffy", U32, 1)), "key that is not UTF-8"),
    "key twice": (model(GOOD["llama.block_count"]), "the key 'llama.block_count' occurs twice"),
    "value type 13": (model(text("k") + struct.pack("<II", 13, 1)), "'k' has the unknown value type 13"),
    "value beyond the end": (model(tensors=(), counts=(0, 8), data=0, alignment=1), "truncated"),
    "text of 2^61": (model(text("k") + struct.pack("<IQ", TEXT, 1 << 61)), "truncated or damaged: 'k' ends"),
    "array of 2^63": (model(array("k", U8, (), 1 << 63)), "'k' is an array of 9,223,372,036,854,775,808 elements"),
    "array of 2^63 texts": (model(array("k", TEXT, (), 1 << 63)), "array of 9,223,372,036,854,775,808 texts"),
    "array of type 13": (model(text("k") + struct.pack("<IIQ", ARRAY, 13, 1)), "array of the unknown type 13"),
    "array of arrays": (model(text("k") + struct.pack("<IIQ", ARRAY, ARRAY, 1)), "'k' is an array of arrays"),
    "array's text of 2^61": (model(array("k", TEXT, ["a"], 2), data=99), "truncated|array"),
    "token of 2^61": (
        model(tokenizer__ggml__tokens=array("tokenizer.ggml.tokens", TEXT, ["a"], 2) + struct.pack("<Q", 1 << 61)),
        "truncated or damaged: 'tokenizer.ggml.tokens'",
    ),
    "alignment 0": (model(pair("general.alignment", U32, 0)), "general.alignment is 0"),
    "alignment 33": (model(pair("general.alignment", U32, 33)), "general.alignment is 33"),
    "alignment 2^31": (model(pair("general.alignment", U32, 1 << 31)), "general.alignment is 2147483648"),
    "alignment text": (model(pair("general.alignment", TEXT, "32")), "general.alignment is not a number"),
    "tensor without name": (model(tensors=(tensor(""),)), "tensor 1 of 1 has a name of 0 bytes"),
    "tensor name of 64": (model(tensors=(tensor("n" * 64),)), "has a name of 64 bytes"),
    "tensor of no dimensions": (model(tensors=(tensor("t", ()),)), "'t' has 0 dimensions"),
    "tensor of 5 dimensions": (model(tensors=(tensor("t", (1,) * 5),)), "'t' has 5 dimensions"),
    "dimension 0": (model(tensors=(tensor("t", (4, 0)),)), "'t' has an empty dimension: 4 x 0"),
    "dimensions of 2^63": (model(tensors=(tensor("t", (1 << 63, 1 << 63)),)), "truncated: it has"),
    "tensor type 4": (model(tensors=(tensor("t", kind=4),)), "'t' has the unknown type 4"),
    "tensor type 2^31": (model(tensors=(tensor("t", kind=1 << 31),)), "'t' has the unknown type 2147483648"),
    "half a block": (model(tensors=(tensor("t", (31,), kind=8),)), "rows of 31 elements; Q8_0 comes in blocks of 32"),
    "offset misaligned": (model(tensors=(tensor("t", offset=1),)), "'t' lies at offset 1, where .* say 0"),
    "offset beyond": (model(tensors=(tensor("t", offset=1 << 62),)), "'t' lies at offset 4,611,686,018,427,387,904"),
    "tensors overlap": (model(tensors=(tensor("t"), tensor("u")), data=99), "'u' lies at offset 0, where .* say 32"),
    "tensor twice": (model(tensors=(tensor("t"), tensor("t", offset=32)), data=99), "'t' occurs twice"),
    "data cut": (model(data=15), "truncated: it has 399 of 400 bytes"),
    "no data": (model(data=0), "truncated: it has"),
    "no tensors": (model(tensors=()), r"no weights \(a vocabulary alone\)"),
    "no architecture": (model(without="general.architecture"), "no general.architecture"),
    "architecture a number": (number("general.architecture", 1), "general.architecture is not a text"),
    "architecture not UTF-8": (number("general.architecture", b"ll\xffama", TEXT), "not valid UTF-8"),
    "architecture with escape": (number("general.architecture", "\x1b[2J", TEXT), r"general.architecture is '\\x1b"),
    "mmproj": (model(pair("general.type", TEXT, "mmproj")), "projector"),
    "clip": (number("general.architecture", "clip", TEXT), "projector"),
    "LoRA": (model(pair("general.type", TEXT, "adapter")), "LoRA adapter"),
    "imatrix": (model(pair("general.type", TEXT, "imatrix")), "importance matrix"),
    "no tokens": (model(without="tokenizer.ggml.tokens"), r"no tokenizer \(tokenizer.ggml.tokens is missing"),
    "no tokenizer model": (model(without="tokenizer.ggml.model"), r"no tokenizer \(tokenizer.ggml.model is missing"),
    "tokenizer none": (number("tokenizer.ggml.model", "none", TEXT), "no tokenizer"),
    "tokenizer not UTF-8": (number("tokenizer.ggml.model", b"\xff", TEXT), "tokenizer.ggml.model is not valid UTF-8"),
    "tokens a number": (number("tokenizer.ggml.tokens", 3), "tokens is not an array of texts"),
    "tokens numbers": (
        model(tokenizer__ggml__tokens=array("tokenizer.ggml.tokens", U32, [1, 2])),
        "tokens is not an array of texts",
    ),
    "tokens empty": (tokens(), "its vocabulary is empty"),
    "token twice": (tokens("a", "\x1b[1m", "b", "\x1b[1m"), r"the tokens 1 and 3 are the same: '\\x1b\[1m'"),
    "token twice to C": (tokens("a", "a\0b"), r"the tokens 0 and 1 are the same"),
    "token like an empty one": (tokens("a", "", "[EMPTY_1]"), r"the tokens 1 and 2 are the same: '\[EMPTY_1\]'"),
    "scores too few": (model(array("tokenizer.ggml.scores", F32, [0.0])), "scores has 1 entries for 3 tokens"),
    "scores of texts": (model(array("tokenizer.ggml.scores", TEXT, "abc")), "scores is not an array of the right type"),
    "types too many": (model(array("tokenizer.ggml.token_type", I32, [1] * 4)), "token_type has 4 entries for 3"),
    "types a number": (model(pair("tokenizer.ggml.token_type", I32, 1)), "token_type is not an array"),
    "gpt2 without merges": (number("tokenizer.ggml.model", "gpt2", TEXT), "no tokenizer.ggml.merges"),
    "no layers": (model(without="llama.block_count"), "no llama.block_count"),
    "0 layers": (number("llama.block_count", 0), "block_count is 0; 1 to 512"),
    "513 layers": (number("llama.block_count", 513), "block_count is 513; 1 to 512"),
    "2^32-1 layers": (number("llama.block_count", 2**32 - 1), "block_count is 4,294,967,295; 1 to 512"),
    "layers a text": (number("llama.block_count", "2", TEXT), "block_count is not a whole number"),
    "layers an array": (
        model(llama__block_count=array("llama.block_count", U32, [2])),
        "block_count is not a whole number",
    ),
    "layers true": (number("llama.block_count", True, BOOL), "block_count is not a whole number"),
    "no context": (model(without="llama.context_length"), "no llama.context_length"),
    "context 0": (number("llama.context_length", 0), "context_length is 0"),
    "context 2^31": (number("llama.context_length", 1 << 31), "context_length is 2,147,483,648"),
    "context -1": (number("llama.context_length", -1, I32), "context_length is -1"),
    "context 1.5": (number("llama.context_length", 1.5, F32), "context_length is not a whole number"),
    "no width": (model(without="llama.embedding_length"), "no llama.embedding_length"),
    "width 0": (number("llama.embedding_length", 0), "embedding_length is 0"),
    "width 2^30": (number("llama.embedding_length", 1 << 30), "embedding_length is 1,073,741,824"),
    "no heads": (model(without="llama.attention.head_count"), "head_count is 0 or missing"),
    "0 heads": (heads(0, 0), "head_count is 0 or missing"),
    "0 heads, 1 KV head": (heads(0, 1), "head_count is 0 or missing"),
    "3 heads, 2 KV heads": (heads(3, 2, 9), "layer 0 has 3 heads, which 2 KV heads cannot be shared by"),
    "width not of heads": (heads(3, 3), "embedding_length is 8, not a multiple of its 3 heads"),
    "heads of some layers": (
        model(llama__attention__head_count=array("llama.attention.head_count", U32, [2])),
        "head_count has 1 entries for 2 layers",
    ),
    "heads of -1": (
        model(llama__attention__head_count=array("llama.attention.head_count", I32, [2, -1])),
        "entries that are not numbers of heads",
    ),
    "head of length 0": (model(pair("llama.attention.key_length", U32, 0)), "key_length is 0"),
    "window of 2^31": (
        model(pair("llama.attention.sliding_window", U32, 1 << 31)),
        "sliding_window is 2,147,483,648",
    ),
    "file type a text": (model(pair("general.file_type", TEXT, "Q4")), "file_type is not a whole number"),
    "template a number": (model(pair("tokenizer.chat_template", U32, 1)), "chat_template is not a text"),
    "template not UTF-8": (
        model(pair("tokenizer.chat_template", TEXT, b"{{ \xc3( }}")),
        r"chat_template is not valid UTF-8 \(byte 3\)",
    ),
    "template of 2 MiB": (model(pair("tokenizer.chat_template", TEXT, "x" * (2 << 20))), "template has 2,097,152"),
    "pooling unknown": (number("llama.pooling_type", 5), "pooling_type is 5; 0 to 4 are possible"),
    "causal a number": (number("llama.attention.causal", 1), "causal is neither true nor false"),
    "sampling NaN": (model(pair("general.sampling.temp", F32, float("nan"))), "sampling.temp is not a finite number"),
    "sampling a text": (model(pair("general.sampling.top_k", TEXT, "4")), "sampling.top_k is not a finite number"),
    "split a text": (model(pair("split.count", TEXT, "2")), "split.count, the number of its files"),
    "split of 0": (model(pair("split.count", U32, 0)), "split.count, the number of its files"),
    "split without a name": (model(pair("split.count", U32, 2)), "NAME-00001-of-00002.gguf"),
}


@pytest.mark.parametrize(("data", "why"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_with_its_reason(data: bytes, why: str, tmp_path: Path) -> None:
    """Exit 5, the path, one printable sentence, at once."""
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    start = time.perf_counter()
    with pytest.raises(BadModelFile, match=why) as refused:
        read(path)
    assert time.perf_counter() - start < 0.5
    assert refused.value.exit_code == 5
    assert refused.value.facts["path"] == str(path)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "data",
    [
        model(),
        model(version=2),
        model(pair("general.alignment", U32, 64), alignment=64),
        model(pair("general.name", TEXT, b"caf\xe9 \x1b[1m")),
        model(pair("general.author", TEXT, b"\xff\xfe")),
        tokens("a", "", ""),
        model(array("k", U8, [1] * 5000), array("e", TEXT, [])),
        heads(4, 2),
        model(tensors=(tensor("t"), tensor("u", (32, 2), kind=8, offset=32)), data=32 + 68),
        model(pair("mamba.ssm.state_size", U32, 16), without="llama.attention.head_count").replace(b"llama", b"mamba"),
    ],
)
def test_a_good_file_is_read(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "good.gguf"
    path.write_bytes(data)
    assert read(path).block_count == 2


def test_metadata_says_what_the_file_says(tmp_path: Path) -> None:
    extra = {
        "general.license": "mit",
        "general.file_type": 15,
        "general.sampling.temp": 0.7,
        "general.sampling.top_k": 20,
        "general.sampling.penalty_repeat": 1.25,
        "general.sampling.mirostat": 1,
        "llama.attention.sliding_window": 128,
    }
    path = ggufs.write_gguf(tmp_path / "m.gguf", extra=extra, name="Tiny Fox", layers=3)
    found = read(path)
    assert (found.architecture, found.name, found.license) == ("llama", "Tiny Fox", "mit")
    assert (found.block_count, found.embedding_length, found.context_length) == (3, 64, 256)
    assert (found.head_count, found.head_count_kv) == (2, (1, 1, 1))
    assert (found.key_length, found.value_length, found.vocab_size) == (32, 32, 273)
    assert (found.quantization, found.tokenizer, found.sliding_window) == ("Q4_K_M", "gpt2", 128)
    assert found.sampling == {"temperature": 0.7, "top_k": 20, "repeat_penalty": 1.25}
    assert found.chat_template == ggufs.CHAT_TEMPLATE
    assert found.file_size == path.stat().st_size
    tensors = reference.GGUFReader(path).tensors
    assert found.tensor_bytes == sum(int(tensor.n_bytes) for tensor in tensors)
    assert found.parameter_count == sum(int(tensor.n_elements) for tensor in tensors)


def test_what_the_file_leaves_out_has_a_sensible_value(tmp_path: Path) -> None:
    """Name from the file's name, KV heads from the heads, quantisation from the tensors, head length from width."""
    path = tmp_path / "fox.gguf"
    path.write_bytes(model(tensors=(tensor("t"), tensor("u", (64, 2), kind=8, offset=32)), data=32 + 136))
    found = read(path)
    assert (found.name, found.quantization, found.key_length) == ("fox", "Q8_0", 4)
    assert found.head_count_kv == (2, 2)
    assert (found.chat_template, found.license, found.sliding_window, dict(found.sampling)) == (None, None, None, {})


@pytest.mark.parametrize(("value", "pooling"), list(enumerate(["none", "mean", "cls", "last", "rank"])))
def test_pooling_and_what_a_token_sees(value: int, pooling: str, tmp_path: Path) -> None:
    extra = {"qwen3.pooling_type": value, "qwen3.attention.causal": value != 1}
    found = read(ggufs.write_gguf(tmp_path / "m.gguf", arch="qwen3", extra=extra))
    assert (found.pooling, found.causal) == (pooling, value != 1)


def test_what_has_no_memory_is_not_causal(tmp_path: Path) -> None:
    found = read(encoders.write_bert(tmp_path / "bert.gguf", pooling=None))
    assert (found.pooling, found.causal) == (None, False)
    plain = read(ggufs.write_gguf(tmp_path / "m.gguf"))
    assert (plain.pooling, plain.causal) == (None, True)


def test_the_tables_of_types_are_those_of_ggml() -> None:
    kinds = reference.GGMLQuantizationType
    for kind, (name, block, size) in ggml.TENSOR_TYPES.items():
        assert (kinds(kind).name, reference.GGML_QUANT_SIZES[kinds(kind)]) == (name, (block, size))
    for number_, name in ggml.FILE_TYPES.items():
        assert reference.LlamaFileType(number_).name in {f"MOSTLY_{name}", f"ALL_{name}"}


def _directory(path: Path) -> Path:
    path.mkdir()
    return path


def _fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _dangling(path: Path) -> Path:
    path.symlink_to(path.with_name("gone.gguf"))
    return path


def _loop(path: Path) -> Path:
    path.symlink_to(path)
    return path


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path, "no such file"),
        (_directory, "it is a directory"),
        (_fifo, "it is not a regular file"),
        (_dangling, "no such file"),
        (_loop, "symbolic links"),
        (lambda path: path.with_name("x" * 300), "too long"),
        (lambda path: path.with_name("a\0b"), "no file can have this name"),
        (lambda _: Path("/dev/zero"), "it is not a regular file"),
    ],
)
def test_what_is_no_readable_file_is_said_at_once(make: Callable[[Path], Path], why: str, tmp_path: Path) -> None:
    """Exit 3 without waiting: a FIFO nobody writes to does not hang us."""
    with pytest.raises(FileUnreadable, match=why) as refused:
        read(make(tmp_path / "m.gguf"))
    assert refused.value.exit_code == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    path = ggufs.write_gguf(tmp_path / "m.gguf")
    path.chmod(0)
    with pytest.raises(FileUnreadable, match="permission denied"):
        read(path)


def test_the_header_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the first read ends, the result is the same, and no more than needed is read."""
    path = ggufs.write_spm_gguf(tmp_path / "m.gguf", vocab=2000)
    whole = read(path)
    for first in (1, 7, 64, 1000, 4096):
        monkeypatch.setattr(gguf, "FIRST_READ", first)
        assert read(path) == whole


def test_an_endless_header_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that claims most of a huge (sparse) file is refused before the file fills the memory."""
    path = tmp_path / "huge.gguf"
    path.write_bytes(model(text("k") + struct.pack("<IQ", TEXT, 1 << 39)))
    os.truncate(path, 1 << 40)
    with pytest.raises(BadModelFile, match="header is larger than 256 MiB"):
        read(path)
    monkeypatch.setattr(gguf, "TOKEN_LIMIT", 2)
    path.write_bytes(model())
    with pytest.raises(BadModelFile, match="its vocabulary has 3 tokens"):
        read(path)


def split(directory: Path, count: int, *, missing: int = 0, numbers: dict[int, int] | None = None) -> list[Path]:
    """A model in `count` files, the first with all pairs, each with one tensor."""
    paths = []
    for index in range(count):
        mark = (pair("split.no", U32, (numbers or {}).get(index, index)), pair("split.count", U32, count))
        if index == 0:
            data = model(*mark)
        else:
            data = model(*mark, counts=(1, 2)).replace(b"".join(GOOD.values()), b"")
            data = data[: data.index(text("t"))] + tensor("t")
            data += b"\0" * (-len(data) % 32 + 16)
        paths.append(directory / f"m-{index + 1:05d}-of-{count:05d}.gguf")
        if index + 1 != missing:
            paths[-1].write_bytes(data)
    return paths


@pytest.mark.parametrize("given", [0, 1, 2])
def test_a_sharded_model_is_one_model(given: int, tmp_path: Path) -> None:
    """Any of its files stands for all: sizes and parameters are summed, the first one describes it."""
    paths = split(tmp_path, 3)
    found = read(paths[given])
    assert found.file_size == sum(path.stat().st_size for path in paths)
    assert (found.parameter_count, found.tensor_bytes, found.block_count) == (12, 48, 2)
    assert [header.path for header in read_headers(str(paths[given]))] == [str(path) for path in paths]


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    paths = split(tmp_path, 3, missing=2)
    with pytest.raises(BadModelFile, match=r"part 2 of 3 is missing: m-00002-of-00003.gguf \(split.count is 3\)"):
        read(paths[0])


def test_a_shard_in_the_wrong_place_is_named(tmp_path: Path) -> None:
    paths = split(tmp_path, 3, numbers={2: 1})
    with pytest.raises(BadModelFile, match="does not say it is part 3 of 3") as refused:
        read(paths[0])
    assert refused.value.facts["path"] == str(paths[2])


def test_shard_names() -> None:
    assert shard_paths("a/m-00002-of-00002.gguf") == ("a/m-00001-of-00002.gguf", "a/m-00002-of-00002.gguf")
    for single in ("m.gguf", "m-00003-of-00002.gguf", "m-00000-of-00002.gguf", "m-1-of-2.gguf"):
        assert shard_paths(single) == (single,)


@pytest.mark.slow
def test_a_large_vocabulary_is_read_at_once(tmp_path: Path) -> None:
    """152k tokens and 151k merges in at most 90 ms (the best of seven, on a quiet 2-core machine)."""
    names = [f"{index:x}".translate(str.maketrans("0123456789", "ghijklmnop")) for index in range(151_936)]
    merges = [f"{name[:2]} {name[2:]}" for name in names[:151_387]]
    vocabulary = {**ggufs.bpe(), "tokenizer.ggml.tokens": names, "tokenizer.ggml.merges": merges}
    vocabulary["tokenizer.ggml.token_type"] = [1] * len(names)
    path = ggufs.write_gguf(tmp_path / "m.gguf", tokens=vocabulary, width=32)
    took = []
    for _ in range(7):
        start = time.perf_counter()
        assert read(path).vocab_size == 151_936
        took.append(time.perf_counter() - start)
    assert min(took) < 0.09
