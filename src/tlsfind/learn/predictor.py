"""The predictor of the quantum splitting, or of the barrier, of double wells (paper, IV.G).

It fits -log10 of the value, as the authors' code does for E_qs: the loss of Eq. 5 on the value
itself would be ruled by the largest ones. Two kinds of weights (``learn.splitting_target``):
``log``, all rows alike, and ``paper``, 1 / value (checklist 32, 33).

The residuals of the out-of-fold predictions stand in the model's description, so that the model
gives, beside the value, the probability that the exact one is below a threshold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from tlsfind.config import Learn
from tlsfind.errors import InputError
from tlsfind.learn import ensemble
from tlsfind.learn.calibration import Residuals

Quantity = Literal["splitting", "barrier"]

#: Values below this (reduced units) are taken as this before the logarithm: the Schroedinger solver
#: resolves nothing smaller in double precision, and an exact 0 has no logarithm.
SPLITTING_FLOOR = 1e-12

#: Values below which rows of ``paper`` have equal weights: one row of tiny splitting must not
#: outweigh all others. The smallest published E_qs is 7e-6, so Eq. 5 is as printed for all of them.
WEIGHT_FLOOR = 1e-6


def to_target(value: np.ndarray) -> np.ndarray:
    """-log10 of E_qs (or barrier) clipped at ``SPLITTING_FLOOR``, shape (n,)."""
    return -np.log10(np.maximum(np.asarray(value, dtype=float), SPLITTING_FLOOR))


def from_target(target: np.ndarray) -> np.ndarray:
    """The value of a target, shape (n,): the inverse of :func:`to_target`."""
    return 10.0 ** -np.asarray(target, dtype=float)


def loss_weights(value: np.ndarray) -> np.ndarray:
    """Weights w = 1 / E_qs (Eq. 5), with E_qs clipped at ``WEIGHT_FLOOR``, shape (n,)."""
    return 1.0 / np.maximum(np.asarray(value, dtype=float), WEIGHT_FLOOR)


def fit(
    features: pd.DataFrame,
    value: np.ndarray,
    folder: Path,
    settings: Learn,
    seed: int,
    glasses: np.ndarray | None = None,
    quantity: Quantity = "splitting",
    threads: int = 1,
) -> ensemble.Trained:
    """Train the predictor on double wells.

    Args:
        features: shape (n, n_features).
        value: exact E_qs or barrier in reduced units, shape (n,).
        folder: receives the model.
        settings: section ``learn`` of the config.
        seed: of folds and models.
        glasses: glass of each row, shape (n,), for ``learn.split: glass``.
        quantity: what ``value`` is; stands in the model's description.
        threads: threads of the training.

    Returns:
        Out-of-fold predictions of the value (not of its logarithm), and whether time ran out.

    Raises:
        TrainingError: as for :func:`tlsfind.learn.ensemble.fit`.
    """
    target = to_target(value)

    def describe(out_of_fold: np.ndarray) -> dict[str, Any]:
        return {"quantity": quantity, "residuals": Residuals.fit(target, out_of_fold).to_dict()}

    trained = ensemble.fit(
        features,
        target,
        folder,
        problem="regression",
        settings=settings,
        stack_levels=settings.stack_levels,
        seed=seed,
        weights=loss_weights(value) if settings.splitting_target == "paper" else None,
        glasses=glasses,
        describe=describe,
        threads=threads,
    )
    values = from_target(trained.out_of_fold)
    return ensemble.Trained(values, trained.time_limit_struck, trained.notes)


class Predictor:
    """A trained predictor.

    Args:
        folder: what :func:`fit` wrote.
        threads: threads of every prediction.

    Raises:
        InputError, TlsfindError: as :class:`tlsfind.learn.ensemble.Ensemble` does.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._ensemble = ensemble.Ensemble(folder, threads)
        try:
            self.residuals = Residuals.from_dict(self._ensemble.description["residuals"])
            self.quantity: Quantity = self._ensemble.description["quantity"]
        except (KeyError, TypeError):
            raise InputError(f"model {folder} is no predictor; train again") from None

    @property
    def features(self) -> list[str]:
        """Names of the features that it needs."""
        return self._ensemble.features

    def target(self, features: pd.DataFrame) -> np.ndarray:
        """Predicted -log10 of the value of each pair, shape (n,)."""
        return self._ensemble.predict(features)

    def splitting(self, features: pd.DataFrame) -> np.ndarray:
        """Predicted value of each pair in reduced units, shape (n,)."""
        return from_target(self.target(features))

    def below(self, target: np.ndarray, threshold: float) -> np.ndarray:
        """Probability that the exact value is below ``threshold``, shape (n,).

        Args:
            target: predictions, from :meth:`target`, shape (n,).
            threshold: reduced units.
        """
        return self.residuals.probability_above(target, float(to_target(np.array(threshold))))

    def low(self, target: np.ndarray, level: float) -> np.ndarray:
        """The value that the exact one is below with probability ``level``, shape (n,)."""
        return from_target(self.residuals.quantile(target, 1.0 - level))
