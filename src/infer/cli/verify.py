"""`infer verify`: read models to their end and compare them with what was promised."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infer.cli.models import JsonArray, open_store, print_json
from infer.cli.session import Session, now
from infer.cli.table import size
from infer.errors import InferError, IntegrityError, UsageError

if TYPE_CHECKING:
    from infer.models.store import Located, Store
    from infer.models.verify import Checked

Models = Annotated[list[str] | None, typer.Argument(metavar="MODEL", help="names or paths of models")]
All = Annotated[bool, typer.Option("--all", help="every model that infer list shows")]
_EVERY = 0.1  # seconds between two lines of progress


def verify(context: typer.Context, models: Models = None, all_: All = False, json_: JsonArray = False) -> int:
    """Hash a model's files again; exit code 5 when one is damaged."""
    session: Session = context.obj
    if not models and not all_:
        raise UsageError(what="which model?", hint="infer verify MODEL, or infer verify --all")
    store = open_store(session)
    found = _everything(store) if all_ else [_named(store, name) for name in dict.fromkeys(models or ())]
    rows = []
    for name, located in found:
        row = check(session, store, name, located)
        rows.append(row)
        if not json_:
            session.output.data(_told(row))
    if json_:
        print_json(session, rows)
    require_sound(rows)
    return 0


def require_sound(rows: list[dict[str, Any]]) -> None:
    """Raises IntegrityError about the first model that is damaged."""
    bad = [row for row in rows if row["status"] not in ("ok", "unknown")]
    if not bad:
        return
    first = next(file for row in bad for file in row["files"] if file["why"])
    verb = "is damaged" if first["status"] == "damaged" else "cannot be read"
    what = f"{first['path']} {verb}: {first['why']}"
    more = f" (and {len(bad) - 1} other models)" if len(bad) > 1 else ""
    raise IntegrityError(what=what + more, hint=_remedy(bad[0]))


def _named(store: "Store", name: str) -> "tuple[str, Located]":
    """A model that was named: the name as it may be shown, and where it is."""
    from infer.models.ref import ModelRef

    ref = ModelRef.parse(name)
    return ref.shown, store.owned(ref)


def _everything(store: "Store") -> "list[tuple[str, Located]]":
    """Every model that has files, by its name."""
    from infer.models.inventory import installed
    from infer.models.store import Located

    found = []
    for row in installed(store):
        if not row.paths:
            continue
        try:
            _, located = _named(store, row.name)
        except InferError:  # a name that cannot be typed, or files that are missing: what is there is read
            located = Located(Path(row.paths[0]), row.origin, None, (row.sha256,) if row.sha256 else ())
        found.append((row.name, located))
    return found


def check(session: Session, store: "Store", name: str, located: "Located") -> dict[str, Any]:
    """Read one model to its end, with progress on a terminal: its row."""
    from infer.models.verify import files, total_bytes, verify

    whole = total_bytes(files(located))
    checked = verify(located, store.cache_dir, _Progress(session, name, whole))
    session.output.clear_progress()
    status = _worst(checked)
    return {
        "name": name,
        "origin": located.origin,
        "status": status,
        "files": [asdict(one) | {"why": one.why or None, "source": one.source or None} for one in checked],
    }


class _Progress:
    """Draws how far the reading is; called with the bytes of each piece."""

    def __init__(self, session: Session, name: str, whole: int) -> None:
        self._output, self._name, self._whole = session.output, name, max(1, whole)
        self._done, self._began, self._next = 0, now(), now() + _EVERY

    def __call__(self, count: int) -> None:
        self._done += count
        moment = now()
        if moment >= self._next:
            self._next = moment + _EVERY
            speed = self._done / max(moment - self._began, 1e-6)
            done = f"{100 * self._done // self._whole} % of {size(self._whole)}"
            self._output.progress(f"verifying {self._name}: {done}, {size(int(speed))}/s")


def _worst(checked: "list[Checked]") -> str:
    order = ("unreadable", "damaged", "unknown", "ok")
    return min((one.status for one in checked), key=order.index)


def _told(row: dict[str, Any]) -> str:
    """A line, or one for each file of a model in several."""
    lines = []
    for file in row["files"]:
        said = {
            "ok": f"as promised by {file['source']}",
            "unknown": f"a sound file; nobody says what its sha256 has to be. It is {file['sha256']}",
        }.get(file["status"], f"{file['path']}: {file['why']}")
        part = f" {file['path'].rpartition('/')[2]}" if len(row["files"]) > 1 else ""
        lines.append(f"{file['status']:<10}  {row['name']}{part}  {size(file['bytes'])}  {said}")
    return "\n".join(" ".join(line.splitlines()) for line in lines) + "\n"


def _remedy(row: dict[str, Any]) -> str:
    """What to do about a damaged model, by whose it is."""
    name, origin = row["name"], row["origin"]
    own = name.removeprefix("ollama:")
    return {
        "hub": f"infer rm {name}, then infer pull {name}",
        "ollama": f"ollama rm {own}, then ollama pull {own}",
        "lmstudio": "remove it in LM Studio and download it there again",
        "llama.cpp": "remove the file and download it again",
        "url": f"infer rm {name}, then infer pull {name}",
        "file": "get the file again from where it came from",
        "embedded": "install infer again",
    }[origin]
