"""The active loop, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlsfind.cli.common import (
    LOG,
    ConfigOption,
    Iteration,
    OutputFile,
    OutputFolder,
    PairTables,
    batch_name,
    stage,
)

_PANEL = "Active loop"

SolvedPaths = Annotated[
    Path | None, typer.Option("--paths", metavar="FILE", help="Table of all paths solved so far.")
]
Processes = Annotated[
    int,
    typer.Option(
        metavar="N", min=1, help="2: train the predictors beside the classifier; the same models."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(select)
    app.command("select-standard", rich_help_panel=_PANEL)(select_standard)
    app.command(rich_help_panel=_PANEL)(collect)
    app.command(rich_help_panel=_PANEL)(train)
    app.command("train-table", rich_help_panel=_PANEL)(train_table)
    app.command(rich_help_panel=_PANEL)(predict)
    app.command(rich_help_panel=_PANEL)(assess)


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

    Iteration 0 draws from strata of all pairs, or follows the predictions of a warm start; later
    ones follow the last predictions and leave out what is solved.

    Writes batch-000.parquet, batch-001.parquet ... of at most paths.batch pairs.
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
    with stage(f"collect {batch_name(output)}", config) as settings:
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
    processes: Processes = 1,
) -> None:
    """Train the double-well classifier, the predictors of splitting and barrier, and the screen.

    Writes models/, out_of_fold.parquet, labelled.parquet and training.json.
    """
    with stage(f"train {iteration}", config) as settings:
        from tlsfind.learn.stage import train as run

        run(settings, iteration, paths, pairs, output, processes)


def train_table(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Labelled table.")],
    config: ConfigOption,
    output: OutputFolder,
    processes: Processes = 1,
) -> None:
    """Train the models on a labelled table alone, for the warm start of a loop.

    Writes models/ and training.json.
    """
    with stage("train-table", config) as settings:
        from tlsfind.learn.stage import train_table as run

        run(settings, table, output, processes)


def predict(
    pairs: PairTables,
    config: ConfigOption,
    model: Annotated[Path, typer.Option(metavar="DIR", help="Output folder of the training.")],
    output: OutputFile,
) -> None:
    """Predict double-well probability and splitting (eps, the loop's unit system) of all pairs.

    Writes one table of predictions; memory does not grow with the number of pairs.
    """
    with stage(f"predict {batch_name(output)}", config) as settings:
        from tlsfind.learn.stage import predict as run

        share = run(settings, model, pairs, output)
        LOG.info("predict: %.2g of the pairs by the ensembles, the others by the screen", share)


def assess(
    predictions: Annotated[
        list[Path],
        typer.Argument(metavar="PREDICTIONS...", help="Predictions of all pairs, this iteration."),
    ],
    config: ConfigOption,
    iteration: Iteration,
    paths: Annotated[
        Path, typer.Option("--paths", metavar="FILE", help="Table of all paths solved so far.")
    ],
    model: Annotated[Path, typer.Option(metavar="DIR", help="Output folder of the training.")],
    output: OutputFolder,
    previous: Annotated[
        Path | None, typer.Option(metavar="FILE", help="History of the last iteration.")
    ] = None,
) -> None:
    """Say what an iteration found, how many TLS may be missing, and whether the loop goes on.

    Writes history.parquet and state.json.
    """
    with stage(f"assess {iteration}", config) as settings:
        from tlsfind.learn.stage import assess as run

        state = run(settings, iteration, paths, predictions, model, output, previous)
        LOG.info(
            "assess %d: %d TLS in %d paths (%d in the last %d); estimated missing: %s; %s: %s",
            iteration,
            state["total_tls"],
            state["total_paths"],
            state["new_tls"],
            state["new_paths"],
            "unknown"
            if state["missing_tls"] is None
            else f"{state['missing_tls']:.1f}, 90 % interval {state['missing_tls_low']:.0f} to "
            f"{state['missing_tls_high']:.0f}",
            "the loop ends" if state["finished"] else "the loop goes on",
            state["reason"],
        )
