"""Where a file lies that was fetched from a URL: <cache>/urls/<blake2b of the URL>/NAME.gguf."""

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from infer.models.ref import is_inner_path


def place(url: str, cache_dir: Path) -> Path:
    """The path of a URL's file, there or not. The name is only for people: the directory is the URL's own."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    safe = is_inner_path(name) and name.isprintable() and len(name.encode("utf-8", "replace")) <= 200
    name = name if safe and not name.startswith(".") else "model.gguf"
    digest = hashlib.blake2b(url.encode(), digest_size=16).hexdigest()
    return cache_dir / "urls" / digest / (name if name.lower().endswith(".gguf") else f"{name}.gguf")


def find(url: str, cache_dir: Path | None) -> Path | None:
    """The file of a URL, once it is whole (only then it has this name)."""
    if cache_dir is None:
        return None
    path = place(url, cache_dir)
    return path if path.is_file() else None
