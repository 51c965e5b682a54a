"""The active loop, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import (
    ConfigOption,
    Iteration,
    OutputFile,
    OutputFolder,
    PairTables,
    stage,
)

_PANEL = "Active loop"

SolvedPaths = Annotated[
    Path | None, typer.Option("--paths", metavar="FILE", help="Table of all paths solved so far.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(select)
    app.command("select-standard", rich_help_panel=_PANEL)(select_standard)
    for command in (collect, train, predict):
        app.command(rich_help_panel=_PANEL)(command)


def select(
    pairs: PairTables,
    config: ConfigOption,
    iteration: Iteration,
    output: OutputFolder,
    paths: SolvedPaths = None,
    predictions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Predictions of the last iteration; repeatable."),
    ] = None,
) -> None:
    """Pick the pairs whose paths are solved next.

    Iteration 0 draws from strata of all pairs; later ones follow the predictions and leave out
    what is solved. Writes batch-000.parquet, batch-001.parquet ... of at most paths.batch pairs.
    """
    with stage(f"select {iteration}", config) as settings:
        from tlsfind.learn.stage import select as run

        run(settings, iteration, pairs, output, paths, predictions or [])


def select_standard(
    pairs: PairTables, config: ConfigOption, output: OutputFile, paths: SolvedPaths = None
) -> None:
    """Pick the pairs of the standard procedure: min(T_ab, T_ba) at or above its threshold.

    Writes the pairs that are not solved yet, and their numbers in a JSON file beside.
    """
    with stage("select-standard", config) as settings:
        from tlsfind.learn.stage import select_standard as run

        run(settings, pairs, paths, output)


def collect(
    batches: Annotated[
        list[Path], typer.Argument(metavar="BATCH...", help="Path tables of the batches.")
    ],
    config: ConfigOption,
    output: OutputFile,
    previous: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Path table of the last iteration, to append to."),
    ] = None,
) -> None:
    """Merge path tables into one, without duplicates."""
    with stage("collect", config) as settings:
        from tlsfind.learn.stage import collect as run

        run(settings, batches, output, previous)


def train(
    pairs: PairTables,
    config: ConfigOption,
    iteration: Iteration,
    paths: Annotated[
        Path, typer.Option("--paths", metavar="FILE", help="Table of all paths solved so far.")
    ],
    output: OutputFolder,
    previous: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Output folder of the last iteration's training."),
    ] = None,
) -> None:
    """Train the double-well classifier and the splitting predictor.

    Writes models/, out_of_fold.parquet, history.parquet and state.json, which says whether the
    loop has converged.
    """
    with stage(f"train {iteration}", config) as settings:
        from tlsfind.learn.stage import train as run

        run(settings, iteration, paths, pairs, output, previous)


def predict(
    pairs: PairTables,
    config: ConfigOption,
    model: Annotated[Path, typer.Option(metavar="DIR", help="Output folder of the training.")],
    output: OutputFile,
) -> None:
    """Predict double-well probability and splitting (eps, the loop's unit system) of all pairs.

    Writes one table of predictions; memory does not grow with the number of pairs.
    """
    with stage("predict", config) as settings:
        from tlsfind.learn.stage import predict as run

        run(settings, model, pairs, output)
