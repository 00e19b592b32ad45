"""What `infer bench --tune` found for one model on one machine: the tables `[[tuned]]` of config.toml.

    [[tuned]]
    model = "Qwen3 0.6B Q4_K_M, 390,233,088 bytes of weights"
    machine = "AMD EPYC, 2 cores"
    ubatch = 512

A change of the file leaves every other line as it is, comments too, and is checked before it is written: what TOML
makes of the new text is what it made of the old one, but for the one table.
"""

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infer.errors import ConfigError
from infer.types import Metadata

KEYS = ("threads", "ubatch", "flash_attention", "repack", "kv_type")
_NAMES = ("model", "machine")
_HEADER = re.compile(r"\s*\[\[\s*tuned\s*\]\]\s*(#.*)?$")
_ANY_HEADER = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*([A-Za-z_]+)\s*=")


@dataclass(frozen=True, slots=True)
class Tuned:
    """Settings for one model on one machine, under the names of `KEYS`."""

    model: str
    machine: str
    values: Mapping[str, Any]


def model_key(metadata: Metadata) -> str:
    """What a model is called here: the same for the same weights, wherever their file lies."""
    name = " ".join(metadata.name.split())
    return f"{name} {metadata.quantization}, {metadata.tensor_bytes:,} bytes of weights"


def machine_key(processor: str, cores: int, gpu: str | None) -> str:
    """What a machine with so many usable cores and a GPU of this maker that is used is called here.

    Settings that were measured on another machine, or with another share of this one, mean nothing.
    """
    parts = [processor, f"{cores} core{'s' if cores != 1 else ''}"]
    return ", ".join(parts + ([f"{gpu} GPU"] if gpu else []))


def parse_tables(raw: Any, where: str) -> tuple[Tuned, ...]:
    """The tables as TOML has them. Raises ConfigError; the values themselves are checked when they are used."""
    if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
        raise ConfigError(where=f"{where}: tuned", what="must be tables: [[tuned]]")
    return tuple(_parse(table, f"{where}: tuned, table {number}") for number, table in enumerate(raw, 1))


def _parse(table: Mapping[str, Any], where: str) -> Tuned:
    for key in _NAMES:
        if not isinstance(table.get(key), str):
            raise ConfigError(where=where, what=f"has no {key}, which is a text")
    for key in table:
        if key not in (*KEYS, *_NAMES):
            raise ConfigError(where=where, what=f"unknown key '{key}'", hint=f"it may have {', '.join(KEYS)}")
    return Tuned(table["model"], table["machine"], {key: table[key] for key in KEYS if key in table})


def with_table(text: str, tuned: Tuned, remark: str) -> str:
    """The text of config.toml with this table, in the place of an earlier one of the same model and machine.

    remark: a comment behind its header.
    """
    lines = text.splitlines(keepends=True)
    place = _find(lines, tuned)
    wanted = {"model": tuned.model, "machine": tuned.machine, **tuned.values}
    if place is None:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return text + gap + _header(remark) + "".join(map(_line, wanted, wanted.values()))
    begin, end = place
    kept = [line for line in lines[begin + 1 : end] if not (_KEY.match(line) and _key(line) in (*KEYS, *_NAMES))]
    new = [_header(remark), *map(_line, wanted, wanted.values()), *kept]
    return "".join([*lines[:begin], *new, *lines[end:]])


def without_table(text: str, tuned: Tuned) -> str:
    """The text of config.toml without the table of this model and machine; a comment in it goes with it."""
    lines = text.splitlines(keepends=True)
    place = _find(lines, tuned)
    return text if place is None else "".join(lines[: place[0]] + lines[place[1] :])


def rewrite(path: Path, change: Callable[[str], str], tuned: Tuned, *, gone: bool) -> None:
    """Change config.toml: whole or not at all, its permissions and what else stands in it kept.

    Raises ConfigError when it cannot be written, or when the change would have touched anything else.
    """
    path = path.resolve()  # a link into somebody's dotfiles stays one
    try:
        old = path.read_text("utf-8") if path.exists() else ""
        new = change(old)
        _check(old, new, tuned, gone=gone)
        if new != old:
            _replace(path, new)
    except OSError as error:
        raise ConfigError(where=str(path), what=(error.strerror or str(error)).lower()) from error
    except (ValueError, KeyError) as error:
        what = "its [[tuned]] tables are written in a way that infer cannot change"
        raise ConfigError(where=str(path), what=what, hint="take them out by hand and tune again") from error


def _check(old: str, new: str, tuned: Tuned, *, gone: bool) -> None:
    """Raises ValueError when the new text says anything that the old one did not, but for the table."""
    before, after = tomllib.loads(old), tomllib.loads(new)
    tables = [*before.pop("tuned", []), None]
    others = [table for table in tables if table and not _is_of(table, tuned)]
    now = after.pop("tuned", [])
    mine = [table for table in now if _is_of(table, tuned)]
    rest = [table for table in now if not _is_of(table, tuned)]
    wanted = [] if gone else [{"model": tuned.model, "machine": tuned.machine, **tuned.values}]
    if before != after or others != rest or mine != wanted:
        raise ValueError


def _is_of(table: Mapping[str, Any], tuned: Tuned) -> bool:
    return (table.get("model"), table.get("machine")) == (tuned.model, tuned.machine)


def _find(lines: Sequence[str], tuned: Tuned) -> tuple[int, int] | None:
    """The lines [begin, end) of the table of this model and machine, without the empty lines behind it."""
    for begin, line in enumerate(lines):
        if not _HEADER.match(line):
            continue
        end = next((n for n in range(begin + 1, len(lines)) if _ANY_HEADER.match(lines[n])), len(lines))
        while end > begin + 1 and not lines[end - 1].strip():
            end -= 1
        with suppress(ValueError):
            if _is_of(tomllib.loads("".join(lines[begin:end]))["tuned"][0], tuned):
                return begin, end
    return None


def _header(remark: str) -> str:
    return f"[[tuned]]  # {remark}\n"


def _key(line: str) -> str:
    return line.partition("=")[0].strip()


def _line(key: str, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # DEL is plain in JSON, not in TOML
    return f"{key} = {text}\n"


def _replace(path: Path, text: str) -> None:
    """A file beside it takes its place, so that nobody ever reads half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(descriptor)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
