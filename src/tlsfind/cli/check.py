"""Find the files of a run that are damaged, and delete them so that they are made again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import start_log

_PANEL = "Tools"
_DAMAGED = 2


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(check)


def check(
    results: Annotated[
        Path, typer.Argument(metavar="DIR", help="Results of a run (run.output of its config).")
    ],
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Delete the damaged files and the leftovers of killed jobs."),
    ] = False,
) -> None:
    """Find the files of a run that are empty, cut off or damaged, and leftovers of killed jobs.

    Every table, array and JSON file is read to its end. Prints one line for each finding; exit
    status 2 if something is damaged or cannot be read. Files that are not of the run are not
    looked at.

    With --remove they are deleted, and the last line names what Snakemake has to make again (what
    is missing in the middle of a finished run it makes only if asked for). Exit status 0, or 2 if
    something cannot be read, which is never deleted. Not while jobs of the run are running.
    """
    from tlsfind import integrity

    start_log()
    damaged, unreadable = [], 0
    for finding in integrity.check(results):
        done = ""
        if remove and finding.remove:
            integrity.remove(finding)
            done = f"; deleted: {', '.join(map(str, finding.remove))}"
        typer.echo(f"{finding.kind}: {finding.path}: {finding.reason}{done}")
        if finding.kind == "damaged":
            damaged.append(finding)
        unreadable += finding.kind == "unreadable"
    made = integrity.targets(damaged, results) if remove else []
    if unreadable:
        typer.echo(f"{results}: {unreadable} cannot be read: nothing is known of what they hold")
    elif not damaged:
        typer.echo(f"{results}: nothing is damaged")
    if made:
        typer.echo(
            "make them again with: snakemake TARGETS --configfile ... (the TARGETS before the "
            "options), then start as usual; the TARGETS:"
        )
        typer.echo(shlex.join(made))
    if unreadable or (damaged and not remove):
        raise typer.Exit(_DAMAGED)
