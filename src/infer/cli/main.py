"""The entry of the command: as little as possible before the worker starts.

`infer --version` imports nothing else. A command that needs the model gets its worker here, before the parent imports
its own libraries: the two start side by side.
"""

import os
import sys

_WITH_WORKER = ("run", "chat", "batch", "choose", "embed", "tokens", "doctor")
_HELP = ("--help", "-h")


def main() -> None:
    """Run the command line and exit with its code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"] and _version():
        return
    _leave_on_signals()
    stdout_open = _fill_standard_descriptors()
    if arguments[:1] == ["__complete"]:  # a shell's Tab, see completions/
        from infer.cli.completion import shells

        shells.main(arguments[1:])
        os._exit(0)
    worker = None
    if arguments and arguments[0] in _WITH_WORKER and not any(word in _HELP for word in arguments):
        from contextlib import suppress  # not above: until `_leave_on_signals` a Ctrl-C is a traceback

        from infer.worker.spawn import spawn

        with suppress(OSError):  # too many processes or files: whoever needs the worker tries again and says so
            worker = spawn()
            from infer.cli.early import load_early

            load_early(worker, arguments)
    from infer.cli.app import run_command_line

    code = run_command_line(arguments, worker=worker, stdout_open=stdout_open)
    # Nothing is left to flush and the worker has ended: the interpreter's own farewell costs 10 ms.
    os._exit(code)


def _version() -> bool:
    """Write the version. False when that failed: then the way through the commands tells why."""
    import infer

    try:
        return os.write(1, f"infer {infer.__version__}\n".encode()) > 0
    except OSError:
        return False


def _leave_on_signals() -> None:
    """A Ctrl-C while we still import is no traceback. What `nohup` or a shell's `&` ignores for us stays ignored."""
    import _signal  # type: ignore[import-not-found]  # `import signal` would cost 5 ms here

    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP):
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, _: os._exit(128 + number))


def _fill_standard_descriptors() -> bool:
    """Open /dev/null where a standard stream is closed, so that no pipe of ours lands there. Was stdout open?"""
    stdout_open = True
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            stdout_open = stdout_open and descriptor != 1
    return stdout_open


if __name__ == "__main__":
    main()
