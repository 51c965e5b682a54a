"""Probabilities and intervals against simulations whose truth is known."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from tlsfind.learn.calibration import TAIL, Logistic, Residuals, log_odds
from tlsfind.learn.classifier import balanced_weights


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.5, -1.0), (2.0, 1.5), (1.0, -3.0)])
def test_logistic_recovers_slope_and_offset(slope, offset):
    rng = np.random.default_rng(1)
    z = rng.normal(0.0, 2.0, 40_000)
    truth = rng.random(len(z)) < sigmoid(slope * z + offset)
    found = Logistic.fit(sigmoid(z), truth)
    assert found.slope == pytest.approx(slope, rel=0.06)
    assert found.offset == pytest.approx(offset, abs=0.12)


def test_logistic_undoes_balanced_weights():
    """A classifier that saw both classes alike is sure of too many; the pool's share comes back."""
    rng = np.random.default_rng(2)
    exact = rng.beta(0.4, 6.0, 30_000)
    truth = rng.random(len(exact)) < exact
    weights = balanced_weights(truth)
    ratio = weights[truth][0] / weights[~truth][0]
    balanced = exact * ratio / (exact * ratio + 1.0 - exact)
    assert balanced.mean() > 2 * truth.mean()
    calibrated = Logistic.fit(balanced, truth)(balanced)
    assert calibrated.mean() == pytest.approx(truth.mean(), rel=0.02)
    for low, high in [(0.0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 1.0)]:
        rows = (calibrated >= low) & (calibrated < high)
        error = 4 * np.sqrt(exact[rows].mean() / rows.sum())
        assert abs(calibrated[rows].mean() - truth[rows].mean()) < error
    assert Logistic.fit(balanced, truth).offset == pytest.approx(-np.log(ratio), abs=0.1)


def test_logistic_keeps_the_order_and_stays_between_0_and_1():
    rng = np.random.default_rng(3)
    probability = np.r_[0.0, 1.0, rng.random(500)]
    # labels against the classifier: even then the order is kept
    for truth in (rng.random(502) < probability, rng.random(502) > probability):
        found = Logistic.fit(probability, truth)
        assert found.slope > 0
        calibrated = found(np.sort(probability))
        assert (np.diff(calibrated) >= 0).all()
        assert ((calibrated > 0) & (calibrated < 1)).all()


def test_logistic_of_perfectly_separated_classes_is_finite_and_not_certain():
    """Platt's targets: with ten rows of a class, no probability of 0 or 1."""
    probability = np.r_[np.full(10, 1e-9), np.full(10, 1.0)]
    found = Logistic.fit(probability, np.arange(20) >= 10)
    assert np.isfinite([found.slope, found.offset]).all()
    np.testing.assert_allclose(found(probability), np.repeat([1 / 12, 11 / 12], 10), rtol=0.02)


def test_an_uninformative_classifier_gives_the_share():
    truth = np.arange(1000) < 70
    found = Logistic.fit(np.full(1000, 0.5), truth)
    assert found(np.array([0.5]))[0] == pytest.approx(0.07, abs=0.002)
    rng = np.random.default_rng(4)
    noise = Logistic.fit(rng.random(1000), truth)
    assert noise(np.array([0.1, 0.5, 0.9])) == pytest.approx(0.07, abs=0.04)


def test_logistic_goes_through_json():
    found = Logistic(0.7, -1.3)
    assert Logistic(**json.loads(json.dumps(found.to_dict()))) == found


def test_log_odds_at_the_ends_are_finite():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
    assert log_odds(np.array([0.5, sigmoid(1.7)])) == pytest.approx([0.0, 1.7])


def spread_of(x):
    return 0.1 + 0.15 * (x - 1.5) / 2.5


def bias_of(x):
    return 0.1 * (x - 2.0)


def simulated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions like those of -log10 E_qs; residuals are normal, wider and biased with them."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(1.5, 4.0, n)
    return predicted + bias_of(predicted) + spread_of(predicted) * rng.normal(size=n), predicted


@pytest.fixture(scope="module")
def residuals() -> Residuals:
    return Residuals.fit(*simulated(8000, 5))


@pytest.mark.parametrize("sigmas", [-3.0, -1.5, -0.5, 0.0, 0.5, 1.5, 3.0])
def test_probabilities_of_normal_residuals(residuals, sigmas):
    """At each prediction within what the local median of 200 rows allows (3 x 0.09 spreads)."""
    x = np.linspace(1.7, 3.8, 8)
    bounds = x + bias_of(x) + sigmas * spread_of(x)
    found = np.array(
        [residuals.probability_above(x[i : i + 1], bounds[i])[0] for i in range(len(x))]
    )
    nearest = norm.sf([sigmas - 0.27, sigmas + 0.27])
    assert (found < nearest[0] + 0.02).all()
    assert (found > nearest[1] - 0.02).all()
    assert found.mean() == pytest.approx(norm.sf(sigmas), abs=0.03)


def test_probabilities_are_calibrated_on_new_rows(residuals):
    exact, predicted = simulated(40_000, 6)
    for bound in (2.0, 2.8, 3.6):
        probability = residuals.probability_above(predicted, bound)
        assert probability.mean() == pytest.approx((exact > bound).mean(), abs=0.005)
        for low, high in [(0.005, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.995)]:
            rows = (probability > low) & (probability < high)
            share, mean = (exact[rows] > bound).mean(), probability[rows].mean()
            assert abs(share - mean) < 0.02 + 4 * np.sqrt(mean * (1 - mean) / rows.sum())


@pytest.mark.parametrize("level", [0.005, 0.05, 0.1, 0.5, 0.9, 0.95, 0.995])
def test_quantiles_cover_what_they_say(residuals, level):
    exact, predicted = simulated(40_000, 7)
    covered = (exact < residuals.quantile(predicted, level)).mean()
    assert covered == pytest.approx(level, abs=0.01 if 0.02 < level < 0.98 else 0.004)


@given(st.floats(0.0, 8.0), st.floats(1e-6, 1.0 - 1e-6))
@settings(deadline=None)
def test_the_quantile_is_the_inverse_of_the_probability(residuals, x, level):
    """Tails, core and where they meet."""
    for at in (level, TAIL, 1.0 - TAIL):
        value = residuals.quantile(np.array([x]), at)[0]
        assert residuals.probability_above(np.array([x]), value)[0] == pytest.approx(
            1.0 - at, rel=1e-6, abs=1e-9
        )


@given(st.floats(0.0, 8.0))
@settings(deadline=None)
def test_the_probability_falls_with_the_bound_without_end(residuals, x):
    """Strictly in the tails: pairs that are all unlikely still have an order."""
    bounds = np.linspace(x - 3.0, x + 3.0, 301)
    found = np.array([residuals.probability_above(np.array([x]), b)[0] for b in bounds])
    assert (np.diff(found) <= 0).all()
    assert ((found >= 0) & (found <= 1)).all()
    tail = found < TAIL
    assert tail.sum() > 20
    assert (np.diff(found[tail]) < 0).all()
    assert found[-1] > 0


def test_the_probability_rises_with_the_prediction():
    """With residuals that are alike everywhere; the order of predictions is then kept."""
    rng = np.random.default_rng(8)
    predicted = rng.uniform(1.5, 4.0, 8000)
    found = Residuals.fit(predicted + 0.2 * rng.normal(size=8000), predicted)
    grid = np.linspace(0.0, 6.0, 400)
    for bound in (2.0, 2.8, 3.6):
        assert (np.diff(found.probability_above(grid, bound)) >= -2e-3).all()


def test_beyond_the_training_rows_the_ends_hold(residuals):
    """Constant bias and spread: predictions further out keep their order."""
    low, high = np.linspace(-5, residuals.knots[0], 50), np.linspace(residuals.knots[-1], 9, 50)
    for grid in (low, high):
        found = residuals.probability_above(grid, 2.8)
        assert (np.diff(found) >= 0).all()
    below = residuals.probability_above(low, 2.8)
    assert (np.diff(below) > 0).all()
    assert below[0] > 0


def test_outliers_are_in_the_tails():
    """One row of a hundred is wild: its share comes back, and the spread is not ruled by it."""
    rng = np.random.default_rng(9)
    predicted = rng.uniform(1.5, 4.0, 20_000)
    wild = rng.random(20_000) < 0.01
    noise = np.where(wild, rng.choice([-1.0, 1.0], 20_000), 0.05 * rng.normal(size=20_000))
    found = Residuals.fit(predicted + noise, predicted)
    np.testing.assert_allclose(found.spread, 0.05, rtol=0.3)
    assert found.probability_above(np.array([2.5]), 2.7)[0] == pytest.approx(0.005, abs=0.004)


def test_residuals_go_through_json(residuals):
    back = Residuals.from_dict(json.loads(json.dumps(residuals.to_dict())))
    grid = np.linspace(0, 6, 100)
    np.testing.assert_array_equal(
        back.probability_above(grid, 2.8), residuals.probability_above(grid, 2.8)
    )
    np.testing.assert_array_equal(back.quantile(grid, 0.9), residuals.quantile(grid, 0.9))
    with pytest.raises(KeyError):
        Residuals.from_dict({"knots": [1.0]})


@pytest.mark.parametrize("n", [1, 2, 10, 19, 20, 21, 40])
def test_few_rows(n):
    exact, predicted = simulated(n, 10)
    found = Residuals.fit(exact, predicted)
    assert (found.spread > 0).all()
    assert (found.decay > 0).all()
    assert (np.diff(found.core) > 0).all()
    assert (np.diff(found.knots) > 0).all()
    bounds = np.linspace(-2, 8, 200)
    probability = np.array([found.probability_above(np.array([2.5]), b)[0] for b in bounds])
    assert np.isfinite(probability).all()
    assert (np.diff(probability) <= 0).all()
    assert (probability[0], probability[-1]) == pytest.approx((1.0, 0.0), abs=0.02)


def test_ten_rows_give_about_the_right_spread():
    exact, predicted = simulated(10, 11)
    found = Residuals.fit(exact, predicted)
    width = np.diff([found.quantile(np.array([2.5]), level)[0] for level in (0.16, 0.84)])[0]
    assert 0.1 < width < 0.8


def test_exact_predictions_are_not_trusted_to_be_so():
    predicted = np.linspace(1, 4, 300)
    found = Residuals.fit(predicted, predicted)
    probability = found.probability_above(np.array([2.9, 3.0, 3.1]), 3.0)
    assert np.isfinite(probability).all()
    assert (np.diff(probability) >= 0).all()
    assert probability[0] < 0.05
    assert probability[2] > 0.95


def test_equal_predictions():
    """A model that says one value: the distribution of the exact values is what is left."""
    rng = np.random.default_rng(12)
    exact = rng.normal(2.0, 0.3, 5000)
    found = Residuals.fit(exact, np.full(5000, 2.0))
    for bound in (1.6, 2.0, 2.5):
        probability = found.probability_above(np.array([2.0]), bound)[0]
        assert probability == pytest.approx((exact > bound).mean(), abs=0.02)


def test_the_order_of_the_rows_does_not_matter():
    exact, predicted = simulated(500, 13)
    order = np.random.default_rng(0).permutation(500)
    one, other = Residuals.fit(exact, predicted), Residuals.fit(exact[order], predicted[order])
    assert one.to_dict() == other.to_dict()
