"""The header of a GGUF file: its key/value pairs and its tensor table, or the reason why it is a bad one.

The layout is that of ggml's docs/gguf.md, versions 2 and 3, little endian (n = a u64 length):

    "GGUF"  u32 version  u64 tensors  u64 pairs
    pair    n key  u32 type  value                   a value is a number, an n text, or u32 type + n elements
    tensor  n name  u32 dims  u64 x dims  u32 type  u64 offset
    padding to general.alignment, then the tensors' data, each at its offset from here

Nothing after the tensor table is read, only compared with the file's size. What llama.cpp would refuse or
abort on is refused here by name. No byte is trusted: every length is compared with the file's size first.
"""

import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from infer.errors import BadModelFile, FileUnreadable
from infer.models.ggml import TENSOR_TYPES

TOKENS = "tokenizer.ggml.tokens"
HEADER_LIMIT = 256 << 20  # bytes; the largest headers in use have about 30 MiB
TOKEN_LIMIT = 1 << 22  # entries of the vocabulary; the largest in use has 262,144
KEPT_NUMBERS = 4096  # longer arrays of numbers are only measured
FIRST_READ = 1 << 20  # bytes; doubled as the header turns out to be longer

TEXT, ARRAY = 8, 9
_NUMBERS = {
    kind: struct.Struct("<" + code)
    for kind, code in {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?"}.items()
} | {10: struct.Struct("<Q"), 11: struct.Struct("<q"), 12: struct.Struct("<d")}
_U32, _U64 = _NUMBERS[4], _NUMBERS[10]
_PREFIXES = (  # what else lies under a .gguf name, by its first bytes in lower case
    (
        b"version https://git-lfs",
        "it is a git-LFS pointer, not the model itself",
        "`git lfs pull` fetches the model",
    ),
    (b"<!doctype", "it is an HTML page", "it was not downloaded but a web page was saved"),
    (b"<html", "it is an HTML page", "it was not downloaded but a web page was saved"),
    (b"<?xml", "it is an XML page", "it was not downloaded but an error page was saved"),
    (b'{"error', "it is a server's error message", "download it again"),
    (b"pk\x03\x04", "it is a ZIP archive or a PyTorch checkpoint", ""),
    (b"lmgg", "it is in the GGML format that came before GGUF", ""),
    (b"fmgg", "it is in the GGML format that came before GGUF", ""),
    (b"tjgg", "it is in the GGML format that came before GGUF", ""),
)


@dataclass(frozen=True, slots=True)
class Array:
    """An array: the type of its elements, how many; the elements themselves only where somebody needs them.

    `numbers` holds up to KEPT_NUMBERS numbers, `texts` the raw bytes of the vocabulary's tokens.
    """

    kind: int
    count: int
    numbers: tuple[int | float, ...] = ()
    texts: list[bytes] = field(default_factory=list)


Value = int | float | bool | bytes | Array


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells that a file has not changed: taken before its first byte was read."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Identity":
        """The identity in a stat result."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Header:
    """One file's header. `bytes_by_type` counts the tensors' bytes under ggml's type numbers.

    roles: elements and bytes of weights that not every token meets: "embedding", "output", "experts", and "rows",
    a table of which it reads one row (see models.work).
    """

    path: str
    identity: Identity
    pairs: dict[str, Value]
    tensors: int
    parameters: int
    bytes_by_type: dict[int, int]
    roles: dict[str, tuple[int, int]] = field(default_factory=dict)


def read_header(path: str) -> Header:
    """Read and check one file's header.

    Raises FileUnreadable (absent, not a regular file, no permission) and BadModelFile with the reason.
    A vocabulary of 151,936 tokens and 151,387 merges takes about 45 ms on a 2-core virtual machine.
    """
    fd, found = _open(path)
    try:
        return _Reader(path, Identity.of(found), lambda count, offset: os.pread(fd, count, offset)).header()
    except OSError as error:
        raise FileUnreadable(path=path, why=_reason(error)) from error
    finally:
        os.close(fd)


def parse_header(name: str, size: int, read: Callable[[int, int], bytes]) -> Header:
    """The header of a file of `size` bytes that lies elsewhere; `read(count, offset)` brings up to `count` bytes.

    It is asked for more only as the header turns out to be longer, from FIRST_READ bytes on. Raises BadModelFile,
    and what `read` raises.
    """
    return _Reader(name, Identity(0, 0, size, 0, 0), read).header()


def check_magic(name: str, begin: bytes) -> None:
    """Refuse a file by its first bytes (64 are enough). Raises BadModelFile that says what it is instead."""
    if begin.startswith(b"GGUF"):
        return
    text = begin.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for prefix, why, hint in _PREFIXES:
        if text.startswith(prefix):
            raise BadModelFile(path=name, why=why, hint=hint)
    if begin[8:10] == b'{"':
        hint = "infer runs GGUF files; convert it with llama.cpp's convert_hf_to_gguf.py"
        raise BadModelFile(path=name, why="it is a safetensors file", hint=hint)
    raise BadModelFile(path=name, why=f"it does not begin with 'GGUF' but with {shown(begin[:4])}", hint="")


def shown(text: bytes) -> str:
    """Bytes from the file as they may stand in a message: at most 48 characters, quoted, control escaped."""
    decoded = text[:200].decode("utf-8", "replace")
    return repr(decoded if len(decoded) <= 48 else decoded[:47] + "…")


_ROLES = {
    b"token_embd.weight": "embedding",
    b"per_layer_token_embd.weight": "rows",
    b"output.weight": "output",
}


def _role(name: bytes) -> str | None:
    """Which tokens meet a tensor, where that is not all of them."""
    if b"_exps." in name or b"_chexps." in name:
        return "experts"
    return _ROLES.get(name)


def _reason(error: OSError) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()


def _open(path: str) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file. Neither the look nor the opening waits for the writer of a FIFO."""
    try:
        _require_regular(path, Path(path).stat())
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileUnreadable(path=path, why=_reason(error)) from error
    except ValueError as error:  # a NUL in the name
        raise FileUnreadable(path=path, why="no file can have this name") from error
    try:
        found = os.fstat(fd)
        _require_regular(path, found)
    except BaseException:
        os.close(fd)
        raise
    return fd, found


def _require_regular(path: str, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise FileUnreadable(path=path, why="it is a directory")
    if not stat.S_ISREG(found.st_mode):
        raise FileUnreadable(path=path, why="it is not a regular file")


def _take_texts(data: bytes, pos: int, count: int, found: list[bytes]) -> int:
    """Append up to `count` length-prefixed texts from `pos` on; the position after the last whole one."""
    limit, unpack, append = len(data), _U64.unpack_from, found.append
    try:
        for _ in range(count):
            start = pos + 8
            end = start + unpack(data, pos)[0]
            if end > limit:
                break
            append(data[start:end])
            pos = end
    except struct.error:  # the length itself is cut
        pass
    return pos


def _skip_texts(data: bytes, pos: int, count: int) -> tuple[int, int]:
    """Step over up to `count` texts: the position after the last whole one, and how many remain."""
    limit, unpack, left = len(data), _U64.unpack_from, count
    try:
        for left in range(count, 0, -1):
            end = pos + 8 + unpack(data, pos)[0]
            if end > limit:
                return pos, left
            pos = end
    except struct.error:
        return pos, left
    return pos, 0


class _Reader:
    """A position in the file's first bytes, which are read as far as they are needed."""

    __slots__ = ("data", "identity", "path", "pos", "read", "roles", "size", "where")

    def __init__(self, path: str, identity: Identity, read: Callable[[int, int], bytes]) -> None:
        self.path, self.identity, self.size, self.read = path, identity, identity.size, read
        self.data, self.pos, self.where = b"", 0, "the header"
        self.roles: dict[str, tuple[int, int]] = {}

    def refuse(self, why: str, hint: str = "") -> NoReturn:
        raise BadModelFile(path=self.path, why=why, hint=hint)

    def need(self, count: int) -> None:
        """Have `count` bytes from the position on in `data`, or refuse the file as truncated."""
        end = self.pos + count
        if end <= len(self.data):
            return
        if end > self.size:
            self.truncated()
        if end > HEADER_LIMIT:
            self.refuse(f"its header is larger than {HEADER_LIMIT >> 20} MiB ({self.where})")
        target = min(self.size, max(end, 2 * len(self.data), FIRST_READ))
        chunks = [self.data]
        have = len(self.data)
        while have < target and (chunk := self.read(target - have, have)):
            chunks.append(chunk)
            have += len(chunk)
        self.data = b"".join(chunks)
        if end > have:
            self.truncated()

    def truncated(self) -> NoReturn:
        why = f"it is truncated or damaged: {self.where} ends beyond the file's {self.size:,} bytes"
        self.refuse(why, "download it again")

    def number(self, form: struct.Struct) -> int:
        self.need(form.size)
        value: int = form.unpack_from(self.data, self.pos)[0]
        self.pos += form.size
        return value

    def text(self) -> bytes:
        length = self.number(_U64)
        self.need(length)
        start, self.pos = self.pos, self.pos + length
        return self.data[start : self.pos]

    def header(self) -> Header:
        pairs_count, tensors_count = self.preamble()
        pairs: dict[str, Value] = {}
        for _ in range(pairs_count):
            key = self.key(pairs)
            pairs[key] = self.value(self.number(_U32))
        parameters, bytes_by_type = self.tensors(tensors_count, self.alignment(pairs))
        return Header(self.path, self.identity, pairs, tensors_count, parameters, bytes_by_type, self.roles)

    def preamble(self) -> tuple[int, int]:
        """Check magic and version: the number of pairs and of tensors."""
        if self.size == 0:
            self.refuse("it is empty", "download it again")
        self.need(min(self.size, 64))
        check_magic(self.path, self.data[:64])
        self.pos = 4
        version = self.number(_U32)
        if version and not version & 0xFFFF:
            self.refuse("it is a big-endian GGUF; this machine needs a little-endian one")
        if version not in {2, 3}:
            self.refuse(f"its GGUF version is {version}; versions 2 and 3 can be read")
        tensors, pairs = self.number(_U64), self.number(_U64)
        # A pair has at least 8 + 1 + 4 + 1 bytes, a tensor 8 + 1 + 4 + 8 + 4 + 8.
        if pairs * 14 + tensors * 33 > self.size:
            self.where = f"the header with {pairs:,} metadata entries and {tensors:,} tensors"
            self.truncated()
        return pairs, tensors

    def key(self, pairs: dict[str, Value]) -> str:
        self.where = f"metadata entry {len(pairs) + 1}"
        raw = self.text()
        if not raw:
            self.refuse(f"{self.where} has an empty key")
        if len(raw) > 0xFFFF:
            self.refuse(f"{self.where} has a key of {len(raw):,} bytes")
        try:
            key = raw.decode("utf-8")
        except UnicodeDecodeError:
            self.refuse(f"{self.where} has a key that is not UTF-8: {shown(raw)}")
        if key in pairs:
            self.refuse(f"the key {shown(raw)} occurs twice")
        self.where = shown(raw)
        return key

    def value(self, kind: int) -> Value:
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        if kind == TEXT:
            return self.text()
        if kind != ARRAY:
            self.refuse(f"{self.where} has the unknown value type {kind}")
        kind, count = self.number(_U32), self.number(_U64)
        if kind == TEXT:
            return self.texts(count)
        if kind == ARRAY:
            self.refuse(f"{self.where} is an array of arrays")
        if kind not in _NUMBERS:
            self.refuse(f"{self.where} is an array of the unknown type {kind}")
        return self.numbers(kind, count)

    def numbers(self, kind: int, count: int) -> Array:
        form = _NUMBERS[kind]
        if count * form.size > self.size - self.pos:
            self.refuse(f"{self.where} is an array of {count:,} elements, more than the file holds")
        self.need(count * form.size)
        start, self.pos = self.pos, self.pos + count * form.size
        if count > KEPT_NUMBERS:
            return Array(kind, count)
        return Array(kind, count, struct.unpack_from(f"<{count}{form.format[1:]}", self.data, start))

    def texts(self, count: int) -> Array:
        if count * 8 > self.size - self.pos:
            self.refuse(f"{self.where} is an array of {count:,} texts, more than the file holds")
        if self.where != repr(TOKENS):
            self.skip_texts(count)
            return Array(TEXT, count)
        if count > TOKEN_LIMIT:
            self.refuse(f"its vocabulary has {count:,} tokens")
        found: list[bytes] = []
        while len(found) < count:
            self.pos = _take_texts(self.data, self.pos, count - len(found), found)
            if len(found) < count:
                self.reach_text()
        return Array(TEXT, count, texts=found)

    def skip_texts(self, left: int) -> None:
        while left:
            self.pos, left = _skip_texts(self.data, self.pos, left)
            if left:
                self.reach_text()

    def reach_text(self) -> None:
        """Have the next length and its text in `data`."""
        self.need(8)
        self.need(8 + _U64.unpack_from(self.data, self.pos)[0])

    def alignment(self, pairs: dict[str, Value]) -> int:
        value = pairs.get("general.alignment", 32)
        if type(value) is not int or value <= 0 or value & (value - 1) or value > 1 << 20:
            given = value if isinstance(value, int | float) else "not a number"
            self.refuse(f"general.alignment is {given}; it has to be a power of two up to 1,048,576")
        return value

    def tensors(self, count: int, alignment: int) -> tuple[int, dict[int, int]]:
        """Check the tensor table: the number of parameters, and the data's bytes per tensor type."""
        names: set[bytes] = set()
        parameters, used, bytes_by_type = 0, 0, dict[int, int]()
        for index in range(count):
            self.where = f"tensor {index + 1} of {count}"
            offset = -(-used // alignment) * alignment
            name, kind, elements, size = self.tensor(offset)
            if name in names:
                self.refuse(f"the tensor {shown(name)} occurs twice")
            names.add(name)
            parameters, used = parameters + elements, offset + size
            bytes_by_type[kind] = bytes_by_type.get(kind, 0) + size
            if role := _role(name):
                before = self.roles.get(role, (0, 0))
                self.roles[role] = (before[0] + elements, before[1] + size)
        whole = -(-self.pos // alignment) * alignment + used
        if count and whole > self.size:
            self.refuse(f"it is truncated: it has {self.size:,} of {whole:,} bytes", "download it again")
        return parameters, bytes_by_type

    def tensor(self, expected: int) -> tuple[bytes, int, int, int]:
        """One row of the table, whose data has to lie at `expected`: name, type, elements, bytes."""
        name = self.text()
        if not 0 < len(name) < 64:
            self.refuse(f"{self.where} has a name of {len(name):,} bytes; 1 to 63 are allowed")
        self.where = f"tensor {shown(name)}"
        dims = self.number(_U32)
        if not 1 <= dims <= 4:
            self.refuse(f"{self.where} has {dims:,} dimensions; 1 to 4 are allowed")
        shape = [self.number(_U64) for _ in range(dims)]
        kind, offset = self.number(_U32), self.number(_U64)
        if kind not in TENSOR_TYPES:
            self.refuse(f"{self.where} has the unknown type {kind}", "a newer infer may know it")
        type_name, block, block_bytes = TENSOR_TYPES[kind]
        elements = 1
        for size in shape:
            elements *= size
        if not elements:
            self.refuse(f"{self.where} has an empty dimension: {' x '.join(map(str, shape))}")
        if shape[0] % block:
            self.refuse(f"{self.where} has rows of {shape[0]:,} elements; {type_name} comes in blocks of {block}")
        if offset != expected:
            self.refuse(f"{self.where} lies at offset {offset:,}, where the tensors before it say {expected:,}")
        return name, kind, elements, elements // block * block_bytes
