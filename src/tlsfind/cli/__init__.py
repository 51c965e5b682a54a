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
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer

from tlsfind import __version__
from tlsfind.cli import (
    check,
    convergence,
    evaluate,
    explain,
    imports,
    loop,
    outputs,
    plan,
    published,
    scans,
    simulate,
    single,
    stages,
    tools,
    validate,
)
from tlsfind.cli.grouped import Grouped
from tlsfind.errors import DamagedError, TlsfindError
from tlsfind.interrupts import Ending

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


app = typer.Typer(
    name="tlsfind",
    help="Find tunnelling two-level systems in computer glasses. "
    "Quantities are in reduced units unless a unit is named.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    cls=Grouped,
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
convergence.register(app)
plan.register(app)
validate.register(app)
evaluate.register(app)
explain.register(app)
scans.register(app)
simulate.register(app)
imports.register(app)
published.register(app)
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
    ending = Ending()
    try:
        try:
            ending.begin()
            status, message = _run(rest, debug)
        finally:
            ending.closed = True  # first of all, and not by a call: no signal comes before it
    except BaseException:
        if ending.kind is None:
            ending.end()
            raise
        if debug:
            traceback.print_exc()
    if ending.kind is not None:  # libraries turn the exception into others, or drop it
        status, message = ending.status, ending.message
    if message:
        with suppress(OSError):  # the log may be on the disk that is full
            print(f"tlsfind: {message}", file=sys.stderr, flush=True)
    ending.end()
    return status


def _run(arguments: list[str], debug: bool) -> tuple[int, str]:
    """Run a command; its exit status, and a message if it failed."""
    try:
        command = typer.main.get_command(app)
        status = command(args=arguments, prog_name="tlsfind", standalone_mode=False)
    except Exception as error:
        if debug and not _is_usage_error(error):
            traceback.print_exc()
        return _explain(error, debug)
    except KeyboardInterrupt:
        return INTERRUPTED, "interrupted"
    if status == INTERRUPTED:  # Typer's answer to Ctrl-C
        return INTERRUPTED, "interrupted"
    return (status if isinstance(status, int) else 0), ""


def _explain(error: Exception, debug: bool) -> tuple[int, str]:
    """Exit status and message for an error of a command."""
    if isinstance(error, typer.Abort):
        return INTERRUPTED, "interrupted"
    if isinstance(error, DamagedError):
        return WRONG_INPUT, f"error: {error}{_MAKE_AGAIN}"
    if isinstance(error, TlsfindError):
        return WRONG_INPUT, f"error: {error}"
    if _is_usage_error(error):
        error.show()  # type: ignore[attr-defined]
        return WRONG_INPUT, ""
    if isinstance(error, OSError) and error.errno in _PATH_ERRORS:
        named = "a file" if error.filename is None else error.filename
        return WRONG_INPUT, f"error: {named}: {os.strerror(error.errno)}"
    text = " ".join(str(error).split())
    hint = "" if debug else " (run again with --debug for the traceback)"
    return INTERNAL_ERROR, f"internal error: {type(error).__name__}: {text}{hint}"


def _take_debug(arguments: list[str]) -> tuple[bool, list[str]]:
    """Whether tracebacks are wanted, and the arguments without ``--debug``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    environment = os.environ.get("TLSFIND_DEBUG", "") not in ("", "0")
    return environment or len(options) < end, options + arguments[end:]


def _is_usage_error(error: Exception) -> bool:
    """Whether Typer (any version, with its own or the system's Click) rejected the arguments."""
    return hasattr(error, "format_message") and hasattr(error, "show")
