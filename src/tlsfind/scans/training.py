"""One training of a scan, with the trainers of the loop, and its scores on held-out pairs."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind.config import Learn
from tlsfind.errors import TrainingError
from tlsfind.evaluate import scores
from tlsfind.learn import classifier, predictor
from tlsfind.learn.predictor import from_target, to_target
from tlsfind.scans.draws import CLASSIFIER, Draw, Kind, Study

#: Scores of each model in table "scan".
SCORES: dict[Kind, tuple[str, ...]] = {
    "classifier": ("accuracy", "balanced_accuracy", "log_loss"),
    "predictor": ("r2_log", "r2", "r_log", "r", "rmse_log"),
}


@dataclass(frozen=True)
class Fitted:
    """A trained model as a function of features.

    Args:
        predict: features (n rows) to the probability of a double well, or to -log10 E_qs, (n,).
        seconds: wall time of the training.
        time_limit_struck: whether the time limit cut it short.
        notes: what was done otherwise than asked for.
    """

    predict: Callable[[pd.DataFrame], np.ndarray]
    seconds: float
    time_limit_struck: bool = False
    notes: list[str] = field(default_factory=list)


@contextmanager
def ensemble(
    study: Study, model: Kind, draw: Draw, features: pd.DataFrame, settings: Learn | None = None
) -> Iterator[Fitted]:
    """The loop's ensemble, trained on ``draw.train``; its files are gone afterwards.

    Args:
        study: the pairs and settings.
        model: which one.
        draw: training pairs.
        features: of all pairs of the study, n rows.
        settings: instead of those of the study.

    Raises:
        TrainingError: too few pairs of a class, or as for :func:`tlsfind.learn.ensemble.fit`.
    """
    settings = (settings or study.learn).model_copy(update={"split": draw.split})
    rows, table = draw.train, study.table
    enough(study, model, rows)
    with tempfile.TemporaryDirectory(prefix="tlsfind-scan-") as place:
        folder = Path(place) / model
        begin = time.monotonic()
        common: dict[str, Any] = {
            "folder": folder,
            "settings": settings,
            "seed": draw.seed,
            "glasses": table.glasses[rows],
            "threads": study.threads,
        }
        if model == CLASSIFIER:
            trained = classifier.fit(features.iloc[rows], table.is_double_well[rows], **common)
        else:
            trained = predictor.fit(features.iloc[rows], table.splitting[rows], **common)
        seconds = time.monotonic() - begin
        predict = (
            classifier.Classifier(folder, study.threads).probability
            if model == CLASSIFIER
            else predictor.Predictor(folder, study.threads).target
        )
        yield Fitted(predict, seconds, trained.time_limit_struck, trained.notes)


def enough(study: Study, model: Kind, rows: np.ndarray) -> None:
    """Raise a TrainingError if ``rows`` are fewer than ``learn.min_double_wells`` of a class."""
    wells = int(study.table.is_double_well[rows].sum())
    least = study.learn.min_double_wells
    counts = {"double wells": wells}
    if model == CLASSIFIER:
        counts["other pairs"] = len(rows) - wells
    for what, count in counts.items():
        if count < least:
            raise TrainingError(
                f"{count} {what} to train on, expected at least {least} (learn.min_double_wells)"
            )


def r_squared(exact: np.ndarray, predicted: np.ndarray) -> float:
    """R2 = 1 - sum (exact - predicted)^2 / sum (exact - mean)^2; NaN without spread.

    Args:
        exact: shape (n,).
        predicted: shape (n,).
    """
    spread = float(np.sum((exact - np.mean(exact)) ** 2)) if len(exact) else 0.0
    if spread == 0:
        return math.nan
    return 1.0 - float(np.sum((exact - predicted) ** 2)) / spread


def scored(study: Study, model: Kind, rows: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Scores of predictions of some pairs, NaN where they are not defined.

    Args:
        study: the pairs.
        model: what was predicted.
        rows: the predicted pairs, shape (m,), m > 0.
        predicted: probability of a double well, or -log10 E_qs, shape (m,).
    """
    if model == CLASSIFIER:
        found = scores.classification(study.table.is_double_well[rows], predicted).values
    else:
        exact = study.table.splitting[rows]
        found = scores.values(exact, predicted).values
        found["r2_log"] = r_squared(to_target(exact), predicted)
        found["r2"] = r_squared(exact, from_target(predicted))
    values = {name: found[name] for name in SCORES[model]}
    return {name: math.nan if value is None else value for name, value in values.items()}


def row(study: Study, scan: str, model: Kind, split: str, repeat: int) -> dict[str, Any]:
    """A row of table "scan" without a result."""
    empty = dict.fromkeys((name for names in SCORES.values() for name in names), math.nan)
    return {
        "scan": scan,
        "preparation_temperature": study.temperature,
        "model": model,
        "variant": "",
        "value": math.nan,
        "feature": "",
        "split": split,
        "repeat": repeat,
        "training_pairs": 0,
        "training_glasses": 0,
        "pairs": 0,
        **empty,
        "seconds": math.nan,
        "time_limit_struck": False,
        "note": "",
    }


def result(study: Study, model: Kind, draw: Draw, fitted: Fitted, predicted: np.ndarray) -> dict:
    """The columns of table "scan" that a training gives.

    Args:
        study: the pairs.
        model: what was trained.
        draw: on which pairs, and which were held out.
        fitted: the model.
        predicted: of the held-out pairs.
    """
    return {
        "training_pairs": len(draw.train),
        "training_glasses": len(np.unique(study.table.glasses[draw.train])),
        "pairs": len(draw.test),
        **scored(study, model, draw.test, predicted),
        "seconds": fitted.seconds,
        "time_limit_struck": fitted.time_limit_struck,
        "note": "; ".join(dict.fromkeys(fitted.notes)),
    }


def measured(
    study: Study, model: Kind, draw: Draw, features: pd.DataFrame, settings: Learn | None = None
) -> dict[str, Any]:
    """Train the ensemble and score it; columns of table "scan", or the reason as ``note``."""
    try:
        with ensemble(study, model, draw, features, settings) as fitted:
            predicted = fitted.predict(features.iloc[draw.test])
    except TrainingError as error:
        return {"training_pairs": len(draw.train), "note": str(error)}
    return result(study, model, draw, fitted, predicted)
