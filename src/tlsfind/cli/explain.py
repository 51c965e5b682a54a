"""What the models learned: features that matter, other temperatures, the stability of a glass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tlsfind.cli.common import ConfigOption, OutputFile, OutputFolder, stage, start_log

_PANEL = "Learning"

LabelledTables = Annotated[
    list[Path],
    typer.Argument(metavar="TABLE...", help="Labelled tables, of one or more T_f each."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of folds and models.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of the models.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    for command in (explain, transfer, stability):
        app.command(rich_help_panel=_PANEL)(command)


def explain(
    config: ConfigOption,
    model: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder of models: loop/K/model of a run, or its models/."
        ),
    ],
    labelled: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Labelled table whose pairs are explained."),
    ],
    output: OutputFolder,
    threads: Threads = 1,
) -> None:
    """Explain both models: Shapley values and permutation importance of every feature.

    Writes shap.parquet, importance.parquet, and the figure explanation with its numbers. Scores of
    pairs that the models were trained on flatter; a labelled table of other glasses does not.
    """
    with stage("explain", config) as settings:
        from tlsfind.analysis.figures.explanation import write
        from tlsfind.interpret.explain import explain as run

        run(settings, model, labelled, output, threads)
        write(settings, output)


def transfer(
    labelled: LabelledTables,
    output: OutputFile,
    model: Annotated[
        Literal["screen", "ensemble"],
        typer.Option(help="screen: seconds; ensemble: the models of the loop, minutes."),
    ] = "screen",
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            help="Config whose section learn is that of the models.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="E_qs (eps) below which a double well is a TLS, instead of that of the config's "
            "unit system; needed for a unit system that is not built in if there is no config."
        ),
    ] = None,
    seed: Seed = 0,
    threads: Threads = 1,
) -> None:
    """Train at each preparation temperature and predict at each other one.

    Writes a row of scores for each two temperatures, as CSV or Parquet. At the training
    temperature itself they are out of fold, by glass and by row.
    """
    from tlsfind.config import load
    from tlsfind.interpret.transfer import transfer as run
    from tlsfind.jobs import recorded

    start_log()
    settings = None if config is None else load(config)
    with recorded("transfer", "", "" if settings is None else settings.hash, seed):
        run(
            labelled,
            output,
            model=model,
            config=settings,
            threshold=threshold,
            seed=seed,
            threads=threads,
        )


def stability(
    labelled: LabelledTables,
    output: OutputFile,
    seed: Seed = 0,
    scan: Annotated[
        bool, typer.Option("--scan", help="Also scan the perceptron's depth and width (longer).")
    ] = False,
    transitions: Annotated[
        bool,
        typer.Option(
            "--transitions",
            help="Also use T_ab and T_ba, which depend on the length of the exploration.",
        ),
    ] = False,
    allow_too_few: Annotated[
        bool,
        typer.Option(
            "--allow-too-few",
            help="Where a temperature has too few pairs, write that instead of failing.",
        ),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", help="Config of the run, for its records."),
    ] = None,
) -> None:
    """Tell the preparation temperature of a glass from one pair, with a perceptron.

    Writes accuracy by row and by glass, confusion matrices, Shapley values and partial dependence
    as JSON, and the Shapley values of single pairs as NAME_shap.parquet.
    """
    from tlsfind.config import load
    from tlsfind.interpret.stability import stability as run
    from tlsfind.jobs import recorded

    start_log()
    config_hash = "" if config is None else load(config).hash
    with recorded("stability", "scan" if scan else "", config_hash, seed):
        run(
            labelled,
            output,
            seed=seed,
            transitions=transitions,
            scanned=scan,
            config_hash=config_hash,
            allow_too_few=allow_too_few,
        )
