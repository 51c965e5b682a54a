"""The command line: one command for each stage, three for a single case, a few tools.

A command parses its arguments, reads the config and calls one function of the package. The heavy
parts of the package are imported inside the commands, so that ``tlsfind --help`` answers at once.

Exit status: 0 success, 1 an error of tlsfind itself, 2 wrong input or usage (also a full disk),
130 interrupted, 143 ended by SIGTERM.
"""

from __future__ import annotations

import errno
import inspect
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from tlsfind import __version__
from tlsfind.cli import (
    check,
    evaluate,
    explain,
    imports,
    loop,
    outputs,
    plan,
    simulate,
    single,
    stages,
    tools,
    validate,
)
from tlsfind.errors import DamagedError, TlsfindError

INTERNAL_ERROR = 1
WRONG_INPUT = 2
INTERRUPTED = 130

#: File-system errors that a wrong path, missing permission or a full disk causes.
_PATH_ERRORS = {
    errno.ENOENT,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
}

#: What to do about a damaged file.
_MAKE_AGAIN = (
    "; if it is a file of a run, delete it (`tlsfind check DIR --remove` finds and deletes all "
    "damaged files of the results DIR) and start snakemake again"
)


class Terminated(BaseException):
    """A signal asks the process to end. Not an Exception: nothing but the cleaning up sees it."""

    def __init__(self, kind: int):
        super().__init__(f"ended by {signal.Signals(kind).name}")
        self.status = 128 + kind


app = typer.Typer(
    name="tlsfind",
    help="Find tunnelling two-level systems in computer glasses. "
    "Quantities are in reduced units unless a unit is named.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tlsfind {__version__}")
        raise typer.Exit()


@app.callback()
def _global_options(
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", help="Show the traceback of an error (also: TLSFIND_DEBUG=1; any position)."
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options of every command; ``main`` takes ``--debug`` out of the arguments beforehand."""


stages.register(app)
loop.register(app)
outputs.register(app)
plan.register(app)
validate.register(app)
evaluate.register(app)
explain.register(app)
simulate.register(app)
imports.register(app)
single.register(app)
tools.register(app)
check.register(app)


def _join_lines(text: str) -> str:
    """Docstring paragraphs, each on one line: Typer wraps them to the terminal's width."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


for _command in app.registered_commands:
    if _command.callback is not None:
        _command.help = _join_lines(_command.callback.__doc__ or "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        arguments: what follows the program's name; ``sys.argv`` if None.
    """
    debug, rest = _take_debug(list(sys.argv[1:] if arguments is None else arguments))
    command = typer.main.get_command(app)
    try:
        with _terminable():
            status = command(args=rest, prog_name="tlsfind", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED, debug)
    except Terminated as end:
        return _fail(str(end), end.status, debug)
    except DamagedError as error:
        return _fail(f"error: {error}{_MAKE_AGAIN}", WRONG_INPUT, debug)
    except TlsfindError as error:
        return _fail(f"error: {error}", WRONG_INPUT, debug)
    except Exception as error:
        if _is_usage_error(error):
            error.show()  # type: ignore[attr-defined]
            return WRONG_INPUT
        if isinstance(error, OSError) and error.errno in _PATH_ERRORS:
            named = "a file" if error.filename is None else error.filename
            return _fail(f"error: {named}: {os.strerror(error.errno)}", WRONG_INPUT, debug)
        text = " ".join(str(error).split())
        hint = "" if debug else " (run again with --debug for the traceback)"
        message = f"internal error: {type(error).__name__}: {text}{hint}"
        return _fail(message, INTERNAL_ERROR, debug)
    return status if isinstance(status, int) else 0


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that temporary files and children are ended.

    A signal that is ignored (``nohup``) or handled by a caller is left alone, and so is everything
    where this is not the main thread.
    """

    def end(kind: int, _: object) -> None:
        signal.signal(kind, signal.SIG_IGN)  # once is enough: let the cleaning up be done
        raise Terminated(kind)

    kinds = [
        kind
        for kind in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(kind) == signal.SIG_DFL
        and threading.current_thread() is threading.main_thread()
    ]
    for kind in kinds:
        signal.signal(kind, end)
    try:
        yield
    finally:
        for kind in kinds:
            signal.signal(kind, signal.SIG_DFL)


def _take_debug(arguments: list[str]) -> tuple[bool, list[str]]:
    """Whether tracebacks are wanted, and the arguments without ``--debug``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    environment = os.environ.get("TLSFIND_DEBUG", "") not in ("", "0")
    return environment or len(options) < end, options + arguments[end:]


def _is_usage_error(error: Exception) -> bool:
    """Whether Typer (any version, with its own or the system's Click) rejected the arguments."""
    return hasattr(error, "format_message") and hasattr(error, "show")


def _fail(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    with suppress(OSError):  # the log may be on the disk that is full
        print(f"tlsfind: {message}", file=sys.stderr, flush=True)
    return status
