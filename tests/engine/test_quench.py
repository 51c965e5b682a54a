"""Quenches to inherent structures."""

from itertools import pairwise

import numpy as np
import pytest

from tlsfind.configuration import displacements
from tlsfind.engine import make_engine
from tlsfind.engine.native.engine import empty_lists
from tlsfind.errors import InputError


def distance(a, b, box):
    """Total displacement d of two configurations."""
    return float(np.linalg.norm(displacements(a, b, box)))


def test_a_minimum_is_its_own_quench(liquid):
    configuration, _ = liquid
    engine = make_engine(configuration)
    first = engine.quench(configuration.positions)
    second = engine.quench(first.positions)
    assert first.converged
    assert second.evaluations == 1
    assert np.abs(second.positions - first.positions).max() < 1e-6
    assert second.energy == pytest.approx(first.energy, abs=1e-10)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("seed", [1, 2])
def test_force_tolerance_and_descent(make_liquid, seed, tolerance):
    configuration = make_liquid(seed)
    engine = make_engine(configuration)
    found = engine.quench(configuration.positions, tolerance)
    energy, forces = engine.energy_forces(found.positions)
    assert found.converged
    assert found.max_force <= tolerance
    assert np.abs(forces).max() == pytest.approx(found.max_force, rel=1e-3, abs=1e-11)
    assert found.energy == pytest.approx(energy, rel=1e-12)
    assert found.energy <= engine.energy(configuration.positions)


def test_a_tighter_tolerance_stays_in_the_minimum(liquid):
    configuration, _ = liquid
    engine = make_engine(configuration)
    loose = engine.quench(configuration.positions, 1e-6)
    tight = engine.quench(configuration.positions, 1e-10)
    assert distance(loose.positions, tight.positions, configuration.box) < 1e-4
    assert tight.energy == pytest.approx(loose.energy, abs=1e-9)


def test_independent_of_wrapping_and_translation(liquid):
    configuration, _ = liquid
    engine = make_engine(configuration)
    found = engine.quench(configuration.positions)
    rng = np.random.default_rng(0)
    boxes = rng.integers(-2, 3, configuration.positions.shape) * configuration.box
    translation = np.array([0.3, 40.0, -7.0])
    for moved in (configuration.positions + boxes, configuration.positions + translation):
        again = engine.quench(moved)
        assert again.energy == pytest.approx(found.energy, abs=1e-9)
        assert distance(again.positions, found.positions, configuration.box) < 1e-4
        # unwrapped along the descent: nobody jumped by a box
        assert np.abs(again.positions - moved).max() < 0.5 * configuration.box


@pytest.mark.parametrize("size", ["small", "cells"])
def test_bit_identical_whatever_the_engine_did_before(make_liquid, large, size):
    configuration = make_liquid(1) if size == "small" else large
    engine = make_engine(configuration)
    first = engine.quench(configuration.positions, 1e-3, 120)
    engine.energy(configuration.positions + 0.04)
    again = engine.quench(configuration.positions, 1e-3, 120)
    starved = make_engine(configuration)
    starved._lists = empty_lists(len(configuration), 100)
    for other in (again, starved.quench(configuration.positions, 1e-3, 120)):
        np.testing.assert_array_equal(other.positions, first.positions)
        assert other.energy == first.energy
        assert other.evaluations == first.evaluations


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_same_minimum_as_small_steepest_descent_steps(minimum, seed):
    rng = np.random.default_rng(seed)
    engine = make_engine(minimum)
    start = minimum.positions + rng.normal(0.0, 0.03, minimum.positions.shape)
    positions = start.copy()
    for _ in range(4000):
        energy, forces = engine.energy_forces(positions)
        positions += forces * min(1e-3, 0.01 / np.abs(forces).max())
    found = engine.quench(start)
    assert found.energy == pytest.approx(energy, abs=1e-4)
    assert distance(found.positions, positions, minimum.box) < 0.05
    assert distance(found.positions, minimum.positions, minimum.box) < 1e-3


def test_exhausted_evaluations_are_reported(liquid):
    configuration, _ = liquid
    engine = make_engine(configuration)
    start = engine.energy(configuration.positions)
    energies = []
    for most in (1, 2, 3, 5, 10, 20):
        found = engine.quench(configuration.positions, 1e-6, most)
        assert not found.converged
        assert found.evaluations == most
        assert found.max_force > 1e-6
        assert found.energy == pytest.approx(engine.energy(found.positions), rel=1e-12)
        energies.append(found.energy)
    assert all(later <= earlier for earlier, later in pairwise([start, *energies]))


def test_an_unreachable_tolerance_ends(liquid):
    configuration, _ = liquid
    found = make_engine(configuration).quench(configuration.positions, 1e-300, 2000)
    assert not found.converged
    assert found.evaluations == 2000
    assert found.max_force < 1e-10


@pytest.mark.parametrize("apart", [1e-3, 1e-10, 1e-20])
def test_strong_overlaps_are_pushed_apart_or_named(liquid, apart):
    configuration, _ = liquid
    engine = make_engine(configuration)
    positions = configuration.positions.copy()
    positions[3] = positions[9]
    positions[3, 0] += apart
    if positions[3, 0] == positions[9, 0]:
        with pytest.raises(InputError, match="particles 4 and 10 are at the same place"):
            engine.quench(positions)
        return
    found = engine.quench(positions)
    assert found.converged
    assert found.energy / len(positions) < 1.0
