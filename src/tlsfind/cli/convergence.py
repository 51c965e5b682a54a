"""The effect of the paths' convergence on a run, and pictures of its pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from tlsfind.cli.common import OutputFolder, stage
from tlsfind.cli.outputs import Results

_PANEL = "Results"

Number = TypeVar("Number", int, float)

RunConfig = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="The run's config; RESULTS/config.yaml by default."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(convergence)
    app.command(rich_help_panel=_PANEL)(picture)


def convergence(
    results: Results,
    output: OutputFolder,
    config: RunConfig = None,
    pairs: Annotated[
        int, typer.Option(min=1, help="Double wells: TLS, those next to them, others.")
    ] = 60,
    random: Annotated[
        int, typer.Option(min=0, help="Further double wells, drawn without a look at E_qs.")
    ] = 0,
    forces: Annotated[
        str, typer.Option(metavar="LIST", help="Perpendicular forces, separated by commas.")
    ] = "0.1,0.05,0.02,0.01,0.003,0.001",
    images: Annotated[
        str, typer.Option(metavar="LIST", help="Numbers of images, separated by commas.")
    ] = "20,40,80",
    published: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The authors' tables: compare the random double wells with what they predict.",
        ),
    ] = None,
) -> None:
    """Solve paths of a run again at several force tolerances and numbers of images.

    Writes convergence.parquet and a figure: E_qs, TLS and iterations against both.
    """
    with stage("convergence", config or results / "config.yaml") as settings:
        from tlsfind.convergence.stage import convergence as run

        run(
            settings,
            results,
            output,
            pairs=pairs,
            random=random,
            tolerances=_numbers(forces, "--forces", float),
            images=_numbers(images, "--images", int),
            published=published,
        )


def _numbers(text: str, option: str, kind: type[Number]) -> list[Number]:
    """Numbers of a list separated by commas.

    Raises:
        BadParameter: one of them is none.
    """
    try:
        return [kind(word) for word in text.split(",")]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise typer.BadParameter(
            f"{text!r}, expected {what} separated by commas", param_hint=option
        ) from None


def picture(
    results: Results,
    output: OutputFolder,
    config: RunConfig = None,
    pair: Annotated[
        tuple[str, int, int] | None,
        typer.Option(metavar="GLASS A B", help="A pair of minima; by default that of lowest E_qs."),
    ] = None,
) -> None:
    """Draw a pair of minima, and write its path as extended XYZ for OVITO.

    The drawing shows the particles that move; the file has one frame for each image of the path,
    relaxed once more, with radii, displacements, xi and energy.
    """
    with stage("picture", config or results / "config.yaml") as settings:
        from tlsfind.analysis.pictures import write

        for file in write(settings, results, output, pair):
            typer.echo(file)
