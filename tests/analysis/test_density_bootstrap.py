"""Bootstrap intervals against the normal limit and a known spread; n_0 of a synthetic run."""

import numpy as np
import pytest

from tlsfind.analysis.figures import density_bootstrap, fig4
from tlsfind.analysis.figures.density_bootstrap import bootstrap_interval
from tlsfind.analysis.statistics import poisson_interval


def test_interval_of_many_glasses_is_that_of_the_mean():
    counts = np.random.default_rng(1).poisson(20.0, 400)
    low, high = bootstrap_interval(counts, seed=2)
    half = 1.96 * counts.std() / np.sqrt(len(counts))
    assert low == pytest.approx(counts.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(counts.mean() + half, abs=0.1 * half)


def test_equal_glasses_leave_no_spread_and_seeds_repeat():
    assert bootstrap_interval(np.full(6, 3), seed=0) == (3.0, 3.0)
    counts = np.random.default_rng(0).poisson(200.0, 50)
    assert bootstrap_interval(counts, seed=4) == bootstrap_interval(counts, seed=4)
    assert bootstrap_interval(counts, seed=4) != bootstrap_interval(counts, seed=5)


def test_glasses_that_differ_make_it_wider_than_poisson():
    counts = np.array([0, 0, 0, 40, 0, 0, 30, 0, 0, 30])
    low, high = bootstrap_interval(counts, seed=0)
    poisson = [limit / len(counts) for limit in poisson_interval(int(counts.sum()))]
    assert low < poisson[0]
    assert high > poisson[1]


def test_coverage_with_glasses_that_differ():
    """Of a gamma-Poisson count with variance over mean of 6, 30 glasses: near 95 %, Poisson not."""
    rng = np.random.default_rng(7)
    hits = {"bootstrap": 0, "poisson": 0}
    for trial in range(200):
        counts = rng.poisson(rng.gamma(2.0, 5.0, 30))
        low, high = bootstrap_interval(counts, seed=trial, resamples=1000)
        hits["bootstrap"] += low <= 10.0 <= high
        low, high = (limit / 30 for limit in poisson_interval(int(counts.sum())))
        hits["poisson"] += low <= 10.0 <= high
    assert 0.88 < hits["bootstrap"] / 200 <= 0.98
    assert hits["poisson"] / 200 < 0.75


def test_n_0_is_that_of_fig4(run):
    found = density_bootstrap.collect(run.results)["n_0"]
    plateau = fig4.collect(run.results)["plateau"]
    joined = found.merge(plateau, on=["preparation_temperature", "unit_system"])
    assert len(joined) == 4
    np.testing.assert_allclose(joined["n_0_x"], joined["n_0_y"])
    np.testing.assert_allclose(joined["poisson_low"], joined["n_0_low"])
    np.testing.assert_allclose(joined["poisson_high"], joined["n_0_high"])
    few = joined["glasses_x"] < density_bootstrap.FEWEST
    assert joined.loc[few, "bootstrap_low"].isna().all()
    many = joined[~few]
    assert (many["bootstrap_low"] <= many["n_0_x"]).all()
    assert (many["n_0_x"] <= many["bootstrap_high"]).all()


def test_no_tls_is_said(poor_run):
    found = density_bootstrap.collect(poor_run.results)
    figure = density_bootstrap.draw(found, poor_run.results)
    assert "no TLS was found" in figure.axes[0].texts[0].get_text()
