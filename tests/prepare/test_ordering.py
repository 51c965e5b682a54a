"""Numbers of particles along a curve through space."""

import numpy as np
import pytest

from tlsfind.configuration import minimum_image
from tlsfind.engine.native.engine import NativeEngine
from tlsfind.prepare.ordering import z_order


@pytest.fixture
def box():
    return 10.0


def test_every_particle_once(box):
    positions = np.random.default_rng(0).uniform(-2 * box, 3 * box, (700, 3))
    assert sorted(z_order(positions, box)) == list(range(700))


def test_it_knows_periodic_images(box):
    rng = np.random.default_rng(1)
    positions = rng.uniform(0.01, box - 0.01, (300, 3))
    moved = positions + box * rng.integers(-3, 4, (300, 3))
    np.testing.assert_array_equal(z_order(positions, box), z_order(moved, box))
    at_the_edge = np.array([[-1e-17, 0.0, 0.0], [box, 0.0, 0.0]])
    assert sorted(z_order(at_the_edge, box)) == [0, 1]


def test_the_corners_of_a_cube_by_hand():
    """Bits of x, y, z from the lowest: 000, 100, 010, 110, 001, ..."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    order = z_order(0.25 + 0.5 * corners, 1.0)
    assert [tuple(int(c) for c in corners[i]) for i in order] == [
        (0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1)
    ]  # fmt: skip


def test_successive_particles_are_neighbours(box):
    positions = np.random.default_rng(2).uniform(0, box, (1000, 3))
    ordered = positions[z_order(positions, box)]
    steps = np.linalg.norm(minimum_image(np.diff(ordered, axis=0), box), axis=1)
    as_given = np.linalg.norm(minimum_image(np.diff(positions, axis=0), box), axis=1)
    assert np.median(steps) < 0.3 * np.median(as_given)


def test_energies_do_not_know_the_numbers(spheres):
    positions, diameters, box = spheres
    order = z_order(positions, box)
    energy, forces = NativeEngine(diameters, box).energy_forces(positions)
    again, ordered = NativeEngine(diameters[order], box).energy_forces(positions[order])
    assert again == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(ordered, forces[order], atol=1e-10)
