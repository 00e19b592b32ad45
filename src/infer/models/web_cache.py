"""Where a file lies that was fetched from a URL: <cache>/urls/<blake2b of the URL>/NAME.gguf, beside it `url`."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infer.models.foreign import entries
from infer.models.partial import write_whole
from infer.models.ref import is_inner_path
from infer.models.small import read_small

URL_LIMIT = 1 << 16  # bytes


def place(url: str, cache_dir: Path) -> Path:
    """The path of a URL's file, there or not. The name is only for people: the directory is the URL's own."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    safe = is_inner_path(name) and name.isprintable() and len(name.encode("utf-8", "replace")) <= 200
    name = name if safe and not name.startswith(".") else "model.gguf"
    digest = hashlib.blake2b(url.encode(), digest_size=16).hexdigest()
    return directory(cache_dir) / digest / (name if name.lower().endswith(".gguf") else f"{name}.gguf")


def find(url: str, cache_dir: Path | None) -> Path | None:
    """The file of a URL, once it is whole (only then it has this name)."""
    if cache_dir is None:
        return None
    path = place(url, cache_dir)
    return path if os.path.isfile(path) else None  # noqa: PTH113 (Path.is_file raises where we may not enter)


def directory(cache_dir: Path) -> Path:
    """What everything fetched from URLs lies in."""
    return cache_dir / "urls"


def remember(url: str, cache_dir: Path) -> None:
    """Write down where a file came from, for listings. A failure is silent: the file is known by its path then."""
    with contextlib.suppress(OSError, ValueError):
        write_whole(place(url, cache_dir).parent / "url", url.encode(), 0o600)


def every(cache_dir: Path) -> Iterator[tuple[str, Path]]:
    """(URL, file) of everything that was fetched. The URL is empty where nobody wrote it down or it holds a secret."""
    found = (entry for folder in entries(directory(cache_dir)) for entry in entries(folder.path))
    for path in (Path(entry.path) for entry in found if entry.name.endswith(".gguf")):
        url = ""
        with contextlib.suppress(OSError, ValueError):
            url = read_small(path.parent / "url", URL_LIMIT).decode()
        harmless = "?" not in url and "@" not in url  # no signature, no password
        yield (url if url and harmless and place(url, cache_dir) == path else ""), path
