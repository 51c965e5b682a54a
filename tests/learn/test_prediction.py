"""Predictions for all pairs: the screen's and the ensembles', and models that do not fit."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.errors import InputError, TlsfindError
from tlsfind.learn import calibration, classifier, ensemble, prediction, predictor, screen, stage
from tlsfind.pairs.keys import KEYS

THRESHOLD = 0.0015


def test_models_learn_the_landscape(first_iteration, landscape, solved_pairs):
    exact = solved_pairs(landscape.frame, 0)
    predicted = tables.read(first_iteration.predictions[0])
    pd.testing.assert_frame_equal(predicted[KEYS], landscape.frame[KEYS])
    well = (exact["status"] == "double_well").to_numpy()
    probability = predicted["probability_double_well"].to_numpy()
    right = (probability > 0.5) == well
    assert right[well].mean() > 0.9
    assert right[~well].mean() > 0.9
    splitting = predicted["predicted_splitting"].to_numpy()
    assert np.isfinite(splitting).all()
    r = np.corrcoef(np.log(splitting[well]), np.log(exact["quantum_splitting_argon"][well]))[0, 1]
    assert r > 0.9
    assert predicted["probability_tls"].between(0, 1).all()
    # the exact splitting is rarely below the bound that says so, with probability 0.1
    low = exact["quantum_splitting_argon"][well] < predicted["splitting_low"][well]
    assert 0.01 < low.mean() < 0.3


def test_the_ensembles_predict_the_share_again_and_the_screen_the_rest(first_iteration, landscape):
    """Every column from the models that it is said to come from."""
    run = first_iteration
    features = landscape.frame[tables.feature_names(3)]
    found = tables.read(run.predictions[0])
    screening = screen.load(run.model / "models" / "screen")
    first = screening.predict(features)
    again = found["rescored"].to_numpy()
    np.testing.assert_array_equal(again, first.probability_tls >= screening.cutoff)
    assert run.share == again.mean()
    assert run.config.learn.screen_share - 0.02 <= run.share < 0.5
    best = features[again]
    first_model = classifier.Classifier(run.model / "models" / "classifier")
    second_model = predictor.Predictor(run.model / "models" / "predictor")
    target = second_model.target(best)
    probability = first_model.probability(best)
    expected = {
        "probability_double_well": (first.probability, probability),
        "predicted_splitting": (10.0**-first.target, second_model.splitting(best)),
        "splitting_low": (
            10.0 ** -screening.residuals.quantile(first.target, 0.9), second_model.low(target, 0.1)
        ),
        "probability_tls": (
            first.probability_tls, probability * second_model.below(target, THRESHOLD)
        ),
    }  # fmt: skip
    for name, (by_screen, by_ensembles) in expected.items():
        column = found[name].to_numpy()
        assert column.dtype == np.float32
        np.testing.assert_allclose(column[~again], by_screen[~again], rtol=1e-6)
        np.testing.assert_allclose(column[again], by_ensembles, rtol=1e-6)


def test_no_tls_of_the_landscape_is_screened_out(first_iteration, landscape, solved_pairs):
    exact = solved_pairs(landscape.frame, 0)
    tls = (exact["status"] == "double_well") & (exact["quantum_splitting_argon"] < THRESHOLD)
    assert tls.sum() > 20
    assert tables.read(first_iteration.predictions[0])["rescored"][tls].all()


def test_predictions_do_not_depend_on_how_tables_are_cut(
    first_iteration, landscape, tmp_path, monkeypatch
):
    run = first_iteration
    monkeypatch.setattr(prediction, "ROWS", 700)
    stage.predict(run.config, run.model / "models", landscape.files[::-1], tmp_path / "p.parquet")
    again = tables.read(tmp_path / "p.parquet").sort_values(KEYS, ignore_index=True)
    pd.testing.assert_frame_equal(again, tables.read(run.predictions[0]))


def test_the_barrier_model_says_what_it_predicts(first_iteration, landscape, solved_pairs):
    model = predictor.Predictor(first_iteration.model / "models" / "barrier")
    assert model.quantity == "barrier"
    other = predictor.Predictor(first_iteration.model / "models" / "predictor")
    assert other.quantity == "splitting"
    exact = solved_pairs(landscape.frame, 0)
    well = exact["barrier"].notna().to_numpy()
    found = model.splitting(landscape.frame.loc[well, tables.feature_names(3)])
    assert np.corrcoef(found, exact["barrier"][well])[0, 1] > 0.9


def test_a_model_of_other_features_is_refused(first_iteration, landscape, tmp_path):
    pairs = tmp_path / "narrow.parquet"
    narrow = tables.schema("pairs", tables.pairs_columns(2))
    tables.write(landscape.frame, pairs, narrow)
    with pytest.raises(InputError, match=r"narrow.parquet lacks the column.s. displacement_3"):
        stage.predict(
            first_iteration.config, first_iteration.model, [pairs], tmp_path / "p.parquet"
        )
    with pytest.raises(InputError, match="does not exist"):
        stage.predict(first_iteration.config, tmp_path / "no", [pairs], tmp_path / "p.parquet")


def altered(model, folder, name, **changes):
    """A copy of a training with other values in the description of one of its models."""
    shutil.copytree(model, folder)
    file = folder / "models" / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return folder


def test_models_of_another_threshold_are_refused(first_iteration, landscape, make_config, tmp_path):
    run = first_iteration
    other = make_config(loop={"unit_system": "nip"})
    threshold = other.unit_systems["nip"].tls_threshold
    message = (
        rf"models in .*models were trained for TLS below E_qs = 0.0015, expected {threshold:g}, "
        "the threshold of the loop's unit system: train again"
    )
    with pytest.raises(InputError, match=message):
        stage.predict(other, run.model, landscape.files, tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()


def test_models_of_another_version_or_of_another_kind_are_refused(
    first_iteration, landscape, tmp_path
):
    run = first_iteration

    def refused(model, error, message):
        with pytest.raises(error, match=message):
            stage.predict(run.config, model, landscape.files, tmp_path / "p.parquet")
        assert not (tmp_path / "p.parquet").exists()

    old = altered(run.model, tmp_path / "old", "predictor/model.json", tlsfind="0.0.1")
    refused(old, TlsfindError, r"old/models/predictor was trained with tlsfind 0.0.1, found")
    schema = altered(run.model, tmp_path / "schema", "classifier/model.json", schema_version=1)
    refused(schema, TlsfindError, r"belongs to schema version 1 of the tables, expected 2: train")
    swapped = tmp_path / "swapped"
    shutil.copytree(run.model, swapped)
    shutil.rmtree(swapped / "models" / "classifier")
    shutil.copytree(run.model / "models" / "predictor", swapped / "models" / "classifier")
    refused(swapped, InputError, r"swapped/models/classifier is no double-well classifier; train")
    shutil.rmtree(swapped / "models" / "predictor")
    for name in ("predictor", "classifier"):
        shutil.rmtree(swapped / "models" / name, ignore_errors=True)
        shutil.copytree(run.model / "models" / "classifier", swapped / "models" / name)
    refused(swapped, InputError, r"swapped/models/predictor is no predictor; train again")
    shutil.rmtree(old)
    shutil.copytree(run.model, old)
    (old / "models" / "screen" / "screen.json").unlink()
    refused(old, InputError, r"screening models in .*old/models/screen are missing or damaged")


def test_probabilities_of_the_stored_classifier_are_calibrated(first_iteration, landscape):
    """The ensemble's own output counts both classes alike; a caller sees the calibrated one."""
    folder = first_iteration.model / "models" / "classifier"
    features = landscape.frame[tables.feature_names(3)]
    model = ensemble.Ensemble(folder)
    logistic = calibration.Logistic(**model.description["logistic"])
    raw, found = model.predict(features), classifier.Classifier(folder).probability(features)
    np.testing.assert_array_equal(found, logistic(raw))
    # four fifths of the training rows are double wells: balancing had lowered them
    assert logistic(np.array([0.5]))[0] > 0.55
