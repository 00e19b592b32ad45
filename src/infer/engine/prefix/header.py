"""The header of a piece's file: encode and decode, and refuse what does not prove itself. Pure.

    0      header, 4 KiB: the fields below, token ids, and a CRC-32 of the page in its last four bytes
    4096   BASE   the rows of the piece's positions
    4096n  PART   what belongs to the position `end` (recurrent state, sliding window); may be absent

The header keeps all tokens since the window's border, those before `start` too: so every key in the file's name can be
computed again from the header alone.
"""

import struct
from dataclasses import dataclass
from zlib import crc32

from infer.engine.prefix.keys import BLOCK, TOKEN, Name, name_piece, shared

FORMAT = 1
PAGE = 4096
_MAGIC = b"inferKV\x00"
# magic, format, flags, start, lead, count, fingerprint, boundary, BASE bytes, PART bytes, CRC-32 of BASE, of PART
_FIELDS = struct.Struct("<8sIIQII16s16sQQII")
_CRC = struct.Struct("<I")
_TOKENS = 512  # offset
_HAS_PART, _KEEP = 1, 2
_LARGEST = 1 << 40  # bytes of a payload


class Damaged(ValueError):
    """A file that is not what its name says. The message says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a piece's file says about itself.

    window      packed tokens from the window's border to the piece's end
    keep        a fork: other pieces hang here, or shall; never merged away
    base, part  bytes of the payloads; part is 0 where there is none
    """

    fingerprint: bytes
    name: Name
    window: bytes
    keep: bool
    base: int
    part: int
    base_crc: int
    part_crc: int

    @property
    def start(self) -> int:
        """The position of its first row."""
        return self.name.start

    @property
    def end(self) -> int:
        """The position after its last row."""
        return self.name.end

    @property
    def part_offset(self) -> int:
        """Where PART stands in the file."""
        return PAGE + -(-self.base // PAGE) * PAGE

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.part_offset + self.part if self.part else PAGE + self.base

    def shares(self, window: bytes) -> int:
        """How many of its own tokens stand in `window` (packed, from the same border) at the same positions."""
        return max(0, shared(self.window, window) - self.name.lead)


def encode(header: Header) -> bytes:
    """The first page of the file."""
    name = header.name
    flags = (_HAS_PART if header.part else 0) | (_KEEP if header.keep else 0)
    place = (name.start, name.lead, name.count, header.fingerprint, name.boundary)
    sizes = (header.base, header.part, header.base_crc, header.part_crc)
    page = bytearray(PAGE)
    _FIELDS.pack_into(page, 0, _MAGIC, FORMAT, flags, *place, *sizes)
    page[_TOKENS : _TOKENS + len(header.window)] = header.window
    _CRC.pack_into(page, PAGE - _CRC.size, crc32(page[: -_CRC.size]))
    return bytes(page)


def decode(page: bytes | memoryview, name: Name, fingerprint: bytes, file_size: int) -> Header:
    """The header of the file of that name, fingerprint and size in bytes. Raises Damaged when anything disagrees."""
    if len(page) != PAGE:
        raise Damaged("shorter than a header")
    if crc32(page[: -_CRC.size]) != _CRC.unpack_from(page, PAGE - _CRC.size)[0]:
        raise Damaged("the header's checksum is wrong")
    magic, version, flags, start, lead, count, owner, boundary, *sizes = _FIELDS.unpack_from(page)
    if magic != _MAGIC or version != FORMAT:
        raise Damaged("another format")
    if owner != fingerprint:
        raise Damaged("it belongs to another model or setting")
    if lead != start % BLOCK or not 0 < count <= BLOCK - lead:
        raise Damaged("impossible positions")
    window = bytes(page[_TOKENS : _TOKENS + (lead + count) * TOKEN])
    header = Header(owner, name_piece(boundary, start, window), window, bool(flags & _KEEP), *sizes)
    if header.name != name:
        raise Damaged("its name is not that of its content")
    if max(header.base, header.part) > _LARGEST or bool(flags & _HAS_PART) != bool(header.part):
        raise Damaged("impossible sizes")
    if header.size != file_size:
        raise Damaged("its size is not the one in its header")
    return header
