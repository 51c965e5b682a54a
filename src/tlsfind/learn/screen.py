"""The screening models: a fraction of a microsecond for a pair, so that every pair can be seen.

Two CatBoost models of shallow trees, one for the double well and one for E_qs, trained on the
columns of the pairs table as they are. They choose the pairs that the ensembles predict again; what
they lose is measured on the training rows by predictions out of fold, and so bounded:
:attr:`Screen.cutoff` lies below the score of every held-out TLS.

All nodes of one depth share their cut (symmetric trees), which is why they are fast: 0.4 us for
both models of 200 trees, against 10 us for one LightGBM model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tlsfind import tables
from tlsfind.errors import DamagedError, TrainingError
from tlsfind.learn import folding
from tlsfind.learn.calibration import Logistic, Residuals
from tlsfind.learn.ensemble import BORDERS

#: The cutoff lies this factor below the lowest score of a held-out TLS.
MARGIN = 0.1

#: Folds of the out-of-fold predictions.
FOLDS = 5

_DEPTH, _LEARNING_RATE = 6, 0.1
_DESCRIPTION = "screen.json"
_FILES = {"classifier": "classifier.cbm", "predictor": "predictor.cbm"}


@dataclass
class Predictions:
    """What models say of n pairs.

    Args:
        probability: of a double well, calibrated, shape (n,).
        target: -log10 E_qs, shape (n,).
        probability_tls: of a TLS, shape (n,).
    """

    probability: np.ndarray
    target: np.ndarray
    probability_tls: np.ndarray


class Screen:
    """Trained screening models.

    Args:
        features: names of the features.
        classifier: CatBoost model of the double well.
        predictor: CatBoost model of -log10 E_qs.
        logistic: calibration of the classifier.
        residuals: of the predictor.
        bound: -log10 of the TLS threshold.
        cutoff: score (probability of a TLS) from which the ensembles predict a pair again; no
            held-out TLS lies below it. 1 if there was none.
    """

    def __init__(
        self,
        features: list[str],
        classifier: Any,
        predictor: Any,
        logistic: Logistic,
        residuals: Residuals,
        bound: float,
        cutoff: float,
    ) -> None:
        self.features = features
        self._classifier = classifier
        self._predictor = predictor
        self._logistic = logistic
        self.residuals = residuals
        self.bound = bound
        self.cutoff = cutoff

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict pairs.

        Args:
            frame: with the columns ``features``, shape (n, at least n_features).
        """
        return self.predict_matrix(matrix(frame, self.features))

    def predict_matrix(self, x: np.ndarray) -> Predictions:
        """Predict pairs.

        Args:
            x: values of ``features``, shape (n, n_features), float32.
        """
        if not len(x):
            return Predictions(np.empty(0), np.empty(0), np.empty(0))
        raw, target = _raw(self._classifier, x), _raw(self._predictor, x)
        return _predictions(raw, target, self._logistic, self.residuals, self.bound)

    def admit(self, scores: np.ndarray, share: float) -> None:
        """Lower the cutoff until at least a share of the pool lies above it.

        Args:
            scores: probabilities of a TLS of random pairs of the pool, shape (n,); may be empty.
            share: share of the pool.
        """
        if len(scores):
            self.cutoff = min(self.cutoff, float(np.quantile(scores, 1.0 - share)))

    def save(self, folder: Path) -> None:
        """Write the models and their description into ``folder``, which is made."""
        from catboost import CatBoostError

        content = {
            "features": self.features,
            "logistic": self._logistic.to_dict(),
            "residuals": self.residuals.to_dict(),
            "bound": self.bound,
            "cutoff": self.cutoff,
        }
        with tables.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                self._classifier.save_model(str(folder / _FILES["classifier"]))
                self._predictor.save_model(str(folder / _FILES["predictor"]))
            except CatBoostError as error:  # it says in words what the system said
                raise OSError(str(error)) from None
            (folder / _DESCRIPTION).write_text(json.dumps(content) + "\n")


@dataclass
class Trained:
    """What a training gives.

    Args:
        screen: the models.
        out_of_fold: predictions of each training row by models that did not see it.
    """

    screen: Screen
    out_of_fold: Predictions


def fit(
    features: pd.DataFrame,
    is_double_well: np.ndarray,
    target: np.ndarray,
    bound: float,
    *,
    rounds: int,
    seed: int,
    fold: np.ndarray | None = None,
    threads: int = 1,
) -> Trained:
    """Train the screening models.

    Args:
        features: shape (n, n_features).
        is_double_well: shape (n,), bool; both classes must occur in all but each fold.
        target: -log10 E_qs of double wells, NaN elsewhere, shape (n,).
        bound: -log10 of the TLS threshold.
        rounds: trees of each model.
        seed: of the models, and of the folds if ``fold`` is not given.
        fold: fold of each row, shape (n,); five folds at random by default.
        threads: threads of the training.

    Raises:
        TrainingError: one class only, or no two values of E_qs, over all rows or without a fold.
    """
    is_double_well = np.asarray(is_double_well, dtype=bool)
    names, x = list(features.columns), matrix(features, list(features.columns))
    wells = is_double_well & np.isfinite(target)
    if fold is None:
        strata = _strata(is_double_well, target, bound)
        fold = folding.by_row(len(x), FOLDS, np.random.default_rng(seed), strata)
    fault = _fault(is_double_well, target, fold)
    if fault:
        raise TrainingError(f"the screening models cannot be trained on {len(x)} rows: {fault}")
    raw, value = np.empty(len(x)), np.empty(len(x))
    for number in np.unique(fold):
        train, test = fold != number, fold == number
        models = _train(x, is_double_well, target, train, wells, rounds, seed, threads)
        raw[test], value[test] = (_raw(model, x[test]) for model in models)
    logistic = Logistic.fit(_sigmoid(raw), is_double_well)
    residuals = Residuals.fit(target[wells], value[wells])
    out_of_fold = _predictions(raw, value, logistic, residuals, bound)
    tls = wells & (np.nan_to_num(target) > bound)
    cutoff = MARGIN * float(out_of_fold.probability_tls[tls].min()) if tls.any() else 1.0
    everything = np.ones(len(x), dtype=bool)
    models = _train(x, is_double_well, target, everything, wells, rounds, seed, threads)
    trained = Screen(names, models[0], models[1], logistic, residuals, bound, cutoff)
    return Trained(trained, out_of_fold)


def folds_by_glass(
    glasses: np.ndarray, is_double_well: np.ndarray, target: np.ndarray, bound: float, seed: int
) -> tuple[np.ndarray | None, str | None]:
    """Folds of whole glasses for :func:`fit`; None and the reason where these rows allow none.

    Args:
        glasses: glass of each row, shape (n,).
        is_double_well: shape (n,), bool.
        target: -log10 E_qs of double wells, NaN elsewhere, shape (n,).
        bound: -log10 of the TLS threshold.
        seed: of the folds.
    """
    if len(np.unique(glasses)) < 2:
        return None, f"all {len(glasses)} rows are of one glass: folds by row, not by glass"
    strata = _strata(np.asarray(is_double_well, dtype=bool), target, bound)
    fold = folding.assign("glass", glasses, FOLDS, seed, strata)
    fault = _fault(np.asarray(is_double_well, dtype=bool), target, fold)
    return (None, f"{fault}: folds by row, not by glass") if fault else (fold, None)


def _strata(is_double_well: np.ndarray, target: np.ndarray, bound: float) -> np.ndarray:
    """Class of each row for even folds: others 0, double wells 1, TLS 2, the few that matter."""
    wells = is_double_well & np.isfinite(target)
    return np.where(wells, np.where(np.nan_to_num(target) > bound, 2, 1), 0)


def _fault(is_double_well: np.ndarray, target: np.ndarray, fold: np.ndarray) -> str | None:
    """Why models cannot be trained on all rows, or on all but a fold; None if they can."""
    wells = is_double_well & np.isfinite(target)
    for number in (None, *np.unique(fold)):
        rows = np.ones(len(fold), dtype=bool) if number is None else fold != number
        where = "" if number is None else f" without fold {number}"
        if len(np.unique(is_double_well[rows])) < 2:
            return f"one class only{where}, expected double wells and others"
        if len(np.unique(target[rows & wells])) < 2:
            return f"no two values of E_qs{where}, expected at least two"
    return None


def load(folder: Path) -> Screen:
    """Read what :meth:`Screen.save` wrote.

    Raises:
        DamagedError: a file is missing or damaged.
    """
    from catboost import CatBoost, CatBoostError

    try:
        content = json.loads((folder / _DESCRIPTION).read_text())
        models: list[Any] = []
        for name in _FILES.values():
            model = CatBoost()
            model.load_model(str(folder / name))
            models.append(model)
        return Screen(
            content["features"],
            models[0],
            models[1],
            Logistic(**content["logistic"]),
            Residuals.from_dict(content["residuals"]),
            content["bound"],
            content["cutoff"],
        )
    except (OSError, ValueError, KeyError, TypeError, CatBoostError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedError(
            f"screening models in {folder} are missing or damaged: {reason}; train again"
        ) from None


def matrix(frame: pd.DataFrame, features: list[str]) -> np.ndarray:
    """The features as float32, shape (n, n_features), in memory order of rows."""
    return np.ascontiguousarray(frame[features].to_numpy(dtype=np.float32))


def _raw(model: Any, x: np.ndarray) -> np.ndarray:
    """Raw outputs (log-odds, or -log10 E_qs), shape (n,)."""
    return np.asarray(model.predict(x, prediction_type="RawFormulaVal", thread_count=1))


def _sigmoid(raw: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(raw, -50.0, 50.0)))


def _predictions(
    raw: np.ndarray, target: np.ndarray, logistic: Logistic, residuals: Residuals, bound: float
) -> Predictions:
    probability = logistic(_sigmoid(raw))
    return Predictions(
        probability, target, probability * residuals.probability_above(target, bound)
    )


def _train(
    x: np.ndarray,
    is_double_well: np.ndarray,
    target: np.ndarray,
    rows: np.ndarray,
    wells: np.ndarray,
    rounds: int,
    seed: int,
    threads: int,
) -> list[Any]:
    """A classifier trained on ``rows`` and a predictor trained on the double wells among them."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    common: dict[str, Any] = {
        "iterations": rounds,
        "depth": _DEPTH,
        "learning_rate": _LEARNING_RATE,
        "border_count": BORDERS,
        "random_seed": seed % 1_000_000,
        "thread_count": threads,
        "verbose": False,
        "allow_writing_files": False,
    }
    classifier = CatBoostClassifier(**common)
    classifier.fit(x[rows], is_double_well[rows].astype(int))
    predictor = CatBoostRegressor(**common)
    predictor.fit(x[rows & wells], target[rows & wells])
    return [classifier, predictor]
