"""A loopback Hub, a command that knows it, and the bytes of models that can be served."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command import RUNNING, Command
from ggufs import write_gguf
from hub.server import HubServer


@pytest.fixture(autouse=True)
def no_survivors() -> Iterator[None]:
    """A test that fails leaves no process behind."""
    yield
    for running in RUNNING:
        running.clean_up()
    RUNNING.clear()


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def infer(tmp_path: Path, hub: HubServer) -> Command:
    """With a home of its own, whose Hub is `hub`."""
    command = Command(tmp_path)
    command.environment |= hub.environment
    return command


@pytest.fixture(scope="session")
def model(random_model: Path) -> bytes:
    """0.2 MB that run."""
    return random_model.read_bytes()


@pytest.fixture(scope="session")
def big_model(models_dir: Path) -> bytes:
    """10 MB that run."""
    return write_gguf(models_dir / "big.gguf", layers=8, width=256, heads=4, kv_heads=4, ffn=512).read_bytes()
