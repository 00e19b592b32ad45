"""Columns, sizes and ages, as the commands that list something show them."""

import time
from collections.abc import Container, Sequence


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: Container[int] | None = None) -> list[str]:
    """Lines of columns; those whose numbers are in `right` to the right, None: all but the first. No rows, no lines."""
    if not rows:
        return []
    right = range(1, len(head)) if right is None else right
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def size(count: int) -> str:
    """Bytes in the decimal units that disks and download pages use."""
    amount = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


def age(moment: int) -> str:
    """How long ago a time in seconds since the epoch was, in the largest unit that fits; a dash for never (0)."""
    if not moment:
        return "-"
    seconds = max(0, int(time.time()) - moment)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"
