"""The stages from nothing to pairs, and the path calculations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import (
    ConfigOption,
    Glass,
    OutputFile,
    OutputFolder,
    batch_name,
    stage,
)

_PANEL = "Stages"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    for command in (prepare, explore, landscape, pairs, paths):
        app.command(rich_help_panel=_PANEL)(command)


def prepare(glass: Glass, config: ConfigOption, output: OutputFolder) -> None:
    """Prepare a glass: swap Monte Carlo and MD at T_f, then cooling.

    Writes glass.npz (the cooled configuration), glass.parquet (one row with the verdict on
    equilibration) and equilibration.parquet (the evidence). Started again in the same folder, it
    goes on from its last restart file.
    """
    with stage(f"prepare {glass}", config) as settings:
        from tlsfind.prepare.stage import prepare as run

        run(settings, glass, output)


def explore(
    glass: Glass,
    glass_file: Annotated[
        Path, typer.Argument(metavar="GLASS_FILE", help="glass.npz of the prepare stage.")
    ],
    config: ConfigOption,
    block: Annotated[
        int, typer.Option("--block", "-b", min=0, help="Block of trajectories, from 0.")
    ],
    output: OutputFolder,
) -> None:
    """Run a block of NVE trajectories of a glass with frequent quenches.

    Writes visits.parquet (one row for each quench), trajectories.parquet (energy drift and counts)
    and minima.npz (quenched positions).
    """
    with stage(f"explore {glass} block {block}", config) as settings:
        from tlsfind.explore.stage import explore as run

        run(settings, glass, glass_file, block, output)


def landscape(
    glass: Glass,
    blocks: Annotated[
        list[Path], typer.Argument(metavar="BLOCK...", help="Folders of the explore stage.")
    ],
    config: ConfigOption,
    output: OutputFolder,
) -> None:
    """Give each minimum of a glass one identity, and count the transitions.

    Writes minima.parquet, minima.npz, transitions.parquet and visits.parquet.
    """
    with stage(f"landscape {glass}", config) as settings:
        from tlsfind.landscape.stage import landscape as run

        run(settings, glass, blocks, output)


def pairs(
    glass: Glass,
    landscape_dir: Annotated[
        Path, typer.Argument(metavar="LANDSCAPE", help="Folder of the landscape stage.")
    ],
    config: ConfigOption,
    output: OutputFile,
) -> None:
    """Compute the features of all pairs of minima of a glass.

    Writes one Parquet table, block by block: memory does not grow with the number of pairs.
    """
    with stage(f"pairs {glass}", config) as settings:
        from tlsfind.pairs.stage import pairs as run

        run(settings, glass, landscape_dir, output)


def paths(
    selection: Annotated[
        Path, typer.Argument(metavar="SELECTION", help="Table of the pairs to solve.")
    ],
    landscape_root: Annotated[
        Path, typer.Argument(metavar="LANDSCAPES", help="Folder with one landscape per glass.")
    ],
    config: ConfigOption,
    output: OutputFile,
    candidates: Annotated[
        Path, typer.Option(metavar="FILE", help="Table of minima newly met on the paths.")
    ],
    part: Annotated[
        str | None,
        typer.Option(
            "--slice",
            metavar="I/N",
            help="Solve only part I (from 0) of N equal parts of the rows.",
        ),
    ] = None,
) -> None:
    """Solve the minimum-energy paths of selected pairs and their quantum splitting.

    Writes one row for each pair, failures included: status, barrier (eps), path length (sigma),
    splitting E_qs (eps) in each unit system, the profile V(xi).
    """
    chosen = parse_slice(part)
    with stage(f"paths {batch_name(output)}", config) as settings:
        from tlsfind.paths.stage import solve_batch

        solve_batch(settings, selection, landscape_root, output, candidates, part=chosen)


def parse_slice(text: str | None) -> tuple[int, int] | None:
    """``"i/n"`` as numbers, with 0 <= i < n.

    Raises:
        typer.BadParameter: anything else.
    """
    if text is None:
        return None
    first, separator, second = text.partition("/")
    if separator and first.isdecimal() and second.isdecimal() and int(first) < int(second):
        return int(first), int(second)
    raise typer.BadParameter(
        f"{text!r}, expected I/N with 0 <= I < N, e.g. 0/4", param_hint="--slice"
    )
