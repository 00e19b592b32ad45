"""A home in which nothing is wrong, for tests that then break one thing, and `infer doctor` in it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.command import INFER, Command

Line = dict[str, str]


class Patient(Command):
    """infer is on the PATH, bash completes it, the prompt cache is on, its directories are there."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        del self.environment["INFER_NO_CACHE"]
        self.environment["PATH"] = f"{INFER.parent}:{os.environ['PATH']}"
        self.environment["SHELL"] = "/bin/bash"
        self.cache, self.data = home / "cache" / "infer", home / "data" / "infer"
        self.hub = home / "cache" / "huggingface" / "hub"
        self.environment["INFER_DATA_DIR"] = str(self.data)
        (home / ".bashrc").write_text("source <(infer completions bash)\n")
        for directory in (self.cache, self.data, self.hub):
            directory.mkdir(parents=True, mode=0o700)

    def examined(self, **options: Any) -> list[Line]:
        """Every line of the report; the exit code and the two forms of it agree."""
        result = self.run("doctor", "--json", **options)
        assert result.err == ""
        checks: list[Line] = result.json["checks"]
        assert result.code == int(any(check["level"] == "problem" for check in checks))
        return checks

    def wrong(self, **options: Any) -> list[Line]:
        """The lines that are not ok."""
        return [check for check in self.examined(**options) if check["level"] != "ok"]

    def only(self, name: str, level: str, **options: Any) -> Line:
        """The one thing that is wrong."""
        lines = self.wrong(**options)
        assert [(line["name"], line["level"]) for line in lines] == [(name, level)], lines
        return lines[0]

    def line(self, name: str, **options: Any) -> Line:
        """The first line of a name."""
        return next(check for check in self.examined(**options) if check["name"] == name)

    def follow(self, line: Line, prefix: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> None:
        """Do what a line says."""
        assert line["command"], line
        words = [*prefix, "bash", "-c", line["command"]]
        subprocess.run(words, env=self.environment | dict(env or {}), cwd=self.home, check=True, timeout=60)
