"""What every room's tests share: random-weight models, made once, and a home that is nobody's."""

import signal
from pathlib import Path

import pytest

from ggufs import write_gguf, write_spm_gguf

# A shell's background job ignores Ctrl-C, and so would every command that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def random_model(models_dir: Path) -> Path:
    """Two layers, byte-level BPE, trained context 1,024; never ends by itself."""
    return write_gguf(models_dir / "random.gguf", context=1024)


@pytest.fixture(scope="session")
def spm_model(models_dir: Path) -> Path:
    """The same behind a SentencePiece vocabulary."""
    return write_spm_gguf(models_dir / "spm.gguf", context=1024)
