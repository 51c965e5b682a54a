"""Tables of other projects as tables of this one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import OutputFolder

_PANEL = "Import"


def register(app: typer.Typer) -> None:
    """Add the group ``import`` to ``app``."""
    group = typer.Typer(
        name="import", help="Turn tables of other projects into tables of this one."
    )
    group.command()(authors)
    app.add_typer(group, rich_help_panel=_PANEL, no_args_is_help=True)


def authors(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with the authors' published tables.")
    ],
    output: OutputFolder,
    label: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Label to import, e.g. T007; all by default."),
    ] = None,
    min_displacement: Annotated[
        float, typer.Option(min=0.0, help="Pairs with d below this are dropped (sigma).")
    ] = 1e-3,
) -> None:
    """Import the tables that the paper's authors published.

    Writes labelled-LABEL.parquet and verdicts-LABEL.parquet, and prints what is dropped and why.
    """
    from tlsfind.interop.authors import import_authors

    for report in import_authors(folder, output, label, min_displacement):
        for line in report.lines():
            typer.echo(line)
        typer.echo(f"wrote {output / report.table}")
