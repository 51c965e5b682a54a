"""Commands about a run as a whole: what it will cost, and how far it has come."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tlsfind.plan.page import Plan

_PANEL = "Tools"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(plan)
    app.command(rich_help_panel=_PANEL)(status)


def plan(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Config of the run (YAML).")],
    minima: Annotated[
        int | None,
        typer.Option(min=2, metavar="N", help="Minima of each glass; estimated by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate what a run will cost: jobs, core-hours and disk of each stage.

    The estimate is made of unit costs measured on one machine. The loop ends by itself: the range
    goes from its fewest to its most iterations. The paper's formula stands beside it.
    """
    from tlsfind.config import load
    from tlsfind.plan.page import as_dict, make_plan

    made = make_plan(load(config), minima)
    if as_json:
        typer.echo(json.dumps(as_dict(made), indent=2))
    else:
        _print_plan(made)


def status(
    results: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of results of a run.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how far a running, finished or dead run has come.

    It reads files and nothing else: it takes no lock, disturbs nothing, and works on any machine
    that sees the folder.
    """
    from tlsfind.plan.status import look, to_dict
    from tlsfind.plan.status_page import lines, table

    found = look(results)
    if as_json:
        typer.echo(json.dumps(to_dict(found), indent=2))
        return
    _print_lines(lines(found)[:1])
    _print_rows(*table(found))
    _print_lines(lines(found)[1:])


def _print_plan(made: Plan) -> None:
    from tlsfind.plan.page import comparison_rows, heading, rows

    _print_lines(heading(made))
    _print_rows(*rows(made))
    _print_rows(*comparison_rows(made))
    _print_lines([f"note: {remark}" for remark in made.remarks])


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


def _print_rows(header: list[str], rows: list[list[str]]) -> None:
    """A table: framed on a terminal, aligned columns elsewhere."""
    if sys.stdout.isatty():
        from tlsfind.cli.show import print_table

        print_table(header, rows)
        return
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    for row in [header, *rows]:
        cells = [cell.ljust(w) if k == 0 else cell.rjust(w)
                 for k, (cell, w) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        typer.echo("  ".join(cells).rstrip())
    typer.echo("")
