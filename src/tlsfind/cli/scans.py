"""Scans of the models on labelled pairs, and the structure around the particles that move."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import LOG, OutputFile, OutputFolder, start_log
from tlsfind.cli.explain import LabelledTables, Threads

_PANEL = "Learning"


class Kind(StrEnum):
    """Kinds of scans."""

    leaderboard = "leaderboard"
    predictor = "predictor"
    classifier = "classifier"
    importance = "importance"
    features = "features"


OptionalConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Config of a run: sections learn, scans, analysis, units. Defaults without it.",
    ),
]
Landscapes = typer.Option(
    metavar="DIR", help="Folder landscape of the run that the labelled pairs are of."
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    for command in (scan, structure):
        app.command(rich_help_panel=_PANEL)(command)


def scan(
    kind: Annotated[
        Kind, typer.Argument(help="What is scanned (S1, S2, S3, S4, S5 of the paper).")
    ],
    labelled: LabelledTables,
    output: OutputFolder,
    config: OptionalConfig = None,
    landscapes: Annotated[Path | None, Landscapes] = None,
    structure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="importance: bond-orientational parameters (tlsfind structure)."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of folds and models; by default run.seed, or 0.")
    ] = None,
    threads: Threads = 1,
) -> None:
    """Train the models many times on labelled pairs and score them on pairs held out.

    leaderboard: kinds of models side by side; predictor and classifier: against M, training pairs
    and rounds; importance: of the features, Shapley values and Table S1; features: against their
    number. Writes scan.parquet and the figure with its numbers as CSV.
    """
    from tlsfind.config import load
    from tlsfind.jobs import recorded
    from tlsfind.scans.stage import scan as run

    start_log()
    settings = None if config is None else load(config)
    stamp = "" if settings is None else settings.hash
    if seed is None:
        seed = settings.run.seed if settings else 0
    with recorded("scan", kind.value, stamp, seed):
        images = run(
            kind.value,
            labelled,
            output,
            config=settings,
            landscapes=landscapes,
            structures=structure,
            seed=seed,
            threads=threads,
        )
    for image in images:
        LOG.info("scan %s: wrote %s", kind.value, image)


def structure(
    labelled: Annotated[Path, typer.Argument(metavar="TABLE", help="Labelled table of a run.")],
    landscapes: Annotated[Path, Landscapes],
    output: OutputFile,
    config: OptionalConfig = None,
) -> None:
    """Bond-orientational parameters and diameters of the particles that move most.

    For both minima of every labelled pair. Needs the package freud-analysis (tlsfind[freud]).
    """
    from tlsfind.config import load
    from tlsfind.jobs import recorded
    from tlsfind.scans.structure import write

    start_log()
    settings = None if config is None else load(config)
    with recorded("structure", "", settings.hash if settings else "", 0):
        found = write(labelled, landscapes, output, settings.model if settings else None)
    LOG.info("structure: wrote %d rows to %s", len(found), output)
