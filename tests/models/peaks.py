"""Runs a command and ends stderr with the sum of the peaks of its processes' own memory, in bytes.

    python peaks.py COMMAND...

Looks at /proc/PID/status ten times in a tenth of a second, so a process that lives as long as a model's load is seen.
Pages that several processes share (libraries) count for each: some MiB.
"""

import subprocess
import sys
import time
from pathlib import Path


def tree(pid: int) -> list[int]:
    """A process and those below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [one for child in task.read_text().split() for one in tree(int(child))]
        except OSError:
            continue
    return found


def peak(pid: int) -> int:
    """VmHWM of a process, in bytes; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM:")), 0)


def main(command: list[str]) -> int:
    """Run it."""
    process = subprocess.Popen(command)
    peaks: dict[int, int] = {}
    while process.poll() is None:
        for pid in tree(process.pid):
            peaks[pid] = max(peaks.get(pid, 0), peak(pid))
        time.sleep(0.01)
    sys.stderr.write(f"\n{sum(peaks.values())}\n")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
