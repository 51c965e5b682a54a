"""Barriers of paths that are still relaxing, and when they are right."""

from __future__ import annotations

import numpy as np

from tlsfind.paths.profile import spline_maximum

#: Error of a barrier, relative, at which ways to relax a path are compared.
ERROR = 0.01


def barrier(position: np.ndarray, energy: np.ndarray) -> float:
    """Height of a profile over its lower end; both (P,)."""
    return float(spline_maximum(position, energy) - min(energy[0], energy[-1]))


def settled(values: np.ndarray, exact: float, error: float = ERROR) -> int | None:
    """Index from which all ``values`` (K,) are within a relative error; None: not at the end."""
    wrong = np.abs(np.asarray(values) - exact) > error * abs(exact)
    if wrong[-1]:
        return None
    return int(np.flatnonzero(wrong)[-1]) + 1 if wrong.any() else 0
