"""Scores by which the next paths are chosen: the pairs of lowest score come first.

Each rule is a pure function of arrays over the same n pairs. Equal scores are ordered by the
caller at random (:func:`tlsfind.learn.sampling.random_keys`).
"""

from __future__ import annotations

import numpy as np


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
