"""Scores of predictions that were made for pairs unseen in training, as pure functions of arrays.

Each function returns every score that it names. One that is not defined for these pairs (no TLS,
one class, no spread) is None, and the reason stands beside it: nothing is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from tlsfind.correlation import pearson_or_none
from tlsfind.learn.calibration import Logistic
from tlsfind.learn.predictor import from_target, to_target

#: Bins of equal numbers of pairs in the expected calibration error.
CALIBRATION_BINS = 20

#: Probabilities are kept this far from 0 and 1 in the log loss.
EDGE = 1e-12

ONE_CLASS = "all pairs are of one class"
NO_SPREAD = "exact values or predictions have no spread"
NO_TLS = "no TLS among these pairs"
NONE_BELOW = "no E_qs is predicted below the bound"
NOT_FINITE = "the result is not a finite number"


@dataclass
class Scored:
    """Scores by name.

    Args:
        values: scores; None where undefined.
        reasons: why, for each score that is None.
    """

    values: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def set(self, name: str, value: float | None, reason: str = NOT_FINITE) -> None:
        """Add a score; ``reason`` says why it is None, if it is."""
        if value is None or not math.isfinite(value):
            self.values[name] = None
            self.reasons[name] = reason if value is None else NOT_FINITE
        else:
            self.values[name] = float(value)


def average_precision(truth: np.ndarray, score: np.ndarray) -> float | None:
    """Area under the precision-recall curve without interpolation; None if nothing is true.

    Args:
        truth: shape (n,), bool.
        score: largest first, shape (n,).
    """
    if not np.any(truth):
        return None
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(truth, score))


def expected_calibration_error(truth: np.ndarray, probability: np.ndarray) -> float:
    """Mean over bins of |mean probability - share that is true|, weighted by the bins' pairs.

    Bins hold equal numbers of pairs, in the order of the probability (Nixon et al. 2019 call this
    the adaptive calibration error of a binary problem).

    Args:
        truth: shape (n,), bool, n > 0.
        probability: shape (n,).
    """
    order = np.argsort(probability, kind="stable")
    gap = np.asarray(probability, dtype=float)[order] - np.asarray(truth, dtype=float)[order]
    bins = np.array_split(gap, min(CALIBRATION_BINS, len(gap)))
    return float(sum(abs(part.sum()) for part in bins) / len(gap))


def classification(is_double_well: np.ndarray, probability: np.ndarray) -> Scored:
    """Scores of the double-well classifier.

    Args:
        is_double_well: shape (n,), bool, n > 0.
        probability: of a double well, shape (n,).
    """
    truth = np.asarray(is_double_well, dtype=bool)
    right = (probability > 0.5) == truth
    both = truth.any() and not truth.all()
    p = np.clip(probability, EDGE, 1.0 - EDGE)
    found = Scored()
    found.set("accuracy", right.mean())
    found.set(
        "balanced_accuracy",
        0.5 * (right[truth].mean() + right[~truth].mean()) if both else None,
        ONE_CLASS,
    )
    found.set("log_loss", -np.mean(np.log(np.where(truth, p, 1.0 - p))))
    found.set("brier", np.mean((probability - truth) ** 2))
    auc = None
    if both:
        from sklearn.metrics import roc_auc_score

        auc = float(roc_auc_score(truth, probability))
    found.set("roc_auc", auc, ONE_CLASS)
    found.set("expected_calibration_error", expected_calibration_error(truth, probability))
    line = Logistic.fit(probability, truth) if both else None
    found.set("calibration_slope", line.slope if line else None, ONE_CLASS)
    found.set("calibration_offset", line.offset if line else None, ONE_CLASS)
    return found


def values(exact: np.ndarray, target: np.ndarray) -> Scored:
    """Scores of predicted values, E_qs or barriers.

    Args:
        exact: values, shape (n,), n > 0.
        target: predicted -log10 of them, shape (n,).
    """
    truth = to_target(exact)
    found = Scored()
    found.set("r_log", pearson_or_none(truth, target), NO_SPREAD)
    found.set("r", pearson_or_none(np.asarray(exact, dtype=float), from_target(target)), NO_SPREAD)
    found.set("rmse_log", np.sqrt(np.mean((truth - target) ** 2)))
    found.set("median_offset", np.median(truth - target))
    return found


def splittings(
    exact: np.ndarray, target: np.ndarray, below: np.ndarray, threshold: float
) -> Scored:
    """Scores of predicted E_qs of double wells, with those that matter for the hunt for TLS.

    Args:
        exact: E_qs, shape (n,), n > 0.
        target: predicted -log10 E_qs, shape (n,).
        below: predicted probability that E_qs is below the threshold, shape (n,).
        threshold: E_qs of a TLS.
    """
    tls = np.asarray(exact) < threshold
    found = values(exact, target)
    offset = np.median((to_target(exact) - target)[tls]) if tls.any() else None
    found.set("median_offset_tls", offset, NO_TLS)
    found.set("average_precision_tls", average_precision(tls, target), NO_TLS)
    for name, factor in (("threshold", 1.0), ("twice_threshold", 2.0)):
        kept = from_target(target) < factor * threshold
        found.set(f"recall_at_{name}", kept[tls].mean() if tls.any() else None, NO_TLS)
        found.set(f"precision_at_{name}", tls[kept].mean() if kept.any() else None, NONE_BELOW)
        found.set(f"share_below_{name}", kept.mean())
    found.set("tls", tls.sum())
    found.set("expected_tls", below.sum())
    found.set("expected_calibration_error", expected_calibration_error(tls, below))
    return found


def hunt(is_tls: np.ndarray, probability_tls: np.ndarray) -> Scored:
    """Scores of the probability of a TLS, P(double well) x P(E_qs < threshold), over all pairs.

    Args:
        is_tls: shape (n,), bool, n > 0.
        probability_tls: shape (n,).
    """
    found = Scored()
    found.set("average_precision", average_precision(is_tls, probability_tls), NO_TLS)
    found.set("tls", np.sum(is_tls))
    found.set("expected_tls", probability_tls.sum())
    found.set("expected_calibration_error", expected_calibration_error(is_tls, probability_tls))
    return found


def screening(is_tls: np.ndarray, passed: np.ndarray, probability_tls: np.ndarray) -> Scored:
    """Scores of the screen.

    Args:
        is_tls: shape (n,), bool, n > 0.
        passed: whether the screen leaves the pair to the ensembles, shape (n,), bool.
        probability_tls: its probability of a TLS, shape (n,).
    """
    found = Scored()
    found.set("recall_tls", np.mean(passed[is_tls]) if np.any(is_tls) else None, NO_TLS)
    found.set("share_rescored", np.mean(passed))
    found.set("average_precision_tls", average_precision(is_tls, probability_tls), NO_TLS)
    found.set("tls", np.sum(is_tls))
    found.set("tls_lost", np.sum(is_tls & ~passed))
    return found
