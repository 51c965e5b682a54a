"""Tables and trajectories of others as tables of this project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tlsfind.cli.common import ConfigOption, OutputFolder, stage

_PANEL = "Import"


def register(app: typer.Typer) -> None:
    """Add the group ``import`` to ``app``."""
    group = typer.Typer(
        name="import", help="Turn tables and trajectories of others into tables of this project."
    )
    group.command()(authors)
    group.command()(trajectory)
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


def trajectory(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="LAMMPS dumps or extended XYZ, each one trajectory; also .gz."
        ),
    ],
    config: ConfigOption,
    glass: Annotated[
        str, typer.Option(metavar="NAME", help="Glass of the config that the frames are of.")
    ],
    output: OutputFolder,
    diameter_from: Annotated[
        Literal["charge"] | None,
        typer.Option(metavar="charge", help="Column that holds the diameters: charge (q)."),
    ] = None,
) -> None:
    """Import own trajectories: their frames become visits and minima of a glass.

    Frames that are no minima are quenched. Writes into the folder of results what prepare and
    explore write: glasses/NAME and explore/NAME/block-000. The rest of the workflow goes on from
    there.
    """
    with stage(f"import trajectory {glass}", config) as settings:
        from tlsfind.explore.frames import import_trajectory

        import_trajectory(settings, glass, files, output, diameter_from)
