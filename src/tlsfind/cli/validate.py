"""The check of a run by LAMMPS, and the page on how both engines agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import ConfigOption, OutputFile, stage
from tlsfind.cli.outputs import Results

_PANEL = "Results"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(validate)
    app.command(rich_help_panel=_PANEL)(agreement)


def validate(results: Results, config: ConfigOption, output: OutputFile) -> None:
    """Check a sample of a run by LAMMPS: energies, forces, quenches and whole paths.

    Writes one Parquet table, one row for each check. Differences outside the tolerances are rows,
    not errors; the report warns of them.
    """
    with stage("validate", config) as settings:
        from tlsfind.validate.stage import validate as run

        run(settings, results, output)


def agreement(
    results: Results,
    config: ConfigOption,
    output: OutputFile,
    pairs: Annotated[int, typer.Option(min=1, help="Double wells whose paths are solved.")] = 24,
    neb_pairs: Annotated[
        int, typer.Option(min=0, help="Of these, the ones solved by LAMMPS neb as well.")
    ] = 20,
    neb_images: Annotated[
        int, typer.Option(min=5, help="Images of these paths, one process for each.")
    ] = 16,
    starts: Annotated[int, typer.Option(min=1, help="Configurations that are quenched.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sample.")] = 0,
) -> None:
    """Measure on a finished run how the native engine and LAMMPS agree, and write it as a page.

    Writes Markdown: energies, forces, trajectories, quenches, barriers and E_qs, with the
    differences explained. Takes minutes: the paths are solved on forces of LAMMPS and by its neb.
    """
    with stage("agreement", config) as settings:
        from tlsfind.validate.agreement import Sizes
        from tlsfind.validate.page import write_page

        sizes = Sizes(pairs, neb_pairs, neb_images, starts)
        write_page(settings, Path(results), config, Path(output), sizes, seed)
