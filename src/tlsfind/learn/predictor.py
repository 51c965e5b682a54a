"""The predictor of the quantum splitting of double wells (paper, IV.G; checklist 32).

It fits -log10 E_qs, as the authors' code does: the loss of Eq. 5 on E_qs itself would be ruled by
the largest values. Two kinds of weights: ``log``, all rows alike, and ``paper``, 1 / E_qs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tlsfind.config import Learn
from tlsfind.learn import ensemble

#: E_qs below this (reduced units) is taken as this before the logarithm: the Schroedinger solver
#: resolves nothing smaller in double precision, and an exact 0 has no logarithm.
SPLITTING_FLOOR = 1e-12

#: E_qs below which rows of ``paper`` have equal weights: one row of tiny splitting must not
#: outweigh all others. The smallest published E_qs is 7e-6, so Eq. 5 is as printed for all of them.
WEIGHT_FLOOR = 1e-6


def to_target(splitting: np.ndarray) -> np.ndarray:
    """-log10 of E_qs clipped at ``SPLITTING_FLOOR``, shape (n,)."""
    return -np.log10(np.maximum(np.asarray(splitting, dtype=float), SPLITTING_FLOOR))


def from_target(target: np.ndarray) -> np.ndarray:
    """E_qs of a target, shape (n,): the inverse of :func:`to_target`."""
    return 10.0 ** -np.asarray(target, dtype=float)


def loss_weights(splitting: np.ndarray) -> np.ndarray:
    """Weights w = 1 / E_qs (Eq. 5), with E_qs clipped at ``WEIGHT_FLOOR``, shape (n,)."""
    return 1.0 / np.maximum(np.asarray(splitting, dtype=float), WEIGHT_FLOOR)


def fit(
    features: pd.DataFrame, splitting: np.ndarray, folder: Path, settings: Learn, seed: int
) -> ensemble.Trained:
    """Train the predictor on double wells.

    Args:
        features: shape (n, n_features).
        splitting: exact E_qs in reduced units, shape (n,).
        folder: receives the model.
        settings: section ``learn`` of the config.
        seed: of folds and models.

    Returns:
        Out-of-fold predictions of E_qs (not of its logarithm), and whether time ran out.

    Raises:
        TrainingError: as for :func:`tlsfind.learn.ensemble.fit`.
    """
    trained = ensemble.fit(
        features,
        to_target(splitting),
        folder,
        problem="regression",
        settings=settings,
        stack_levels=settings.stack_levels,
        seed=seed,
        weights=loss_weights(splitting) if settings.splitting_target == "paper" else None,
    )
    return ensemble.Trained(from_target(trained.out_of_fold), trained.time_limit_struck)


class Predictor:
    """A trained predictor. Raises as :class:`tlsfind.learn.ensemble.Ensemble` does."""

    def __init__(self, folder: Path) -> None:
        self._ensemble = ensemble.Ensemble(folder)

    @property
    def features(self) -> list[str]:
        """Names of the features that it needs."""
        return self._ensemble.features

    def splitting(self, features: pd.DataFrame) -> np.ndarray:
        """Predicted E_qs of each pair in reduced units, shape (n,)."""
        return from_target(self._ensemble.predict(features))
