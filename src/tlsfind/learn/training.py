"""One training of the loop: from paths and features to models and out-of-fold predictions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import seeds, tables
from tlsfind.beside import beside
from tlsfind.config import Config
from tlsfind.correlation import pearson_or_none
from tlsfind.errors import InputError, TrainingError
from tlsfind.learn import classifier, ensemble, labelled, predictor, screen
from tlsfind.learn.labelled import Labelled
from tlsfind.learn.predictor import SPLITTING_FLOOR
from tlsfind.learn.sampling import Smallest, random_keys
from tlsfind.pairs.keys import KEYS, batches, join_columns

#: Folders of the models below ``models``.
CLASSIFIER, PREDICTOR, BARRIER, SCREEN = "classifier", "predictor", "barrier", "screen"

#: In front of the glass names of ``loop.start_table``: other glasses, whatever their names.
START = "start:"


class TooFew(TrainingError):
    """There are too few double wells, or too few other pairs, to train on."""


@dataclass
class Outcome:
    """What a training says besides its models.

    Args:
        out_of_fold: table "out_of_fold".
        classifier_accuracy: share of right out-of-fold verdicts at a probability of 1/2.
        splitting_r_log: Pearson r of log10 E_qs, exact against out of fold; None if undefined.
        barrier_r: Pearson r of the barrier, the same; None if it was not trained.
        time_limit_struck: whether the time limit cut a training short.
        notes: what was done otherwise than the config says, and why.
        screen: what the screening models lose and keep.
        trained: whether there are models; without them the next batch is drawn at random.
    """

    out_of_fold: pd.DataFrame
    classifier_accuracy: float | None
    splitting_r_log: float | None
    barrier_r: float | None
    time_limit_struck: bool
    notes: list[str] = field(default_factory=list)
    screen: dict[str, Any] = field(default_factory=dict)
    trained: bool = True

    def summary(self) -> dict[str, Any]:
        """The content of ``training.json``."""
        return {
            "classifier_accuracy": self.classifier_accuracy,
            "splitting_r_log": self.splitting_r_log,
            "barrier_r": self.barrier_r,
            "time_limit_struck": self.time_limit_struck,
            "notes": self.notes,
            "screen": self.screen,
            "trained": self.trained,
        }


def loop_paths(config: Config, paths: Path) -> pd.DataFrame:
    """What training needs of the paths table; ``splitting`` is E_qs in the loop's units.

    Raises:
        InputError: the table is missing, damaged, lacks a column, or lists a pair twice.
    """
    column = f"quantum_splitting_{config.loop.unit_system}"
    only = [*KEYS, "iteration", "stratum", "status", "barrier", "probability_tls", column]
    frame = tables.read(paths, only=only)
    twice = frame.duplicated(KEYS)
    if twice.any():
        pair = ", ".join(str(value) for value in frame.loc[twice, KEYS].iloc[0])
        raise InputError(f"pair {pair} stands more than once in {paths}, expected once")
    return frame.rename(columns={column: "splitting"})


def labelled_rows(config: Config, paths: Path, pairs: Sequence[Path]) -> pd.DataFrame:
    """Every path with a verdict, with the features of its pair, as rows of table "labelled".

    Args:
        config: the run's config.
        paths: every path so far.
        pairs: pairs tables, streamed.

    Returns:
        Rows in the order of their keys; E_qs is at least ``SPLITTING_FLOOR``, below which the
        solver resolves nothing.

    Raises:
        InputError: a file is missing, damaged or lacks a column; a path without its pair.
    """
    features = tables.feature_names(config.pairs.particles)
    solved = loop_paths(config, paths)
    rows = join_columns(solved, pairs, features, str(paths)).sort_values(KEYS, ignore_index=True)
    rows = rows[classifier.is_labelled(rows["status"])].reset_index(drop=True)
    double_well = rows["status"] == "double_well"
    known = set(config.glass_names)
    temperature = {
        name: config.glass(name)[1] if name in known else np.nan for name in rows["glass"].unique()
    }
    return rows.assign(
        preparation_temperature=rows["glass"].map(temperature).astype(float),
        is_double_well=double_well,
        quantum_splitting=rows["splitting"].where(double_well).clip(lower=SPLITTING_FLOOR),
        barrier=rows["barrier"].where(double_well),
        unit_system=config.loop.unit_system,
    )[[name for name, _, _ in tables.labelled_columns(config.pairs.particles)]]


def start_rows(config: Config) -> pd.DataFrame | None:
    """The rows of ``loop.start_table``, their glasses marked as others; None without one.

    Raises:
        InputError: the table is missing, damaged, or of another unit system or M.
    """
    path = config.loop.start_table
    if path is None:
        return None
    table = labelled.read(path, config.pairs.particles)
    check_units(config, table, path)
    return table.frame.assign(glass=START + table.frame["glass"])


def same_names(config: Config, others: pd.DataFrame | None) -> list[str]:
    """A note if a start table has glasses named like this run's: they may be the same ones."""
    if others is None:
        return []
    names = others["glass"].str.removeprefix(START).unique()
    same = sorted(set(names) & set(config.glass_names))
    if not same:
        return []
    return [
        f"loop.start_table has {len(same)} glass(es) named like this run's ({same[0]} ...), taken "
        "as others"
    ]


def check_units(config: Config, table: Labelled, source: Path) -> None:
    """Check that a labelled table has E_qs in the loop's unit system.

    Raises:
        InputError: it has another one.
    """
    if table.unit_system != config.loop.unit_system:
        raise InputError(
            f"labelled table {source} holds E_qs in {table.unit_system}, expected "
            f"{config.loop.unit_system} (loop.unit_system)"
        )


def pool_sample(config: Config, pairs: Sequence[Path], iteration: int) -> pd.DataFrame:
    """Features of at most ``learn.pool_sample`` pairs, drawn uniformly from all pairs.

    Raises:
        InputError: a file is missing, damaged or lacks a column.
    """
    features = tables.feature_names(config.pairs.particles)
    sequence = seeds.sequence(config.run.seed, "learn", 3, iteration)
    keeper = Smallest(config.learn.pool_sample)
    for _, frame in batches(pairs, [*KEYS, *features]):
        keeper.add(frame.assign(score=0.0, key=random_keys(frame, sequence)))
    rows = keeper.rows()
    return rows[features] if len(rows) else pd.DataFrame(columns=features, dtype=float)


def check_enough(rows: pd.DataFrame, minimum: int, source: Path) -> None:
    """Check that both classes are large enough.

    Args:
        rows: of table "labelled".
        minimum: ``learn.min_double_wells``.
        source: the paths table's file, for the message.

    Raises:
        TooFew: fewer than ``minimum`` double wells with a splitting, or others.
        TrainingError: all splittings are equal.
    """
    values = rows.loc[rows["is_double_well"].astype(bool), "quantum_splitting"]
    known, others = int(np.isfinite(values).sum()), len(rows) - len(values)
    if known >= minimum and others >= minimum:
        if values.nunique() < 2:
            raise TrainingError(
                f"all {known} double wells in {source} have the same E_qs, expected at least two "
                "values to learn from"
            )
        return
    if known < minimum:
        cure = "take more random pairs, or explore with more trajectories (explore.trajectories)"
    else:
        cure = "take more random pairs, or lower loop.initial_transition_share"
    raise TooFew(
        f"found {known} double wells with E_qs and {others} other pairs with a verdict in {source},"
        f" expected at least {minimum} of each (learn.min_double_wells): {cure}"
    )


def train_models(
    config: Config,
    rows: pd.DataFrame,
    models: Path,
    source: Path,
    sample: pd.DataFrame,
    processes: int = 1,
) -> Outcome:
    """Train the classifier, the predictors of splitting and barrier, and the screening models.

    Args:
        config: the run's config.
        rows: of table "labelled".
        models: folder that receives the models, each in a folder of its own.
        source: the paths table's file, for messages.
        sample: features of random pairs of the pool, shape (n, n_features); may be empty.
        processes: with 2 or more the predictors are trained in a process of their own, beside the
            others; the models are the same.

    Raises:
        TrainingError: too few rows of a class, or unusable features.
    """
    features = tables.feature_names(config.pairs.particles)
    check_enough(rows, config.learn.min_double_wells, source)
    double_well = rows["is_double_well"].to_numpy(dtype=bool)
    glasses = rows["glass"].to_numpy()

    seed = seeds.integer(config.run.seed, "learn", 0)
    with beside(_predictors, config, rows, models, processes=processes) as predictors:
        first = classifier.fit(
            rows[features], double_well, models / CLASSIFIER, config.learn, seed, glasses
        )
        kept, screen_note = _train_screen(config, rows, models / SCREEN, sample)
        (splitting, second), (barrier, third) = predictors()
    probability = pd.Series(first.out_of_fold, index=rows.index)
    notes = [
        f"{name}: {note}"
        for name, trained in (("classifier", first), ("splitting", second), ("barrier", third))
        for note in (trained.notes if trained else ["too few values, not trained"])
    ]
    out_of_fold = rows[[*KEYS, "is_double_well", "quantum_splitting", "barrier"]].assign(
        probability_double_well=probability,
        predicted_splitting=splitting,
        predicted_barrier=barrier,
    )
    pairs_of = {
        name: (rows[exact].to_numpy()[known], values[known])
        for name, exact, values in (
            ("splitting", "quantum_splitting", splitting),
            ("barrier", "barrier", barrier),
        )
        if (known := np.isfinite(values)).any()
    }
    notes += [f"screen: {screen_note}"] if screen_note else []
    return Outcome(
        out_of_fold,
        float(np.mean((first.out_of_fold > 0.5) == double_well)),
        r_log(*pairs_of["splitting"]),
        pearson_or_none(*pairs_of["barrier"]) if "barrier" in pairs_of else None,
        any(trained.time_limit_struck for trained in (first, second, third) if trained),
        notes,
        kept,
    )


def without_models(reason: str) -> Outcome:
    """The outcome of a training that there are too few rows for."""
    empty = pd.DataFrame(columns=tables.schema("out_of_fold").names).astype({"glass": str})
    return Outcome(empty, None, None, None, False, [f"no models: {reason}"], trained=False)


Values = tuple[np.ndarray, ensemble.Trained | None]


def _predictors(config: Config, rows: pd.DataFrame, models: Path) -> tuple[Values, Values]:
    """Train the predictors of E_qs and of the barrier; see :func:`_values`."""
    return (
        _values(config, rows, "quantum_splitting", models / PREDICTOR),
        _values(config, rows, "barrier", models / BARRIER),
    )


def _values(config: Config, rows: pd.DataFrame, column: str, folder: Path) -> Values:
    """Out-of-fold predictions of a column of double wells, NaN elsewhere, shape (n,).

    A column with too few values or one only is not trained on: then all are NaN.
    """
    values = rows[column].to_numpy(dtype=float)
    known = rows["is_double_well"].to_numpy(dtype=bool) & np.isfinite(values)
    predicted = np.full(len(rows), np.nan)
    splitting = column == "quantum_splitting"
    enough = known.sum() >= config.learn.min_double_wells and np.ptp(values[known]) > 0
    if not splitting and not enough:
        return predicted, None
    trained = predictor.fit(
        rows.loc[known, tables.feature_names(config.pairs.particles)],
        values[known],
        folder,
        config.learn,
        seeds.integer(config.run.seed, "learn", 1 if splitting else 2),
        rows["glass"].to_numpy()[known],
        "splitting" if splitting else "barrier",
    )
    predicted[known] = trained.out_of_fold
    return predicted, trained


def _train_screen(
    config: Config, rows: pd.DataFrame, folder: Path, sample: pd.DataFrame
) -> tuple[dict[str, Any], str | None]:
    """Train and save the screening models, and say what they lose and keep, with a note or None."""
    threshold = config.unit_systems[config.loop.unit_system].tls_threshold
    bound = float(predictor.to_target(np.array(threshold)))
    double_well = rows["is_double_well"].to_numpy(dtype=bool)
    target = predictor.to_target(rows["quantum_splitting"].to_numpy(dtype=float))
    seed = seeds.integer(config.run.seed, "learn", 4)
    fold, note = None, None
    if config.learn.split == "glass":
        glasses = rows["glass"].to_numpy()
        fold, note = screen.folds_by_glass(glasses, double_well, target, bound, seed)
    trained = screen.fit(
        rows[tables.feature_names(config.pairs.particles)],
        double_well,
        target,
        bound,
        rounds=config.learn.screen_rounds,
        seed=seed,
        fold=fold,
    )
    tls = (rows["quantum_splitting"] < threshold).to_numpy()
    scores = trained.screen.predict(sample).probability_tls
    trained.screen.admit(scores, config.learn.screen_share)
    trained.screen.save(folder)
    return {
        "cutoff": trained.screen.cutoff,
        "held_out_tls": int(tls.sum()),
        "held_out_tls_lost": int(
            (trained.out_of_fold.probability_tls[tls] < trained.screen.cutoff).sum()
        ),
        "share_rescored": float(np.mean(scores >= trained.screen.cutoff)) if len(scores) else None,
    }, note


def r_log(exact: np.ndarray, predicted: np.ndarray) -> float | None:
    """Pearson r of the logarithms of E_qs; None if either has no spread."""
    return pearson_or_none(predictor.to_target(exact), predictor.to_target(predicted))


def write_json(content: dict[str, Any], path: Path) -> None:
    """Write a JSON file atomically."""
    with tables.atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
