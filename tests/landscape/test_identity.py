"""When two quenched configurations are one minimum."""

import numpy as np
import pytest

from tlsfind.configuration import displacements, minimum_image, wrap
from tlsfind.errors import InputError
from tlsfind.landscape.identity import Catalogue
from tlsfind.landscape.kernel import displacement_within

BOX = 6.0
PARTICLES = 150
WINDOW = 1e-6
TOLERANCE = 1e-2


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def glass(rng):
    return rng.uniform(0, BOX, (PARTICLES, 3))


def moved(rng, positions, distance):
    """``positions`` with a translation-free displacement of total size ``distance``."""
    step = rng.normal(size=positions.shape)
    step -= step.mean(axis=0)
    return positions + step * distance / np.linalg.norm(step)


def catalogue():
    return Catalogue(BOX, WINDOW, TOLERANCE)


@pytest.mark.parametrize("distance", [0.0, 1e-7, 1e-3, 0.5, 4.0])
def test_displacement_is_that_of_configuration_displacements(rng, distance):
    a = glass(rng)
    b = wrap(moved(rng, a, distance) + np.array([1.3, -2.2, 0.4]), BOX)
    naive = np.linalg.norm(displacements(a, b, BOX))
    assert displacement_within(a, b, BOX, 100.0) == pytest.approx(naive, rel=1e-9, abs=1e-12)
    assert naive == pytest.approx(distance, abs=1e-12)


def test_displacement_ends_exactly_at_the_tolerance(rng):
    a = glass(rng)
    b = moved(rng, a, 1e-2)
    assert displacement_within(a, b, BOX, 1.001e-2) == pytest.approx(1e-2)
    assert displacement_within(a, b, BOX, 0.999e-2) == np.inf


def test_early_exit_needs_no_common_translation_of_the_first_particle(rng):
    a = glass(rng)
    b = a.copy()
    b[0] += 0.4  # particle 0 is the origin of the kernel's images
    naive = np.linalg.norm(displacements(a, b, BOX))
    assert displacement_within(a, b, BOX, 1.01 * naive) == pytest.approx(naive)
    assert displacement_within(a, b, BOX, 0.99 * naive) == np.inf


def test_noise_within_the_tolerance_merges(rng):
    known, a = catalogue(), glass(rng)
    assert known.find_or_add(a, 30.0, 1e-7) == 0
    assert known.find_or_add(moved(rng, a, 0.9e-2), 30.0 + 0.9e-6, 2e-7) == 0
    assert len(known) == 1
    np.testing.assert_array_equal(known.positions, [a])
    assert known.max_forces == [1e-7]


def test_same_energy_further_apart_than_the_tolerance_is_another_minimum(rng):
    known, a = catalogue(), glass(rng)
    assert known.find_or_add(a, 30.0, 0.0) == 0
    assert known.find_or_add(moved(rng, a, 1.1e-2), 30.0, 0.0) == 1


@pytest.mark.parametrize("sign", [-1, 1])
def test_same_place_outside_the_energy_window_is_another_minimum(rng, sign):
    known, a = catalogue(), glass(rng)
    assert known.find_or_add(a, 30.0, 0.0) == 0
    assert known.find_or_add(a, 30.0 + sign * 1.1e-6, 0.0) == 1


def test_wrapped_and_translated_copies_merge(rng):
    known, a = catalogue(), glass(rng)
    known.find_or_add(a, 30.0, 0.0)
    for shift in rng.uniform(-20, 20, (10, 3)):
        assert known.find_or_add(wrap(moved(rng, a, 1e-3) + shift, BOX), 30.0, 0.0) == 0


def test_the_closest_of_several_is_taken(rng):
    known, a = catalogue(), glass(rng)
    near, far = moved(rng, a, 3e-3), moved(rng, a, 9e-3)
    for order in ([far, near], [near, far]):
        known = catalogue()
        indices = {id(p): known._add(p, 30.0, 0.0) for p in order}
        assert known.find(a, 30.0) == indices[id(near)]


def test_partition_does_not_depend_on_the_order(rng):
    """40 minima, half of them of one energy and near each other, seen 5 times each with noise."""
    base = glass(rng)
    energies = np.where(np.arange(40) < 20, 30.0, 30.0 + 0.01 * np.arange(40))
    centres = [moved(rng, base, 0.1 + 0.02 * k) for k in range(40)]
    label = np.repeat(np.arange(40), 5)
    seen = [
        (wrap(moved(rng, centres[k], 2e-3) + rng.normal(size=3), BOX), energies[k] + noise)
        for k, noise in zip(label, rng.uniform(-4e-7, 4e-7, label.size), strict=True)
    ]
    for _ in range(4):
        known = catalogue()
        order = rng.permutation(len(seen))
        found = np.empty(len(seen), int)
        for visit in order:
            found[visit] = known.find_or_add(*seen[visit], 0.0)
        assert len(known) == 40
        assert len({(k, f) for k, f in zip(label, found, strict=True)}) == 40
        first_seen = list(dict.fromkeys(found[order]))
        assert first_seen == list(range(40))


def test_storage_grows_and_keeps_everything(rng):
    known = catalogue()
    all_positions = rng.uniform(0, BOX, (100, PARTICLES, 3))
    for k, positions in enumerate(all_positions):
        assert known.find_or_add(positions, 100.0 - k, 1e-8 * k) == k
    np.testing.assert_array_equal(known.positions, all_positions)
    np.testing.assert_array_equal(known.energies, 100.0 - np.arange(100))
    np.testing.assert_array_equal(known.max_forces, 1e-8 * np.arange(100))
    assert known.find(all_positions[37], 63.0) == 37
    assert known.find(all_positions[37], 62.0) is None


def test_a_stored_minimum_is_a_copy(rng):
    known, a = catalogue(), glass(rng)
    known.find_or_add(a, 30.0, 0.0)
    original = a.copy()
    a += 1.0
    np.testing.assert_array_equal(known.positions[0], original)


def test_senseless_minima_are_refused(rng):
    known, a = catalogue(), glass(rng)
    known.find_or_add(a, 30.0, 0.0)
    with pytest.raises(InputError, match="energy nan"):
        known.find_or_add(a, float("nan"), 0.0)
    with pytest.raises(InputError, match="149 particles, expected 150"):
        known.find_or_add(a[1:], 30.0, 0.0)
    with pytest.raises(InputError, match=r"expected \(N, 3\)"):
        known.find_or_add(a[:, :2], 30.0, 0.0)


def spaced(rng):
    """PARTICLES positions in the box, no closer than 0.8."""
    placed = np.empty((0, 3))
    while len(placed) < PARTICLES:
        trial = rng.uniform(0, BOX, 3)
        if (
            not len(placed)
            or np.linalg.norm(minimum_image(placed - trial, BOX), axis=1).min() > 0.8
        ):
            placed = np.vstack([placed, trial])
    return placed


def exchanged(rng, types, count):
    """A permutation that moves ``count`` particles of type 1 (all of each type: None)."""
    order = np.arange(len(types))
    for kind in np.unique(types):
        own = np.flatnonzero(types == kind)
        if count is None:
            order[own] = rng.permutation(own)
        elif kind == 1:
            chosen = rng.choice(own, count, replace=False)
            order[chosen] = np.roll(chosen, 1)
    return order


@pytest.mark.parametrize("count", [2, 3, 20, None])
def test_permutations_of_identical_particles_are_one_minimum(rng, count):
    a, types = spaced(rng), rng.integers(1, 3, PARTICLES)
    known = Catalogue(BOX, WINDOW, TOLERANCE, types)
    plain = catalogue()
    assert known.find_or_add(a, 30.0, 0.0) == plain.find_or_add(a, 30.0, 0.0) == 0
    for _ in range(5):
        order = exchanged(rng, types, count)
        b = wrap(moved(rng, a, 5e-3)[order] + rng.normal(size=3), BOX)
        assert known.find_or_add(b, 30.0, 0.0) == 0
        assert plain.find_or_add(b, 30.0, 0.0) > 0
    np.testing.assert_array_equal(known.positions, [a])


def test_permutation_of_different_particles_is_another_minimum(rng):
    a, types = spaced(rng), np.repeat([1, 2], PARTICLES // 2)
    known = Catalogue(BOX, WINDOW, TOLERANCE, types)
    known.find_or_add(a, 30.0, 0.0)
    b = a.copy()
    b[[0, -1]] = a[[-1, 0]]
    assert known.find_or_add(b, 30.0, 0.0) == 1


def test_permuted_configuration_beyond_the_tolerance_is_another_minimum(rng):
    a, types = spaced(rng), np.ones(PARTICLES, int)
    known = Catalogue(BOX, WINDOW, TOLERANCE, types)
    known.find_or_add(a, 30.0, 0.0)
    order = exchanged(rng, types, 5)
    assert known.find_or_add(moved(rng, a, 1.1e-2)[order], 30.0, 0.0) == 1
    assert known.find_or_add(moved(rng, a, 1e-3)[order], 30.0 + 2e-6, 0.0) == 2


def test_closest_of_several_after_matching(rng):
    a, types = spaced(rng), np.ones(PARTICLES, int)
    near, far = moved(rng, a, 3e-3), moved(rng, a, 9e-3)
    for minima in ([far, near], [near, far]):
        known = Catalogue(BOX, WINDOW, TOLERANCE, types)
        indices = {id(p): known._add(p, 30.0, 0.0) for p in minima}
        assert known.find(a[exchanged(rng, types, 4)], 30.0) == indices[id(near)]
