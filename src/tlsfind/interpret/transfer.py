"""Models trained at one preparation temperature and used at another (paper, Fig. S10).

A matrix of training against prediction temperature. Beside a foreign temperature stands the
training one itself, twice: out of fold by glass (new glasses, like all those of a foreign
temperature: the fair comparison) and out of fold by row (the glasses that were trained on).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.config import Config, Learn
from tlsfind.correlation import pearson
from tlsfind.errors import InputError, TrainingError
from tlsfind.interpret import temperatures
from tlsfind.interpret.importance import accuracy, negative_rmse
from tlsfind.learn import folding, screen
from tlsfind.learn.labelled import Labelled
from tlsfind.progress import track
from tlsfind.units import BUILT_IN

Kind = Literal["screen", "ensemble"]

#: Fewest double wells, and fewest other pairs, to train on, in every fold.
MIN_TRAIN = 20

#: Fewest double wells from which r and the rms error are given.
MIN_TEST = 10

FOLDS = 5

SCORES = ("accuracy", "r_log", "rmse_log", "average_precision_tls")


@dataclass(frozen=True)
class Said:
    """What models say of n pairs.

    Args:
        probability: of a double well, shape (n,).
        target: -log10 E_qs, shape (n,); of other pairs than double wells it may be NaN.
    """

    probability: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class Trained:
    """Models of one temperature.

    Args:
        out_of_fold: on the training pairs.
        predict: for the features of other pairs.
    """

    out_of_fold: Said
    predict: Callable[[pd.DataFrame], Said]


#: Trains on a table with the folds of a split.
Trainer = Callable[[Labelled, folding.Split], Trained]


def matrix(
    table: Labelled,
    *,
    threshold: float | None = None,
    model: Kind = "screen",
    settings: Learn | None = None,
    seed: int = 0,
    threads: int = 1,
) -> pd.DataFrame:
    """Scores of every training temperature at every prediction temperature.

    Args:
        table: labelled pairs of one or more temperatures.
        threshold: of E_qs below which a double well is a TLS; that of the table's unit system if
            None.
        model: ``screen`` (seconds) or ``ensemble`` (the models of the loop).
        settings: section ``learn`` of a config, the defaults if None.
        seed: of folds and models.
        threads: threads of the training.

    Returns:
        Columns of table "transfer"; a row for each two different temperatures, and two for each
        temperature with itself.

    Raises:
        InputError: the unit system is none of the built-in ones and no threshold is given, or the
            threshold is not positive and finite.
    """
    threshold = _threshold(table, threshold)
    settings = settings or Learn()
    train = _trainer(model, settings, threshold, seed, threads)
    of_rows = temperatures.of_rows(table)
    parts = {float(t): _rows(table, of_rows == t) for t in np.unique(of_rows)}
    found: list[dict[str, Any]] = []
    for temperature in track(list(parts), "training temperatures"):
        found += _from(temperature, parts, train, threshold)
    return pd.DataFrame(found).assign(model=model)


def _threshold(table: Labelled, threshold: float | None) -> float:
    if threshold is not None:
        if not (math.isfinite(threshold) and threshold > 0):
            raise InputError(f"TLS threshold of {threshold:g}, expected a positive, finite E_qs")
        return threshold
    if table.unit_system not in BUILT_IN:
        raise InputError(
            f"E_qs in the unit system {table.unit_system!r}, expected one of "
            f"{', '.join(BUILT_IN)}, or a TLS threshold in eps (--threshold), or the config that "
            "defines it (--config)"
        )
    return BUILT_IN[table.unit_system].tls_threshold


def _rows(table: Labelled, chosen: np.ndarray) -> Labelled:
    frame = table.frame[chosen].reset_index(drop=True)
    return Labelled(frame, table.features, table.unit_system)


def _from(
    temperature: float, parts: dict[float, Labelled], train: Trainer, threshold: float
) -> list[dict[str, Any]]:
    """The rows of one training temperature."""
    own = parts[temperature]
    rows: list[dict[str, Any]] = []

    def add(other: float, split: str, said: Said | None, note: str) -> None:
        scores: dict[str, float] = dict.fromkeys(SCORES, float("nan"))
        if said is not None:
            scores, note = score(parts[other], said, threshold)
        rows.append(
            {
                "training_temperature": temperature,
                "prediction_temperature": other,
                "split": split,
                **{f"training_{name}": n for name, n in _counts(own, threshold).items()},
                "training_glasses": len(np.unique(own.glasses)),
                **_counts(parts[other], threshold),
                **scores,
                "note": note,
            }
        )

    trained: Trained | None = None
    note = ""
    splits: tuple[folding.Split, ...] = ("row", "glass")  # by glass last: it serves new glasses
    for split in splits:
        try:
            latest = train(own, split)
        except TrainingError as error:
            add(temperature, split, None, str(error))
            note = note or str(error)
        else:
            trained = latest
            add(temperature, split, trained.out_of_fold, "")
    for other, table in parts.items():
        if other != temperature:
            said = None if trained is None else trained.predict(table.frame[table.features])
            add(other, "other", said, note)
    return rows


def _counts(table: Labelled, threshold: float) -> dict[str, int]:
    return {
        "pairs": len(table.frame),
        "double_wells": int(table.is_double_well.sum()),
        "tls": int(table.is_tls(threshold).sum()),
    }


def score(table: Labelled, said: Said, threshold: float) -> tuple[dict[str, float], str]:
    """Scores of predictions, NaN where there are too few pairs, and a note on these.

    Args:
        table: n pairs with their exact results.
        said: what models say of them.
        threshold: of E_qs of a TLS.
    """
    from sklearn.metrics import average_precision_score

    from tlsfind.learn.predictor import to_target

    known = table.is_double_well & np.isfinite(table.splitting)
    exact, predicted = to_target(table.splitting[known]), said.target[known]
    tls = table.splitting[known] < threshold
    scores = dict.fromkeys(SCORES, float("nan"))
    scores["accuracy"] = accuracy(table.is_double_well, said.probability)
    notes = []
    if len(exact) >= MIN_TEST:
        scores["r_log"] = pearson(exact, predicted)
        scores["rmse_log"] = -negative_rmse(exact, predicted)
        if np.ptp(exact) == 0:
            notes.append("E_qs of all double wells is the same: no r_log")
    else:
        notes.append(f"{len(exact)} double wells with E_qs, fewer than {MIN_TEST}: no r_log")
    if tls.any():
        scores["average_precision_tls"] = float(average_precision_score(tls, predicted))
    else:
        notes.append("no TLS")
    return scores, "; ".join(notes)


def _folds(table: Labelled, split: folding.Split, threshold: float, seed: int) -> np.ndarray:
    """Folds whose training parts have enough of both classes and two values of E_qs, shape (n,).

    Raises:
        TrainingError: they have not, or by glass with one glass.
    """
    wells = table.is_double_well & np.isfinite(table.splitting)
    strata = np.where(table.is_double_well, np.where(table.is_tls(threshold), 2, 1), 0)
    fold = folding.assign(split, table.glasses, FOLDS, seed, strata)
    for number in np.unique(fold):
        for name, rows in (("double wells", wells), ("other pairs", ~table.is_double_well)):
            count = int((rows & (fold != number)).sum())
            if count < MIN_TRAIN:
                raise TrainingError(
                    f"{int(rows.sum())} {name} to train on, {count} of them without a fold by "
                    f"{split}, expected at least {MIN_TRAIN}"
                )
        if np.ptp(table.splitting[wells & (fold != number)]) == 0:
            raise TrainingError(
                f"E_qs of all double wells without a fold by {split} is the same, expected at "
                "least two values to train on"
            )
    return fold


def _trainer(model: Kind, settings: Learn, threshold: float, seed: int, threads: int) -> Trainer:
    function = _train_screen if model == "screen" else _train_ensemble

    def train(table: Labelled, split: folding.Split) -> Trained:
        fold = _folds(table, split, threshold, seed)
        return function(table, split, fold, settings, threshold, seed, threads)

    return train


def _train_screen(
    table: Labelled,
    split: folding.Split,
    fold: np.ndarray,
    settings: Learn,
    threshold: float,
    seed: int,
    threads: int,
) -> Trained:
    from tlsfind.learn.predictor import to_target

    trained = screen.fit(
        table.frame[table.features],
        table.is_double_well,
        to_target(table.splitting),
        -float(np.log10(threshold)),
        rounds=settings.screen_rounds,
        seed=seed,
        fold=fold,
        threads=threads,
    )

    def said(found: screen.Predictions) -> Said:
        return Said(found.probability, found.target)

    return Trained(said(trained.out_of_fold), lambda frame: said(trained.screen.predict(frame)))


def _train_ensemble(
    table: Labelled,
    split: folding.Split,
    fold: np.ndarray,
    settings: Learn,
    threshold: float,
    seed: int,
    threads: int,
) -> Trained:
    """The models of the loop; they deal out their own folds, by the same split."""
    from tlsfind.learn import classifier, predictor

    chosen = settings.model_copy(update={"split": split})
    known = table.is_double_well & np.isfinite(table.splitting)
    features = table.frame[table.features]
    with tempfile.TemporaryDirectory(prefix="tlsfind-transfer-") as place:
        folder = Path(place)
        wells = classifier.fit(
            features,
            table.is_double_well,
            folder / "classifier",
            chosen,
            seed,
            glasses=table.glasses,
            threads=threads,
        )
        splittings = predictor.fit(
            features[known],
            table.splitting[known],
            folder / "predictor",
            chosen,
            seed,
            glasses=table.glasses[known],
            threads=threads,
        )
        models = (
            classifier.Classifier(folder / "classifier"),
            predictor.Predictor(folder / "predictor"),
        )
    fallback = [note for note in (*wells.notes, *splittings.notes) if "folds by row" in note]
    if split == "glass" and fallback:
        raise TrainingError(fallback[0])
    target = np.full(len(features), np.nan)
    target[known] = predictor.to_target(splittings.out_of_fold)
    return Trained(
        Said(wells.out_of_fold, target),
        lambda frame: Said(models[0].probability(frame), models[1].target(frame)),
    )


def transfer(
    labelled: Sequence[Path],
    output: Path,
    *,
    model: Kind = "screen",
    config: Config | None = None,
    threshold: float | None = None,
    seed: int = 0,
    threads: int = 1,
) -> pd.DataFrame:
    """Write the matrix of labelled tables as CSV or Parquet.

    Args:
        labelled: labelled tables, of one or more temperatures each.
        output: ``.csv`` or ``.parquet``.
        model: ``screen`` or ``ensemble``.
        config: its section ``learn`` is that of the models; the defaults if None.
        threshold: as for :func:`matrix`; that of the config's ``loop.unit_system`` if None.
        seed: of folds and models.
        threads: threads of the training.

    Raises:
        InputError: another suffix; the tables have another unit system than the config that the
            threshold is taken from; or as for :func:`tlsfind.interpret.temperatures.read` and
            :func:`matrix`.
    """
    if output.suffix not in (".csv", ".parquet"):
        raise InputError(f"output file {output}: expected a name that ends in .csv or .parquet")
    table = temperatures.read(labelled)
    settings = Learn() if config is None else config.learn
    if config is not None and threshold is None:
        from tlsfind.learn.training import check_units

        check_units(config, table, labelled[0])
        threshold = config.unit_systems[table.unit_system].tls_threshold
    found = matrix(
        table, threshold=threshold, model=model, settings=settings, seed=seed, threads=threads
    )
    schema = tables.stamped(tables.schema("transfer"), "", seed)
    found = found[schema.names]
    if output.suffix == ".parquet":
        tables.write(found, output, schema)
    else:
        with tables.atomic(output) as temporary:
            found.to_csv(temporary, index=False)
    return found
