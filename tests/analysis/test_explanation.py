"""The figure of Shapley values and permutation importance."""

import numpy as np
import pandas as pd
import pytest

from tlsfind import tables
from tlsfind.analysis import style
from tlsfind.analysis.figures import explanation
from tlsfind.errors import InputError
from tlsfind.interpret import importance
from tlsfind.interpret.explain import SCORES, importance_table, shap_table

FEATURES = tables.feature_names(3)
SLOPES = {"predictor": 0.3 - 0.06 * np.arange(10), "classifier": 0.01 * np.arange(10)}


@pytest.fixture(scope="module")
def explained():
    """Both tables, of linear models."""
    rng = np.random.default_rng(1)
    pairs = pd.DataFrame(rng.normal(size=(40, len(FEATURES))), columns=FEATURES)
    pairs["transitions_ba"] = 0.0
    pairs = pairs.assign(glass="A", minimum_a=range(40), minimum_b=range(1, 41))
    x = pairs[FEATURES].to_numpy()
    shap, drops = [], []
    for name, slopes in SLOPES.items():
        found = importance.shapley(lambda rows, slopes=slopes: rows @ slopes, x, x[:5], 0)
        fake = importance.Drop(0.9, np.abs(slopes), np.full(10, np.nan))
        shap.append(shap_table(name, pairs, FEATURES, found))
        drops.append(
            importance_table(name, x, FEATURES, found, dict.fromkeys(SCORES[name], fake), 40)
        )
    return pd.concat(shap, ignore_index=True), pd.concat(drops, ignore_index=True)


def test_numbers(explained):
    points = explanation.numbers(*explained)["points"]
    assert len(points) == len(explained[0])
    assert points["level"].between(0, 1).all()
    assert points["offset"].abs().max() <= 0.4
    assert (points.loc[points["feature"] == "transitions_ba", "level"] == 0.5).all()
    spread = points.groupby(["model", "rank"])["shap"].apply(lambda values: values.abs().mean())
    for _, values in spread.groupby("model"):
        assert values.is_monotonic_decreasing
    energy = points[(points["model"] == "predictor") & (points["feature"] == "delta_e")]
    assert (energy["rank"] == 1).all()
    assert energy["level"].corr(energy["shap"]) > 0.9


def test_stacked_points_do_not_overlap(explained):
    offsets = explanation._offsets(np.zeros(11), -1.0, 1.0)
    assert len(np.unique(offsets)) == 11
    np.testing.assert_allclose(sorted(offsets), np.linspace(-0.4, 0.4, 11))
    assert explanation._offsets(np.zeros(3), 0.0, 0.0).shape == (3,)


def test_panels(explained):
    with style.styled():
        figure = explanation.panels(explanation.numbers(*explained), "run x")
        figure.draw_without_rendering()
    axes = figure.axes
    assert len(axes) == 5  # four panels and the colour bar
    names = [text.get_text() for text in axes[0].get_yticklabels()]
    assert names[0] == r"$\Delta E$"
    assert len(names) == len(FEATURES)
    assert "lower" in axes[0].get_xlabel()
    assert "0.900" in axes[2].texts[0].get_text()
    assert figure.get_supxlabel() == "run x"


def test_symbols():
    assert explanation.label("displacement_2") == r"$\Delta r_{2}$"
    assert explanation.label("distance_1_3") == r"$|r_1 - r_{3}|$"
    assert explanation.label("unknown") == "unknown"
    assert all(explanation.label(name) != name for name in FEATURES)


def test_files(explained, tmp_path):
    with pytest.raises(InputError, match=r"shap\.parquet does not exist"):
        explanation.read(tmp_path)
    for name, frame in zip(("shap", "importance"), explained, strict=True):
        tables.write(frame, tmp_path / f"{name}.parquet", tables.schema(name))
    assert len(explanation.read(tmp_path)["points"]) == 800
