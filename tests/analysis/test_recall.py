"""Recall of the loop, the standard procedure and random picking."""

import numpy as np
import pytest

from tlsfind.analysis.figures import recall

NOTHING = dict.fromkeys(
    ("standard_qualifying", "standard_tls_per_path", "standard_tls_per_path_low",
     "standard_tls_per_path_high"), 0
)  # fmt: skip


def test_the_loop_counts_in_order_and_its_band_knows_what_is_missing():
    is_tls = np.array([False, True, False, True, True])
    curve = recall.loop_curve(is_tls, known=4, missing=(0.0, 4.0))
    assert curve["tls"].tolist() == [0, 0, 1, 1, 2, 3]
    assert curve["recall"].iloc[-1] == 0.75
    assert curve["low"].iloc[-1] == 3 / 8
    assert curve["high"].iloc[-1] == 0.75
    unknown = recall.loop_curve(is_tls, known=4, missing=(np.nan, np.nan))
    assert (unknown["low"] == unknown["recall"]).all()


def test_random_picking_is_hypergeometric():
    """Mean and limits against draws without replacement."""
    curve = recall.random_curve(pairs=500, known=40, points=30)
    rng = np.random.default_rng(3)
    truth = np.arange(500) < 40
    draws = np.array([np.cumsum(rng.permutation(truth)) for _ in range(2000)]) / 40
    at = curve["paths"].to_numpy() - 1
    np.testing.assert_allclose(curve["recall"], draws.mean(axis=0)[at], atol=0.01)
    inside = (draws[:, at] >= curve["low"].to_numpy()) & (draws[:, at] <= curve["high"].to_numpy())
    assert (inside.mean(axis=0) >= 0.935).all()
    assert curve["recall"].iloc[-1] == 1.0
    assert curve["paths"].iloc[-1] == 500


def test_standard_procedure_ends_with_its_pairs():
    row = {"standard_qualifying": 300, "standard_tls_per_path": 0.02,
           "standard_tls_per_path_low": 0.01, "standard_tls_per_path_high": 0.05}  # fmt: skip
    curve = recall.standard_curve(row, known=10)
    assert curve["paths"].iloc[-1] == 300
    assert curve["recall"].iloc[-1] == pytest.approx(0.6)
    assert curve["high"].iloc[-1] == 1.0
    assert (np.diff(curve["recall"]) > 0).all()
    assert recall.standard_curve(NOTHING, known=10).empty


def test_costs_are_the_first_paths_that_suffice():
    found = recall.numbers(
        np.array([True] * 5 + [False] * 5 + [True] * 5), np.repeat([0, 1, 2], 5), 1000, 10,
        NOTHING, (0.0, 1.0),
    )  # fmt: skip
    costs = found["costs"].set_index(["procedure", "share"])["paths"]
    assert costs["loop", 0.5] == 5
    assert costs["loop", 0.8] == 13
    assert costs["random", 0.5] == pytest.approx(500, rel=0.05)
    assert "standard" not in costs.index
    assert found["batches"]["paths"].tolist() == [5, 10, 15]
    assert found["batches"]["tls"].tolist() == [5, 5, 10]


def test_a_share_never_reached_is_null():
    curve = recall.loop_curve(np.array([True, False]), known=4, missing=(0.0, 0.0))
    assert recall.costs(curve)["paths"].isna().all()


def test_numbers_of_a_run(run):
    found = recall.collect(run.results)
    loop = found["curve"][found["curve"]["procedure"] == "loop"]
    assert loop["paths"].iloc[-1] == len(run.truth["paths"])
    assert loop["tls"].iloc[-1] == run.results.is_tls(run.results.loop_paths).sum()
    assert found["batches"]["paths"].tolist() == run.results.history["total_paths"].tolist()
    assert found["batches"]["tls"].tolist() == run.results.history["total_tls"].tolist()
    chance = found["curve"][found["curve"]["procedure"] == "random"]
    assert chance["paths"].iloc[-1] == len(run.truth["pairs"])


def test_too_few_tls_are_not_drawn(poor_run):
    figure = recall.draw(recall.collect(poor_run.results), poor_run.results)
    assert "0 points, fewer than 10" in figure.axes[0].texts[0].get_text()
