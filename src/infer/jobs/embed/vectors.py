"""Vectors as text, and as the rows of a `.npy` file."""

import sys
from array import array

from infer.jobs.embed.whole import WholeFile

_HEADER_BYTES = 128  # the magic, two lengths, the description, spaces and a newline: NumPy's own files have as many
_MISSING = float("nan")


def floats(vector: bytes) -> "array[float]":
    """The numbers of a vector that came from the worker."""
    values = array("f")
    values.frombytes(vector)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def as_numbers(vector: bytes) -> list[float]:
    """For JSON, with the nine digits that tell any two float32 apart; as many as Python writes would be noise."""
    return [float(f"{value:.9g}") for value in floats(vector)]


class NpyRows:
    """Writes rows of float32 as a NumPy file of shape (rows, columns), one by one. A row that failed is NaN."""

    def __init__(self, file: WholeFile) -> None:
        self._file = file
        self._file.write(bytes(_HEADER_BYTES))
        self._rows = self._missing = self._columns = 0

    def add(self, vector: bytes | None) -> None:
        """Take a row; None for one that failed."""
        if vector is None:
            self._missing += 1
            return
        self._columns = len(vector) // 4
        self._write_missing()
        self._write(vector)

    def finish(self, columns: int) -> None:
        """Write the header, and all is whole. columns: how many there are where every row failed."""
        self._columns = self._columns or columns
        self._write_missing()
        self._file.finish(header(self._rows, self._columns))

    def _write_missing(self) -> None:
        """Rows that failed before the width was known, too."""
        missing = array("f", [_MISSING] * self._columns)
        if sys.byteorder == "big":
            missing.byteswap()
        while self._missing:
            self._write(missing.tobytes())
            self._missing -= 1

    def _write(self, row: bytes) -> None:
        self._file.write(row)
        self._rows += 1


def header(rows: int, columns: int) -> bytes:
    """The head of a .npy file, version 1.0 (NumPy's `numpy.lib.format`)."""
    described = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    length = _HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + described.ljust(length - 1).encode() + b"\n"
