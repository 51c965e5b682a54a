"""Shapley values and permutation importance against what is known exactly."""

import json
import os
import subprocess
import sys
from itertools import combinations
from math import factorial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.correlation import pearson
from tlsfind.errors import InputError
from tlsfind.interpret import explain, importance
from tlsfind.learn import classifier, labelled, predictor

FEATURES = tables.feature_names(3)


def exact_shapley(model, rows, background):
    """The sum over all sets of features, by definition."""
    n, count = rows.shape
    found = np.zeros((n, count))
    for i, row in enumerate(rows):

        def value(chosen, row=row):
            mixed = background.copy()
            mixed[:, list(chosen)] = row[list(chosen)]
            return model(mixed).mean()

        for j in range(count):
            others = [k for k in range(count) if k != j]
            for size in range(count):
                weight = factorial(size) * factorial(count - size - 1) / factorial(count)
                for chosen in combinations(others, size):
                    found[i, j] += weight * (value((*chosen, j)) - value(chosen))
    return found


def curved(x):
    """Every feature but the last two interacts with another."""
    return np.tanh(x[:, 0] * x[:, 1] + x[:, 2]) + np.sin(x[:, 1]) * x[:, 3] ** 2 + 0.3 * x[:, 4]


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(3)
    return rng.normal(size=(7, 6)), rng.normal(size=(12, 6))


def test_linear_function(sample):
    rows, background = sample
    slopes = np.array([1.0, -2.0, 0.5, 0.0, 3.0, 1e3])
    found = importance.shapley(lambda x: x @ slopes + 7.0, rows, background, 0)
    np.testing.assert_allclose(found.values, slopes * (rows - background.mean(axis=0)), atol=1e-9)
    assert found.base == pytest.approx(7.0 + background.mean(axis=0) @ slopes)


def test_product_of_two_features(sample):
    """An order and its reverse are all there is for two features: no sampling error."""
    rows, background = sample

    def product(x):
        return x[:, 0] * x[:, 1]

    found = importance.shapley(product, rows, background, 0).values
    np.testing.assert_allclose(found, exact_shapley(product, rows, background), atol=1e-12)
    assert (found[:, 2:] == 0).all()


def test_curved_function(sample):
    rows, background = sample
    exact = exact_shapley(curved, rows, background)
    found = importance.shapley(curved, rows, background, 0, orders=120).values
    np.testing.assert_allclose(found, exact, atol=0.05)
    few = importance.shapley(curved, rows, background, 0, orders=1).values
    assert np.abs(found - exact).mean() < 0.5 * np.abs(few - exact).mean()
    assert np.abs(exact).mean() > 0.2


def test_additive_and_repeatable(sample):
    rows, background = sample
    found = importance.shapley(curved, rows, background, 5)
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), curved(rows), atol=1e-12)
    assert (found.values[:, 5] == 0).all()  # the function does not look at it
    again = importance.shapley(curved, rows, background, 5)
    np.testing.assert_array_equal(found.values, again.values)
    assert not np.array_equal(found.values, importance.shapley(curved, rows, background, 6).values)


def test_few_calls(sample):
    """An ensemble costs tens of milliseconds a call, whatever the rows."""
    rows, background = sample
    sizes = []

    def counted(x):
        sizes.append(len(x))
        return curved(x)

    importance.shapley(counted, rows, background, 0, orders=3)
    assert len(sizes) <= 1 + 3 * len(rows)
    assert max(sizes) <= (2 * rows.shape[1] + 1) * len(background)


def test_one_feature_and_no_rows():
    rows, background = np.array([[2.0], [3.0]]), np.array([[1.0], [0.0]])
    found = importance.shapley(lambda x: x[:, 0] ** 2, rows, background, 0)
    np.testing.assert_allclose(found.values[:, 0], [4.0 - 0.5, 9.0 - 0.5])
    none = importance.shapley(lambda x: x[:, 0], np.empty((0, 1)), background, 0)
    assert none.values.shape == (0, 1)


def test_permutation_importance():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 3))
    exact = 2.0 * rows[:, 0] + rows[:, 1]
    found = importance.permutation_importance(
        lambda x: 2.0 * x[:, 0] + x[:, 1],
        rows,
        exact,
        {"rmse": importance.negative_rmse, "r": pearson},
        6,
        0,
    )
    # shuffled against itself a unit normal differs by sqrt(2)
    expected = np.sqrt(2) * np.array([2.0, 1.0, 0.0])
    np.testing.assert_allclose(found["rmse"].mean, expected, rtol=0.05, atol=1e-12)
    np.testing.assert_allclose(found["r"].mean, [1 - 0.2, 1 - 0.8, 0.0], atol=0.03)
    assert found["rmse"].score == pytest.approx(0.0, abs=1e-12)
    assert found["rmse"].mean[2] == 0
    assert found["rmse"].std[2] == 0
    assert (found["rmse"].std[:2] > 0).all()


def test_one_shuffle_has_no_spread():
    rows = np.random.default_rng(0).normal(size=(30, 2))
    found = importance.permutation_importance(
        lambda x: x[:, 0], rows, rows[:, 0], {"rmse": importance.negative_rmse}, 1, 0
    )
    assert np.isnan(found["rmse"].std).all()


def test_classifier_scores():
    exact = np.array([True, True, False, False])
    probability = np.array([0.9, 0.4, 0.2, 0.0])
    assert importance.accuracy(exact, probability) == 0.75
    expected = np.log([0.9, 0.4, 0.8, 1.0 - 1e-6]).mean()
    assert importance.negative_log_loss(exact, probability) == pytest.approx(expected)


# ---- the stage, with models that are known functions


def labelled_frame(n, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.uniform(0.1, 1.0, (n, len(FEATURES))), columns=FEATURES)
    frame[["transitions_ab", "transitions_ba"]] = rng.integers(0, 9, (n, 2))
    wells = frame["total_displacement"] < 0.6
    return frame.assign(
        glass="A",
        minimum_a=np.arange(n),
        minimum_b=np.arange(n) + 1,
        preparation_temperature=0.09,
        is_double_well=wells,
        quantum_splitting=np.where(wells, 0.1 * frame["delta_e"], np.nan),
        barrier=np.nan,
        unit_system="argon",
    )


@pytest.fixture
def models(monkeypatch):
    """Models that look at d alone, and at Delta E alone."""

    class Classifier:
        def __init__(self, folder, threads):
            pass

        def probability(self, frame):
            assert list(frame.columns) == FEATURES
            return np.where(frame["total_displacement"] < 0.6, 0.9, 0.1)

    class Predictor:
        quantity = "splitting"

        def __init__(self, folder, threads):
            pass

        def target(self, frame):
            return -np.log10(0.1 * frame["delta_e"].to_numpy())

    monkeypatch.setattr(classifier, "Classifier", Classifier)
    monkeypatch.setattr(predictor, "Predictor", Predictor)
    return SimpleNamespace(Predictor=Predictor)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "labelled.parquet"
    labelled.write(labelled_frame(300), path, 3, 0)
    return path


def test_stage(models, table, make_config, tmp_path):
    config = make_config(seed=4)
    explain.explain(config, tmp_path, table, tmp_path / "out")
    shap = tables.read(tmp_path / "out" / "shap.parquet", tables.schema("shap").names)
    counts = shap.groupby("model").size()
    assert counts["classifier"] == config.analysis.explain_sample * len(FEATURES)
    wells = int(labelled_frame(300)["is_double_well"].sum())
    assert counts["predictor"] == min(config.analysis.explain_sample, wells) * len(FEATURES)
    pairs = shap.groupby(["model", "glass", "minimum_a", "minimum_b"])
    total = pairs["shap"].sum() + pairs["base"].first()
    np.testing.assert_allclose(total, pairs["prediction"].first(), atol=1e-12)
    used = shap[shap["shap"] != 0].groupby("model")["feature"].unique()
    assert list(used["classifier"]) == ["total_displacement"]
    assert list(used["predictor"]) == ["delta_e"]

    drop = tables.read(tmp_path / "out" / "importance.parquet")
    assert list(drop.columns) == tables.schema("importance").names
    assert len(drop) == 2 * 2 * len(FEATURES)
    first = drop[drop["rank"] == 1].set_index("score")
    assert first.loc["accuracy", "feature"] == "total_displacement"
    assert first.loc["accuracy", "score_value"] == 1
    assert first.loc["log_loss", "score_value"] == pytest.approx(-np.log(0.9))
    assert first.loc["rmse", "feature"] == "delta_e"
    assert first.loc["rmse", "score_value"] == pytest.approx(0, abs=1e-12)
    assert first.loc["r", "direction"] == pytest.approx(-1)
    assert (first["drop_mean"] > 0.1).all()
    assert (drop.loc[drop["rank"] > 1, "drop_mean"] == 0).all()
    assert drop.loc[drop["rank"] > 1, "direction"].isna().all()

    explain.explain(config, tmp_path, table, tmp_path / "again")
    for name in ("shap", "importance"):
        again = tables.read(tmp_path / "again" / f"{name}.parquet")
        pd.testing.assert_frame_equal(again, tables.read(tmp_path / "out" / f"{name}.parquet"))


def test_stage_refuses(models, table, make_config, tmp_path, monkeypatch):
    config = make_config()
    few = tmp_path / "few.parquet"
    labelled.write(labelled_frame(300)[:12].assign(is_double_well=False), few, 3, 0)
    with pytest.raises(InputError, match="0 pairs to explain the predictor on, expected at least"):
        explain.explain(config, tmp_path, few, tmp_path / "out")
    other = tmp_path / "nip.parquet"
    labelled.write(labelled_frame(300).assign(unit_system="nip"), other, 3, 0)
    with pytest.raises(InputError, match=r"nip\.parquet holds E_qs in nip, expected argon"):
        explain.explain(config, tmp_path, other, tmp_path / "out")
    monkeypatch.setattr(models.Predictor, "quantity", "barrier")
    with pytest.raises(InputError, match="predicts the barrier, expected the splitting"):
        explain.explain(config, tmp_path, table, tmp_path / "out")
    assert not (tmp_path / "out").exists()


SECOND_PROCESS = """
import numpy as np
from tlsfind.interpret.importance import shapley
from shap.maskers import _tabular
from shap.utils import _masked_model
rows = np.arange(6.0).reshape(2, 3)
print(shapley(lambda x: x[:, 0] * x[:, 1] + x[:, 2], rows, rows + 1.0, seed=0).values.tolist())
stats = _tabular._delta_masking.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
print(callable(_masked_model._build_fixed_single_output))
print(hasattr(_masked_model._build_fixed_single_output, "py_func"))
"""


def test_a_second_process_compiles_nothing_of_shap(tmp_path):
    runs = [
        subprocess.run(
            [sys.executable, "-c", SECOND_PROCESS],
            env={**os.environ, "TLSFIND_KERNELS": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout.split("\n")
        for _ in range(2)
    ]
    assert [run[1:4] for run in runs] == [["0 1", "True", "False"], ["1 0", "True", "False"]]
    assert runs[0][0] == runs[1][0]
    rows = np.arange(6.0).reshape(2, 3)
    exact = exact_shapley(lambda x: x[:, 0] * x[:, 1] + x[:, 2], rows, rows + 1.0)
    np.testing.assert_allclose(json.loads(runs[0][0]), exact, atol=1e-12)
