"""Looks at several things at once, so that one that hangs (a dead mount, a driver) or fails keeps no other back."""

import traceback
from collections.abc import Callable, Mapping
from os import environ
from threading import Thread
from time import monotonic

from infer.jobs.doctor.check import Check

Look = Callable[[], list[Check]]


def looked(
    looks: Mapping[str, Look], seconds: float, hanging: Mapping[str, str]
) -> Callable[[], dict[str, list[Check]]]:
    """Start all looks; the function that is returned waits for them, until `seconds` from now.

    A look that has not ended by then is a problem under its name, with `hanging` as the fix. Its thread is left behind:
    nothing can end a system call that waits for a dead disk but the end of the process.
    """
    deadline, found = monotonic() + seconds, dict[str, list[Check]]()
    threads = {name: Thread(target=_look, args=(name, look, found), daemon=True) for name, look in looks.items()}
    for thread in threads.values():
        thread.start()

    def wait() -> dict[str, list[Check]]:
        for thread in threads.values():
            thread.join(max(0.0, deadline - monotonic()))
        return {name: found[name] if name in found else [_late(name, seconds, hanging[name])] for name in looks}

    return wait


def _look(name: str, look: Look, found: dict[str, list[Check]]) -> None:
    try:
        found[name] = look()
    except Exception as error:  # whatever it is, the other lines are what the user needs now
        if environ.get("INFER_DEBUG"):
            traceback.print_exc()
        text = f"it could not be looked at: {type(error).__name__}: {error}"
        found[name] = [Check(name, "problem", text, "INFER_DEBUG=1 infer doctor shows where; please report it")]


def _late(name: str, seconds: float, fix: str) -> Check:
    return Check(name, "problem", f"no answer within {seconds:g} s: something there hangs", fix)
