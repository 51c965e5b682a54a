"""Scores against naive formulas, sklearn, and cases that are known beforehand."""

import numpy as np
import pytest
from sklearn import metrics

from tlsfind.evaluate import scores
from tlsfind.learn.predictor import to_target

THRESHOLD = 0.0015


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_classification_against_sklearn(rng):
    truth = rng.random(500) < 0.3
    probability = np.clip(0.3 * truth + 0.7 * rng.random(500), 0.01, 0.99)
    found = scores.classification(truth, probability).values
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, probability > 0.5))
    assert found["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(truth, probability > 0.5)
    )
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, probability))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(truth, probability))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth, probability))


def test_roc_auc_is_the_chance_of_the_right_order(rng):
    truth, probability = rng.random(60) < 0.5, rng.random(60)
    pairs = [(p, q) for p in probability[truth] for q in probability[~truth]]
    naive = np.mean([p > q for p, q in pairs])
    assert scores.classification(truth, probability).values["roc_auc"] == pytest.approx(naive)


def test_calibration_of_true_and_of_sharpened_probabilities(rng):
    probability = rng.uniform(0.02, 0.98, 40_000)
    truth = rng.random(40_000) < probability
    honest = scores.classification(truth, probability).values
    assert honest["calibration_slope"] == pytest.approx(1.0, abs=0.05)
    assert honest["calibration_offset"] == pytest.approx(0.0, abs=0.05)
    assert honest["expected_calibration_error"] < 0.015
    odds = (probability / (1 - probability)) ** 2  # twice the log-odds: too sure
    sharp = scores.classification(truth, odds / (1 + odds)).values
    assert sharp["calibration_slope"] == pytest.approx(0.5, abs=0.03)
    assert sharp["expected_calibration_error"] > 0.05


def test_expected_calibration_error_against_a_loop(rng):
    probability, truth = rng.random(1003), rng.random(1003) < 0.2
    order = sorted(range(1003), key=lambda i: probability[i])
    total, begin = 0.0, 0
    for number in range(scores.CALIBRATION_BINS):
        size = 1003 // scores.CALIBRATION_BINS + (number < 1003 % scores.CALIBRATION_BINS)
        chosen = order[begin : begin + size]
        total += size * abs(
            np.mean([probability[i] for i in chosen]) - np.mean([truth[i] for i in chosen])
        )
        begin += size
    found = scores.expected_calibration_error(truth, probability)
    assert found == pytest.approx(total / 1003)


def test_expected_calibration_error_of_few_pairs():
    assert scores.expected_calibration_error(np.array([True]), np.array([0.25])) == 0.75


def test_values_against_numpy(rng):
    exact = 10 ** rng.normal(-2.5, 0.5, 200)
    target = to_target(exact) - 0.1 + 0.05 * rng.normal(size=200)
    found = scores.values(exact, target).values
    difference = -target - np.log10(exact)  # predicted minus exact, in decades
    assert found["r_log"] == pytest.approx(np.corrcoef(-target, np.log10(exact))[0, 1])
    assert found["r"] == pytest.approx(np.corrcoef(10**-target, exact)[0, 1])
    assert found["rmse_log"] == pytest.approx(np.sqrt(np.mean(difference**2)))
    assert found["median_offset"] == pytest.approx(np.median(difference))
    assert found["median_offset"] == pytest.approx(0.1, abs=0.02)  # predictions are too large


def test_splittings_against_counts(rng):
    exact = 10 ** rng.normal(-2.4, 0.4, 400)
    target = to_target(exact) + 0.2 * rng.normal(size=400)
    below = rng.random(400)
    found = scores.splittings(exact, target, below, THRESHOLD).values
    tls = exact < THRESHOLD
    for name, factor in (("threshold", 1), ("twice_threshold", 2)):
        low = [10**-t < factor * THRESHOLD for t in target]
        both = sum(a and b for a, b in zip(low, tls, strict=True))
        assert found[f"recall_at_{name}"] == pytest.approx(both / tls.sum())
        assert found[f"precision_at_{name}"] == pytest.approx(both / sum(low))
        assert found[f"share_below_{name}"] == pytest.approx(sum(low) / 400)
    order = np.argsort(-target)
    precisions = [tls[order[: k + 1]].mean() for k in range(400) if tls[order[k]]]
    assert found["average_precision_tls"] == pytest.approx(np.mean(precisions))
    assert found["tls"] == tls.sum()
    assert found["expected_tls"] == pytest.approx(below.sum())
    offset = np.median((to_target(exact) - target)[tls])
    assert found["median_offset_tls"] == pytest.approx(offset)


def test_perfect_predictions():
    exact = np.array([0.0005, 0.001, 0.002, 0.01, 0.02])
    below = (exact < THRESHOLD).astype(float)
    found = scores.splittings(exact, to_target(exact), below, THRESHOLD).values
    assert found["r_log"] == pytest.approx(1.0)
    assert found["rmse_log"] == 0
    assert found["average_precision_tls"] == 1
    assert found["recall_at_twice_threshold"] == 1
    assert found["precision_at_twice_threshold"] == pytest.approx(2 / 3)  # 0.002 passes too
    assert found["expected_calibration_error"] == 0


def test_hunt(rng):
    tls, probability = rng.random(300) < 0.1, rng.random(300)
    found = scores.hunt(tls, probability).values
    assert found["average_precision"] == pytest.approx(
        metrics.average_precision_score(tls, probability)
    )
    assert found["expected_tls"] == pytest.approx(probability.sum())
    assert found["tls"] == tls.sum()


def test_screening():
    tls = np.array([True, True, True, False, False])
    passed = np.array([True, True, False, True, False])
    found = scores.screening(tls, passed, np.array([0.9, 0.8, 0.1, 0.5, 0.0])).values
    assert found["recall_tls"] == pytest.approx(2 / 3)
    assert found["share_rescored"] == pytest.approx(3 / 5)
    assert found["tls_lost"] == 1
    assert found["average_precision_tls"] == pytest.approx((1 + 1 + 3 / 4) / 3)


def test_undefined_scores_are_none_with_a_reason():
    exact = np.full(4, 0.01)
    found = scores.splittings(exact, np.full(4, 2.0), np.zeros(4), THRESHOLD)
    undefined = {name for name, value in found.values.items() if value is None}
    assert undefined == {
        "r_log",
        "r",
        "median_offset_tls",
        "average_precision_tls",
        "recall_at_threshold",
        "precision_at_threshold",
        "recall_at_twice_threshold",
        "precision_at_twice_threshold",
    }
    assert undefined == set(found.reasons)
    assert found.reasons["r_log"] == scores.NO_SPREAD
    assert found.reasons["recall_at_threshold"] == scores.NO_TLS
    assert found.reasons["precision_at_threshold"] == scores.NONE_BELOW

    one_class = scores.classification(np.ones(5, dtype=bool), np.full(5, 0.9))
    assert set(one_class.reasons) == {
        "balanced_accuracy",
        "roc_auc",
        "calibration_slope",
        "calibration_offset",
    }
    assert one_class.values["accuracy"] == 1
    assert scores.hunt(np.zeros(3, dtype=bool), np.zeros(3)).values["average_precision"] is None
    lost = scores.screening(np.zeros(3, dtype=bool), np.ones(3, dtype=bool), np.zeros(3))
    assert lost.values["recall_tls"] is None


def test_what_is_not_finite_is_none():
    found = scores.Scored()
    found.set("infinite", float("inf"))
    found.set("nan", float("nan"), "another reason")
    assert found.values == {"infinite": None, "nan": None}
    assert set(found.reasons.values()) == {scores.NOT_FINITE}
