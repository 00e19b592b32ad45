"""The commands, and the one place where errors become exit codes."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from infer.cli import (
    batch,
    bench,
    cache,
    chat,
    choose,
    completions,
    config,
    doctor,
    embed,
    hub,
    models,
    pull,
    recommend,
    removal,
    run,
    sessions,
    show,
    tokens,
    verify,
)
from infer.cli.output import Output, ReaderGone
from infer.cli.session import Session
from infer.cli.signals import Signals
from infer.cli.unknown import unknown_command
from infer.errors import InferError, InternalError, Interrupted, OutputUnwritable, UsageError
from infer.worker.spawn import Spawned

_COMMANDS: Mapping[str, Callable[..., int | None]] = {
    "run": run.run,
    "chat": chat.chat,
    "batch": batch.batch,
    "choose": choose.choose,
    "bench": bench.bench,
    "embed": embed.embed,
    "tokens": tokens.tokens,
    "pull": pull.pull,
    "list": models.list_,
    "show": show.show,
    "rm": removal.rm,
    "verify": verify.verify,
    "search": hub.search,
    "update": hub.update,
    "recommend": recommend.recommend,
    "config": config.config,
    "doctor": doctor.doctor,
    "completions": completions.completions,
}
_GROUPS = {"cache": cache.build, "sessions": sessions.build}


class _Command(TyperCommand):
    def get_help_option(self, ctx: Any) -> Any:
        return _quick(super().get_help_option(ctx))


class _Group(TyperGroup):
    def get_help_option(self, ctx: Any) -> Any:
        return _quick(super().get_help_option(ctx))


def _quick(help_option: Any) -> Any:
    """--help is False when it is not given: for its None Typer imports pydantic, which takes 50 ms."""
    if help_option is not None:
        help_option.default = False
    return help_option


def build_app() -> typer.Typer:
    """The commands."""
    app = typer.Typer(
        name="infer",
        cls=_Group,
        help="Run language models on the machine in front of you.",
        rich_markup_mode=None,  # rich help takes 2.7 times as long as `import typer`
        add_completion=False,  # ours is in infer.cli.completion
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_common)
    for name, command in _COMMANDS.items():
        app.command(name, cls=_Command)(command)
    for name, build in _GROUPS.items():
        app.add_typer(build(), name=name)
    return app


def _common(context: typer.Context, version: bool = typer.Option(False, "--version", help="print the version")) -> None:
    if version:
        import infer

        session: Session = context.obj
        session.output.data(f"infer {infer.__version__}\n")
        raise typer.Exit


def run_command_line(arguments: list[str], *, worker: Spawned | None = None, stdout_open: bool = True) -> int:
    """Run one command line and return its exit code (CONTRACT: 0 to 9, 128 + signal)."""
    try:
        with Signals() as signals:
            return _in_session(arguments, signals, worker, stdout_open)
    except Interrupted as error:  # where nothing was going on any more, or not yet
        return error.exit_code


def _in_session(arguments: list[str], signals: Signals, worker: Spawned | None, stdout_open: bool) -> int:
    session = Session(Output(stdout_open=stdout_open, waiting=signals.waiting), signals, worker)
    try:
        return _run(arguments, session)
    except Interrupted as error:
        session.output.clear_progress()
        return error.exit_code
    finally:
        with signals.held():
            session.end()


def _run(arguments: list[str], session: Session) -> int:
    try:
        app = build_app()
        code = app(args=arguments or ["--help"], prog_name="infer", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (ReaderGone, BrokenPipeError):
        return 0
    except typer.TyperException as error:
        return _report(_usage(error, arguments), session.output)
    except Interrupted:
        raise
    except InferError as error:
        return _report(error, session.output)
    except OSError as error:
        return _report(_system(error), session.output)
    except Exception as error:
        return _report(InternalError(what=f"{type(error).__name__}: {error}"), session.output)


def _system(error: OSError) -> InferError:
    """What nobody has expected: of a file, else of the help text, which Typer writes itself."""
    why = error.strerror or str(error)
    return OutputUnwritable(why=why) if error.filename is None else InferError(what=f"{error.filename}: {why.lower()}")


def _report(error: InferError, output: Output) -> int:
    if os.environ.get("INFER_DEBUG"):
        import traceback

        traceback.print_exc()
    output.error(error)
    return error.exit_code


def _usage(error: typer.TyperException, arguments: list[str]) -> InferError:
    """Typer's complaint in our form: one line, and the nearest name where there is one."""
    what = error.format_message().strip()
    near: list[str] = list(getattr(error, "possibilities", None) or ())
    option = getattr(error, "option_name", None)
    if option is not None and near:
        return UsageError(what=f"no such option: {option}", hint=f"did you mean {near[0]}?")
    if option is not None and type(error).__name__ == "NoSuchOption":
        return UsageError(what=f"no such option: {option}", hint="--help lists the options")
    if "unexpected extra argument" in what:
        return UsageError(what=_lower(what), hint='put the prompt in quotes: infer run MODEL "prompt"')
    if what.startswith("No such command"):
        return unknown_command(arguments, [*_COMMANDS, *_GROUPS])
    return UsageError(what=_lower(what), hint="--help shows the usage")


def _lower(text: str) -> str:
    return (text[:1].lower() + text[1:]).rstrip(".")
