"""Lists of neighbours against the comparison of all pairs."""

import numpy as np
import pytest

from tlsfind.engine.native.neighbours import build_list, shift_table
from tlsfind.engine.native.potential import CUTOFF, mixed_diameter

MIXED = mixed_diameter.py_func


def particles(n, seed, density=1.0):
    """Positions (n, 3) at random, diameters and box."""
    rng = np.random.default_rng(seed)
    box = (n / density) ** (1 / 3)
    return rng.uniform(0, box, (n, 3)), rng.uniform(0.73, 1.62, n), box


def listed(positions, diameters, box, skin=0.3, fixed=-1.0, reach=None, capacity=None):
    """What ``build_list`` returns, and its rows up to there."""
    n = len(positions)
    capacity = 300 * n if capacity is None else capacity
    reach = np.zeros(n) if reach is None else reach
    start = np.empty(n + 1, np.int64)
    rows = np.empty(capacity, np.int32), np.empty(capacity), np.empty(capacity, np.int8)
    count = build_list(positions, reach, diameters, box, skin, fixed, start, *rows)
    return count, start, [row[: max(count, 0)] for row in rows]


def all_pairs(positions, diameters, box, skin=0.3, fixed=-1.0, reach=None):
    """The same by comparing all pairs: {(i, j): (1 / sigma^2, shift vector)}."""
    reach = np.zeros(len(positions)) if reach is None else reach
    found = {}
    for i in range(len(positions) - 1):
        later = np.arange(i + 1, len(positions))
        apart = positions[later] - positions[i]
        shifts = -box * np.rint(apart / box)
        sigma = MIXED(diameters[i], diameters[later])
        limit = (fixed if fixed > 0 else CUTOFF * sigma) + skin + reach[i] + reach[later]
        near = ((apart + shifts) ** 2).sum(axis=1) < limit**2
        for j, s, shift in zip(later[near], sigma[near], shifts[near], strict=True):
            found[i, int(j)] = (1.0 / s**2, shift)
    return found


@pytest.mark.parametrize("fixed", [-1.0, 2.0])
@pytest.mark.parametrize(
    ("n", "offset", "spread"),
    [
        (1500, 0.0, 0.0),  # four cells along an edge
        (3000, 0.0, 0.3),  # five, particles out of the box
        (3000, 3e5, 0.3),  # far from the origin
        (200, 0.0, 0.3),  # too small a box for cells
    ],
)
def test_every_pair_in_range_and_no_other(n, offset, spread, fixed):
    positions, diameters, box = particles(n, seed=1)
    rng = np.random.default_rng(2)
    positions += offset * box + spread * box * (rng.random(positions.shape) < 0.3)
    reach = 0.1 * rng.random(n)
    count, start, (neighbour, inverse, shift) = listed(
        positions, diameters, box, fixed=fixed, reach=reach
    )
    expected = all_pairs(positions, diameters, box, fixed=fixed, reach=reach)
    assert count == len(expected) == start[-1]
    rows = np.repeat(np.arange(n), np.diff(start))
    assert (neighbour > rows).all()
    assert len(set(zip(rows.tolist(), neighbour.tolist(), strict=True))) == count
    wanted = [expected[pair] for pair in zip(rows.tolist(), neighbour.tolist(), strict=True)]
    np.testing.assert_allclose(inverse, [value for value, _ in wanted], rtol=1e-14)
    nearest = np.array([vector for _, vector in wanted])
    np.testing.assert_allclose(shift_table(box)[shift], nearest, atol=1e-9 * box)


def test_one_large_particle_among_small_ones():
    """Its range is the longest: small ones look for it beyond their own."""
    positions, diameters, box = particles(2000, seed=3)
    diameters[:] = 0.8
    diameters[7] = 1.6
    count, start, (neighbour, _, _) = listed(positions, diameters, box)
    expected = all_pairs(positions, diameters, box)
    rows = np.repeat(np.arange(2000), np.diff(start))
    assert set(zip(rows.tolist(), neighbour.tolist(), strict=True)) == set(expected)
    assert count == len(expected)
    assert sum(7 in pair for pair in expected) > 10


def test_too_small_a_list_says_how_many_pairs_there_are():
    positions, diameters, box = particles(300, seed=4)
    wanted, _, _ = listed(positions, diameters, box)
    count, _, _ = listed(positions, diameters, box, capacity=10)
    assert count == wanted > 10


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2e6, 3.0])
def test_senseless_coordinates_are_refused(bad):
    """Not finite, too far from the box, or too far from the others."""
    positions, diameters, box = particles(300, seed=5)
    positions[17, 1] = bad * box
    positions[18] = positions[17] % box if np.isfinite(bad) else 0.0
    count, _, _ = listed(positions, diameters, box)
    assert count == -1
