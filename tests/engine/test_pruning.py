"""The list in use is pruned from a wide list, and holds what a search of all pairs finds."""

import numpy as np
import pytest

from tlsfind.configuration import minimum_image
from tlsfind.engine.base import State
from tlsfind.engine.native.engine import NativeEngine, empty_lists, wide_lists
from tlsfind.engine.native.potential import CUTOFF
from tlsfind.engine.native.pruning import WIDE_SKIN, build_wide_list, prune, strayed
from tlsfind.prepare.start import maxwell_velocities

SKIN = 0.2


def naive_pairs(positions, diameters, box, skin):
    """(i, j) with i < j within 1.25 sigma_ij + skin, from all pairs."""
    i, j = np.triu_indices(len(positions), 1)
    distance = np.linalg.norm(minimum_image(positions[j] - positions[i], box), axis=1)
    a, b = diameters[i], diameters[j]
    sigma = 0.5 * (a + b) * (1.0 - 0.2 * np.abs(a - b))
    near = distance < CUTOFF * sigma + skin
    return list(zip(i[near].tolist(), j[near].tolist(), strict=True))


def listed(lists):
    """(i, j) of a list, in its order."""
    start, neighbour = lists[:2]
    return [(i, int(j)) for i in range(len(start) - 1) for j in neighbour[start[i] : start[i + 1]]]


def pruned(positions, diameters, box, wide):
    lists = empty_lists(len(positions), 40 * len(positions))
    count = prune(positions, diameters, box, SKIN, wide, lists)
    assert count == lists[0][-1]
    return lists


@pytest.fixture
def wide(liquid):
    configuration, _ = liquid
    found = wide_lists(len(configuration), 60 * len(configuration))
    count = build_wide_list(
        configuration.positions, configuration.diameters, configuration.box, WIDE_SKIN, found
    )
    assert 0 < count <= len(found[1])
    return found


def test_pruned_list_is_that_of_all_pairs_after_particles_moved(liquid, wide):
    configuration, _ = liquid
    rng = np.random.default_rng(2)
    limit = 0.5 * (WIDE_SKIN - SKIN)
    moves = rng.normal(size=configuration.positions.shape)
    moves *= limit * 0.999 / np.linalg.norm(moves, axis=1, keepdims=True)
    positions = configuration.positions + moves
    assert not strayed(positions, wide[4], configuration.box, limit)
    lists = pruned(positions, configuration.diameters, configuration.box, wide)
    assert listed(lists) == naive_pairs(positions, configuration.diameters, configuration.box, SKIN)


def test_pruned_list_does_not_depend_on_where_the_wide_list_was_made(liquid, wide):
    """Not even in its order, on which the last bit of a force depends."""
    configuration, _ = liquid
    rng = np.random.default_rng(3)
    positions = configuration.positions + rng.normal(0, 0.05, configuration.positions.shape)
    other = wide_lists(len(configuration), 60 * len(configuration))
    build_wide_list(positions, configuration.diameters, configuration.box, WIDE_SKIN, other)
    assert listed(other) != listed(wide)
    first = pruned(positions, configuration.diameters, configuration.box, wide)
    second = pruned(positions, configuration.diameters, configuration.box, other)
    count = first[0][-1]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[: max(count, 1)], b[: max(count, 1)])


def test_shifts_lead_to_the_nearest_image(liquid, wide):
    configuration, _ = liquid
    engine = NativeEngine(configuration.diameters, configuration.box)
    positions, box = configuration.positions, configuration.box
    lists = pruned(positions, configuration.diameters, box, wide)
    start, neighbour, _, shift = lists
    for i in range(len(positions)):
        for k in range(start[i], start[i + 1]):
            vector = positions[neighbour[k]] - positions[i]
            np.testing.assert_allclose(
                vector + engine._shifts[shift[k]], minimum_image(vector, box), atol=1e-12
            )


def test_a_list_too_small_says_how_many_pairs_it_should_hold(liquid, wide):
    configuration, _ = liquid
    small = empty_lists(len(configuration), 10)
    count = prune(
        configuration.positions, configuration.diameters, configuration.box, SKIN, wide, small
    )
    enough = pruned(configuration.positions, configuration.diameters, configuration.box, wide)
    assert count == enough[0][-1] > 10


@pytest.mark.parametrize("capacity_left", [0, 1, 2, 3])
def test_forces_of_a_list_that_ends_with_its_arrays(liquid, capacity_left):
    """The last groups of four must not read beyond the arrays."""
    from tlsfind.engine.native.forces import energy_forces

    configuration, _ = liquid
    engine = NativeEngine(configuration.diameters, configuration.box)
    energy, forces = engine.energy_forces(configuration.positions)
    count = engine._lists[0][-1]
    start, *arrays = engine._lists
    cut = [array[: count + capacity_left].copy() for array in arrays]
    found = np.empty_like(forces)
    other = energy_forces(configuration.positions, engine._shifts, start, *cut, found)
    assert other == pytest.approx(energy, rel=1e-13)
    np.testing.assert_allclose(found, forces, atol=1e-12)


def test_engine_gives_the_same_whatever_it_did_before(liquid):
    """The wide list stays from one call to the next; results depend on the positions alone."""
    configuration, velocities = liquid
    fresh = NativeEngine(configuration.diameters, configuration.box)
    used = NativeEngine(configuration.diameters, configuration.box)
    rng = np.random.default_rng(1)
    elsewhere = State(
        configuration.positions.copy(), maxwell_velocities(len(configuration), 0.2, rng)
    )
    used.run(elsewhere, 300, 0.005)
    one = State(configuration.positions.copy(), velocities.copy())
    two = State(configuration.positions.copy(), velocities.copy())
    np.testing.assert_array_equal(fresh.run(one, 50, 0.005), used.run(two, 50, 0.005))
    np.testing.assert_array_equal(one.positions, two.positions)
    a, b = fresh.quench(one.positions), used.quench(two.positions)
    np.testing.assert_array_equal(a.positions, b.positions)
    assert (a.energy, a.evaluations) == (b.energy, b.evaluations)
