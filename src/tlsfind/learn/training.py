"""One training of the loop: from the paths table to models, out-of-fold predictions and state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import seeds, tables
from tlsfind.config import Config
from tlsfind.errors import InputError, TrainingError
from tlsfind.learn import classifier, predictor, stopping
from tlsfind.pairs.keys import KEYS, count_rows, join_columns

#: Folders of the two models below ``models``.
CLASSIFIER, PREDICTOR = "classifier", "predictor"


@dataclass(frozen=True)
class Outcome:
    """What a training says besides its models.

    Args:
        out_of_fold: table "out_of_fold".
        classifier_accuracy: share of right out-of-fold verdicts at a probability of 1/2.
        splitting_r_log: Pearson r of log10 E_qs, exact against out of fold; None if undefined.
        time_limit_struck: whether the time limit cut either training short.
    """

    out_of_fold: pd.DataFrame
    classifier_accuracy: float
    splitting_r_log: float | None
    time_limit_struck: bool


def loop_paths(config: Config, paths: Path) -> pd.DataFrame:
    """What training needs of the paths table; ``splitting`` is E_qs in the loop's units.

    Raises:
        InputError: the table is missing, damaged, lacks a column, or lists a pair twice.
    """
    column = f"quantum_splitting_{config.loop.unit_system}"
    frame = tables.read(paths, only=[*KEYS, "iteration", "status", "barrier", column])
    twice = frame.duplicated(KEYS)
    if twice.any():
        pair = ", ".join(str(value) for value in frame.loc[twice, KEYS].iloc[0])
        raise InputError(f"pair {pair} stands more than once in {paths}, expected once")
    return frame.rename(columns={column: "splitting"})


def join_features(
    solved: pd.DataFrame, pairs: Sequence[Path], features: list[str], source: Path
) -> tuple[pd.DataFrame, int]:
    """Join paths with the features of their pairs, keeping only those rows of the pairs tables.

    Args:
        solved: paths, with the columns of ``KEYS``.
        pairs: pairs tables.
        features: names of the features.
        source: the paths table's file, for messages.

    Returns:
        The joined rows in the order of their keys, and the number of pairs that have no path.

    Raises:
        InputError: a file is missing, damaged or lacks a column; a path without its pair.
    """
    joined = join_columns(solved, pairs, features, str(source))
    joined = joined.sort_values(KEYS, ignore_index=True)
    return joined, count_rows(pairs) - len(joined)


def check_enough(rows: pd.DataFrame, minimum: int, source: Path) -> None:
    """Check that both classes are large enough.

    Args:
        rows: labelled paths with ``is_double_well`` and ``splitting``.
        minimum: ``learn.min_double_wells``.
        source: the paths table's file, for the message.

    Raises:
        TrainingError: fewer than ``minimum`` double wells with a splitting, or others.
    """
    double_wells = int((rows["is_double_well"] & np.isfinite(rows["splitting"])).sum())
    others = int((~rows["is_double_well"]).sum())
    if double_wells >= minimum and others >= minimum:
        return
    if double_wells < minimum:
        cure = "raise loop.initial_paths, or explore with more trajectories (explore.trajectories)"
    else:
        cure = "raise loop.initial_paths, or lower loop.initial_transition_share"
    raise TrainingError(
        f"found {double_wells} double wells and {others} other pairs with a verdict in {source}, "
        f"expected at least {minimum} of each (learn.min_double_wells): {cure}"
    )


def train_models(config: Config, rows: pd.DataFrame, models: Path, source: Path) -> Outcome:
    """Train both models.

    Args:
        config: the run's config.
        rows: paths joined with features, as from :func:`join_features`.
        models: folder that receives both models.
        source: the paths table's file, for messages.

    Raises:
        TrainingError: too few rows of a class, or unusable features.
    """
    features = tables.feature_names(config.pairs.particles)
    rows = rows[classifier.is_labelled(rows["status"])].reset_index(drop=True)
    rows["is_double_well"] = rows["status"] == "double_well"
    check_enough(rows, config.learn.min_double_wells, source)

    first = classifier.fit(
        rows[features],
        rows["is_double_well"].to_numpy(),
        models / CLASSIFIER,
        config.learn,
        seeds.integer(config.run.seed, "learn", 0),
    )
    wells = (rows["is_double_well"] & np.isfinite(rows["splitting"])).to_numpy()
    exact = rows.loc[wells, "splitting"].to_numpy()
    second = predictor.fit(
        rows.loc[wells, features],
        exact,
        models / PREDICTOR,
        config.learn,
        seeds.integer(config.run.seed, "learn", 1),
    )
    splitting = np.full(len(rows), np.nan)
    splitting[wells] = second.out_of_fold
    is_double_well = rows["is_double_well"].to_numpy()
    out_of_fold = rows[[*KEYS, "is_double_well"]].assign(
        probability_double_well=first.out_of_fold,
        quantum_splitting=rows["splitting"].where(is_double_well),
        predicted_splitting=splitting,
        barrier=rows["barrier"].where(is_double_well),
    )
    return Outcome(
        out_of_fold,
        float(np.mean((first.out_of_fold > 0.5) == is_double_well)),
        r_log(exact, second.out_of_fold),
        first.time_limit_struck or second.time_limit_struck,
    )


def r_log(exact: np.ndarray, predicted: np.ndarray) -> float | None:
    """Pearson r of the logarithms of E_qs; None if either has no spread."""
    first, second = predictor.to_target(exact), predictor.to_target(predicted)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def counts(config: Config, solved: pd.DataFrame, iteration: int) -> dict[str, int]:
    """Paths, double wells and TLS of one iteration and of all up to it.

    Args:
        config: gives the TLS threshold.
        solved: paths of the loop, from :func:`loop_paths`.
        iteration: iteration of the loop.
    """
    double_well = (solved["status"] == "double_well").to_numpy()
    threshold = config.unit_systems[config.loop.unit_system].tls_threshold
    tls = double_well & (solved["splitting"].to_numpy() < threshold)
    new = (solved["iteration"] == iteration).to_numpy()
    return {
        "paths": int(new.sum()),
        "double_wells": int((double_well & new).sum()),
        "tls": int((tls & new).sum()),
        "total_paths": len(solved),
        "total_double_wells": int(double_well.sum()),
        "total_tls": int(tls.sum()),
    }


def read_history(previous: Path | None, iteration: int) -> pd.DataFrame:
    """The history before ``iteration``; empty without a previous one.

    Args:
        previous: history table, or the folder of the training that wrote it.
        iteration: iteration that comes next.

    Raises:
        InputError: the table is missing or damaged, or does not end with ``iteration`` - 1.
    """
    names = tables.schema("history").names
    if previous is None:
        history = pd.DataFrame(columns=names)
        if iteration == 0:
            return history
        raise InputError(f"iteration {iteration} needs the history of iteration {iteration - 1}")
    path = previous / "history.parquet" if previous.is_dir() else previous
    history = tables.read(path, names)
    found = history["iteration"].tolist()
    if found != list(range(iteration)):
        raise InputError(
            f"history {path} has the iterations {found}, expected {list(range(iteration))}"
        )
    return history


def history_row(iteration: int, numbers: dict[str, int], outcome: Outcome) -> dict[str, Any]:
    """The row of table "history" for this training."""
    return {
        "iteration": iteration,
        **numbers,
        "classifier_accuracy": outcome.classifier_accuracy,
        "splitting_r_log": outcome.splitting_r_log,
        "time_limit_struck": outcome.time_limit_struck,
    }


def state(
    config: Config, iteration: int, numbers: dict[str, int], outcome: Outcome, pairs_left: int
) -> dict[str, Any]:
    """The content of ``state.json``: where the loop stands and whether it goes on."""
    decision = stopping.verdict(
        iteration,
        numbers["tls"],
        numbers["total_tls"],
        pairs_left,
        stop_fraction=config.loop.stop_fraction,
        min_iterations=config.loop.min_iterations,
        max_iterations=config.loop.max_iterations,
    )
    return {
        "iteration": iteration,
        **asdict(decision),
        "new_paths": numbers["paths"],
        "new_double_wells": numbers["double_wells"],
        "new_tls": numbers["tls"],
        "total_paths": numbers["total_paths"],
        "total_double_wells": numbers["total_double_wells"],
        "total_tls": numbers["total_tls"],
        "pairs_left": pairs_left,
        "classifier_accuracy": outcome.classifier_accuracy,
        "splitting_r_log": outcome.splitting_r_log,
        "time_limit_struck": outcome.time_limit_struck,
    }


def write_state(content: dict[str, Any], path: Path) -> None:
    """Write ``state.json`` atomically."""
    with tables.atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
