"""Permutations of identical particles against brute force, and what must not change d."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from tlsfind import configuration, matching
from tlsfind.configuration import minimum_image, wrap
from tlsfind.errors import InputError
from tlsfind.matching_kernel import improvable

SPACING = 0.85


def packing(rng, count, density=0.55):
    """Positions (count, 3) no closer than SPACING, and the box edge."""
    box = (count / density) ** (1 / 3)
    placed = np.empty((0, 3))
    while len(placed) < count:
        trial = rng.uniform(0, box, 3)
        apart = minimum_image(placed - trial, box)
        if not len(placed) or np.linalg.norm(apart, axis=1).min() > SPACING:
            placed = np.vstack([placed, trial])
    return placed, box


def pair(seed, count, hops, noise=0.03, kinds=2):
    """A packing, and one in which a few particles sit elsewhere, with the types."""
    rng = np.random.default_rng(seed)
    a, box = packing(rng, count)
    b = a + rng.normal(size=a.shape) * noise
    moved = rng.choice(count, hops, replace=False)
    b[moved] += rng.normal(size=(hops, 3)) * 0.6
    return a, b, box, rng.integers(1, kinds + 1, count)


def shuffled(rng, types):
    """A random permutation within the types."""
    order = np.arange(len(types))
    for kind in np.unique(types):
        own = np.flatnonzero(types == kind)
        order[own] = rng.permutation(own)
    return order


def whole_assignment(a, b, shift, box, types):
    """Smallest sum of squares by the assignment of all particles at once, b translated back."""
    cost = (minimum_image(b[None] - a[:, None] - shift, box) ** 2).sum(axis=2)
    cost[types[:, None] != types[None, :]] = 1e6
    rows, columns = linear_sum_assignment(cost)
    return cost[rows, columns].sum()


def brute_force(a, b, box, types):
    """The smallest d, with its displacements, over all permutations within the types."""
    groups = [np.flatnonzero(types == kind) for kind in np.unique(types)]
    found = []
    for choice in product(*(permutations(own) for own in groups)):
        order = np.empty(len(a), int)
        for own, taken in zip(groups, choice, strict=True):
            order[own] = taken
        moved = configuration.displacements(a, b[order], box)
        found.append((np.linalg.norm(moved), moved))
    return min(found, key=lambda pair: pair[0])


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=2))
def test_against_all_permutations_in_tiny_systems(seed, sizes):
    """Particles move as far as their neighbours are, in a box in which images are no question."""
    rng = np.random.default_rng(seed)
    types = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    a = rng.uniform(-1.0, 1.0, (len(types), 3))
    b = a[shuffled(rng, types)] + rng.normal(size=a.shape) * 0.4
    shift = rng.normal(size=3)
    distance, moved = brute_force(a, b, 20.0, types)
    found = matching.displacements(a, wrap(b + shift, 20.0), 20.0, types)
    assert np.linalg.norm(found) == pytest.approx(distance, abs=1e-10)
    np.testing.assert_allclose(found, moved, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(60, 200), data=st.data())
def test_the_few_that_are_solved_give_the_best_assignment_of_all(seed, count, data):
    hops = data.draw(st.integers(0, count // 3))
    a, b, box, types = pair(seed, count, hops)
    order, moved = matching.match(a, b, box, types)
    shift = (b[order] - a - moved)[0]
    squares = np.linalg.norm(moved) ** 2
    assert squares == pytest.approx(whole_assignment(a, b, shift, box, types), rel=1e-9)
    assert np.sqrt(squares) <= np.linalg.norm(configuration.displacements(a, b, box)) + 1e-9


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(80, 160), hops=st.integers(0, 4))
def test_numbering_translation_and_direction_change_nothing(seed, count, hops):
    a, b, box, types = pair(seed, count, hops)
    rng = np.random.default_rng([seed, 1])
    there = matching.displacements(a, b, box, types)
    back = matching.displacements(b, a, box, types)
    assert np.linalg.norm(back) == pytest.approx(np.linalg.norm(there), rel=1e-9)
    first, second = shuffled(rng, types), shuffled(rng, types)
    other = wrap(b[second] + rng.normal(size=3) * box, box)
    found = matching.displacements(a[first], other, box, types)
    np.testing.assert_allclose(found, there[first], atol=1e-9)


def test_order_puts_b_beside_a():
    a, b, box, types = pair(5, 120, 6)
    b = b[shuffled(np.random.default_rng(6), types)] + 3.0
    order, moved = matching.match(a, b, box, types)
    np.testing.assert_array_equal(np.sort(order), np.arange(120))
    np.testing.assert_array_equal(types[order], types)
    np.testing.assert_array_equal(order, matching.assignment(a, b, box, types))
    expected = configuration.displacements(a, b[order], box)
    np.testing.assert_allclose(moved, expected, atol=1e-10)
    assert np.linalg.norm(moved, axis=1).max() < 3.0


def test_a_ring_of_identical_particles_has_not_moved():
    """Three particles take each other's places: nothing has happened."""
    rng = np.random.default_rng(7)
    a, box = packing(rng, 100)
    near = np.argsort(np.linalg.norm(minimum_image(a - a[0], box), axis=1))[:3]
    b = a.copy()
    b[near] = a[np.roll(near, 1)]
    same = np.ones(100, np.int32)
    assert np.linalg.norm(configuration.displacements(a, b, box)) > 1.0
    assert np.linalg.norm(matching.displacements(a, b, box, same)) < 1e-12
    other = same.copy()
    other[near] = 2, 3, 4
    np.testing.assert_allclose(
        matching.displacements(a, b, box, other),
        configuration.displacements(a, b, box),
        atol=1e-12,
    )


def test_a_chain_through_a_particle_that_did_not_move():
    """One particle passes over another to the far side of it: both moved by one place each."""
    a = np.array([[1.0, 1, 1], [2.0, 1, 1], [6.0, 6, 6], [6, 2, 6], [2, 6, 6], [6, 6, 2]])
    b = a.copy()
    b[0, 0] = 2.9
    moved = matching.displacements(a, b, 12.0, np.ones(6, int))
    moved -= moved[2]
    np.testing.assert_allclose(moved[:2], [[1, 0, 0], [0.9, 0, 0]], atol=1e-12)


def test_a_whole_row_that_moves_up_by_one_place():
    """By number ten particles moved by one place; the best assignment says so, too (10 < 100)."""
    rng = np.random.default_rng(8)
    row = np.stack([np.arange(11.0), np.zeros(11), np.zeros(11)], axis=1)
    a = np.vstack([row[:10], [[0, 9, 9], [9, 9, 0], [4, 9, 4]]])
    b = np.vstack([row[rng.permutation(np.arange(1, 11))], a[10:]])
    moved = matching.displacements(a, b, 40.0, np.ones(13, int))
    np.testing.assert_allclose(moved[:10] - moved[10], np.tile([1.0, 0, 0], (10, 1)), atol=1e-10)


def test_no_types_is_the_plain_displacement():
    a, b, box, _ = pair(9, 60, 5)
    expected = configuration.displacements(a, b, box)
    np.testing.assert_array_equal(matching.displacements(a, b, box), expected)
    np.testing.assert_array_equal(matching.assignment(a, b, box), np.arange(60))
    every = np.arange(1, 61)
    np.testing.assert_array_equal(matching.displacements(a, b, box, every), expected)


def test_no_exchange_is_the_plain_displacement():
    a, b, box, types = pair(10, 60, 0)
    expected = configuration.displacements(a, b, box)
    np.testing.assert_array_equal(matching.displacements(a, b, box, types), expected)


@pytest.mark.parametrize("particle", [0, 17])
def test_no_single_particle_is_the_reference(particle):
    """A particle that is half a box away, were it the first, would leave all images to chance."""
    a, b, box, _ = pair(11, 100, 0, noise=0.01)
    types = np.ones(100, int)
    types[particle] = 2
    plain = np.linalg.norm(np.delete(b - a, particle, axis=0))
    b[particle] += [0.5 * box, 0, 0]
    found = matching.displacements(a, b, box, types)
    assert np.linalg.norm(found) == pytest.approx(np.hypot(plain, 0.5 * box), rel=0.02)


def test_smallest_distance_of_like_particles():
    a, box = packing(np.random.default_rng(12), 90)
    types = np.repeat([1, 2, 5], [50, 39, 1])
    found = matching.like_distance(a, types, box)
    for kind, distance in zip((1, 2, 5), found, strict=True):
        own = a[types == kind]
        apart = np.linalg.norm(minimum_image(own[:, None] - own[None], box), axis=2)
        np.fill_diagonal(apart, np.inf)
        assert distance == pytest.approx(apart.min())


def test_within_the_bound_every_particle_has_its_own_site_nearest():
    """The argument by which most pairs need no matching, at the bound itself."""
    rng = np.random.default_rng(13)
    a, box = packing(rng, 80)
    limit = matching.like_distance(a, np.ones(80, int), box)[0] / 2
    step = rng.normal(size=a.shape)
    b = a + 0.999 * limit * step / np.linalg.norm(step, axis=1)[:, None]
    apart = np.linalg.norm(minimum_image(b[None] - a[:, None], box), axis=2)
    np.testing.assert_array_equal(np.argmin(apart, axis=0), np.arange(80))


def test_proof_of_the_best_assignment_fails_if_and_only_if_it_is_not():
    for seed in range(40):
        a, b, box, types = pair(seed, 90, seed % 8, kinds=1)
        _, moved = matching.match(a, b, box, types)
        own = np.arange(90)
        arguments = (own, matching.like_distance(a, types, box)[0] ** 2 / 4, box, 90, 1e-10)
        assert len(improvable(a, moved, *arguments)) == 0
        plain = configuration.displacements(a, b, box)
        better = np.linalg.norm(plain) > np.linalg.norm(moved) + 1e-9
        assert (len(improvable(a, plain, *arguments)) > 0) == better


def test_senseless_input_is_refused():
    a, b, box, types = pair(14, 30, 0)
    with pytest.raises(InputError, match="expected 30 integers from 1"):
        matching.displacements(a, b, box, types[1:])
    with pytest.raises(InputError, match="expected 30 integers from 1"):
        matching.displacements(a, b, box, types - 1)
    with pytest.raises(InputError, match=r"\(30, 3\) and \(29, 3\)"):
        matching.displacements(a, b[1:], box, types)
