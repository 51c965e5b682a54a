"""Intervals of counts, correlations, and histograms that grow block by block."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def poisson_interval(
    counts: list[int] | int, weights: list[float] | float = 1.0, confidence: float = 0.95
) -> tuple[float, float]:
    """Confidence interval of a weighted sum of Poisson counts.

    The gamma interval of Fay and Feuer (Statistics in Medicine 16, 791, 1997). For one count with
    weight 1 it is the exact interval of Garwood (Biometrika 28, 437, 1936).

    Args:
        counts: one or several independent counts.
        weights: their weights.
        confidence: two-sided coverage.

    Returns:
        The limits of sum(weights * counts).
    """
    from scipy.special import gammaincinv

    count = np.atleast_1d(np.asarray(counts, dtype=np.float64))
    weight = np.broadcast_to(np.asarray(weights, dtype=np.float64), count.shape)
    tail = (1.0 - confidence) / 2.0
    total = float(np.sum(weight * count))
    variance = float(np.sum(weight**2 * count))
    largest = float(weight.max(initial=0.0))
    if largest == 0.0:
        return 0.0, 0.0
    low = 0.0 if total == 0 else variance / total * gammaincinv(total**2 / variance, tail)
    total, variance = total + largest, variance + largest**2
    return float(low), float(variance / total * gammaincinv(total**2 / variance, 1.0 - tail))


def share_interval(
    counts: np.ndarray, totals: np.ndarray, z: float = 1.959964
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of shares ``counts / totals``, both (n,); by default of 95 %."""
    counts, totals = np.asarray(counts, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    share = counts / totals
    centre = (share + z**2 / (2 * totals)) / (1 + z**2 / totals)
    half = z / (1 + z**2 / totals) * np.sqrt(share * (1 - share) / totals + (z / (2 * totals)) ** 2)
    return np.clip(centre - half, 0.0, share), np.clip(centre + half, share, 1.0)


@dataclass
class Histogram:
    """Counts in fixed bins, added to block by block; bins as in ``numpy.histogram``.

    Attributes:
        edges: (n + 1,) increasing.
        counts: (n,) values in each bin; the last bin includes its upper edge.
        below: values below the first edge.
        above: values above the last edge.
        missing: values that are not finite.
    """

    edges: np.ndarray
    counts: np.ndarray = field(init=False)
    below: int = 0
    above: int = 0
    missing: int = 0

    def __post_init__(self) -> None:
        self.edges = np.asarray(self.edges, dtype=np.float64)
        self.counts = np.zeros(len(self.edges) - 1, dtype=np.int64)

    def add(self, values: np.ndarray) -> None:
        """Count ``values`` (n,)."""
        values = np.asarray(values, dtype=np.float64)
        finite = values[np.isfinite(values)]
        self.missing += len(values) - len(finite)
        self.below += int(np.count_nonzero(finite < self.edges[0]))
        self.above += int(np.count_nonzero(finite > self.edges[-1]))
        self.counts += np.histogram(finite, self.edges)[0]

    @property
    def total(self) -> int:
        """Finite values, inside and outside of the bins."""
        return int(self.counts.sum()) + self.below + self.above

    @property
    def density(self) -> np.ndarray:
        """Probability density in each bin (n,), normalised over all finite values."""
        return self.counts / (max(self.total, 1) * np.diff(self.edges))

    def __add__(self, other: Histogram) -> Histogram:
        joined = Histogram(self.edges)
        joined.counts = self.counts + other.counts
        joined.below = self.below + other.below
        joined.above = self.above + other.above
        joined.missing = self.missing + other.missing
        return joined
