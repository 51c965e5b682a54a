"""Energies and forces of the native engine for one configuration."""

import naive_spheres
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlsfind.engine import make_engine
from tlsfind.engine.native.engine import SKIN, NativeEngine
from tlsfind.engine.native.neighbours import longest_range

SEEDS = st.integers(min_value=0, max_value=2**31)


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_forces_are_the_slope_of_the_energy(make_liquid, seed):
    configuration = make_liquid(seed)
    engine = make_engine(configuration)
    positions = configuration.positions
    _, forces = engine.energy_forces(positions)
    rng = np.random.default_rng(seed)
    h = 1e-5
    directions = rng.normal(size=(4, *positions.shape))
    directions[2:] = 0.0
    directions[2][rng.integers(len(positions)), 0] = 1.0  # one particle alone
    directions[3][rng.integers(len(positions)), 2] = 1.0
    scale = np.abs(forces).max()
    for direction in directions:
        direction /= np.linalg.norm(direction)
        up = engine.energy(positions + h * direction)
        down = engine.energy(positions - h * direction)
        assert (up - down) / (2 * h) == pytest.approx((forces * -direction).sum(), abs=2e-6 * scale)


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_same_as_the_sum_over_all_pairs(make_liquid, seed):
    configuration = make_liquid(seed, n=200)
    energy, forces = make_engine(configuration).energy_forces(configuration.positions)
    expected = naive_spheres.energy_forces(
        configuration.positions, configuration.diameters, configuration.box
    )
    assert energy == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(
        forces, expected[1], rtol=1e-12, atol=1e-12 * np.abs(expected[1]).max()
    )


def test_same_as_the_sum_over_all_pairs_with_cells(large):
    reach = longest_range(np.zeros(len(large)), large.diameters, SKIN, -1.0)
    assert large.box / reach >= 4.0  # the list is then built from cells
    energy, forces = make_engine(large).energy_forces(large.positions)
    expected = naive_spheres.energy_forces(large.positions, large.diameters, large.box)
    assert energy == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(
        forces, expected[1], rtol=1e-12, atol=1e-12 * np.abs(expected[1]).max()
    )


@pytest.mark.parametrize("n", [220, 2600])
def test_action_and_reaction(make_liquid, large, n):
    configuration = large if n == 2600 else make_liquid(1)
    _, forces = make_engine(configuration).energy_forces(configuration.positions)
    assert np.abs(forces.sum(axis=0)).max() < 1e-11 * np.abs(forces).max()


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_invariant_under_translation_and_wrapping(make_liquid, seed):
    configuration = make_liquid(3)
    rng = np.random.default_rng(seed)
    engine = make_engine(configuration)
    energy, forces = engine.energy_forces(configuration.positions)
    shift = rng.uniform(-20.0, 20.0, 3)
    boxes = configuration.box * rng.integers(-3, 4, configuration.positions.shape)
    for moved in (configuration.positions + shift, configuration.positions + boxes):
        again, again_forces = engine.energy_forces(moved)
        assert again == pytest.approx(energy, rel=1e-11)
        np.testing.assert_allclose(again_forces, forces, atol=1e-9 * np.abs(forces).max())


def test_follows_the_particles_out_of_the_old_list(make_liquid):
    """An engine that has seen other configurations gives what a fresh one gives."""
    first, second = make_liquid(1), make_liquid(2)
    engine = make_engine(first)
    rng = np.random.default_rng(0)
    positions = first.positions.copy()
    for _ in range(12):  # small moves keep the list, their sum does not
        positions = positions + rng.normal(0.0, 0.02, positions.shape)
        energy, forces = engine.energy_forces(positions)
        fresh = make_engine(first).energy_forces(positions)
        assert energy == pytest.approx(fresh[0], rel=1e-13)
        np.testing.assert_allclose(forces, fresh[1], atol=1e-12 * np.abs(fresh[1]).max())
    other = engine.energy(second.positions)
    assert other == pytest.approx(make_engine(first).energy(second.positions), rel=1e-13)


def test_the_list_grows_where_particles_are_dense(make_liquid):
    configuration = make_liquid(4)
    dense = 0.5 * configuration.positions  # eight times the density in one corner
    engine = make_engine(configuration)
    energy, forces = engine.energy_forces(dense)
    expected = naive_spheres.energy_forces(dense, configuration.diameters, configuration.box)
    assert len(engine._lists[1]) > 16 * len(dense)
    assert energy == pytest.approx(expected[0], rel=1e-12)
    assert np.abs(forces - expected[1]).max() < 1e-12 * np.abs(expected[1]).max()


def test_a_box_barely_large_enough(make_liquid):
    """The skin shrinks, so that no periodic image of a moving pair is lost from the list."""
    rng = np.random.default_rng(8)
    diameters = rng.uniform(0.9, 1.0, 16)
    box = 2.52  # the longest range is just below 1.25
    engine = NativeEngine(diameters, box)
    positions = rng.uniform(0.0, box, (16, 3))
    for _ in range(300):
        positions = positions + rng.normal(0.0, 0.01, positions.shape)
        energy = engine.energy(positions)
        assert energy == pytest.approx(
            naive_spheres.energy_forces(positions, diameters, box)[0], rel=1e-11
        )
