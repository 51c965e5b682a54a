"""Displacements in single precision: what they cost in exactness, and what they must not change."""

import numpy as np
import pytest

from tlsfind.configuration import wrap
from tlsfind.pairs.features import PairGeometry, geometry_names

BOX = 8.0
EPSILON = 2.0**-24
NAMES = geometry_names(3)


def glass(seed, count=25, size=200, scale=0.1, noise=0.0):
    """Minima (count, size, 3): a random walk in which a few particles move at every step."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(0, BOX, (size, 3))
    steps = rng.normal(size=(count, size, 3)) * scale * (rng.random((count, size, 1)) < 0.1)
    walk = base + np.cumsum(steps, axis=0) + noise * rng.normal(size=steps.shape)
    return wrap(walk + rng.normal(size=(count, 1, 3)), BOX)


def both(minima):
    """Features of all pairs in double and in single precision, and the D of either minimum."""
    first, second = np.triu_indices(len(minima), 1)
    double = PairGeometry(minima, BOX, 3)
    single = PairGeometry(minima, BOX, 3, single=True)
    start = np.zeros(len(minima), int)
    away = PairGeometry(minima, BOX, 3).features(start, np.arange(len(minima)))[3]
    found = [dict(zip(NAMES, g.features(first, second), strict=True)) for g in (double, single)]
    return *found, away[first] + away[second]


@pytest.mark.parametrize(("scale", "noise"), [(0.1, 0.0), (0.4, 0.01), (1e-3, 1e-5), (0.0, 1e-4)])
def test_errors_are_within_the_stated_bounds(scale, noise):
    exact, found, away = both(glass(1, scale=scale, noise=noise))
    d = exact["total_displacement"]
    bound = EPSILON * (away + 3 * d)
    assert (np.abs(found["total_displacement"] - d) <= bound).all()
    for name in NAMES[:3]:
        assert (np.abs(found[name] - exact[name]) <= bound).all(), name
    for name in NAMES[5:]:
        assert (np.abs(found[name] - exact[name]) <= 2 * bound).all(), name
    ratio = found["participation_ratio"] / exact["participation_ratio"]
    assert (np.abs(ratio - 1) <= 8 * bound / d).all()


def test_close_minima_far_from_the_first_are_told_to_a_millionth():
    """Pairs at d = 0.01 of minima at D = 3, the hardest case of a landscape."""
    rng = np.random.default_rng(2)
    base = glass(2, count=12, scale=0.0)
    away = rng.normal(size=(1, 200, 3)) * (rng.random((1, 200, 1)) < 0.05)
    minima = wrap(base[0] + np.concatenate([np.zeros_like(away), np.repeat(away, 11, axis=0)]), BOX)
    minima[1:] += rng.normal(size=minima[1:].shape) * 0.01 / np.sqrt(600)
    first, second = np.triu_indices(11, 1)
    double, single = (
        PairGeometry(minima, BOX, 3, single=s).features(first + 1, second + 1)
        for s in (False, True)
    )
    d = double[3]
    assert 0.005 < d.min() < d.max() < 0.02
    assert np.abs(single[3] / d - 1).max() < 1e-5


def test_wide_pairs_take_the_nearest_image():
    rng = np.random.default_rng(3)
    base = rng.uniform(0, BOX, (30, 3))
    minima = np.repeat(base[None], 8, axis=0) + rng.normal(size=(8, 30, 3)) * 0.05
    minima[:, 11, 0] += 0.9 * np.arange(8)
    exact, found, _ = both(wrap(minima, BOX))
    for name in NAMES:
        np.testing.assert_allclose(found[name], exact[name], rtol=2e-6)


@pytest.mark.parametrize("single", [False, True])
def test_no_bit_depends_on_the_order_or_the_block(single):
    minima = glass(4)
    geometry = PairGeometry(minima, BOX, 3, single=single)
    first, second = np.triu_indices(len(minima), 1)
    whole = geometry.features(first, second)
    order = np.random.default_rng(5).permutation(len(first))
    np.testing.assert_array_equal(geometry.features(first[order], second[order]), whole[:, order])
    for begin in range(0, len(first), 37):
        part = slice(begin, begin + 37)
        np.testing.assert_array_equal(geometry.features(first[part], second[part]), whole[:, part])
    one_by_one = PairGeometry(iter(minima), BOX, 3, count=len(minima), single=single)
    np.testing.assert_array_equal(one_by_one.features(first, second), whole)


def test_identical_minima_stay_identical():
    minima = glass(6, count=3)
    minima[2] = minima[1]
    found = PairGeometry(minima, BOX, 3, single=True).features(np.array([1]), np.array([2]))
    assert (found[:5] == 0).all()


def test_identical_particles_are_matched_in_double_precision():
    minima, types = glass(7), np.ones(200, int)
    pairs = np.triu_indices(len(minima), 1)
    double = PairGeometry(minima, BOX, 3, types).features(*pairs)
    single = PairGeometry(minima, BOX, 3, types, single=True).features(*pairs)
    np.testing.assert_array_equal(single, double)


def test_sums_over_many_particles_are_in_double_precision():
    """Half of many particles move by x, the others by -x: d is x times the root of their number.

    A sum in single precision of so many squares would be wrong by more than ten times the bound.
    """
    size, shift = 200_000, 0.1
    rng = np.random.default_rng(5)
    base = rng.uniform(0, BOX, (size, 3))
    moved = base.copy()
    moved[:, 1] += np.where(np.arange(size) % 2, shift, -shift)
    geometry = PairGeometry([base, wrap(moved, BOX)], BOX, 3, single=True)
    found = dict(zip(NAMES, geometry.features(np.array([0]), np.array([1]))[:, 0], strict=True))
    assert found["total_displacement"] == pytest.approx(shift * np.sqrt(size), rel=4 * EPSILON)
    assert found["participation_ratio"] == pytest.approx(size, rel=16 * EPSILON)
