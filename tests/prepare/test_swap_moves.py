"""Swaps of diameters at fixed positions: energies, conserved quantities, detailed balance."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from tlsfind.engine.native.engine import NativeEngine, empty_lists
from tlsfind.engine.native.neighbours import shift_table
from tlsfind.prepare import hybrid


def full_list(positions, diameters, box):
    """The full list of all pairs that some swap can join, with squared distances."""
    n = len(positions)
    full = (
        np.zeros(n + 1, np.int64),
        np.zeros(120 * n, np.int32),
        np.zeros(120 * n, np.int8),
    )
    status = hybrid.wide_list(positions, diameters, box, empty_lists(n, 60 * n), *full)
    assert status == 0
    squares = np.zeros(120 * n)
    hybrid.squared_distances(positions, shift_table(box), *full, squares)
    return full[0], full[1], squares


def energies_per_particle(diameters, lists):
    return np.array(
        [
            hybrid.particle_energy(i, diameters[i], -1, 0.0, diameters, *lists)
            for i in range(len(diameters))
        ]
    )


def test_list_holds_every_pair_both_ways(spheres):
    positions, diameters, box = spheres
    start, neighbour, squares = full_list(positions, diameters, box)
    vectors = positions[:, None] - positions[None]
    vectors -= box * np.round(vectors / box)
    distances = np.sqrt((vectors**2).sum(axis=-1))
    reach = 1.25 * diameters.max() + hybrid.WIDE_SKIN
    for i in range(len(positions)):
        row = neighbour[start[i] : start[i + 1]]
        expected = np.flatnonzero(distances[i] < reach)
        assert sorted(row) == [j for j in expected if j != i]
        np.testing.assert_allclose(
            squares[start[i] : start[i + 1]], distances[i, row] ** 2, rtol=1e-10
        )


def test_particle_energies_add_up_to_twice_the_total(spheres):
    positions, diameters, box = spheres
    energies = energies_per_particle(diameters, full_list(positions, diameters, box))
    total = NativeEngine(diameters, box).energy(positions)
    assert energies.sum() == pytest.approx(2 * total, rel=1e-12)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 1e6])
def test_swaps_conserve_the_diameters_and_keep_their_energies_right(spheres, temperature):
    positions, diameters, box = spheres
    lists = full_list(positions, diameters, box)
    before = diameters.copy()
    energies = np.empty(len(diameters))
    accepted = hybrid.swap_attempts(
        3000, temperature, 0.25, diameters, *lists, energies, np.random.default_rng(1)
    )
    assert 0 < accepted <= 3000
    assert (diameters != before).sum() > 20
    np.testing.assert_array_equal(np.sort(diameters), np.sort(before))
    # After very many accepted swaps the energies that were only updated are still those of a
    # new sum, and of an engine.
    recomputed = energies_per_particle(diameters, lists)
    np.testing.assert_allclose(energies, recomputed, rtol=1e-9, atol=1e-9 * recomputed.max())
    total = NativeEngine(diameters, box).energy(positions)
    assert 0.5 * recomputed.sum() == pytest.approx(total, rel=1e-10)


def test_cold_swaps_only_go_down(spheres):
    positions, diameters, box = spheres
    lists = full_list(positions, diameters, box)
    total = NativeEngine(diameters, box).energy(positions)
    rng = np.random.default_rng(4)
    for _ in range(5):
        before = diameters.copy()
        hybrid.swap_attempts(400, 1e-12, 0.25, diameters, *lists, np.empty(200), rng)
        after = NativeEngine(diameters, box).energy(positions)
        assert after <= total
        assert not np.array_equal(before, diameters) or after == total
        total = after


def test_a_limit_on_the_difference_rejects_swaps_unseen(spheres):
    positions, _, box = spheres
    diameters = np.where(np.arange(200) % 2 == 0, 0.8, 1.1)
    lists = full_list(positions, diameters, box)
    before = diameters.copy()
    hybrid.swap_attempts(
        2000, 1e9, 0.25, diameters, *lists, np.empty(200), np.random.default_rng(1)
    )
    np.testing.assert_array_equal(diameters, before)
    hybrid.swap_attempts(
        2000, 1e9, 0.35, diameters, *lists, np.empty(200), np.random.default_rng(1)
    )
    assert not np.array_equal(diameters, before)


@pytest.mark.parametrize("limit", [10.0, 0.15])
def test_assignments_are_visited_by_their_boltzmann_weight(limit):
    """Five particles, all assignments of five diameters, exactly enumerated.

    With the narrow limit only some pairs can be exchanged directly; the weights are the same.
    """
    box, temperature = 8.0, 0.4
    positions = np.array(
        [[0.1, 0.2, 0.3], [1.05, 0.2, 7.9], [0.4, 1.15, 0.3], [7.6, 0.6, 1.15], [0.9, 0.9, 1.2]]
    )
    sizes = np.array([0.85, 0.95, 1.0, 1.1, 1.2])
    assignments = list(permutations(range(5)))
    weights = np.array(
        [
            np.exp(-NativeEngine(sizes[list(order)], box).energy(positions) / temperature)
            for order in assignments
        ]
    )
    expected = weights / weights.sum()
    assert expected.max() / np.median(expected) > 5  # far from uniform
    lists = full_list(positions, sizes, box)  # with the largest size the list holds for all
    index = {order: k for k, order in enumerate(assignments)}
    diameters = sizes.copy()
    rng = np.random.default_rng(5)
    energies = np.empty(5)
    visits = np.zeros(120)
    samples = 12000
    for _ in range(samples):
        hybrid.swap_attempts(250, temperature, limit, diameters, *lists, energies, rng)
        visits[index[tuple(np.searchsorted(sizes, diameters))]] += 1
    common = expected * samples >= 5
    observed = np.append(visits[common], visits[~common].sum())
    predicted = np.append(expected[common], expected[~common].sum()) * samples
    assert common.sum() > 25
    assert stats.chisquare(observed, predicted).pvalue > 1e-3
