"""The images of a path: straight lines, lengths, even spacing, perpendicular forces."""

import numpy as np
import pytest
from analytic_surfaces import BOX, SurfaceEngine, curved_valley
from valley_paths import valley_ends

from tlsfind.configuration import displacements
from tlsfind.paths.mep import Path, StringRelaxation, grown_path, straight_path, with_images
from tlsfind.paths.string_kernel import arc_lengths, perpendicular_forces, redistribute


def test_a_straight_path():
    a, b = np.zeros((3, 3)), np.arange(9.0).reshape(3, 3)
    path = straight_path(a, b, 11)
    assert path.images.shape == (11, 3, 3)
    np.testing.assert_array_equal(path.images[0], a)
    np.testing.assert_array_equal(path.images[-1], b)
    np.testing.assert_allclose(np.diff(path.lengths()), np.linalg.norm(b) / 10, rtol=1e-12)


def test_perpendicular_forces_against_a_naive_projection():
    rng = np.random.default_rng(2)
    images, forces = rng.normal(size=(2, 12, 9))
    energies = np.linspace(0, 1, 12)  # rising: the tangent is the forward difference
    found, norms = np.empty_like(images), np.empty(12)
    perpendicular_forces(images, energies, forces, found, norms)
    for p in range(1, 11):
        tangent = images[p + 1] - images[p]
        tangent /= np.linalg.norm(tangent)
        expected = forces[p] - (forces[p] @ tangent) * tangent
        np.testing.assert_allclose(found[p], expected, atol=1e-12)
        assert norms[p] == pytest.approx(np.linalg.norm(expected))
    assert not found[[0, -1]].any()
    mirrored, mirrored_norms = np.empty_like(images), np.empty(12)
    perpendicular_forces(
        images[::-1].copy(), energies[::-1].copy(), forces[::-1].copy(), mirrored, mirrored_norms
    )
    np.testing.assert_allclose(mirrored[::-1], found, atol=1e-12)


def test_redistribution_evens_out_and_stays_on_the_curve():
    angle = np.pi * np.linspace(0, 1, 40) ** 1.5  # a half circle, unevenly
    images = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    moved = np.empty_like(images)
    redistribute(images, arc_lengths(images), moved)
    np.testing.assert_array_equal(moved[[0, -1]], images[[0, -1]])
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1.0, atol=2e-4)
    spacing = np.diff(arc_lengths(moved))
    assert np.ptp(spacing) < 0.01 * spacing.mean()
    again = np.empty_like(moved)
    even = straight_path(np.zeros((1, 3)), np.ones((1, 3)), 9).images.reshape(9, 3)
    redistribute(even, arc_lengths(even), again[:9])
    np.testing.assert_allclose(again[:9], even, atol=1e-14)


def test_lengths_are_those_of_the_images():
    images = np.random.default_rng(6).normal(size=(7, 5, 3))
    steps = [np.linalg.norm(displacement) for displacement in np.diff(images, axis=0)]
    np.testing.assert_allclose(Path(images).lengths(), np.concatenate([[0], np.cumsum(steps)]))


def test_displacements_leave_the_surface_alone():
    """The fake engine fits the solver's unwrapping: ends keep their energies."""
    engine = SurfaceEngine(curved_valley(0.2, 0.08))
    a, b, energies = valley_ends(engine, 0.2, 0.08)
    shifted = b + 0.3
    shifted[1, 2] += BOX
    moved = a + displacements(a, shifted, BOX)
    assert engine.energy(moved) == pytest.approx(energies[2], abs=1e-9)


@pytest.mark.parametrize("images", [8, 17, 40, 100])
def test_another_number_of_images_on_the_same_curve(images):
    angle = np.pi * np.linspace(0, 1, 40)
    curve = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle]).reshape(40, 1, 3)
    path = with_images(Path(curve, iterations=5), images)
    assert path.images.shape == (images, 1, 3)
    assert path.iterations == 5
    np.testing.assert_array_equal(path.images[[0, -1]], curve[[0, -1]])
    np.testing.assert_allclose(np.linalg.norm(path.images, axis=2), 1.0, atol=1e-5)
    spacing = np.diff(path.lengths())
    assert np.ptp(spacing) < 1e-2 * spacing.mean()


def test_the_force_is_that_of_a_full_evaluation():
    """What a relaxed path says of itself is what an evaluation of all images says."""
    engine = SurfaceEngine(curved_valley(0.2, 0.05))
    a, b, _ = valley_ends(engine, 0.2, 0.05)
    path = grown_path(engine, straight_path(a, b, 40), 8, 0.05, 1000)
    assert StringRelaxation(engine, path).run(1e-3, 20000)
    energies, forces = engine.path_energy_forces(path.images)
    found, norms = np.empty((40, 9)), np.empty(40)
    perpendicular_forces(
        path.images.reshape(40, -1), energies, forces.reshape(40, -1), found, norms
    )
    np.testing.assert_array_equal(energies, path.energies)
    assert path.force == norms.max()
