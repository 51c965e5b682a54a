"""Scores of the acquisition rules."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from tlsfind.config import Loop
from tlsfind.learn import acquisition

RULES = get_args(Loop.model_fields["acquisition"].annotation)


def test_lowest_splitting_orders_by_splitting_above_and_by_probability_below_the_gate():
    probability = np.array([0.5, 0.9, 0.49, 0.02, 0.99, 0.6])
    splitting = np.array([1e-12, 0.01, 1e-6, np.nan, 130.0, 0.002])
    scores = acquisition.lowest_splitting(probability, splitting, 0.5)
    assert np.argsort(scores).tolist() == [0, 5, 1, 4, 2, 3]
    assert acquisition.passes_gate(scores).tolist() == [True, True, False, False, True, True]


def test_splittings_that_differ_in_the_last_digit_of_single_precision_differ_in_score():
    splitting = np.float32(1.5e-3)
    pair = np.array([splitting, np.nextafter(splitting, np.float32(1))])
    scores = acquisition.lowest_splitting(np.ones(2), pair, 0.5)
    assert scores[0] < scores[1]


def test_a_certain_pair_that_misses_the_gate_of_one_still_comes_after_those_that_pass():
    scores = acquisition.lowest_splitting(np.array([0.999999, 1.0]), np.array([1e-5, 1e3]), 1.0)
    assert np.argsort(scores).tolist() == [1, 0]


def test_tls_probability_takes_the_likeliest_first_and_tells_small_ones_apart():
    probability = np.array([0.2, 0.9, 0.0, 1.0])
    assert np.argsort(acquisition.tls_probability(probability)).tolist() == [3, 1, 0, 2]
    # without a gate the last batches are made of such pairs, in single precision
    small = np.array([1e-6, np.nextafter(np.float32(1e-6), np.float32(1))], dtype=np.float32)
    scores = acquisition.tls_probability(small)
    assert scores[1] < scores[0]


def test_lower_confidence_goes_by_the_bound_and_keeps_the_gate():
    probability = np.array([0.9, 0.8, 0.3, 0.4])
    low = np.array([1e-3, 1e-4, 1e-9, 1e-8])
    scores = acquisition.lower_confidence(probability, low, 0.5)
    assert np.argsort(scores).tolist() == [1, 0, 3, 2]
    assert acquisition.passes_gate(scores).tolist() == [True, True, False, False]


def test_smallest_delta_e_takes_the_energy_as_it_is():
    assert acquisition.smallest_delta_e(np.array([0.2, 0.0, 1e-3])).tolist() == [0.2, 0.0, 1e-3]


def test_standard_takes_the_smaller_direction():
    scores = acquisition.standard(np.array([9, 4, 0]), np.array([1, 3, 8]))
    assert scores.tolist() == [-1.0, -3.0, 0.0]


def test_random_leaves_all_to_the_ties():
    assert acquisition.random(3).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("rule", RULES)
def test_scores_by_name_are_those_of_the_rule(rule):
    """Every name that the config knows; from the columns that the rule says it needs, no others."""
    rng = np.random.default_rng(3)
    columns = {
        "probability_double_well": rng.random(50),
        "predicted_splitting": 10.0 ** rng.uniform(-5, 0, 50),
        "splitting_low": 10.0 ** rng.uniform(-6, -1, 50),
        "probability_tls": rng.random(50),
        "transitions_ab": rng.integers(0, 9, 50),
        "transitions_ba": rng.integers(0, 9, 50),
        "delta_e": rng.exponential(0.03, 50),
    }
    sources = [acquisition.FROM_PAIRS, acquisition.FROM_PREDICTIONS]
    needed = [source[rule] for source in sources if rule in source]
    assert len(needed) == 1
    found = acquisition.scores(rule, pd.DataFrame(columns)[needed[0]], 0.4)
    wells = columns["probability_double_well"]
    expected = {
        "lowest_splitting": lambda: acquisition.lowest_splitting(
            wells, columns["predicted_splitting"], 0.4
        ),
        "tls_probability": lambda: acquisition.tls_probability(columns["probability_tls"]),
        "lower_confidence": lambda: acquisition.lower_confidence(
            wells, columns["splitting_low"], 0.4
        ),
        "smallest_delta_e": lambda: columns["delta_e"],
        "standard": lambda: -np.minimum(columns["transitions_ab"], columns["transitions_ba"]),
        "random": lambda: np.zeros(50),
    }[rule]()
    np.testing.assert_array_equal(found, expected)
