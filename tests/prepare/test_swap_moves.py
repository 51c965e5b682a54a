"""Swaps of diameters at fixed positions: energies, conserved quantities, detailed balance."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tlsfind.engine.native.engine import NativeEngine, empty_lists
from tlsfind.engine.native.neighbours import shift_table
from tlsfind.engine.native.potential import CUTOFF2, mixed_diameter, pair_energy
from tlsfind.prepare import swaps

SKIN = 0.7


def full_rows(positions, diameters, box):
    """Level scale and rows of all pairs that some swap can join."""
    n = len(positions)
    rows = swaps.empty_rows(n, 120 * n)
    assert swaps.build_rows(positions, diameters, box, SKIN, empty_lists(n, 60 * n), rows) == 0
    scale = swaps.level_scale(1.25 * diameters.max())
    swaps.update_rows(positions, shift_table(box), scale, rows)
    return scale, rows


def all_squares(positions, box):
    """(N, N) squared distances to nearest images."""
    vectors = positions[:, None] - positions[None]
    vectors -= box * np.round(vectors / box)
    return (vectors**2).sum(axis=-1)


def energies_per_particle(diameters, scale, rows):
    energies = np.empty(len(diameters))
    swaps.particle_energies(diameters, scale, rows, energies)
    return energies


def naive_energy(i, diameters, squares):
    """Energy of particle ``i``: a sum over all others."""
    others = np.arange(len(diameters)) != i
    sigma = mixed_diameter.py_func(diameters[i], diameters[others])
    x2 = squares[i, others] / sigma**2
    return pair_energy.py_func(x2[x2 < CUTOFF2]).sum()


def naive_swaps(attempts, temperature, limit, diameters, squares, rng):
    """``swap_attempts`` with full sums; returns the pairs accepted."""
    n = len(diameters)
    accepted = []
    for _ in range(attempts):
        i, j = int(rng.random() * n), int(rng.random() * n)
        a, b = diameters[i], diameters[j]
        if i == j or abs(a - b) > limit:
            continue
        uniform = rng.random()
        old = naive_energy(i, diameters, squares) + naive_energy(j, diameters, squares)
        diameters[i], diameters[j] = b, a
        new = naive_energy(i, diameters, squares) + naive_energy(j, diameters, squares)
        if new - old <= -temperature * np.log(1.0 - uniform):
            accepted.append((i, j))
        else:
            diameters[i], diameters[j] = a, b
    return accepted


def test_rows_hold_every_pair_both_ways(spheres):
    positions, diameters, box = spheres
    _, (start, neighbour, _, squares, _) = full_rows(positions, diameters, box)
    expected_squares = all_squares(positions, box)
    reach = 1.25 * diameters.max() + SKIN
    for i in range(len(positions)):
        row = neighbour[start[i] : start[i + 1]]
        expected = np.flatnonzero(expected_squares[i] < reach**2)
        assert sorted(row) == [j for j in expected if j != i]
        np.testing.assert_allclose(
            squares[start[i] : start[i + 1]], expected_squares[i, row], rtol=1e-10
        )


@pytest.mark.parametrize("skin", [0.0, 0.3])
def test_no_pair_in_range_stands_beyond_the_end(spheres, skin):
    """Of neighbours that have moved since the rows were sorted, too, at any distance asked for."""
    positions, diameters, box = spheres
    n = len(positions)
    rows = swaps.empty_rows(n, 120 * n)
    swaps.build_rows(positions, diameters, box, SKIN, empty_lists(n, 60 * n), rows)
    rng = np.random.default_rng(3)
    moved = positions + rng.uniform(-0.1, 0.1, (n, 3))
    longest = 1.25 * diameters.max() + skin
    scale = swaps.level_scale(longest)
    swaps.update_rows(moved, shift_table(box), scale, rows)
    start, neighbour, _, squares, ends = rows
    expected = all_squares(moved, box)
    np.fill_diagonal(expected, np.inf)
    seen = 0
    for distance in np.append(rng.uniform(0.5, longest, 60), longest):
        for i in range(n):
            end = swaps._end.py_func(i, distance, scale, ends)
            row = slice(start[i], end)
            found = neighbour[row][squares[row] < distance**2]
            assert set(found) == set(np.flatnonzero(expected[i] < distance**2))
            seen += start[i + 1] - end
    assert seen > 60 * n * 20  # what is left unseen


@settings(deadline=None)
@given(
    st.lists(st.floats(0.2, 5.0), min_size=2, max_size=12),
    st.integers(0, 11),
)
def test_no_contact_is_farther_than_the_farthest(diameters, index):
    """The bound on sigma_ij holds for every partner, is met by one, and grows with the diameter."""
    diameters = np.array(diameters)
    own, largest = diameters[index % len(diameters)], diameters.max()
    bound = swaps.farthest_contact.py_func(own, largest)
    partners = np.append(np.linspace(0.01, 1.0, 500) * largest, diameters)
    sigma = mixed_diameter.py_func(own, partners)
    assert (sigma <= bound * (1 + 1e-15)).all()
    assert sigma.max() == pytest.approx(bound, rel=1e-3)
    for smaller in diameters[diameters < own]:
        assert swaps.farthest_contact.py_func(smaller, largest) <= bound * (1 + 1e-15)


@pytest.mark.parametrize("temperature", [1e-12, 0.09, 0.5, 1e6])
@pytest.mark.parametrize("limit", [0.25, 10.0])
def test_decisions_are_those_of_full_sums(spheres, temperature, limit):
    """One attempt at a time, with the random numbers of a naive Metropolis over all pairs."""
    positions, diameters, box = spheres
    scale, rows = full_rows(positions, diameters, box)
    squares = all_squares(positions, box)
    ours, naive = diameters.copy(), diameters.copy()
    energies = np.empty(len(diameters))
    for seed in range(4):
        first, second = np.random.default_rng(seed), np.random.default_rng(seed)
        accepted = swaps.swap_attempts(500, temperature, limit, ours, scale, rows, energies, first)
        assert accepted == len(naive_swaps(500, temperature, limit, naive, squares, second))
        np.testing.assert_array_equal(ours, naive)
        assert first.random() == second.random()
    assert not np.array_equal(ours, diameters)


def test_energies_stay_those_of_a_new_sum_over_many_swaps(spheres):
    positions, diameters, box = spheres
    scale, rows = full_rows(positions, diameters, box)
    squares = all_squares(positions, box)
    energies = np.empty(len(diameters))
    rng = np.random.default_rng(2)
    accepted = swaps.swap_attempts(50000, 0.2, 0.25, diameters, scale, rows, energies, rng)
    assert accepted > 2000
    expected = [naive_energy(i, diameters, squares) for i in range(len(diameters))]
    np.testing.assert_allclose(energies, expected, rtol=1e-10, atol=1e-10)


def test_particle_energies_add_up_to_twice_the_total(spheres):
    positions, diameters, box = spheres
    energies = energies_per_particle(diameters, *full_rows(positions, diameters, box))
    total = NativeEngine(diameters, box).energy(positions)
    assert energies.sum() == pytest.approx(2 * total, rel=1e-12)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 1e6])
def test_swaps_conserve_the_diameters_and_keep_their_energies_right(spheres, temperature):
    positions, diameters, box = spheres
    lists = full_rows(positions, diameters, box)
    before = diameters.copy()
    energies = np.empty(len(diameters))
    accepted = swaps.swap_attempts(
        3000, temperature, 0.25, diameters, *lists, energies, np.random.default_rng(1)
    )
    assert 0 < accepted <= 3000
    assert (diameters != before).sum() > 20
    np.testing.assert_array_equal(np.sort(diameters), np.sort(before))
    # After very many accepted swaps the energies that were only updated are still those of a
    # new sum, and of an engine.
    recomputed = energies_per_particle(diameters, *lists)
    np.testing.assert_allclose(energies, recomputed, rtol=1e-9, atol=1e-9 * recomputed.max())
    total = NativeEngine(diameters, box).energy(positions)
    assert 0.5 * recomputed.sum() == pytest.approx(total, rel=1e-10)


def test_cold_swaps_only_go_down(spheres):
    positions, diameters, box = spheres
    lists = full_rows(positions, diameters, box)
    total = NativeEngine(diameters, box).energy(positions)
    rng = np.random.default_rng(4)
    for _ in range(5):
        before = diameters.copy()
        swaps.swap_attempts(400, 1e-12, 0.25, diameters, *lists, np.empty(200), rng)
        after = NativeEngine(diameters, box).energy(positions)
        assert after <= total
        assert not np.array_equal(before, diameters) or after == total
        total = after


def test_a_limit_on_the_difference_rejects_swaps_unseen(spheres):
    positions, _, box = spheres
    diameters = np.where(np.arange(200) % 2 == 0, 0.8, 1.1)
    lists = full_rows(positions, diameters, box)
    before = diameters.copy()
    swaps.swap_attempts(2000, 1e9, 0.25, diameters, *lists, np.empty(200), np.random.default_rng(1))
    np.testing.assert_array_equal(diameters, before)
    swaps.swap_attempts(2000, 1e9, 0.35, diameters, *lists, np.empty(200), np.random.default_rng(1))
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
    lists = full_rows(positions, sizes, box)  # with the largest size the list holds for all
    index = {order: k for k, order in enumerate(assignments)}
    diameters = sizes.copy()
    rng = np.random.default_rng(5)
    energies = np.empty(5)
    visits = np.zeros(120)
    samples = 12000
    for _ in range(samples):
        swaps.swap_attempts(250, temperature, limit, diameters, *lists, energies, rng)
        visits[index[tuple(np.searchsorted(sizes, diameters))]] += 1
    common = expected * samples >= 5
    observed = np.append(visits[common], visits[~common].sum())
    predicted = np.append(expected[common], expected[~common].sum()) * samples
    assert common.sum() > 25
    assert stats.chisquare(observed, predicted).pvalue > 1e-3
