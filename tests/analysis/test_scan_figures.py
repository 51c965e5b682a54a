"""Numbers of the figures of the scans."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tlsfind.analysis import style
from tlsfind.analysis.figures import figS1, figS2, figS4, figS5, scan_curves
from tlsfind.analysis.tables import table_s1

SCORES = ["accuracy", "balanced_accuracy", "log_loss", "r2_log", "r2", "r_log", "r", "rmse_log"]


def rows(scan, model, values, repeats=3, temperatures=(0.07,), variant=""):
    """Rows of table "scan" whose scores are known: value / 10 + repeat / 100."""
    found = []
    for temperature in temperatures:
        for split in ("row", "glass"):
            for value in values:
                for repeat in range(repeats):
                    score = value / 10 + repeat / 100
                    found.append(
                        {"scan": scan, "preparation_temperature": temperature, "model": model,
                         "variant": variant, "value": float(value), "feature": "delta_e",
                         "split": split, "repeat": repeat, "training_pairs": 100,
                         "training_glasses": 4, "pairs": 20, **dict.fromkeys(SCORES, score),
                         "seconds": 1.0 + repeat, "time_limit_struck": False, "note": ""}
                    )  # fmt: skip
    return found


def test_curves_are_means_and_deviations():
    frame = pd.DataFrame(rows("size", "predictor", [1, 5]))
    found = scan_curves.curves(frame).set_index(["split", "value"])
    assert found.loc[("row", 5.0), "r2_log"] == pytest.approx(0.51)
    assert found.loc[("row", 5.0), "r2_log_std"] == pytest.approx(0.01)
    assert found.loc[("glass", 1.0), "seconds"] == 2.0
    assert (found["repeats"] == 3).all()


def test_trainings_without_a_score_are_left_out():
    frame = pd.DataFrame(rows("size", "predictor", [1, 5]))
    frame.loc[frame["value"] == 1, SCORES] = np.nan
    assert set(scan_curves.curves(frame)["value"]) == {5.0}


def test_variants_without_a_value_are_kept_apart():
    parts = [pd.DataFrame(rows("leaderboard", "predictor", [1], variant=v)) for v in "ab"]
    frame = pd.concat(parts).assign(value=np.nan)
    assert len(scan_curves.curves(frame)) == 4


def importance():
    found = []
    for repeat in (0, 1):
        for score in ("rmse", "r"):
            for rank, feature in enumerate(["delta_e", "total_displacement", "q6_a_1"], start=1):
                found.append(
                    {"preparation_temperature": 0.07, "repeat": repeat, "model": "predictor",
                     "feature": feature, "rank": rank if repeat == 0 or rank == 3 else 3 - rank,
                     "mean_abs_shap": 1.0 / rank, "direction": 1.0, "score": score,
                     "score_value": 0.1, "drop_mean": (4.0 + repeat) / 10 ** (rank - 1),
                     "drop_std": 0.1, "pairs": 50}
                )  # fmt: skip
    return pd.DataFrame(found)


def test_drops_are_shares_of_the_largest():
    found = figS4.drops(importance()).set_index("feature")
    assert found.loc["delta_e", "drop_mean"] == pytest.approx(4.5)
    assert found.loc["delta_e", "share"] == 1.0
    assert found.loc["total_displacement", "share"] == pytest.approx(0.1)
    assert found.loc["total_displacement", "share_std"] == pytest.approx(0.1 * np.sqrt(0.5) / 4.5)
    assert set(found["score"]) == {"rmse"}


def test_table_s1():
    table = table_s1.collect(importance()).set_index("rank")
    assert list(table["feature"]) == ["delta_e", "total_displacement", "q6_a_1"]
    assert list(table["paper_rank"])[:2] == [1, 3]
    assert table["paper_rank"].isna()[3]
    assert list(table["lowest_rank"]) == [1, 1, 3]
    assert list(table["highest_rank"]) == [2, 2, 3]
    assert list(table["repeats"]) == [2, 2, 2]


def test_the_papers_ranking_is_complete():
    for features in table_s1.PAPER.values():
        assert len(set(features)) == 10


def test_labels():
    assert figS4.label("q6_a_1") == "$q_{6}^{a}(1)$"
    assert figS4.label("q12_change_3") == r"$q_{12}^{\Delta}(3)$"
    assert figS4.label("diameter_2") == r"$\sigma_{2}$"
    assert figS4.label("delta_e") == r"$\Delta E$"


def test_figures_of_nothing_say_why(tmp_path):
    """A table without a score is drawn as a sentence in each panel."""
    empty = pd.DataFrame(rows("size", "predictor", [1]))
    empty[SCORES] = np.nan
    empty["note"] = "3 double wells to train on, expected at least 20"
    shap = pd.DataFrame(columns=["preparation_temperature", "model", "feature"])
    none = importance().iloc[:0]
    points = pd.DataFrame(columns=["preparation_temperature", "variant", "split", "repeat"])
    found = {"scan": empty, "scan_importance": none, "scan_shap": shap, "scan_points": points}
    for module in (figS1, figS2, figS4, figS5):
        with style.styled():
            figure = module.draw(module.collect(found), "made up")
        texts = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert any("not drawn" in text for text in texts), module.__name__


def test_footer_says_what_the_figure_rests_on():
    frame = pd.DataFrame(rows("size", "predictor", [1, 5], temperatures=(0.07, 0.092)))
    text = scan_curves.footer(frame, "demo")
    assert text.startswith("demo, trained at most on: T_f = 0.07: predictor 100 pairs ")
    assert "(20 held out), 4 glasses" in text
    assert "3 repetitions" in text
