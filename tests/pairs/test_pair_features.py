"""The features of a pair against a naive implementation and in limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind import matching, tables
from tlsfind.configuration import displacements, minimum_image, wrap
from tlsfind.errors import InputError
from tlsfind.pairs.features import PairGeometry, geometry_names, pair_features

BOX = 7.0


def naive_features(a, b, energy_a, energy_b, box, particles):
    """Checklist 29, written out."""
    if energy_b < energy_a:
        a, b, energy_a, energy_b = b, a, energy_b, energy_a
    dr = displacements(a, b, box)
    lengths = np.sqrt((dr**2).sum(axis=1))
    largest = np.argsort(-lengths, kind="stable")[:particles]
    middle = a + dr / 2
    features = {"delta_e": energy_b - energy_a}
    features |= {f"displacement_{k + 1}": lengths[i] for k, i in enumerate(largest)}
    features["total_displacement"] = np.sqrt((lengths**2).sum())
    features["participation_ratio"] = (lengths**2).sum() ** 2 / (lengths**4).sum()
    for k, i in enumerate(largest[1:], start=2):
        apart = minimum_image(middle[largest[0]] - middle[i], box)
        features[f"distance_1_{k}"] = np.linalg.norm(apart)
    return features


def random_pair(seed, size=60, scale=0.3):
    rng = np.random.default_rng(seed)
    a = rng.uniform(0, BOX, (size, 3))
    step = rng.normal(size=(size, 3)) * scale * rng.uniform(0, 1, (size, 1)) ** 4
    return a, a + step


def assert_same(found, expected, rel=1e-9):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=rel, abs=1e-11), name


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(2, 80),
    scale=st.floats(1e-3, 0.3),
    data=st.data(),
)
def test_against_a_naive_implementation(seed, size, scale, data):
    particles = data.draw(st.integers(1, min(size, 20)))
    a, b = random_pair(seed, size, scale)
    energy_a, energy_b = np.random.default_rng(seed).uniform(10, 11, 2)
    found = pair_features(a, b, energy_a, energy_b, BOX, particles)
    assert_same(found, naive_features(a, b, energy_a, energy_b, BOX, particles))
    sizes = [found[f"displacement_{k}"] for k in range(1, particles + 1)]
    assert sizes == sorted(sizes, reverse=True)
    assert 1 - 1e-9 <= found["participation_ratio"] <= size * (1 + 1e-9)


def test_names_are_those_of_the_pairs_table():
    for particles in (1, 3, 7):
        found = list(pair_features(*random_pair(0), 1.0, 2.0, BOX, particles))
        assert [*found, "transitions_ab", "transitions_ba"] == tables.feature_names(particles)
        assert found[1:] == geometry_names(particles)
    assert len(tables.feature_names(3)) == 10


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    shift_a=st.tuples(*[st.floats(-50, 50)] * 3),
    shift_b=st.tuples(*[st.floats(-50, 50)] * 3),
    wrapped=st.tuples(st.booleans(), st.booleans()),
)
def test_invariant_under_translation_and_wrapping(seed, shift_a, shift_b, wrapped):
    a, b = random_pair(seed)
    expected = pair_features(a, b, 1.0, 2.0, BOX, 4)
    a, b = a + np.array(shift_a), b + np.array(shift_b)
    a, b = (wrap(p, BOX) if yes else p for p, yes in zip((a, b), wrapped, strict=True))
    assert_same(pair_features(a, b, 1.0, 2.0, BOX, 4), expected, rel=1e-8)


def test_arguments_may_be_swapped():
    a, b = random_pair(3)
    there = pair_features(a, b, 1.0, 1.25, BOX, 3)
    back = pair_features(b, a, 1.25, 1.0, BOX, 3)
    assert there == back
    assert there["delta_e"] == 0.25


def test_direction_of_the_pair_changes_nothing_but_rounding():
    a, b = random_pair(4)
    assert_same(pair_features(b, a, 1.0, 2.0, BOX, 5), pair_features(a, b, 1.0, 2.0, BOX, 5))


def test_one_particle_moves():
    a = np.random.default_rng(0).uniform(0, BOX, (2000, 3))
    b = a.copy()
    b[17] += [0.3, 0.0, 0.4]
    found = pair_features(a, b, 0.0, 0.0, BOX, 3)
    assert found["participation_ratio"] == pytest.approx(1.0, abs=2e-3)
    assert found["total_displacement"] == pytest.approx(0.5, rel=1e-3)
    assert found["displacement_1"] == pytest.approx(0.5, rel=1e-3)
    assert found["displacement_2"] == pytest.approx(0.5 / 2000)


def test_all_particles_move_equally_far():
    a = np.random.default_rng(1).uniform(0, BOX, (100, 3))
    step = np.where(np.arange(100) % 2, 0.1, -0.1)[:, None] * np.array([1.0, 0.0, 0.0])
    found = pair_features(a, a + step, 0.0, 0.0, BOX, 2)
    assert found["participation_ratio"] == pytest.approx(100)
    assert found["total_displacement"] == pytest.approx(1.0)


def test_two_particles_that_part_symmetrically():
    """Two particles 0.5 apart across the boundary part by 0.2 each: 0.7 between mid-points."""
    a = np.array([[6.8, 1.0, 1.0], [0.3, 1.0, 1.0], [3.0, 3.0, 3.0], [4.0, 5.0, 6.0]])
    step = np.array([[-0.2, 0, 0], [0.2, 0, 0], [0, 0, 0], [0, 0, 0]])
    found = pair_features(a, a + step, 0.0, 0.0, BOX, 2)
    assert found["distance_1_2"] == pytest.approx(0.7)
    assert found["displacement_1"] == pytest.approx(0.2)
    assert found["participation_ratio"] == pytest.approx(2.0)


def test_equal_displacements_come_in_the_order_of_particles():
    """Four particles move equally far: the distances tell which of them was taken first."""
    a = np.array([[0.0, 0, 0], [1.0, 0, 0], [2.5, 0, 0], [3.0, 0, 0], [0, 3.0, 0], [0, 0, 3.0]])
    step = np.zeros((6, 3))
    step[:4, 2] = [0.25, -0.25, -0.25, 0.25]
    found = pair_features(a, a + step, 0.0, 0.0, 8.0, 4)
    expected = [np.hypot(1.0, 0.25), np.hypot(2.5, 0.25), 3.0]
    assert [found[f"distance_1_{k}"] for k in (2, 3, 4)] == pytest.approx(expected)


def test_identical_minima():
    a, _ = random_pair(5)
    found = pair_features(a, a.copy(), 1.0, 1.0, BOX, 3)
    assert found["total_displacement"] == 0
    assert found["participation_ratio"] == 0
    assert found["displacement_1"] == 0
    assert np.isfinite(list(found.values())).all()


def test_block_of_pairs_equals_single_pairs():
    """Displacements are held relative to the first minimum; no pair may notice."""
    rng = np.random.default_rng(6)
    base = rng.uniform(0, BOX, (50, 3))
    step = rng.normal(size=(12, 50, 3)) * 0.2 + rng.normal(size=(12, 1, 3)) * 10
    minima = wrap(base + step, BOX)
    first, second = np.triu_indices(12, 1)
    block = PairGeometry(minima, BOX, 3).features(first, second)
    for i, j, values in zip(first, second, block.T, strict=True):
        naive = naive_features(minima[i], minima[j], 0.0, 0.0, BOX, 3)
        np.testing.assert_allclose(values, list(naive.values())[1:], rtol=1e-9)


def test_particles_far_from_where_they_are_in_the_first_minimum():
    """A particle that drifts by more than half a box over the landscape, not within a pair."""
    rng = np.random.default_rng(7)
    base = rng.uniform(0, BOX, (30, 3))
    minima = np.repeat(base[None], 8, axis=0) + rng.normal(size=(8, 30, 3)) * 0.05
    minima[:, 11, 0] += 0.9 * np.arange(8)
    geometry = PairGeometry(wrap(minima, BOX), BOX, 2)
    for i in range(8):
        for j in range(i + 1, min(i + 4, 8)):
            found = geometry.features(np.array([i]), np.array([j]))[:, 0]
            naive = naive_features(minima[i], minima[j], 0.0, 0.0, BOX, 2)
            np.testing.assert_allclose(found, list(naive.values())[1:], rtol=1e-9)


def test_senseless_input_is_refused():
    a, b = random_pair(8, size=10)
    with pytest.raises(InputError, match=r"\(10, 3\) and \(9, 3\)"):
        pair_features(a, b[:9], 0.0, 0.0, BOX, 3)
    with pytest.raises(InputError, match=r"11 most displaced .* expected 1 to 10"):
        pair_features(a, b, 0.0, 0.0, BOX, 11)
    b[4, 1] = np.nan
    with pytest.raises(InputError, match="NaN"):
        pair_features(a, b, 0.0, 0.0, BOX, 3)


def packing(rng, count):
    """Positions (count, 3) in a box of edge BOX, no closer than 0.85."""
    placed = np.empty((0, 3))
    while len(placed) < count:
        trial = rng.uniform(0, BOX, 3)
        apart = minimum_image(placed - trial, BOX)
        if not len(placed) or np.linalg.norm(apart, axis=1).min() > 0.85:
            placed = np.vstack([placed, trial])
    return placed


def identical_particles(seed, count=5, size=150):
    """Minima in which particles hop, some into the places of others, and types."""
    rng = np.random.default_rng(seed)
    minima = packing(rng, size) + 0.03 * rng.normal(size=(count, size, 3))
    types = rng.integers(1, 3, size)
    for k in range(1, count):
        hopped = rng.choice(size, 3, replace=False)
        minima[k:, hopped] += 0.4 * rng.normal(size=(3, 3))
        own = np.flatnonzero(types == rng.integers(1, 3))
        ring = own[np.argsort(np.linalg.norm(minima[k, own] - minima[k, own[0]], axis=1))[:3]]
        minima[k:, ring] = minima[k:, np.roll(ring, 1)]
    return minima, types


def renumbered(rng, positions, types):
    """``positions`` (N, 3) with the particles of each type in another order."""
    order = np.arange(len(types))
    for kind in np.unique(types):
        own = np.flatnonzero(types == kind)
        order[own] = rng.permutation(own)
    return positions[order]


def test_identical_particles_are_matched_before_features_are_taken():
    """The features are those of minima that were renumbered pair by pair."""
    minima, types = identical_particles(1)
    first, second = np.triu_indices(len(minima), 1)
    block = PairGeometry(minima, BOX, 3, types).features(first, second)
    exchanged = 0
    for i, j, values in zip(first, second, block.T, strict=True):
        order = matching.assignment(minima[i], minima[j], BOX, types)
        exchanged += not np.array_equal(order, np.arange(len(types)))
        naive = naive_features(minima[i], minima[j][order], 0.0, 0.0, BOX, 3)
        np.testing.assert_allclose(values, list(naive.values())[1:], rtol=1e-9)
        single = pair_features(minima[i], minima[j], 0.0, 0.0, BOX, 3, types)
        np.testing.assert_allclose(values, list(single.values())[1:], rtol=1e-9)
        back = pair_features(minima[j], minima[i], 0.0, 0.0, BOX, 3, types)
        assert_same(back, single)
    assert exchanged == len(first)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_numbering_of_identical_particles_changes_nothing(seed):
    minima, types = identical_particles(seed)
    rng = np.random.default_rng([seed, 1])
    pairs = np.triu_indices(len(minima), 1)
    expected = PairGeometry(minima, BOX, 3, types).features(*pairs)
    other = [wrap(renumbered(rng, p, types) + rng.normal(size=3) * BOX, BOX) for p in minima]
    found = PairGeometry(np.array(other), BOX, 3, types).features(*pairs)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11)


def test_without_exchanges_types_change_nothing():
    rng = np.random.default_rng(2)
    minima = packing(rng, 120) + 0.02 * rng.normal(size=(6, 120, 3))
    pairs = np.triu_indices(6, 1)
    plain = PairGeometry(minima, BOX, 3).features(*pairs)
    for types in (np.ones(120, int), np.arange(1, 121), rng.integers(1, 3, 120)):
        found = PairGeometry(minima, BOX, 3, types).features(*pairs)
        np.testing.assert_array_equal(found, plain)


def test_all_different_types_are_as_none():
    minima, _ = identical_particles(3)
    pairs = np.triu_indices(len(minima), 1)
    plain = PairGeometry(minima, BOX, 3).features(*pairs)
    found = PairGeometry(minima, BOX, 3, np.arange(1, 151)).features(*pairs)
    np.testing.assert_array_equal(found, plain)


def test_permuted_minimum_is_identical():
    a = packing(np.random.default_rng(4), 100)
    b = renumbered(np.random.default_rng(5), a, np.ones(100))
    found = pair_features(a, b, 1.0, 1.0, BOX, 3, np.ones(100, int))
    assert found["total_displacement"] < 1e-12
    assert pair_features(a, b, 1.0, 1.0, BOX, 3)["total_displacement"] > 10


def test_types_that_do_not_fit_are_refused():
    a, b = random_pair(9, size=10)
    with pytest.raises(InputError, match="expected 10 integers from 1"):
        pair_features(a, b, 0.0, 0.0, BOX, 3, np.ones(9, int))


def test_first_particle_is_no_reference_where_types_are_given():
    rng = np.random.default_rng(6)
    a = packing(rng, 100)
    b = a + 0.02 * rng.normal(size=a.shape)
    b[0, 0] += 0.495 * BOX
    types = np.repeat([1, 2], [1, 99])
    found = pair_features(a, b, 0.0, 0.0, BOX, 3, types)
    moved = matching.displacements(a, b, BOX, types)
    assert found["total_displacement"] == pytest.approx(np.linalg.norm(moved), rel=1e-9)
    assert found["displacement_1"] == pytest.approx(0.49 * BOX, rel=0.02)
    assert found["displacement_2"] < 0.2
