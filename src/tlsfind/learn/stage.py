"""The stage ``learn``: select, collect, train, predict and assess, from files to files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tlsfind import tables
from tlsfind.config import Config
from tlsfind.errors import InputError
from tlsfind.learn import assessment, labelled, selection, training
from tlsfind.learn.prediction import Models, predict_nothing, predict_table
from tlsfind.pairs.keys import KEYS, PairSet, read_pairs


def _schema(config: Config, name: str, columns: tables.Columns | None = None) -> pa.Schema:
    return tables.stamped(tables.schema(name, columns), config.hash, config.run.seed)


def select(
    config: Config,
    iteration: int,
    pairs: list[Path],
    output: Path,
    paths: Path | None = None,
    predictions: list[Path] | None = None,
) -> None:
    """Choose the pairs of an iteration and write them in batches.

    Args:
        config: the run's config.
        iteration: 0: the initial strata; later: by ``loop.acquisition``.
        pairs: pairs tables.
        output: folder that receives ``batch-000.parquet`` and so on, always as many as a full
            selection needs; the last ones are empty if there are fewer pairs.
        paths: every path so far; their pairs are excluded. Needed after iteration 0.
        predictions: predictions tables. Needed after iteration 0; at iteration 0 those of the
            models of a warm start.

    Raises:
        InputError: a table is missing, damaged or lacks a column.
    """
    if iteration == 0:
        size = config.loop.initial_paths
        chosen = selection.initial(config, pairs, predictions or [])
    else:
        if paths is None:
            raise InputError(
                f"the selection of iteration {iteration} needs the paths solved so far"
            )
        size = config.loop.paths_per_iteration
        solved = read_pairs(paths)
        chosen = selection.following(config, iteration, pairs, predictions or [], solved)
    chosen = chosen.assign(iteration=iteration).sort_values(KEYS, ignore_index=True)
    step = config.paths.batch
    for number, start in enumerate(range(0, size, step)):
        part = chosen[start : start + step]
        tables.write(part, output / f"batch-{number:03d}.parquet", _schema(config, "selection"))


def select_standard(config: Config, pairs: list[Path], paths: Path | None, output: Path) -> None:
    """Choose the pairs of the standard procedure that have no path yet.

    Args:
        config: the run's config.
        pairs: pairs tables.
        paths: every path of the loop, or None.
        output: the selection table; the counts go beside it, as JSON.

    Raises:
        InputError: a table is missing, damaged or lacks a column.
    """
    solved = PairSet() if paths is None else read_pairs(paths)
    choice = selection.standard(config, pairs, solved)
    chosen = choice.to_solve.assign(iteration=selection.STANDARD_ITERATION)
    chosen = chosen.sort_values(KEYS, ignore_index=True)
    tables.write(chosen, output, _schema(config, "selection"))
    numbers = {
        "qualifying": choice.qualifying,
        "sampled": choice.sampled,
        "already_solved": choice.already_solved,
        "to_solve": len(chosen),
    }
    training.write_json(numbers, output.with_suffix(".json"))


def collect(
    config: Config, batches: list[Path], output: Path, previous: Path | None = None
) -> None:
    """Merge paths tables into one, in the order of iterations and keys.

    Args:
        config: the run's config.
        batches: paths tables of this iteration.
        output: the merged table.
        previous: the merged table of the iteration before. A pair that stands twice keeps its
            first row: the previous table's, then that of the first batch.

    Raises:
        InputError: a table is missing, damaged or lacks a column.
    """
    schema = _schema(config, "paths", tables.paths_columns(config.unit_systems))
    files = [*([previous] if previous is not None else []), *batches]
    merged = pd.DataFrame(tables.read_many(files, schema.names))
    merged = merged.drop_duplicates(KEYS).sort_values(["iteration", *KEYS], ignore_index=True)
    tables.write(merged, output, schema)


def train(
    config: Config,
    iteration: int,
    paths: Path,
    pairs: list[Path],
    output: Path,
    processes: int = 1,
) -> None:
    """Train the models on every path so far, and on the rows of a warm start.

    Args:
        config: the run's config.
        iteration: iteration of the loop.
        paths: every path so far.
        pairs: pairs tables, for the features.
        output: folder that receives ``models/``, ``out_of_fold.parquet``, ``labelled.parquet`` and,
            last, ``training.json``.
        processes: 2 or more train side by side; the models are the same.

    With too few double wells or others there are no models, which ``training.json`` says, and the
    next batch is drawn from the strata; at ``loop.max_iterations`` it is an error.

    Raises:
        InputError: a table is missing, damaged or does not fit.
        TrainingError: unusable features, or too few double wells or others at the last iteration.
    """
    rows = training.labelled_rows(config, paths, pairs)
    others = training.start_rows(config)
    everything = rows if others is None else pd.concat([rows, others], ignore_index=True)
    sample = training.pool_sample(config, pairs, iteration)
    models = output / "models"
    if models.exists():
        shutil.rmtree(models)
    try:
        outcome = training.train_models(config, everything, models, paths, sample, processes)
    except training.TooFew as error:
        if iteration >= config.loop.max_iterations:
            raise
        tables.make_folder(models)
        outcome = training.without_models(str(error))
    outcome.notes += training.same_names(config, others)
    own = ~outcome.out_of_fold["glass"].str.startswith(training.START)
    tables.write(
        outcome.out_of_fold[own], output / "out_of_fold.parquet", _schema(config, "out_of_fold")
    )
    particles = config.pairs.particles
    labelled.write(rows, output / "labelled.parquet", particles, config.run.seed, config.hash)
    training.write_json(outcome.summary(), output / "training.json")


def train_table(config: Config, table: Path, output: Path, processes: int = 1) -> None:
    """Train the models on a labelled table alone, for a warm start.

    Their use is other glasses, so folds are of whole glasses, whatever ``learn.split`` says.

    Args:
        config: the run's config.
        table: labelled table.
        output: folder that receives ``models/`` and, last, ``training.json``.
        processes: 2 or more train side by side; the models are the same.

    Raises:
        InputError: the table is missing or damaged, or of another unit system or M.
        TrainingError: too few double wells or others, or unusable features.
    """
    rows = labelled.read(table, config.pairs.particles)
    training.check_units(config, rows, table)
    sample = rows.frame[rows.features]
    settings = config.learn.model_copy(update={"split": "glass"})
    by_glass = config.model_copy(update={"learn": settings})
    models = output / "models"
    outcome = training.train_models(by_glass, rows.frame, models, table, sample, processes)
    training.write_json(outcome.summary(), output / "training.json")


def predict(config: Config, model: Path, pairs: list[Path], output: Path) -> float:
    """Predict every pair with the models of a training.

    Args:
        config: the run's config.
        model: the folder that :func:`train` wrote, or the folder ``models`` in it.
        pairs: pairs tables.
        output: the predictions table.

    Returns:
        The share of the pairs that the ensembles predicted, beyond the screening models.

    Raises:
        InputError: a model or table is missing, damaged or does not fit.
        TlsfindError: the models were written by other versions.
    """
    if not assessment.has_models(model):
        return predict_nothing(config, pairs, output)
    threshold = config.unit_systems[config.loop.unit_system].tls_threshold
    models = Models(model, threshold, config.loop.confidence)
    return predict_table(config, models, pairs, output)


def assess(
    config: Config,
    iteration: int,
    paths: Path,
    predictions: list[Path],
    model: Path,
    output: Path,
    previous: Path | None = None,
) -> dict[str, Any]:
    """Say where the loop stands after an iteration, and whether it goes on.

    Args:
        config: the run's config.
        iteration: iteration of the loop.
        paths: every path so far.
        predictions: predictions tables of all pairs by the models of this iteration.
        model: the folder that :func:`train` wrote.
        output: folder that receives ``history.parquet`` and, last, ``state.json``.
        previous: the history of the iteration before.

    Returns:
        The content of ``state.json``.

    Raises:
        InputError: a table is missing, damaged or does not fit.
    """
    history = assessment.read_history(previous, iteration)
    solved = training.loop_paths(config, paths)
    rest = assessment.remaining(predictions, PairSet(solved))
    estimate = assessment.missing_tls(config, solved, rest)
    numbers = assessment.counts(config, solved, iteration)
    row = assessment.history_row(iteration, numbers, assessment.read_training(model), estimate)
    extended = [*history.replace({np.nan: None}).to_dict("records"), row]
    content = assessment.state(config, row, rest.pairs, assessment.has_models(model))
    tables.write(extended, output / "history.parquet", _schema(config, "history"))
    training.write_json(content, output / "state.json")
    return content
