"""Probabilities and intervals from out-of-fold predictions.

``Logistic`` turns the output of a classifier that was trained with balanced classes into the share
of double wells that the training rows show at that output (Platt 1999: two parameters in the
log-odds). The stated prior is that of the training rows given their features: rows picked by their
features, as all batches of the loop are, leave this share as it is in the pool.

``Residuals`` holds how far exact values lie from predictions, as a function of the prediction, and
so gives the probability that the exact value is above a bound, and quantiles of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

#: Probabilities are kept this far from 0 and 1 before their log-odds are taken.
EDGE = 1e-6

#: Neighbours by prediction from which bias and spread are measured (more if there are more than
#: ``KNOTS`` times as many rows), and the number of such places.
NEIGHBOURS, KNOTS = 200, 20

#: Share of the residuals that each exponential tail stands for, and the levels between the tails.
TAIL = 0.02
LEVELS = np.linspace(TAIL, 1.0 - TAIL, 97)

#: The smallest spread: predictions that are exact out of fold are not trusted to be so.
SMALLEST_SPREAD = 1e-3


def log_odds(probability: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) with p kept ``EDGE`` away from 0 and 1, shape of ``probability``."""
    p = np.clip(np.asarray(probability, dtype=float), EDGE, 1.0 - EDGE)
    return np.log(p / (1.0 - p))


@dataclass(frozen=True)
class Logistic:
    """p = 1 / (1 + exp(-(slope * log-odds + offset))).

    Args:
        slope: positive; below 1 the classifier was too sure of itself.
        offset: undoes the weights of balanced classes, among others.
    """

    slope: float = 1.0
    offset: float = 0.0

    @classmethod
    def fit(cls, probability: np.ndarray, truth: np.ndarray) -> Logistic:
        """Maximum likelihood over out-of-fold predictions, with the targets that Platt smoothed.

        Args:
            probability: output of the classifier, shape (n,).
            truth: whether it is class 1, shape (n,), bool; both must occur.
        """
        from scipy.optimize import minimize

        x, truth = log_odds(probability), np.asarray(truth, dtype=bool)
        positive, negative = int(truth.sum()), int((~truth).sum())
        target = np.where(truth, (positive + 1) / (positive + 2), 1 / (negative + 2))

        def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            z = parameters[0] * x + parameters[1]
            value = np.logaddexp(0.0, z) - target * z
            error = 1.0 / (1.0 + np.exp(-z)) - target
            return float(value.mean()), np.array([(error * x).mean(), error.mean()])

        start = np.array([1.0, 0.0])
        found = minimize(loss, start, jac=True, bounds=[(0.05, 20.0), (-20.0, 20.0)])
        return cls(float(found.x[0]), float(found.x[1]))

    def __call__(self, probability: np.ndarray) -> np.ndarray:
        """The calibrated probability, shape of ``probability``."""
        return 1.0 / (1.0 + np.exp(-(self.slope * log_odds(probability) + self.offset)))

    def to_dict(self) -> dict[str, float]:
        """For a model's description."""
        return {"slope": self.slope, "offset": self.offset}


@dataclass(frozen=True)
class Residuals:
    """The distribution of an exact value given its prediction.

    exact = prediction + bias(prediction) + spread(prediction) * u. The distribution of u is that of
    all training rows between its quantiles ``TAIL`` and 1 - ``TAIL``, and exponential beyond: a few
    wild rows say little of how wild others are, and a tail that never ends keeps the order of
    predictions.

    Args:
        knots: predictions at which bias and spread are given, increasing, shape (k,).
        bias: median residual there, shape (k,).
        spread: spread there, positive, shape (k,).
        core: quantiles of u at ``LEVELS``, increasing, shape (97,).
        decay: decay lengths of the lower and the upper tail, positive, shape (2,).
    """

    knots: np.ndarray
    bias: np.ndarray
    spread: np.ndarray
    core: np.ndarray
    decay: np.ndarray

    @classmethod
    def fit(cls, exact: np.ndarray, predicted: np.ndarray) -> Residuals:
        """Measure residuals.

        Args:
            exact: shape (n,), n > 0.
            predicted: out-of-fold predictions, shape (n,).
        """
        order = np.argsort(predicted, kind="stable")
        x = np.asarray(predicted, dtype=float)[order]
        residual = np.asarray(exact, dtype=float)[order] - x
        n = len(x)
        window = min(n, max(20, min(NEIGHBOURS, n // 5), n // KNOTS))
        starts = np.unique(np.linspace(0, n - window, KNOTS).astype(int))
        parts = [slice(start, start + window) for start in starts]
        knots, keep = np.unique([x[part].mean() for part in parts], return_index=True)
        bias = np.array([np.median(residual[part]) for part in parts])[keep]
        spread = np.array([_spread(residual[part]) for part in parts])[keep]
        u = (residual - np.interp(x, knots, bias)) / np.interp(x, knots, spread)
        core = np.quantile(u, LEVELS) + 1e-9 * np.arange(len(LEVELS))
        decay = np.array([_decay(core[0] - u[u < core[0]]), _decay(u[u > core[-1]] - core[-1])])
        return cls(knots, bias, spread, core, decay)

    def _scale(self, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        predicted = np.asarray(predicted, dtype=float)
        centre = predicted + np.interp(predicted, self.knots, self.bias)
        return centre, np.interp(predicted, self.knots, self.spread)

    def probability_above(self, predicted: np.ndarray, bound: float) -> np.ndarray:
        """P(exact > bound) of each prediction, shape (n,)."""
        centre, spread = self._scale(predicted)
        u = (bound - centre) / spread
        inside = 1.0 - np.interp(u, self.core, LEVELS)
        above = TAIL * np.exp(-np.maximum(u - self.core[-1], 0.0) / self.decay[1])
        below = 1.0 - TAIL * np.exp(-np.maximum(self.core[0] - u, 0.0) / self.decay[0])
        return np.where(u > self.core[-1], above, np.where(u < self.core[0], below, inside))

    def quantile(self, predicted: np.ndarray, level: float) -> np.ndarray:
        """The value that the exact one is below with probability ``level``, shape (n,)."""
        centre, spread = self._scale(predicted)
        if level < TAIL:
            u = self.core[0] + self.decay[0] * np.log(level / TAIL)
        elif level > 1.0 - TAIL:
            u = self.core[-1] - self.decay[1] * np.log((1.0 - level) / TAIL)
        else:
            u = np.interp(level, LEVELS, self.core)
        return centre + spread * u

    def to_dict(self) -> dict[str, list[float]]:
        """For a model's description."""
        return {field.name: getattr(self, field.name).tolist() for field in fields(self)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Residuals:
        """The inverse of :meth:`to_dict`."""
        return cls(**{f.name: np.asarray(content[f.name], dtype=float) for f in fields(cls)})


def _spread(residual: np.ndarray) -> float:
    """Half the range of the central 68 %: the tails of u hold the outliers."""
    low, high = np.quantile(residual, [0.16, 0.84])
    return float(max(0.5 * (high - low), SMALLEST_SPREAD))


def _decay(excess: np.ndarray) -> float:
    """Decay length of an exponential with the median of ``excess``; the spread if there is none."""
    return float(max(np.median(excess) / np.log(2.0), 0.1)) if len(excess) else 1.0
