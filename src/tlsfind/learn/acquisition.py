"""Scores by which the next paths are chosen: the pairs of lowest score come first.

Each rule is a pure function of arrays over the same n pairs; :func:`scores` applies one by its name
in the config. Equal scores are ordered by the caller at random
(:func:`tlsfind.learn.sampling.random_keys`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Columns of the pairs tables that the rules without a model go by.
FROM_PAIRS = {
    "standard": ["transitions_ab", "transitions_ba"],
    "smallest_delta_e": ["delta_e"],
}

#: Columns of the predictions tables that the other rules go by.
FROM_PREDICTIONS = {
    "lowest_splitting": ["probability_double_well", "predicted_splitting"],
    "tls_probability": ["probability_tls"],
    "lower_confidence": ["probability_double_well", "splitting_low"],
    "random": [],
}

#: Rules that sort pairs below the gate behind the others.
GATED = ("lowest_splitting", "lower_confidence")


def lowest_splitting(probability: np.ndarray, splitting: np.ndarray, gate: float) -> np.ndarray:
    """The rule of the paper (IV.H): lowest predicted E_qs among predicted double wells.

    Pairs at or above the gate have scores E / (1 + E) in [0, 1); those below follow with scores
    2 - probability in [1, 2], so that they only fill a batch that too few pairs pass.

    Args:
        probability: predicted double-well probability, shape (n,).
        splitting: predicted E_qs, shape (n,), reduced units; may be NaN below the gate.
        gate: smallest probability that passes.

    Returns:
        Scores, shape (n,).
    """
    probability = np.asarray(probability, dtype=float)
    splitting = np.asarray(splitting, dtype=float)
    return np.where(probability >= gate, splitting / (1.0 + splitting), 2.0 - probability)


def passes_gate(scores: np.ndarray) -> np.ndarray:
    """Whether scores of :func:`lowest_splitting` are of pairs that pass the gate, shape (n,)."""
    return np.asarray(scores) < 1.0


def tls_probability(probability: np.ndarray) -> np.ndarray:
    """Largest probability of a TLS first: P(double well) x P(E_qs < threshold).

    No gate: a pair that the classifier doubts comes later, but it comes.

    Args:
        probability: probability of a TLS, shape (n,).

    Returns:
        Scores 1 - p, shape (n,).
    """
    return 1.0 - np.asarray(probability, dtype=float)


def lower_confidence(probability: np.ndarray, low: np.ndarray, gate: float) -> np.ndarray:
    """Lowest lower confidence bound of E_qs among predicted double wells.

    Args:
        probability: predicted double-well probability, shape (n,).
        low: E_qs below which the exact one lies with a small probability, shape (n,).
        gate: smallest probability that passes; below it as in :func:`lowest_splitting`.

    Returns:
        Scores, shape (n,).
    """
    return lowest_splitting(probability, low, gate)


def smallest_delta_e(delta_e: np.ndarray) -> np.ndarray:
    """Smallest energy difference first, a baseline that needs no model.

    Args:
        delta_e: energy difference of the minima, shape (n,).
    """
    return np.asarray(delta_e, dtype=float)


def random(n: int) -> np.ndarray:
    """Equal scores, shape (n,): the random order of ties decides alone."""
    return np.zeros(n)


def standard(transitions_ab: np.ndarray, transitions_ba: np.ndarray) -> np.ndarray:
    """The order of the standard procedure (checklist 18): largest min(T_ab, T_ba) first.

    Args:
        transitions_ab: transitions seen from a to b, shape (n,).
        transitions_ba: transitions seen from b to a, shape (n,).

    Returns:
        Scores -min(T_ab, T_ba), shape (n,).
    """
    return -np.minimum(transitions_ab, transitions_ba).astype(float)


def scores(rule: str, frame: pd.DataFrame, gate: float) -> np.ndarray:
    """Scores by the rule of that name.

    Args:
        rule: ``loop.acquisition``.
        frame: with the columns of ``FROM_PAIRS`` or ``FROM_PREDICTIONS`` for that rule, n rows.
        gate: ``loop.gate``.

    Returns:
        Scores, shape (n,).
    """
    if rule == "random":
        return random(len(frame))
    if rule == "lowest_splitting":
        probability, splitting = _columns(frame, FROM_PREDICTIONS[rule])
        return lowest_splitting(probability, splitting, gate)
    if rule == "lower_confidence":
        probability, low = _columns(frame, FROM_PREDICTIONS[rule])
        return lower_confidence(probability, low, gate)
    if rule == "tls_probability":
        return tls_probability(*_columns(frame, FROM_PREDICTIONS[rule]))
    if rule == "standard":
        return standard(*_columns(frame, FROM_PAIRS[rule]))
    return smallest_delta_e(*_columns(frame, FROM_PAIRS[rule]))


def _columns(frame: pd.DataFrame, names: list[str]) -> list[np.ndarray]:
    return [frame[name].to_numpy(dtype=float) for name in names]
