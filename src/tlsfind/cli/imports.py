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
        name="import",
        help="Turn tables and trajectories of others into tables of this project.",
        rich_markup_mode=None,
    )
    group.command()(authors)
    group.command()(trajectory)
    app.add_typer(group, rich_help_panel=_PANEL, no_args_is_help=True)
    app.command("export-authors", rich_help_panel=_PANEL)(export_authors)


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
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write these counts as JSON.")
    ] = None,
) -> None:
    """Import the tables that the paper's authors published.

    Writes labelled-LABEL.parquet and verdicts-LABEL.parquet, and prints what is dropped and why.
    """
    from tlsfind.interop.authors import import_authors, write_reports

    reports = import_authors(folder, output, label, min_displacement)
    for report in reports:
        for line in report.lines():
            typer.echo(line)
        typer.echo(f"wrote {output / report.table}")
    if json is not None:
        write_reports(reports, json)


def export_authors(
    output: OutputFolder,
    labelled: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[LABELLED]...", help="Labelled tables, of runs or imported."),
    ] = None,
    verdicts: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Table of verdicts without features; repeatable."),
    ] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Pairs table of a glass, to be searched; repeatable."),
    ] = None,
    energy_column: Annotated[
        str,
        typer.Option(metavar="NAME", help="Name of the energy difference; versions differ."),
    ] = "Delta_E",
) -> None:
    """Write tables that the step scripts of the paper's authors read, a set for each T_f.

    Writes MLmodel/, exact_calculations/ and In_data/ below the folder, and parameters that name
    them. `tlsfind import authors` reads them back.
    """
    from tlsfind.interop.authors_export import export_authors as run

    for report in run(output, labelled or (), verdicts or (), pairs or (), energy_column):
        for line in report.lines():
            typer.echo(line)


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
