"""The double-well classifier (paper, IV.F; checklist 31).

A pair is a double well or not. Paths that give no such label are left out: ``not_converged`` and
``failed`` (the solver ended without a verdict) and ``endpoints_identical`` (one minimum found
twice is not a pair). Both classes weigh the same in total. As in the paper, the ensemble has one
level of boosted trees, and here extra trees, under one weighted average.

Its output is calibrated on the out-of-fold predictions, which undoes the weights: a probability is
the share of double wells among training rows that look alike (:mod:`tlsfind.learn.calibration`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind.config import Learn
from tlsfind.errors import InputError
from tlsfind.learn import ensemble
from tlsfind.learn.calibration import Logistic

#: The statuses of paths that label a pair.
LABELLED = ("double_well", "multiple_wells", "single_well")


def is_labelled(status: pd.Series) -> np.ndarray:
    """Whether each path says if its pair is a double well, shape (n,), bool."""
    return status.isin(LABELLED).to_numpy()


def balanced_weights(is_double_well: np.ndarray) -> np.ndarray:
    """Weights with mean 1 that make both classes count alike, shape (n,)."""
    positive = np.mean(is_double_well)
    return np.where(is_double_well, 0.5 / positive, 0.5 / (1.0 - positive))


def fit(
    features: pd.DataFrame,
    is_double_well: np.ndarray,
    folder: Path,
    settings: Learn,
    seed: int,
    glasses: np.ndarray | None = None,
    threads: int = 1,
) -> ensemble.Trained:
    """Train the classifier.

    Args:
        features: shape (n, n_features).
        is_double_well: shape (n,), bool.
        folder: receives the model.
        settings: section ``learn`` of the config.
        seed: of folds and models.
        glasses: glass of each row, shape (n,), for ``learn.split: glass``.
        threads: threads of the training.

    Returns:
        Calibrated out-of-fold probabilities of a double well, and whether time ran out.

    Raises:
        TrainingError: as for :func:`tlsfind.learn.ensemble.fit`.
    """
    is_double_well = np.asarray(is_double_well, dtype=bool)
    trained = ensemble.fit(
        features,
        is_double_well.astype(np.int64),
        folder,
        problem="binary",
        settings=settings,
        stack_levels=0,
        seed=seed,
        weights=balanced_weights(is_double_well),
        glasses=glasses,
        describe=lambda raw: {"logistic": Logistic.fit(raw, is_double_well).to_dict()},
        threads=threads,
    )
    calibrated = Logistic.fit(trained.out_of_fold, is_double_well)(trained.out_of_fold)
    return ensemble.Trained(calibrated, trained.time_limit_struck, trained.notes)


class Classifier:
    """A trained classifier. Raises as :class:`tlsfind.learn.ensemble.Ensemble` does."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._ensemble = ensemble.Ensemble(folder, threads)
        try:
            self._logistic = Logistic(**self._ensemble.description["logistic"])
        except (KeyError, TypeError):
            raise InputError(f"model {folder} is no double-well classifier; train again") from None

    @property
    def features(self) -> list[str]:
        """Names of the features that it needs."""
        return self._ensemble.features

    def probability(self, features: pd.DataFrame) -> np.ndarray:
        """Calibrated probability that each pair is a double well, shape (n,)."""
        return self._logistic(self._ensemble.predict(features))
