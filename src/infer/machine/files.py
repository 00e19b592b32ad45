"""Small text files of the system below a root, "/" but in tests: absent or unreadable ones are empty."""

from pathlib import Path

ROOT = Path("/")


def read(root: Path, name: str) -> str:
    """The stripped text of `root`/`name` ("proc/meminfo"); empty whatever is wrong with it."""
    try:
        return (root / name).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def number(text: str) -> int | None:
    """A text of digits as a number, None for anything else ("max", "-1", "")."""
    return int(text) if text.isascii() and text.isdigit() else None


def cpu_list(text: str) -> set[int]:
    """The kernel's way to write sets: "0-3,8" is 0, 1, 2, 3, 8. What is no such list is empty."""
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, _, last = part.strip().partition("-")
        low, high = number(first), number(last or first)
        if low is None or high is None or high - low > 1 << 16:
            return set()
        found.update(range(low, high + 1))
    return found
