"""Sums and largest squares of displacements by vectors, against exact arithmetic."""

import numpy as np
import pytest

from tlsfind.pairs.kernel import sums_and_largest
from tlsfind.pairs.sweep import LANES

PRECISIONS = [np.float32, np.float64]
SIZES = [1, 2, LANES - 1, LANES, LANES + 1, 2 * LANES, 5 * LANES + 3]


def swept(a, b, particles):
    """Sums, largest squares and their particles, in memory that held other numbers before."""
    sums, group = np.full((2, LANES), 7.0), np.full(LANES, 1e9, a.dtype)
    best, index = np.full(particles, 1e9, a.dtype), np.full(particles, -1)
    second, fourth = sums_and_largest(a, b, sums, group, best, index)
    return second, fourth, best, index


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("size", SIZES)
def test_whole_numbers_come_out_exactly_and_equal_ones_in_order(precision, size):
    """Few different squares, so that most are equal; M from 1 to N."""
    rng = np.random.default_rng(size)
    for particles in sorted({1, min(3, size), size}):
        for spread in (0, 1, 3):
            a, b = rng.integers(-spread, spread + 1, (2, 3, size)).astype(precision)
            squares = ((b - a) ** 2).sum(axis=0)
            order = np.argsort(-squares, kind="stable")[:particles]
            second, fourth, best, index = swept(a, b, particles)
            assert (second, fourth) == (squares.sum(), (squares**2).sum())
            np.testing.assert_array_equal(index, order)
            np.testing.assert_array_equal(best, squares[order])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("reverse", [False, True])
def test_squares_that_only_rise_or_fall(precision, reverse):
    """Every group stops the pass, or the first one alone."""
    size = 4 * LANES + 5
    b = np.zeros((3, size), precision)
    b[1] = np.arange(1, size + 1)[:: -1 if reverse else 1]
    _, _, best, index = swept(np.zeros_like(b), b, 6)
    np.testing.assert_array_equal(best, np.arange(size, size - 6, -1) ** 2)
    np.testing.assert_array_equal(index, np.arange(6) if reverse else size - 1 - np.arange(6))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_square_depends_on_the_lane_of_its_particle(precision):
    """All squares of pairs whose particles are numbered from elsewhere, the left over ones too."""
    size = 2 * LANES + 5
    a, b = np.random.default_rng(1).normal(size=(2, 3, size)).astype(precision)
    _, _, best, index = swept(a, b, size)
    np.testing.assert_allclose(best, ((b - a) ** 2).sum(axis=0)[index], rtol=1e-6)
    for shift in range(1, size):
        a, b = (np.roll(x, 1, axis=1) for x in (a, b))
        _, _, found, place = swept(a, b, size)
        np.testing.assert_array_equal(found, best)
        np.testing.assert_array_equal((place - shift) % size, index)
