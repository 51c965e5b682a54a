"""Intervals against published or exact values, and streamed histograms against numpy's."""

import numpy as np
import pytest

from tlsfind.analysis.statistics import Histogram, poisson_interval, share_interval


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (4, 1.090, 10.242), (10, 4.795, 18.390)],
)
def test_garwood_interval(count, low, high):
    """The table of exact Poisson limits found in any handbook."""
    assert poisson_interval(count) == pytest.approx((low, high), abs=1e-3)


def test_equal_weights_are_one_count():
    low, high = poisson_interval([3, 4, 5], [2.0, 2.0, 2.0])
    assert (low, high) == pytest.approx(tuple(2 * x for x in poisson_interval(12)))


def test_weighted_interval_covers():
    rng = np.random.default_rng(0)
    means, weights = np.array([6.0, 2.5]), [1.0, 5.0]
    truth = float(means @ weights)
    hits = 0
    for counts in rng.poisson(means, (1000, 2)):
        low, high = poisson_interval(list(counts), weights)
        hits += low <= truth <= high
    assert hits >= 940


def test_share_interval_by_hand():
    low, high = share_interval(np.array([0, 5, 10]), np.array([10, 10, 10]))
    assert low == pytest.approx([0.0, 0.2366, 0.7225], abs=1e-4)
    assert high == pytest.approx([0.2775, 0.7634, 1.0], abs=1e-4)


def test_histogram_by_blocks_is_numpys():
    rng = np.random.default_rng(1)
    values = rng.normal(0, 2, 5003)
    values[::100] = np.nan
    values[7] = 3.0  # an edge
    edges = np.linspace(-3, 3, 25)
    whole, parts = Histogram(edges), [Histogram(edges), Histogram(edges)]
    for i, block in enumerate(np.array_split(values, 11)):
        whole.add(block)
        parts[i % 2].add(block)
    finite = values[np.isfinite(values)]
    np.testing.assert_array_equal(whole.counts, np.histogram(finite, edges)[0])
    assert whole.missing == np.isnan(values).sum()
    assert whole.below == (finite < -3).sum()
    assert whole.above == (finite > 3).sum()
    assert whole.total == len(finite)
    joined = parts[0] + parts[1]
    np.testing.assert_array_equal(joined.counts, whole.counts)
    assert (joined.below, joined.above) == (whole.below, whole.above)
    inside = (np.abs(finite) <= 3).mean()
    assert np.sum(whole.density * np.diff(edges)) == pytest.approx(inside)
