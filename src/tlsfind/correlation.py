"""Pearson's correlation, with an answer where it is not defined."""

from __future__ import annotations

import math

import numpy as np


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's r of two series, shape (n,); NaN if n < 2 or one of them is constant."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])


def pearson_or_none(x: np.ndarray, y: np.ndarray) -> float | None:
    """The same for tables and JSON: None where :func:`pearson` is NaN."""
    r = pearson(x, y)
    return None if math.isnan(r) else r
