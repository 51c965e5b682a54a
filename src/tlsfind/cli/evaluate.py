"""How well the models of a config do on labelled pairs."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tlsfind.cli.common import LOG, start_log

if TYPE_CHECKING:
    from tlsfind.config import Learn
    from tlsfind.evaluate.source import Source

_PANEL = "Learning"


class Mode(StrEnum):
    """Values of ``learn.splitting_target``."""

    log = "log"
    paper = "paper"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to ``app``."""
    app.command(rich_help_panel=_PANEL)(evaluate)
    app.command(rich_help_panel=_PANEL)(cascade)


Json = Annotated[Path, typer.Option(metavar="FILE", help="JSON file that is written.")]
LabelledTable = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Labelled table with the pairs.")
]
Authors = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Instead: folder with the authors' published tables."),
]
Label = Annotated[
    str | None, typer.Option(metavar="LABEL", help="Which of the authors' tables, e.g. T0062.")
]
Settings = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="Config whose section learn is evaluated."),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(help="Most seconds of each single training, instead of learn.time_limit."),
]
Seed = Annotated[
    int | None, typer.Option(min=0, help="Seed of folds and models; by default run.seed, or 0.")
]


def evaluate(
    json: Json,
    table: LabelledTable = None,
    authors: Authors = None,
    label: Label = None,
    config: Settings = None,
    time_limit: TimeLimit = None,
    seed: Seed = None,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Folds of held-out pairs.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Repetitions with other folds.")] = 1,
    mode: Annotated[
        list[Mode] | None,
        typer.Option(
            help="Splitting predictor, instead of learn.splitting_target; repeatable, the first "
            "one leads."
        ),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of every training. At most 2 by default.")
    ] = None,
) -> None:
    """Train and score the models on labelled pairs, held out at random and by glass.

    Writes one JSON with every number (its entry "description" says what each is) and prints the
    scores of both splits side by side.
    """
    from tlsfind.evaluate import stage as evaluation
    from tlsfind.evaluate.report import lines

    given = _inputs("evaluate", json, table, authors, label, config, time_limit, seed)
    result = evaluation.evaluate(
        given.source,
        given.settings,
        threshold=given.threshold,
        seed=given.seed,
        folds=folds,
        repeats=repeats,
        threads=threads or min(2, os.cpu_count() or 1),
        modes=[each.value for each in mode or ()],
    )
    evaluation.write(result, json)
    for line in lines(result):
        typer.echo(line)
    LOG.info("evaluate: wrote %s in %.0f s", json, result["settings"]["seconds"])


def cascade(
    json: Json,
    table: LabelledTable = None,
    authors: Authors = None,
    label: Label = None,
    config: Settings = None,
    time_limit: TimeLimit = None,
    seed: Seed = None,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Folds of held-out pairs.")] = 3,
    folds_used: Annotated[
        int | None, typer.Option(min=1, help="Folds that are held out in turn; all by default.")
    ] = None,
    dilution: Annotated[
        float, typer.Option(min=0, help="No double wells added for each labelled pair.")
    ] = 15.0,
) -> None:
    """Compare screen and ensembles in turn with the ensembles alone, on pairs held out.

    Writes one JSON and prints for each learn.screen_share the TLS that are lost, the share of the
    ensembles' best pairs that is kept, and the time for a pair.
    """
    from tlsfind.evaluate import cascade as measurement
    from tlsfind.evaluate.held_out import Task
    from tlsfind.evaluate.stage import write

    given = _inputs("cascade", json, table, authors, label, config, time_limit, seed)
    task = Task(
        given.source.table,
        given.settings,
        given.threshold,
        (given.settings.splitting_target,),
        given.seed,
        folds,
        1,
    )
    result = measurement.measure(task, dilution=dilution, folds_used=folds_used)
    write(result, json)
    for line in measurement.lines(result):
        typer.echo(line)


class _Inputs(NamedTuple):
    """What the options of both commands stand for.

    Args:
        source: the pairs.
        settings: section ``learn``.
        threshold: E_qs of a TLS.
        seed: of folds and models.
    """

    source: Source
    settings: Learn
    threshold: float
    seed: int


def _inputs(
    command: str,
    json: Path,
    table: Path | None,
    authors: Path | None,
    label: str | None,
    config: Path | None,
    time_limit: float | None,
    seed: int | None,
) -> _Inputs:
    """Start the log, check the options and read the pairs.

    Raises:
        TlsfindError: an option or a file is wrong.
    """
    from tlsfind.evaluate import source as inputs

    start_log()
    _check_source(table, authors, label)
    inputs.check_output(json)
    settings, given = inputs.settings_of(config, time_limit)
    source = inputs.read(table, authors, label)
    LOG.info("%s: %s, %d pairs", command, source.label, len(source.table.frame))
    threshold = inputs.threshold_of(source.table, given)
    if seed is None:
        seed = given.run.seed if given else 0
    return _Inputs(source, settings, threshold, seed)


def _check_source(table: Path | None, authors: Path | None, label: str | None) -> None:
    """Check that the options name one table.

    Raises:
        InputError: they name none, or two.
    """
    from tlsfind.errors import InputError

    if (table is None) == (authors is None):
        raise InputError("expected exactly one of --table FILE and --authors DIR")
    if (authors is None) != (label is None):
        raise InputError("--authors DIR and --label LABEL go together, e.g. --label T0062")
