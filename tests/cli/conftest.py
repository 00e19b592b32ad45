"""The command, with a home for all tests of a session or for one test; and models that are slow at something."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.chats import MARKDOWN, SLOW, WORDS, OpenChat
from cli.command import RUNNING, Command
from cli.terminal import Terminal
from ggufs import write_gguf
from scripted import pieces, write_scripted


@pytest.fixture(scope="session")
def infer(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """For tests that leave no configuration behind."""
    return Command(tmp_path_factory.mktemp("home"))


@pytest.fixture(autouse=True)
def no_survivors() -> Iterator[None]:
    """A test that fails leaves no process behind."""
    yield
    for running in RUNNING:
        running.clean_up()
    RUNNING.clear()


@pytest.fixture
def lonely(tmp_path: Path) -> Command:
    """With a home for this test alone."""
    return Command(tmp_path)


@pytest.fixture(scope="session")
def slow_model(models_dir: Path) -> Path:
    """Twelve layers of width 512: a prompt of 8,000 tokens takes seconds, and every token some milliseconds."""
    return write_gguf(models_dir / "slow.gguf", layers=12, width=512, heads=8, kv_heads=8, ffn=1536, context=16384)


@pytest.fixture(scope="session")
def long_model(models_dir: Path) -> Path:
    """Quick, with a trained context of 65,536 tokens: an answer that does not end by itself."""
    return write_gguf(models_dir / "long.gguf", context=65536)


@pytest.fixture(scope="session")
def heavy_model(models_dir: Path) -> Path:
    """A vocabulary of 200,000 tokens: llama.cpp loads it for a good part of a second."""
    return write_gguf(models_dir / "heavy.gguf", layers=1, width=32, heads=1, ffn=32, vocab=200_000)


@pytest.fixture(scope="session")
def reciter(models_dir: Path) -> Path:
    """Every answer is MARKDOWN."""
    return write_scripted(models_dir / "reciter.gguf", pieces(MARKDOWN))


@pytest.fixture(scope="session")
def counter(models_dir: Path) -> Path:
    """Every answer is word1 to word2499, slowly."""
    return write_scripted(models_dir / "counter.gguf", WORDS, context=32768, **SLOW)  # type: ignore[arg-type]


@pytest.fixture
def open_chat(lonely: Command) -> Iterator[OpenChat]:
    """Opens a chat in a terminal, and closes it after the test."""
    opened: list[Terminal] = []

    def start(*arguments: str | Path, wait: bool = True, **options: Any) -> Terminal:
        terminal = Terminal(lonely, *(() if "line" in options else ("chat", *arguments)), **options)
        opened.append(terminal)
        if wait:
            terminal.ready()
        return terminal

    yield start
    for terminal in opened:
        print("\n".join(terminal.screen()))
        terminal.__exit__(None, None, None)
