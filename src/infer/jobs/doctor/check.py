"""What a look at one thing has found: fine, or what is wrong and the way out."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report.

    name     what was looked at, a stable slug       level    ok, warning (it works, something is lost), problem
    text     what was found, with the facts          fix      what to do, for a person; empty when nothing is to be done
    command  a shell command that does it, where one does
    """

    name: str
    level: Level
    text: str
    fix: str = ""
    command: str = ""


def amount(size: int) -> str:
    """Bytes in the decimal units that disks and download pages use."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
