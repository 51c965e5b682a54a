"""How many TLS the pairs without a path still hold, and the interval of that number.

1. Of each pair without a path the models say how likely it is to be a TLS; these probabilities add
   up to ``remaining``.
2. Models may be too sure of themselves, or not sure enough. In the batches that they picked they
   ``expected`` a number of TLS before the paths were solved, and ``found`` another: their ratio
   lambda corrects the sum. What is known of lambda is a gamma distribution of shape found + a and
   rate expected + a: the prior has mean 1 and the weight of ``PRIOR`` expected TLS.
3. Given lambda alone the number M of missing TLS would be Poisson with mean lambda * remaining, and
   so negative binomial over all lambda. But pairs that are left are not pairs that were picked:
   most of the sum comes from many small probabilities, tails of a residual distribution known from
   a few TLS. In simulated loops on published pairs that interval of 90 % held the truth in fewer
   than half of the iterations. So the mean has another factor, log-normal with median 1 and the
   standard deviation ``SCATTER`` of its logarithm, with which 9 of 10 did (docs/learn.md). The
   distribution of M is a mixture of negative binomials, and its interval is wide: about a factor
   of four to both sides of the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Weight a of the prior lambda = 1, in expected TLS.
PRIOR = 2.0

#: Standard deviation of the natural logarithm of the factor by which the sum is off.
SCATTER = 0.9

#: Nodes of the quadrature over this factor.
_NODES = 31


@dataclass(frozen=True)
class Estimate:
    """TLS among the pairs without a path.

    Args:
        mean: expected number where the factor of step 3 is 1, its median.
        low: lower end of the interval, a whole number.
        high: upper end, a whole number.
    """

    mean: float
    low: float
    high: float

    def share(self, found: int) -> float:
        """Largest missing share of all TLS: high / (high + found), 1 if that is 0 / 0.

        Args:
            found: all TLS found so far.
        """
        return self.high / (self.high + found) if self.high + found > 0 else 1.0


def estimate(
    remaining: float,
    found: int,
    expected: float,
    level: float = 0.9,
    *,
    prior: float = PRIOR,
    scatter: float = SCATTER,
) -> Estimate:
    """Estimate the missing TLS.

    Args:
        remaining: sum of the predicted probability of a TLS over the pairs without a path.
        found: TLS found in the batches that models picked; 0 before the first.
        expected: sum of the predicted probability of a TLS of the same pairs when they were picked.
        level: coverage of the interval, equal tails.
        prior: weight of the prior that the probabilities are right, in expected TLS, positive.
        scatter: standard deviation of the logarithm of the factor by which ``remaining`` is off.

    Raises:
        ValueError: a number that is negative or not finite, or a level not between 0 and 1.
    """
    numbers = np.array([remaining, found, expected, scatter], dtype=float)
    if not ((numbers >= 0).all() and np.isfinite(numbers).all() and prior > 0 and 0 < level < 1):
        raise ValueError(
            f"remaining {remaining}, found {found}, expected {expected}, scatter {scatter}, prior "
            f"{prior}, level {level}: expected finite numbers, none negative, a positive prior, a "
            "level between 0 and 1"
        )
    if remaining == 0:
        return Estimate(0.0, 0.0, 0.0)
    shape, rate = found + prior, expected + prior
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    sums = remaining * np.exp(scatter * nodes)
    mixture = _Mixture(shape, rate / (rate + sums), weights / weights.sum())
    low, high = (mixture.quantile(tail) for tail in (0.5 * (1 - level), 0.5 * (1 + level)))
    return Estimate(remaining * shape / rate, float(low), float(high))


@dataclass(frozen=True)
class _Mixture:
    """Negative binomial numbers of one shape, with probabilities (k,) and weights (k,)."""

    shape: float
    probabilities: np.ndarray
    weights: np.ndarray

    def cumulative(self, number: int) -> float:
        """P(M <= number)."""
        from scipy.special import betainc

        return float(self.weights @ betainc(self.shape, number + 1.0, self.probabilities))

    def quantile(self, level: float) -> int:
        """The smallest number with P(M <= number) >= level."""
        below, above = -1, 1
        while self.cumulative(above) < level:
            below, above = above, 2 * above
        while above - below > 1:
            middle = (below + above) // 2
            if self.cumulative(middle) < level:
                below = middle
            else:
                above = middle
        return above
