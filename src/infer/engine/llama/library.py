"""The ctypes bindings of llama.cpp, loaded without the package around them.

`import llama_cpp` runs the high-level package (numpy, jinja2, diskcache: 150-290 ms); we need only its ctypes module.
So an empty package object with the right `__path__` stands in for the package body.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from infer.errors import EngineFailure


def _load_bindings() -> Any:
    """`llama_cpp.llama_cpp`, the low-level module.

    Raises EngineFailure when llama-cpp-python is not installed or its library does not load.
    """
    try:
        if "llama_cpp" not in sys.modules:
            spec = importlib.util.find_spec("llama_cpp")
            if spec is None or spec.submodule_search_locations is None:
                raise EngineFailure(what="llama-cpp-python is not installed", hint="pip install llama-cpp-python")
            package = ModuleType("llama_cpp")
            package.__path__ = list(spec.submodule_search_locations)
            sys.modules["llama_cpp"] = package
        module = importlib.import_module("llama_cpp.llama_cpp")
        module.llama_backend_init()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise EngineFailure(
            what=f"llama.cpp's library does not load: {error}",
            hint="reinstall it: pip install --force-reinstall llama-cpp-python",
        ) from error
    return module


bindings: Any = _load_bindings()


def build_identity() -> list[str]:
    """Name, size and time of llama.cpp's own libraries: another build of them may compute other bits."""
    folder = Path(bindings._lib._name).parent
    files = sorted(path for path in folder.iterdir() if path.suffix in (".so", ".dylib", ".dll"))
    return [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
