"""The estimate of missing TLS against sampling, and its coverage where the truth is known."""

import numpy as np
import pytest

from tlsfind.learn.missing import Estimate, estimate


def sampled(remaining, found, expected, prior, scatter, n=400_000, seed=0) -> np.ndarray:
    """Numbers of missing TLS, drawn step by step as the model says."""
    rng = np.random.default_rng(seed)
    ratio = rng.gamma(found + prior, 1.0 / (expected + prior), n)
    factor = np.exp(scatter * rng.standard_normal(n))
    return rng.poisson(ratio * factor * remaining)


@pytest.mark.parametrize("scatter", [0.0, 0.9])
@pytest.mark.parametrize(
    ("remaining", "found", "expected"),
    [(0.3, 0, 0.0), (12.0, 40, 30.0), (250.0, 5, 9.5), (3.0, 280, 300.0), (40.0, 0, 6.0)],
)
def test_mean_and_quantiles_against_sampling(remaining, found, expected, scatter):
    got = estimate(remaining, found, expected, 0.9, prior=2.0, scatter=scatter)
    numbers = sampled(remaining, found, expected, 2.0, scatter)
    even = sampled(remaining, found, expected, 2.0, 0.0)
    assert got.mean == pytest.approx(even.mean(), rel=0.02)
    for value, level in ((got.low, 0.05), (got.high, 0.95)):
        # the smallest number that reaches the level, to within the error of the sample
        assert (numbers <= value).mean() > level - 0.003
        assert (numbers < value).mean() < level + 0.003
    assert got.low <= got.high


def test_without_scatter_it_is_negative_binomial():
    from scipy.stats import nbinom

    got = estimate(20.0, 33, 25.0, 0.8, prior=3.0, scatter=0.0)
    quantiles = nbinom.ppf([0.1, 0.9], 36.0, 28.0 / 48.0)
    assert [got.low, got.high] == list(quantiles)
    assert got.mean == pytest.approx(nbinom.mean(36.0, 28.0 / 48.0))


def test_nothing_left_is_nothing_missing():
    assert estimate(0.0, 10, 8.0) == Estimate(0.0, 0.0, 0.0)
    assert estimate(0.0, 0, 0.0) == Estimate(0.0, 0.0, 0.0)
    tiny = estimate(1e-12, 10, 8.0)
    assert (tiny.low, tiny.high) == (0.0, 0.0)


def test_before_the_first_batch_of_models_the_interval_is_wide():
    blind, later = estimate(100.0, 0, 0.0), estimate(100.0, 200, 200.0)
    assert blind.mean == pytest.approx(later.mean)
    assert blind.low < later.low < 100 < later.high < blind.high


def test_models_that_expected_too_little_are_corrected():
    even, under, over = (estimate(10.0, found, 50.0).mean for found in (50, 100, 25))
    assert under == pytest.approx(even * 102 / 52)
    assert over == pytest.approx(even * 27 / 52)


def test_large_numbers():
    got = estimate(1e6, 1000, 1000.0)
    assert got.low < 1e6 < got.high < 1e7


def test_share_of_all():
    assert Estimate(3.0, 1.0, 10.0).share(190) == pytest.approx(0.05)
    assert Estimate(0.0, 0.0, 0.0).share(5) == 0.0
    assert Estimate(0.0, 0.0, 0.0).share(0) == 1.0


@pytest.mark.parametrize("off", [1.0, 0.5, 3.0])
def test_coverage_where_probabilities_are_off_by_one_factor(off):
    """Batches of the likeliest pairs; all probabilities are wrong by the factor ``off``."""
    rng = np.random.default_rng(1)
    said = np.sort(rng.beta(0.05, 3.0, 4000))[::-1] / 3.0
    inside, total = 0, 0
    for _ in range(150):
        is_tls = rng.random(len(said)) < np.minimum(off * said, 1.0)
        for picked in (100, 300, 600):
            got = estimate(
                said[picked:].sum(), is_tls[:picked].sum(), said[:picked].sum(), scatter=0.0
            )
            inside += got.low <= is_tls[picked:].sum() <= got.high
            total += 1
    # whole numbers make the interval a little wider than asked for
    assert 0.86 < inside / total <= 0.99


@pytest.mark.parametrize(
    "wrong",
    [(-1.0, 0, 0.0), (1.0, -1, 0.0), (1.0, 0, -1.0), (float("nan"), 0, 0.0), (np.inf, 0, 0.0)],
)
def test_senseless_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="expected finite numbers"):
        estimate(*wrong)
    with pytest.raises(ValueError, match="a level between 0 and 1"):
        estimate(1.0, 0, 0.0, level=1.0)
