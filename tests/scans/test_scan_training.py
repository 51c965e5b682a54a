"""One training of a scan and its scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import r2_score

from scan_settings import LEARN
from tlsfind.errors import TrainingError
from tlsfind.learn.predictor import to_target
from tlsfind.scans import training
from tlsfind.scans.draws import draw


def test_r_squared():
    rng = np.random.default_rng(0)
    exact = rng.normal(size=50)
    predicted = exact + rng.normal(size=50)
    assert training.r_squared(exact, predicted) == pytest.approx(r2_score(exact, predicted))
    assert training.r_squared(exact, exact) == 1.0
    assert training.r_squared(exact, np.full(50, exact.mean())) == pytest.approx(0.0)
    assert training.r_squared(exact, -5.0 * exact) < 0.0
    assert math.isnan(training.r_squared(np.ones(3), np.ones(3)))


def test_scores_of_exact_predictions(study):
    rows = np.flatnonzero(study.eligible("predictor"))[:50]
    found = training.scored(study, "predictor", rows, to_target(study.table.splitting[rows]))
    assert found["r2_log"] == found["r2"] == pytest.approx(1.0)
    assert found["rmse_log"] == pytest.approx(0.0, abs=1e-12)
    truth = study.table.is_double_well[:100]
    found = training.scored(study, "classifier", np.arange(100), truth.astype(float))
    assert found["accuracy"] == found["balanced_accuracy"] == 1.0


def test_an_undefined_score_is_nan(study):
    wells = np.flatnonzero(study.table.is_double_well)[:30]
    found = training.scored(study, "classifier", wells, np.full(30, 0.9))
    assert found["accuracy"] == 1.0
    assert math.isnan(found["balanced_accuracy"])


def test_the_ensembles_learn_the_law(study):
    features = study.table.frame[study.table.features]
    for model, score, least in (("classifier", "accuracy", 0.9), ("predictor", "r2_log", 0.7)):
        pairs = draw(study, model, "row", 0)
        found = training.measured(study, model, pairs, features)
        assert found[score] > least
        assert found["training_pairs"] == len(pairs.train)
        assert found["pairs"] == len(pairs.test)
        assert found["training_glasses"] == 8
        assert found["seconds"] > 0


def test_too_few_pairs_are_a_note(study):
    features = study.table.frame[study.table.features]
    pairs = draw(study, "predictor", "row", 0).first(LEARN.min_double_wells - 1)
    found = training.measured(study, "predictor", pairs, features)
    assert found["note"] == "19 double wells to train on, expected at least 20 " + (
        "(learn.min_double_wells)"
    )
    assert "accuracy" not in found
    wells = np.flatnonzero(study.table.is_double_well)
    with pytest.raises(TrainingError, match="0 other pairs"):
        training.enough(study, "classifier", wells)
