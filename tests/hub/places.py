"""Where things are in the home of a test's command."""

from pathlib import Path

from cli.command import Command


def cache(infer: Command) -> Path:
    """The shared cache of huggingface_hub."""
    return infer.home / "cache" / "huggingface" / "hub"


def files(infer: Command) -> list[str]:
    """Every file and link under the home, without the locks that stay."""
    paths = (path for path in infer.home.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(str(path.relative_to(infer.home)) for path in paths if path.suffix != ".lock" and path.name != "lock")


def leftovers(infer: Command) -> list[str]:
    """What a download should not leave behind (the stamps of headers have temporary files of their own)."""
    names = [name for name in files(infer) if not name.startswith("cache/infer/metadata/")]
    return [name for name in names if "incomplete" in name or name.endswith(".tmp")]


def partials(infer: Command) -> list[Path]:
    """The files of downloads that have not ended."""
    return sorted(infer.home.rglob("*.infer.incomplete"))
