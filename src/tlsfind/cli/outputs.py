"""What a run leaves behind: the library, figures, tables and the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import LOG, ConfigOption, OutputFile, OutputFolder, PairTables, stage

_PANEL = "Results"

Results = Annotated[
    Path, typer.Argument(metavar="RESULTS", help="Folder of the run (run.output of its config).")
]
Landscapes = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder with one landscape per glass.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(library)
    app.command(rich_help_panel=_PANEL)(export)
    app.command(rich_help_panel=_PANEL)(figures)
    app.command("table-one", rich_help_panel=_PANEL)(table_one)
    app.command(rich_help_panel=_PANEL)(provenance)
    app.command("table-two", rich_help_panel=_PANEL)(table_two)
    app.command(rich_help_panel=_PANEL)(report)
    app.command(rich_help_panel=_PANEL)(summary)


def library(
    pairs: PairTables,
    config: ConfigOption,
    paths: Annotated[
        Path, typer.Option(metavar="FILE", help="Table of all paths of the active loop.")
    ],
    landscapes: Landscapes,
    output: OutputFolder,
    standard: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Paths solved for the standard procedure alone."),
    ] = None,
) -> None:
    """Gather the double wells and the TLS.

    Writes double_wells.parquet and tls.parquet (each path with its features), and both minima of
    each TLS as extended XYZ with displacement vectors (sigma).
    """
    with stage("library", config) as settings:
        from tlsfind.library.stage import library as run

        run(settings, paths, standard, pairs, landscapes, output)


def export(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="double_wells.parquet or tls.parquet.")
    ],
    glass: Annotated[str, typer.Argument(metavar="GLASS", help="Name of the glass.")],
    a: Annotated[int, typer.Argument(metavar="A", min=0, help="Identifier of a minimum.")],
    b: Annotated[int, typer.Argument(metavar="B", min=0, help="Identifier of the other one.")],
    config: ConfigOption,
    landscapes: Landscapes,
    output: OutputFile,
) -> None:
    """Write a double well as extended XYZ with displacement vectors.

    Two files: the lower minimum in the file named, the higher one beside it (name ending in _b).
    """
    with stage(f"export {glass} {a} {b}", config) as settings:
        from tlsfind.library.stage import export as run

        for file in run(settings, table, landscapes, glass, a, b, output):
            typer.echo(file)


def figures(
    results: Results,
    config: ConfigOption,
    output: OutputFolder,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="FIGURE", help="Only this figure; may be given again."),
    ] = None,
) -> None:
    """Draw the figures of a run, each with a table of its numbers.

    Those that need more than the default target makes are drawn only if they are named: figS8.
    """
    with stage(" ".join(["figures", *(only or [])]), config) as settings:
        from tlsfind.analysis.stage import figures as run

        run(settings, results, output, only)


def table_one(results: Results, config: ConfigOption, output: OutputFile) -> None:
    """Compare the loop with the standard procedure: TLS and paths of both (Table I), as CSV."""
    with stage("table-one", config) as settings:
        from tlsfind.analysis.stage import table_one as run

        run(settings, results, output)


def table_two(results: Results, config: ConfigOption, output: OutputFile) -> None:
    """What every step of a run cost beside the paper's numbers (Table II), as CSV."""
    with stage("table-two", config) as settings:
        from tlsfind.analysis.stage import table_two as run

        run(settings, results, output)


def provenance(results: Results, config: ConfigOption, output: OutputFile) -> None:
    """Gather the records of all jobs of a run so far: where they ran, their time and memory."""
    with stage("provenance", config) as settings:
        from tlsfind.provenance import write_jobs

        attempts = write_jobs(settings, results, output)
        LOG.info("%d attempts", attempts)


def report(
    results: Results,
    config: ConfigOption,
    output: OutputFile,
    figures: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Take the PNG images of this folder, drawn from the same tables, instead of "
            "drawing them again; may be given again.",
        ),
    ] = None,
) -> None:
    """Write the report of a run: one HTML file that needs nothing else."""
    with stage("report", config) as settings:
        from tlsfind.analysis.stage import report as run

        run(settings, results, output, figures or [])


def summary(
    results: Results,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write it as JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the numbers of a run: glasses, minima, pairs, paths, double wells, TLS.

    The last line says where its report, figures and library are.
    """
    from tlsfind.analysis.stage import print_summary
    from tlsfind.analysis.stage import summary as run
    from tlsfind.jobs import recorded

    with recorded("summary", "", "", 0):
        numbers = run(results)
    text = json.dumps(numbers, indent=2, allow_nan=False)
    if output is not None:
        from tlsfind.tables import atomic

        with atomic(output) as temporary:
            temporary.write_text(text + "\n")
    if as_json:
        typer.echo(text)
    else:
        print_summary(numbers)
        typer.echo(f"\nResults: {places(results)}")


def places(results: Path) -> str:
    """Where to look at a run: its report, figures and library, as far as they are there."""
    found = [results / name for name in ("report.html", "figures", "library")]
    return ", ".join(str(path) for path in found if path.exists()) or str(results)
