"""Scores of the acquisition rules."""

import numpy as np

from tlsfind.learn import acquisition


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


def test_standard_takes_the_smaller_direction():
    scores = acquisition.standard(np.array([9, 4, 0]), np.array([1, 3, 8]))
    assert scores.tolist() == [-1.0, -3.0, 0.0]


def test_random_leaves_all_to_the_ties():
    assert acquisition.random(3).tolist() == [0.0, 0.0, 0.0]
